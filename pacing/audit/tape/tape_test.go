package tape

import (
	"testing"

	"bidhawk/internal/money"
)

func (t *Tape) agrees(tb testing.TB, seed uint64) map[string]money.Wide {
	tb.Helper()
	totals := t.Auditor.Compare(nil).Totals
	if res := t.Auditor.Compare(totals); !res.Clean() || res.Over.Sign() != 0 {
		tb.Fatalf("seed %d offset %d: %v, over %v", seed, t.Offset, res.Violations, res.Over)
	}
	return totals
}

// Whatever comes, nothing is charged over a budget, every account agrees with
// what leases and pools hold, and when all leases have ended nothing is held.
func TestRandomLogsKeepThePromise(t *testing.T) {
	outcomes := map[string]int{}
	closings := 0
	for seed := range uint64(12) {
		x := New(seed)
		next := func() {
			value := x.Next()
			if x.Err != nil {
				t.Fatalf("seed %d offset %d: %v\n%s", seed, x.Offset, x.Err, value)
			}
			outcomes[x.Entry.Outcome]++
			if len(value) > 25 && string(value[7:23]) == `"type":"closing"` {
				closings++
			}
		}
		for i := range 2000 {
			next()
			if i%50 == 0 {
				x.agrees(t, seed)
			}
		}
		for len(x.queue) > 0 {
			next()
		}
		for range x.End() {
			next()
		}
		for name, n := range x.agrees(t, seed) {
			if len(name) > 5 && name[len(name)-5:] == "/held" && n.Sign() != 0 {
				t.Errorf("seed %d: %s is %v when every lease has ended", seed, name, n)
			}
		}
	}
	t.Logf("%d closings, outcomes %v", closings, outcomes)
	for _, o := range []string{"posted", "late", "past_hard", "duplicate", "dispute", "adjusted", "void", "unbilled", "bad_price", "test", "refused", ""} {
		if outcomes[o] == 0 {
			t.Errorf("no record was ever %q", o)
		}
	}
	if closings == 0 {
		t.Error("no day was ever closed")
	}
}
