package pacing

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing/audit"
	"bidhawk/pacing/audit/tape"
)

// The ledger and the auditor agree on logs that no sane world would send: every
// decision, and every balance.
func TestLedgerAgreesOnRandomLogs(t *testing.T) {
	for seed := range uint64(agreeSeeds()) {
		x := tape.New(seed)
		l := newLedger(0)
		f := func() {
			r := eventlog.Record{Topic: eventlog.TopicMoney, Value: x.Next()}
			if r.Offset = x.Offset; x.Err != nil {
				t.Fatalf("seed %d offset %d: auditor: %v\n%s", seed, x.Offset, x.Err, r.Value)
			}
			e, err := l.apply(&r)
			if err != nil {
				t.Fatalf("seed %d offset %d: ledger: %v\n%s", seed, x.Offset, err, r.Value)
			}
			if got := entryFor(e.posting); got != x.Entry && !bytes.Contains(r.Value, []byte(`"type":"closing"`)) { // reported, but it moves nothing
				t.Fatalf("seed %d offset %d: the ledger decides %+v; the auditor %+v\n%s", seed, x.Offset, got, x.Entry, r.Value)
			}
		}
		compare := func() {
			t.Helper()
			totals := Totals{Next: map[int32]int64{}, Accounts: map[string]money.Wide{}}
			l.totals(totals)
			if res := x.Auditor.Compare(totals.Accounts); !res.Clean() || res.Over.Sign() != 0 {
				t.Fatalf("seed %d offset %d: %v, over by %v", seed, x.Offset, res.Violations, res.Over)
			}
		}
		for i := range 3000 {
			if f(); i%20 == 0 {
				compare()
			}
		}
		for range x.End() {
			f()
		}
		compare()
	}
}

func entryFor(p *Posting) audit.Entry {
	if p == nil {
		return audit.Entry{}
	}
	return audit.Entry{Outcome: string(p.Outcome), Charge: int64(p.Charge), Late: int64(p.HouseLate), Unbilled: int64(p.HouseUnbilled),
		Media: int64(p.Media), Payable: int64(p.Payable), DataFee: int64(p.DataFee), PlatformFee: int64(p.PlatformFee), Margin: int64(p.Margin), Payment: int64(p.Payment)}
}

func agreeSeeds() int {
	if n, err := strconv.Atoi(os.Getenv("BIDHAWK_SIM_SEEDS")); err == nil && n > 0 {
		return n
	}
	return 20
}
