package bidder

import (
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/scoring"
)

// under is an impression of a line item that charges at event, at a placement.
func under(x exposureRecord, event campaigns.ChargeEvent, placement uint32) exposureRecord {
	x.Terms = &bidTerms{Charges: event.String(), Placement: placement, ReservedMedia: 1000, Day: 20260302, PriceCurrency: money.USD}
	return x
}

func as(kind string, x exposureRecord) exposureRecord { x.Type = kind; return x }

// TestRatesByPlacementSurviveARestart: each event is counted once per bid, where its
// line item asks for it, at its placement and for its creative.
func TestRatesByPlacementSurviveARestart(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	view := func(bid uint64, placement uint32) exposureRecord {
		return under(shown(bid, alice, testNow), campaigns.ChargeAtView, placement)
	}
	a, b, c := view(1, 7), view(2, 7), view(3, 8)
	d := under(shown(4, bob, testNow), campaigns.ChargeAtConversion, 7)
	log.addExposures(a, b, c, d, as("viewable", a), as("viewable", a), as("complete", a), as("creativeView", a), clicked(b),
		clicked(d), as("conversion", d), as("conversion", d), as("viewable", d), shown(5, bob, testNow))
	stop := m.run()
	m.caughtUp(14)
	ask := func(e scoring.Event, placement uint32, prior money.PPM) money.PPM {
		return m.cfg.Rates.Rate(scoring.Question{Event: e, Place: scoring.Place{Creative: 100, Placement: placement}, Prior: prior, At: m.clock.Now(), Delay: 24 * time.Hour})
	}
	check := func() {
		t.Helper()
		for _, f := range []struct {
			of        string
			got, want money.PPM
		}{
			{"views of the creative", ask(scoring.View, 0, 0), 1_000_000 / 1003}, // one of three, and a belief of 1000 in none
			{"views at 8", ask(scoring.View, 8, 0), 1000 * (1_000_000 / 1003) / 1001},
			{"views at 7", ask(scoring.View, 7, 0), (1_000_000 + 1000*(1_000_000/1003)) / 1002},
			{"completions", ask(scoring.Completion, 7, 500_000), 500_000},                                   // nobody asked
			{"conversions", ask(scoring.Conversion, 7, 0), (1_000_000 + 1000*(1_000_000/1001)) / 1001},      // one of one click
			{"clicks at 7", ask(scoring.Click, 7, 0), (2_000_000 + 1000*(2_000_000/(1000+5))) / (1000 + 3)}, // two of three there, two of five anywhere
			{"learning at 7", m.cfg.Rates.Rate(scoring.Question{Event: scoring.View, Place: scoring.Place{Creative: 100, Placement: 7}, Prior: 9, Learning: 3001}), 9},
		} {
			if f.got != f.want {
				t.Errorf("%s: got %d; want %d", f.of, f.got, f.want)
			}
		}
		m.wantRate(100, 5, 2)
	}
	check()
	stop()
	log.addExposures(a, as("viewable", a), as("conversion", d), clicked(d)) // repeats
	stop = m.run()
	m.caughtUp(18)
	check()
	stop()
}

// TestPlacementsAreForgotten: first those that nothing was seen at for long, then the
// oldest beyond the bound; never what is known of a creative anywhere.
func TestPlacementsAreForgotten(t *testing.T) {
	log := newMemLog()
	m := newMemory(t, log)
	for i := range uint32(10) {
		at := testNow.Add(time.Duration(i) * time.Minute)
		log.addExposures(under(shown(uint64(i+1), alice, at), campaigns.ChargeAtView, i+1))
	}
	stop := m.run()
	m.caughtUp(10)
	left := func() (n int, creative bool) {
		if err := m.x.scan(keyPlace, placeKeyBytes, scoring.SeenBytes, func(k, _ []byte) {
			if placeOf(k).Placement == 0 {
				creative = true
			} else {
				n++
			}
		}); err != nil {
			t.Fatal(err)
		}
		return n, creative
	}
	f := func(now time.Time, bound, want int) {
		t.Helper()
		if err := m.x.forgetPlacesBeyond(now, bound); err != nil {
			t.Fatal(err)
		}
		if n, creative := left(); n != want || !creative {
			t.Errorf("got %d placements, of the creative %v; want %d, true", n, creative, want)
		}
	}
	f(testNow, 10, 10)
	f(testNow, 6, 6)
	f(testNow.Add(keepPlaces+7*time.Minute), 6, 3) // of minutes 7, 8 and 9
	stop()
}
