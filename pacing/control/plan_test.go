package control

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

func TestPlanAt(t *testing.T) {
	from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	p := Plan{From: from, To: from.Add(10 * time.Hour), Base: 100, Limit: 1100, Lead: DefaultLead}
	flat := forecast(t, time.UTC, nil, 0)
	f := func(pace Pace, after time.Duration, want money.Nanos) {
		t.Helper()
		p.Pace = pace
		if got := p.At(flat, from.Add(after)); got != want {
			t.Errorf("pace %d after %v: %d; want %d", pace, after, got, want)
		}
	}
	f(Even, -time.Hour, 100)
	f(Even, 0, 100)
	f(Even, time.Hour, 200)
	f(Even, 5*time.Hour, 600)
	f(Even, 10*time.Hour, 1100)
	f(Ahead, time.Hour, 222) // 10% of the way: 10% + 25% x 10% x 90%
	f(Ahead, 5*time.Hour, 662)
	f(Ahead, 11*time.Hour, 1100)
	f(ASAP, -time.Hour, 1100)
	f(ASAP, time.Hour, 1100)
	for _, bad := range []Plan{{}, {From: from, To: from}, {From: from, To: p.To, Base: 2, Limit: 1}, {From: from, To: p.To, Pace: 9},
		{From: from, To: p.To, Lead: 900_001}, {From: from, To: p.To, Base: -1}} {
		if bad.Validate() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// A plan never falls, stays within its ends, and the rate that Press asks for
// is the plan's own slope.
func TestPlanIsMonotone(t *testing.T) {
	f := forecast(t, time.UTC, wave(), 0)
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2026, 11, 1, 0, rapid.IntRange(0, 10_000).Draw(t, "from"), 0, 0, time.UTC)
		p := Plan{From: from, To: from.Add(time.Duration(rapid.IntRange(60, 40_000).Draw(t, "minutes")) * time.Minute),
			Base: money.Nanos(rapid.Int64Range(0, 1e9).Draw(t, "base")), Pace: Pace(rapid.IntRange(0, 2).Draw(t, "pace")),
			Lead: money.PPM(rapid.Int64Range(0, 900_000).Draw(t, "lead"))}
		p.Limit = p.Base + money.Nanos(rapid.Int64Range(0, 1e18).Draw(t, "limit"))
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		last := p.Base
		for i := range 50 {
			at := from.Add(p.To.Sub(from) / 49 * time.Duration(i))
			v := p.At(f, at)
			if v < last || v > p.Limit {
				t.Fatalf("plan at %v is %d after %d, limit %d", at, v, last, p.Limit)
			}
			last = v
		}
	})
	from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	p := Plan{From: from, To: from.Add(100 * time.Hour), Limit: 1_000_000_000, Pace: Ahead, Lead: 300_000}
	for h := range 99 {
		at := from.Add(time.Duration(h) * time.Hour)
		slope := float64(p.At(f, at.Add(time.Minute)) - p.At(f, at))
		even := float64(p.Limit-p.At(f, at)) * f.fraction(at, at.Add(time.Minute), at, p.To)
		if got, want := float64(p.Press(f, at))/1e6, slope/even; got < want*0.995 || got > want*1.005 {
			t.Fatalf("press at %d h is %.4f; want %.4f", h, got, want)
		}
	}
	if p.Pace = Even; p.Press(f, from) != 1_000_000 {
		t.Error("an even plan is pressed")
	}
}
