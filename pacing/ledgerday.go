package pacing

import (
	"cmp"
	"fmt"
	"slices"

	"bidhawk/campaigns"
)

// turnDay starts a day. A day never comes back, whatever a change of the zone
// says: its budget would be there twice.
func (l *ledger) turnDay(d *DayTurn) error {
	bk := l.books[d.Advertiser]
	if bk == nil {
		return fmt.Errorf("%w: day of advertiser %d comes before it", ErrOrder, d.Advertiser)
	}
	if d.Day > bk.day {
		bk.day = d.Day
		bk.node.touch()
	}
	return nil
}

// closings lists the days of b that can close: they are over, and every lease of
// them is past hard. Ascending.
func (b *book) closings() (out []Day) {
	for n := range b.nodes() {
		for _, a := range []*account{&n.charge, &n.media} {
			for _, d := range a.Days {
				if d.Day > 0 && d.Day < b.day && b.leased[d.Day] == 0 && !slices.Contains(out, d.Day) {
					out = append(out, d.Day)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// posted lists what every scope posted on a day, by level and id.
func (b *book) postedOn(day Day) (out []DayAccount) {
	levels := []Level{LevelAdvertiser, LevelCampaign, LevelLineItem}
	for n := range b.nodes() {
		a := DayAccount{Level: n.level, ID: campaigns.ID(n.id), Charge: n.charge.postedOn(day), Media: n.media.postedOn(day)}
		if a.Charge != 0 || a.Media != 0 {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(x, y DayAccount) int {
		return cmp.Or(slices.Index(levels, x.Level)-slices.Index(levels, y.Level), cmp.Compare(x.ID, y.ID))
	})
	return out
}

// closeDay ends a day for good. What the record says must be what the ledger
// has: an owner and a reader that differ stop here, and not a month later.
func (l *ledger) closeDay(c *Closing) (*Posting, error) {
	bk := l.books[c.Advertiser]
	if bk != nil && slices.Contains(bk.closed, c.Day) {
		return nil, nil // a repeat
	}
	if bk == nil || c.Day >= bk.day || bk.leased[c.Day] > 0 {
		return nil, fmt.Errorf("%w: day %v of advertiser %d closes while it is not over", ErrOrder, c.Day, c.Advertiser)
	}
	have := bk.postedOn(c.Day)
	if !slices.Equal(have, c.Accounts) {
		return nil, fmt.Errorf("%w: day %v of advertiser %d closes with %v; the ledger has %v", ErrOrder, c.Day, c.Advertiser, c.Accounts, have)
	}
	p := &Posting{V: RecordVersion, Type: TypeClosing, At: c.At, Day: c.Day, Advertiser: c.Advertiser, Outcome: OutcomePosted,
		Charge: bk.node.charge.postedOn(c.Day), PayableCurrency: bk.node.terms.Currency}
	for n := range bk.nodes() {
		p.Media += n.media.postedOn(c.Day)
		if n.line != nil {
			n.dropDay(c.Day)
		}
	}
	if bk.closed = append(bk.closed, c.Day); len(bk.closed) > keepClosed {
		bk.closed = bk.closed[1:]
	}
	for n := range bk.nodes() {
		n.charge.drop(c.Day)
		n.media.drop(c.Day)
		n.touch()
	}
	return p, nil
}

// keepClosed is how many closed days are known, for repeats of their record: these
// come within one append's retries.
const keepClosed = 64

// dropDay ends what a line item kept for a day: no lease of it is left, so that
// its pools are empty and the day's price is free or charged.
func (n *node) dropDay(d Day) {
	n.line.Flats = slices.DeleteFunc(n.line.Flats, func(f flat) bool { return f.Day == d })
	n.line.Pools = slices.DeleteFunc(n.line.Pools, func(p eventPool) bool { return p.Day == d })
}
