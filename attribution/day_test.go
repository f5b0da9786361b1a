package attribution

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

// zonesUnderTest change their clocks at midnight, by half an hour, or keep odd offsets.
var zonesUnderTest = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe",
	"America/Havana", "Africa/Cairo", "Asia/Beirut", "Pacific/Chatham", "America/Santiago", "Pacific/Apia",
}

func mustZone(t rapidOrTest, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestDayStartsAndEndsInItsZone(t *testing.T) {
	f := func(zone, day, wantStart string, wantHours float64) {
		t.Helper()
		loc := mustZone(t, zone)
		d, err := ParseDay(day)
		if err != nil {
			t.Fatal(err)
		}
		start, end := d.start(loc), (d + 1).start(loc)
		if got := start.Format(time.RFC3339); got != wantStart {
			t.Errorf("%s in %s starts at %s; want %s", day, zone, got, wantStart)
		}
		if got := end.Sub(start).Hours(); got != wantHours {
			t.Errorf("%s in %s has %v hours; want %v", day, zone, got, wantHours)
		}
	}
	f("UTC", "2026-11-21", "2026-11-21T00:00:00Z", 24)
	f("Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00", 23)
	f("Europe/Berlin", "2026-10-25", "2026-10-25T00:00:00+02:00", 25)
	f("Asia/Kathmandu", "2026-11-21", "2026-11-21T00:00:00+05:45", 24)
	f("Australia/Lord_Howe", "2026-04-05", "2026-04-05T00:00:00+11:00", 24.5)
	f("America/Havana", "2026-03-08", "2026-03-08T01:00:00-04:00", 23)   // there is no midnight
	f("America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00", 25)   // 00:00 to 01:00 comes twice
	f("America/Santiago", "2026-04-04", "2026-04-04T00:00:00-03:00", 25) // its last hour comes twice
	f("Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00", 24)
	f("Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", 0) // the day that never was
}

func TestSlotWithinMovesIntoTheDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loc := mustZone(t, rapid.SampledFrom(zonesUnderTest).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "at"), 5).UTC()
		d := dayOf(at, loc) + Day(rapid.IntRange(-3, 3).Draw(t, "day"))
		slot := time.Unix(slotWithin(at, d, loc), 0)
		if got := dayOf(slot, loc); got != d {
			t.Fatalf("slot %v is on %v; want %v", slot, got, d)
		}
		if dayOf(at, loc) == d && at.Sub(slot) >= quarter || slot.Unix()%900 != 0 {
			t.Fatalf("slot of %v is %v; want its quarter hour", at, slot)
		}
		if y, m, day := at.In(loc).Date(); dayOf(at, loc).String() != time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) {
			t.Fatalf("dayOf(%v) is %v", at.In(loc), dayOf(at, loc))
		}
	})
}

// TestTheClockAgreesWithTheZone compares days and hours with package time in the quarter
// hours around each change of clock of a year.
func TestTheClockAgreesWithTheZone(t *testing.T) {
	for _, zone := range zonesUnderTest {
		loc := mustZone(t, zone)
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, loc)
		c := clockOf(loc, from, from.AddDate(1, 0, 0))
		for _, p := range c {
			for q := int64(-100); q < 100; q++ {
				slot := slotOf(time.Unix(max(p.since, from.Unix()), 0)) + q*900
				if slot < from.Unix() {
					continue
				}
				at, h := time.Unix(slot, 0).In(loc), time.Unix(c.hour(slot), 0).In(loc)
				if day, want := Day(c.day(slot)), dayOf(at, loc); day != want {
					t.Fatalf("%s: day of %v is %v; want %v", zone, at, day, want)
				}
				if h.Hour() != at.Hour() || at.Sub(h) < 0 || at.Sub(h) >= time.Hour || h.Format("-07") != at.Format("-07") {
					t.Fatalf("%s: hour of %v is %v", zone, at, h)
				}
			}
		}
	}
}

func TestAmount(t *testing.T) {
	f := func(want string, parts ...money.Nanos) {
		t.Helper()
		var a Amount
		sum := new(big.Int)
		for _, n := range parts {
			a.Add(n)
			sum.Add(sum, big.NewInt(int64(n)))
		}
		if got := a.String(); got != want {
			t.Errorf("%v: got %s; want %s", parts, got, want)
		}
		if a.Wide().Big().Cmp(sum) != 0 {
			t.Errorf("%v: Wide is %v; want %v", parts, a.Wide(), sum)
		}
	}
	f("0")
	f("1.5", 1_500_000_000)
	f("-0.5", -500_000_000)
	f("-1.000000001", -1_000_000_001)
	f("0.5", 1_000_000_000, -500_000_000)
	f("-0.5", -1_000_000_000, 500_000_000)
	f("0", 7, -7)
	f("27670116110.564327421", 1<<63-1, 1<<63-1, 1<<63-1)
	f("-18446744073.709551616", -1<<63, -1<<63)
}

func TestRatio(t *testing.T) {
	f := func(a, b int64, want string) {
		t.Helper()
		if got := ratio(big.NewInt(a), big.NewInt(b)); got != want {
			t.Errorf("%d/%d: got %q; want %q", a, b, got, want)
		}
	}
	f(1, 0, "")
	f(0, 0, "")
	f(0, 5, "0")
	f(1, 3, "0.333333")
	f(2, 3, "0.666667")
	f(1, 2_000_000, "0.000001") // half away from zero
	f(1, 2_000_001, "0")
	f(-1, 2_000_001, "0")
	f(10, 2, "5")
	f(100, 1, "100")
}
