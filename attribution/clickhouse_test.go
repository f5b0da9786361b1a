package attribution

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The roll-up of deploy/clickhouse over sample records of its topics is that of the
// service. It needs a Python with chdb: scripts/chdb.
func TestClickHouseCountsTheSame(t *testing.T) {
	python := os.Getenv("BIDHAWK_CHDB_PYTHON")
	if python == "" {
		t.Skip("NOT RUN on ClickHouse: BIDHAWK_CHDB_PYTHON is not set; scripts/chdb brings one")
	}
	l := newMemLog(2)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	defer running(t, s)()
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		at := t0.Add(time.Duration(rnd.IntN(3600)) * time.Second)
		p := place(1, int64(i/2%2)) // a bid is of one line item
		p.Site = "o'x\\.example"
		l.write(exposureRecord{V: 1, Type: []string{"win", "impression", "click", "viewable"}[rnd.IntN(4)], Bid: bid(uint64(i / 2)),
			BidAt: t0, At: at, wirePlacement: p}, at)
		l.write(postingRecord{V: 1, Type: []string{"bill", "click"}[rnd.IntN(2)], MoneyOffset: int64(i + 1), At: at,
			Day: wireDay{dayOf(t0, time.UTC), true}, Outcome: []string{"posted", "late", "adjusted", "past_hard"}[rnd.IntN(4)],
			Media: 2_000_000, Payable: 2_000_000, PayableCurrency: "USD", Charge: 3_000_001, Margin: 1_000_001, wirePlacement: p}, at)
	}
	l.write(conversionRecord{V: 1, ID: "c1", Order: "o", Advertiser: 1, At: t0.Add(time.Hour), Value: 30e9, Currency: "USD"}, t0)
	catchUp(t, s)

	var want []string
	day := dayOf(t0, time.UTC)
	lines, err := s.Summary(t.Context(), day, day)
	if err != nil || len(lines) != 2 {
		t.Fatalf("got %+v, %v", lines, err)
	}
	nanos := func(a Amount) int64 { return a.Units*1e9 + a.Nanos }
	for _, r := range lines {
		want = append(want, fmt.Sprintf("1\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", r.LineItem, day, r.Wins, r.Impressions, r.Clicks,
			r.Billable, nanos(r.Media), nanos(r.Charge)))
	}
	slices.Sort(want)
	var records strings.Builder
	for p, recs := range l.logs {
		if p.topic == "exposures" || p.topic == "postings" || p.topic == "conversions" {
			for _, rec := range recs {
				fmt.Fprintf(&records, "%s\t%s\n", p.topic, rec.Value)
			}
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"records": records.String(), "want": strings.Join(want, "")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, "../deploy/clickhouse/test.py", "../deploy/clickhouse/schema.sql",
		filepath.Join(dir, "records"), filepath.Join(dir, "want")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
