package control

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func forecast(t testing.TB, loc *time.Location, prior *Curve, perHour int64) *Forecast {
	t.Helper()
	f, err := NewForecast(DefaultForecastConfig(), loc, prior, perHour)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// wave is traffic that peaks at 20:00 and is halved on Sundays.
func wave() *Curve {
	c := new(Curve)
	for i := range c {
		v := 1 + 0.8*math.Cos(float64(i%24-20)/24*2*math.Pi)
		if i >= 6*24 {
			v /= 2
		}
		c[i] = money.PPM(v * 1e6)
	}
	return c
}

// naive adds up minute by minute what integral adds up in pieces.
func naive(rate *[Slots]float64, from, to time.Time, loc *time.Location) (sum float64) {
	for ; from.Before(to); from = from.Add(time.Minute) {
		l := from.In(loc)
		sum += rate[(int(l.Weekday())+6)%7*24+l.Hour()] / 60
	}
	return sum
}

func TestIntegralIsTheSumOfItsMinutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Prague", "America/New_York", "Australia/Lord_Howe",
			"Asia/Kathmandu", "America/Santiago", "Africa/Cairo"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		var rate [Slots]float64
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for i := range rate {
			rate[i] = rng.Float64()
		}
		from := time.Date(2026, 1, 1, 0, rapid.IntRange(0, 365*24*60).Draw(t, "from"), 0, 0, time.UTC)
		to := from.Add(time.Duration(rapid.IntRange(0, 40*24*60).Draw(t, "minutes")) * time.Minute)
		got, want := integral(&rate, from, to, loc), naive(&rate, from, to, loc)
		if math.Abs(got-want) > 1e-6*(1+want) {
			t.Fatalf("%v to %v in %v: %v; want %v", from, to, loc, got, want)
		}
	})
}

// A day of 23 or 25 hours has its own hours' traffic and no other.
func TestShareOverAClockChange(t *testing.T) {
	prague := zone(t, "Europe/Prague")
	f := func(date string, hour, want int64) {
		t.Helper()
		day, err := time.ParseInLocation(time.DateOnly, date, prague)
		if err != nil {
			t.Fatal(err)
		}
		end := day.AddDate(0, 0, 1)
		at := time.Date(day.Year(), day.Month(), day.Day(), int(hour), 0, 0, 0, prague)
		if got := forecast(t, prague, nil, 0).Share(day, at, day, end); got != money.PPM(want) {
			t.Errorf("%s until %d:00: share %d; want %d", date, hour, got, want)
		}
	}
	f("2026-03-28", 12, 500_000)
	f("2026-03-29", 12, 478_261) // 11 of 23 hours
	f("2026-10-25", 12, 520_000) // 13 of 25 hours
}

// Shares of a flight's parts add up to the whole.
func TestSharesAddUp(t *testing.T) {
	f := forecast(t, zone(t, "America/New_York"), wave(), 0)
	from := time.Date(2026, 10, 20, 5, 17, 3, 0, time.UTC)
	to := from.Add(20 * 24 * time.Hour)
	var sum money.PPM
	for at := from; at.Before(to); at = at.Add(6 * time.Hour) {
		sum += f.Share(at, at.Add(6*time.Hour), from, to)
	}
	if sum < 999_920 || sum > 1_000_080 { // 80 roundings
		t.Errorf("shares add up to %d", sum)
	}
	if got := f.Share(from.Add(-time.Hour), to.Add(time.Hour), from, to); got != 1_000_000 {
		t.Errorf("share beyond the flight is %d; want all", got)
	}
}

// From a flat prior the curve is learned in some weeks, and the level in a day;
// a State gives the same forecast.
func TestLearnsTheCurve(t *testing.T) {
	loc, truth := zone(t, "Europe/Prague"), wave()
	f := forecast(t, loc, nil, 0)
	rng := rand.New(rand.NewPCG(4, 4))
	at := time.Date(2026, 9, 7, 0, 0, 0, 0, loc)
	worst := func() (off float64) {
		c := f.Curve()
		for i := range c {
			off = max(off, math.Abs(float64(c[i]-truth[i]*168_000_000/164_571_428))/1e6)
		}
		return off
	}
	var offs []float64
	for week := range 6 {
		for range Slots * 12 { // five minutes each; New York's clock does not matter
			slot, _ := piece(at, at.Add(time.Minute), loc)
			mean := float64(truth[slot]) / 1e6 * 600 / 12
			n := int64(max(0, math.Round(mean+rng.NormFloat64()*math.Sqrt(mean))))
			if err := f.Observe(at, at.Add(5*time.Minute), n); err != nil {
				t.Fatal(err)
			}
			at = at.Add(5 * time.Minute)
		}
		offs = append(offs, worst())
		if got := f.Auctions(at, at.Add(Slots*time.Hour)); math.Abs(float64(got)/(600*157.7)-1) > 0.1 && week > 1 {
			t.Errorf("week %d: %d auctions forecast for the next; want about %d", week, got, 600*158)
		}
	}
	t.Logf("largest error of a slot's rate, by weeks seen: %.3f", offs)
	if offs[0] > 0.6 || offs[5] > 0.3 || offs[5] >= offs[0] {
		t.Errorf("largest errors by week: %.3f", offs)
	}
	text, err := json.Marshal(f.State())
	if err != nil {
		t.Fatal(err)
	}
	var s ForecastState
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	again := forecast(t, loc, nil, 0)
	if err := again.Restore(s); err != nil {
		t.Fatal(err)
	}
	a, b := f.Auctions(at, at.Add(31*time.Hour)), again.Auctions(at, at.Add(31*time.Hour))
	if d := a - b; d < -1 || d > 1 {
		t.Errorf("restored forecast is %d; want %d", b, a)
	}
}

func TestForecastRefuses(t *testing.T) {
	f := forecast(t, time.UTC, nil, 0)
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	bad := func(err error) {
		t.Helper()
		if err == nil {
			t.Error("taken")
		}
	}
	bad(f.Observe(at, at, 1))
	bad(f.Observe(at, at.Add(2*time.Hour), 1))
	bad(f.Observe(at, at.Add(time.Hour), -1))
	bad(f.Restore(ForecastState{Slots: make([]SlotState, 3)}))
	bad(f.Restore(ForecastState{LevelHours: -1}))
	bad(f.Restore(ForecastState{Slots: append(make([]SlotState, Slots-1), SlotState{Seconds: -1})}))
	bad(new(Curve).Validate())
	_, err := NewForecast(DefaultForecastConfig(), time.UTC, &Curve{-1}, 0)
	bad(err)
	_, err = NewForecast(ForecastConfig{}, time.UTC, nil, 0)
	bad(err)
	_, err = NewForecast(DefaultForecastConfig(), time.UTC, nil, -1)
	bad(err)
	if got := f.Auctions(at, at.Add(time.Hour)); got != 0 {
		t.Errorf("%d auctions forecast from nothing", got)
	}
}
