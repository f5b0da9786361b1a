package pacing

import (
	"fmt"
	"strings"

	"bidhawk/internal/eventlog"
)

// simTrace is the story of a run, its end at least. It is told only where it
// was asked for: a seed that fails is played again.
type simTrace struct{ lines []string }

const simTraceMax = 4000

func (w *simWorld) note(format string, args ...any) {
	if w.trace == nil {
		return
	}
	t := w.trace
	if len(t.lines) >= 2*simTraceMax {
		t.lines = append(t.lines[:0], t.lines[simTraceMax:]...)
	}
	t.lines = append(t.lines, w.now.Format("02 15:04:05.000")+"  "+fmt.Sprintf(format, args...))
}

// last is the end of the story.
func (t *simTrace) last(n int) string { return strings.Join(t.lines[max(0, len(t.lines)-n):], "\n") }

// noteRecord tells what was appended, in words.
func (w *simWorld) noteRecord(r *eventlog.Record) {
	if w.trace == nil {
		return
	}
	d, err := decodeRecord(knownType(r.Value))
	if err != nil {
		w.note("partition %d #%d: unreadable: %v", r.Partition, r.Offset, err)
		return
	}
	w.note("partition %d #%d: %s", r.Partition, r.Offset, d.words())
}

func (d *decoded) words() string {
	switch {
	case d.claim != nil:
		return "claim by " + d.claim.Owner
	case d.budget != nil:
		b := d.budget
		return fmt.Sprintf("epoch %d: %s budget (advertiser %d, campaign %d, line item %d): daily %v, lifetime %v, media %v and %v, %s, active %v",
			b.Epoch, b.Level, b.Advertiser, b.Campaign, b.LineItem, b.Daily, b.Lifetime, b.MediaDaily, b.MediaLifetime, b.Pricing, b.Active)
	case d.day != nil:
		return fmt.Sprintf("epoch %d: advertiser %d begins %v", d.day.Epoch, d.day.Advertiser, d.day.Day)
	case d.grant != nil:
		g := d.grant
		return fmt.Sprintf("epoch %d: grant %d of advertiser %d for %v to bidder %s, %d ms:%s", g.Epoch, g.Nonce, g.Advertiser, g.Day, g.Bidder, g.WindowMS, itemWords(g.Items))
	case d.phase != nil:
		return fmt.Sprintf("epoch %d: lease %d is past its %s %s", d.phase.Epoch, d.phase.Lease, d.typ, d.phase.Class)
	case d.ret != nil:
		return fmt.Sprintf("lease %d: returned:%s", d.ret.Lease, itemWords(d.ret.Items))
	case d.notice != nil:
		n := d.notice
		return fmt.Sprintf("%s of bid %d by %s (line item %d, lease %d, %v): reserved charge %v, media %v; price %v %v%s at %d%s", d.typ, n.Bid.Counter, n.Exchange,
			n.LineItem, n.Lease, n.Day, n.ReservedCharge, n.ReservedMedia, n.Price.PerImpression(), n.PriceCurrency, string(n.PriceBad), n.FXRate, testWord(n.Test))
	case d.payment != nil:
		return fmt.Sprintf("payment %s of advertiser %d: %v", d.payment.ID, d.payment.Advertiser, d.payment.Amount)
	case d.adjust != nil:
		a := d.adjust
		return fmt.Sprintf("adjustment %s of advertiser %d, line item %d: charge %v, media %v", a.ID, a.Advertiser, a.LineItem, a.Charge, a.Media)
	case d.closing != nil:
		return fmt.Sprintf("epoch %d: advertiser %d closes %v with %v", d.closing.Epoch, d.closing.Advertiser, d.closing.Day, d.closing.Accounts)
	}
	return string(d.typ)
}

func itemWords(items []ItemAmount) string {
	var b strings.Builder
	for _, it := range items {
		fmt.Fprintf(&b, " line item %d charge %v media %v;", it.LineItem, it.Charge, it.Media)
	}
	return b.String()
}

func testWord(test bool) string {
	if test {
		return ", a test"
	}
	return ""
}
