package pacing

import (
	"errors"
	"fmt"

	"bidhawk/internal/money"
	"bidhawk/pacing/audit"
)

// agree holds a shard's decision against the auditor's. Whoever reads a record,
// however often, must decide the same.
func (w *simWorld) agree(partition int32, offset int64, p *Posting) {
	part := &w.log.parts[partition]
	var got audit.Entry
	if p != nil && p.Type != TypeClosing { // whose balances the auditor checks by itself
		got = entryOf(p)
	}
	if want := part.entries[offset]; got != want {
		w.fail(fmt.Errorf("partition %d offset %d: the ledger decides %+v; the auditor %+v", partition, offset, got, want))
	}
	if p != nil && offset >= part.tallied { // by the first who reads it
		part.tallied = offset + 1
		if p.Type != TypeClosing {
			w.tally.decided(partition, p)
		}
	}
	if offset >= part.compared+compareEvery {
		w.compare(partition)
	}
}

const compareEvery = 600 // records between two comparisons of every balance

func entryOf(p *Posting) audit.Entry {
	return audit.Entry{Outcome: string(p.Outcome), Charge: int64(p.Charge), Late: int64(p.HouseLate), Unbilled: int64(p.HouseUnbilled),
		Media: int64(p.Media), Payable: int64(p.Payable), DataFee: int64(p.DataFee), PlatformFee: int64(p.PlatformFee), Margin: int64(p.Margin), Payment: int64(p.Payment)}
}

// compare holds every balance against the auditor's, where a shard has read all
// that the auditor has.
func (w *simWorld) compare(partition int32) {
	part := &w.log.parts[partition]
	for _, p := range w.pacers {
		s := p.shards[partition]
		if s == nil || s.stopped != nil || s.ledger.next != int64(len(part.records)) {
			continue
		}
		part.compared = s.ledger.next
		t := Totals{Next: map[int32]int64{}, Accounts: map[string]money.Wide{}}
		s.ledger.totals(t)
		if res := part.auditor.Compare(t.Accounts); !res.Clean() || res.Over.Sign() != 0 {
			w.fail(fmt.Errorf("partition %d offset %d: balances: %v, over by %v", partition, s.ledger.next, res.Violations, res.Over))
		}
		w.figures.compared++
		return
	}
}

// finish checks what must be when everything has ended.
func (w *simWorld) finish() {
	for i := range w.log.parts {
		if w.broken != nil {
			return
		}
		w.ended(int32(i))
	}
	if w.broken == nil {
		w.tally.finish()
	}
}

func (w *simWorld) ended(partition int32) {
	part := &w.log.parts[partition]
	s := w.pacers[w.group[partition]].shards[partition]
	if s == nil || !s.serving() || s.ledger.next != int64(len(part.records)) {
		w.fail(fmt.Errorf("partition %d: nobody serves it in the end: %+v", partition, s))
		return
	}
	before := w.figures.compared
	w.compare(partition)
	if w.broken == nil && w.figures.compared == before {
		w.fail(errors.New("the balances could not be compared in the end"))
	}
	if left := len(s.ledger.leases); left > 0 {
		w.fail(fmt.Errorf("partition %d: %d leases never ended", partition, left))
	}
	for _, id := range sortedKeys(s.ledger.lines) {
		if n := s.ledger.lines[id]; n.charge.Life.Held != 0 || n.media.Life.Held != 0 {
			w.fail(fmt.Errorf("line item %d holds charge %v and media %v when every lease has ended", id, n.charge.Life.Held, n.media.Life.Held))
		}
	}
	for offset, e := range part.entries {
		if e != (audit.Entry{}) && !part.published[offset] {
			w.fail(fmt.Errorf("partition %d offset %d: %s, and no posting of it is published", partition, offset, e.Outcome))
			return
		}
	}
}
