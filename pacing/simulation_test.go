package pacing

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// simSeeds is how many seeds the simulation plays: BIDHAWK_SIM_SEEDS, or few
// enough for every run of the tests.
func simSeeds(t *testing.T, def int) int {
	v := os.Getenv("BIDHAWK_SIM_SEEDS")
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("BIDHAWK_SIM_SEEDS: got %q; want a number of seeds", v)
	}
	return n
}

const simSteps = 600

func TestSimulation(t *testing.T) {
	n := simSeeds(t, simDefault)
	seen := map[Outcome]int{}
	records := 0
	first := uint64(1)
	if v := os.Getenv("BIDHAWK_SIM_SEED"); v != "" { // replay one
		one, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("BIDHAWK_SIM_SEED: got %q; want a seed", v)
		}
		first, n = one, 1
	}
	for seed := first; seed < first+uint64(n); seed++ {
		s := newSim(t, seed, simFault{})
		if err := s.run(simSteps); err != nil {
			tail := s.trace[max(0, len(s.trace)-60):]
			t.Fatalf("seed %d (replay: BIDHAWK_SIM_SEED=%d): %v\n%s", seed, seed, err, strings.Join(tail, "\n"))
		}
		records += len(s.log)
		for o, k := range s.seen {
			seen[o] += k
		}
	}
	t.Logf("%d seeds of %d steps, %d records, outcomes %v", n, simSteps, records, seen)
	if n > 1 {
		for _, o := range Outcomes() {
			if seen[o] == 0 {
				t.Errorf("no notice was ever %s: the simulation does not reach that rule", o)
			}
		}
	}
}

// Every planted bug must be found, or the simulation proves nothing.
func TestSimulationFindsPlantedBugs(t *testing.T) {
	f := func(name string, plant simFault) {
		t.Helper()
		for seed := uint64(1); seed <= 100; seed++ {
			if err := newSim(t, seed, plant).run(simSteps); err != nil {
				t.Logf("%s: seed %d: %.200v", name, seed, err)
				return
			}
		}
		t.Errorf("%s: not found in 100 seeds", name)
	}
	notice := func(r *eventlog.Record) *Notice {
		d, err := decodeRecord(r.Value)
		if err != nil {
			return nil
		}
		return d.notice
	}
	forget := func(l *ledger) {
		for _, ls := range l.leases {
			ls.bids = map[ids.BidID]bid{}
		}
	}
	f("no dedup", simFault{before: func(l *ledger, r *eventlog.Record) {
		if n := notice(r); n != nil && l.leases[n.Lease] != nil {
			delete(l.leases[n.Lease].bids, n.Bid)
		}
	}})
	f("state restored without its dedup set", simFault{restored: forget})
	f("offset ahead of the state", simFault{restored: func(l *ledger) {
		if l.next > 0 {
			l.next++
		}
	}})
	f("a lease recycled by its bidder", simFault{recycle: true})
	f("charge beyond the budget", simFault{before: func(l *ledger, r *eventlog.Record) {
		if n := notice(r); n != nil {
			for p := l.lines[n.LineItem]; p != nil; p = p.parent {
				p.charge.Daily, p.charge.Lifetime = noLimit, noLimit
			}
		}
	}})
	f("posting after hard", simFault{before: func(l *ledger, r *eventlog.Record) {
		if d, err := decodeRecord(r.Value); err == nil && d.typ == TypeHard {
			if ls := l.leases[d.phase.Lease]; ls != nil {
				l.leases[-d.phase.Lease] = ls // kept: see after
			}
		}
	}, after: func(l *ledger, r *eventlog.Record) {
		if d, err := decodeRecord(r.Value); err == nil && d.typ == TypeHard && l.leases[-d.phase.Lease] != nil {
			l.leases[d.phase.Lease] = l.leases[-d.phase.Lease]
			delete(l.leases, -d.phase.Lease)
		}
	}})
	f("a paused pacer's grant counts", simFault{before: func(l *ledger, r *eventlog.Record) {
		if d, err := decodeRecord(r.Value); err == nil && d.typ == TypeGrant && d.grant.Epoch != l.epoch {
			l.epoch, l.nonce = d.grant.Epoch, 0
		}
	}})
	f("a late bill posted as if in time", simFault{before: func(l *ledger, r *eventlog.Record) {
		if n := notice(r); n != nil && l.leases[n.Lease] != nil {
			l.leases[n.Lease].closed = false
		}
	}})
	f("a day that comes back", simFault{before: func(l *ledger, r *eventlog.Record) {
		if d, err := decodeRecord(r.Value); err == nil && d.typ == TypeDay && l.books[d.day.Advertiser] != nil {
			l.books[d.day.Advertiser].day = 0
			for n := range l.books[d.day.Advertiser].nodes() {
				n.charge.Days = nil
			}
		}
	}})
}
