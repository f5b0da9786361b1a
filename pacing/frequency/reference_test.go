package frequency

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
)

// naive is the caps as the documents say them, over a list of exposures.
type naive struct {
	exposures []exposure
	holds     map[string]*holds // by cap and subject
}

type exposure struct {
	level [LevelCount]campaigns.ID
	who   Who
	bidAt time.Time // in the advertiser's zone
}

type holds struct {
	n     int
	until time.Time
}

// label is the name of the calendar period of t; the hour that comes twice has two.
func label(w Window, t time.Time) string {
	switch w {
	case Minute:
		return t.Format("2006-01-02 15:04 -07:00:00")
	case Hour:
		return t.Format("2006-01-02 15 -07:00:00")
	case Day:
		return t.Format("2006-01-02")
	case Week:
		y, n := t.ISOWeek()
		return fmt.Sprint(y, n)
	}
	return t.Format("2006-01")
}

func (n *naive) subject(c *Cap, w Who) Subject {
	if c.Per == Household {
		return w.Household
	}
	return w.User
}

// count is how many exposures count for c, with slack seconds of window more.
func (n *naive) count(c *Cap, w Who, now time.Time, slack int64) (count int) {
	for _, x := range n.exposures {
		if x.level[c.Level] != c.Entity || n.subject(c, x.who) != n.subject(c, w) {
			continue
		}
		switch {
		case c.Window == Lifetime:
			count++
		case c.Window.rolling():
			if now.Unix()-x.bidAt.Unix() < int64(c.Window)+slack {
				count++
			}
		case label(c.Window, x.bidAt) == label(c.Window, now):
			count++
		}
	}
	return count
}

func (n *naive) hold(c *Cap, w Who) *holds {
	key := string(c.AppendKey(nil, n.subject(c, w)))
	if n.holds[key] == nil {
		n.holds[key] = &holds{}
	}
	return n.holds[key]
}

func (n *naive) held(c *Cap, w Who, now time.Time) int {
	if h := n.hold(c, w); now.Before(h.until) {
		return h.n
	}
	return 0
}

// verdicts of a bid: must it be taken, may it be.
func (n *naive) allows(caps []Cap, w Who, now time.Time) (must, may bool) {
	must, may = true, true
	for i := range caps {
		c := &caps[i]
		if n.subject(c, w).Kind == Nobody {
			continue
		}
		slack := int64(0)
		if c.form() == formRing {
			slack = int64(slotWidth(c.Window)) // the bound of what is stated
		}
		held := n.held(c, w, now)
		must = must && n.count(c, w, now, slack)+held < c.Max
		may = may && n.count(c, w, now, 0)+held < c.Max
	}
	return must, may
}

func (n *naive) take(caps []Cap, w Who, now time.Time) {
	for i := range caps {
		if n.subject(&caps[i], w).Kind != Nobody {
			h := n.hold(&caps[i], w)
			h.n = n.held(&caps[i], w, now) + 1
			h.until = now.Add(holdFor)
		}
	}
}

func (n *naive) end(caps []Cap, w Who) {
	for i := range caps {
		if h := n.hold(&caps[i], w); h.n > 0 && n.subject(&caps[i], w).Kind != Nobody {
			h.n--
		}
	}
}

func drawCaps(r *rapid.T) (list []campaigns.Cap) {
	for range rapid.IntRange(0, 3).Draw(r, "caps") {
		c := campaigns.Cap{Max: rapid.SampledFrom([]int{1, 2, 3, 8, 9, 12}).Draw(r, "max"), Kind: campaigns.CapRolling}
		c.Per = rapid.SampledFrom([]campaigns.CapPer{campaigns.PerUser, campaigns.PerUser, campaigns.PerHousehold}).Draw(r, "per")
		if rapid.Bool().Draw(r, "calendar") {
			c.Kind, c.Window = campaigns.CapCalendar, rapid.SampledFrom(campaigns.CalendarWindows()).Draw(r, "window")
		} else {
			c.Window = rapid.SampledFrom([]string{"1m", "7m", "30m", "1h", "24h", "7d", "90d", "lifetime"}).Draw(r, "window")
		}
		if rapid.IntRange(0, 3).Draw(r, "with recency") == 0 {
			c.Recency = rapid.SampledFrom([]string{"1s", "30s", "10m", "2h"}).Draw(r, "recency")
		}
		list = append(list, c)
	}
	return list
}

// changes are shortly before the clock changes, or a day is skipped.
func changes(t testing.TB) []time.Time {
	var out []time.Time
	for _, c := range []struct{ zone, at string }{
		{"America/New_York", "2026-03-08 01:50"}, {"America/New_York", "2026-11-01 00:50"},
		{"Europe/Berlin", "2026-10-25 01:50"}, {"Australia/Lord_Howe", "2026-04-05 01:20"}, {"Australia/Lord_Howe", "2026-10-04 01:50"},
		{"America/Sao_Paulo", "2018-11-03 23:50"}, {"Pacific/Apia", "2011-12-29 23:50"}, {"Asia/Kathmandu", "2026-12-31 23:50"},
		{"UTC", "2028-02-28 23:50"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, at)
	}
	return out
}

// TestCounterAgreesWithANaiveCount plays random bids, impressions that come in any
// order, lost bids and restarts against random caps on days when clocks change: the
// counter says what the list of exposures says, to the stated bound of rolling
// windows of a max above 8.
func TestCounterAgreesWithANaiveCount(t *testing.T) {
	starts := changes(t)
	rapid.Check(t, func(r *rapid.T) {
		now := rapid.SampledFrom(starts).Draw(r, "start")
		var levels [LevelCount][]campaigns.Cap
		for level := range LevelCount {
			levels[level] = drawCaps(r)
		}
		ads := []Caps{capsOf(levels), capsOf([LevelCount][]campaigns.Cap{
			LevelLineItem: levels[LevelLineItem], LevelCampaign: levels[LevelCampaign], LevelAdvertiser: levels[LevelAdvertiser]})}
		entities := [][LevelCount]campaigns.ID{{100, 10, 3, 2}, {101, 10, 3, 2}} // the second creative has no cap
		c, known, want := newCounter(), follower{}, &naive{holds: map[string]*holds{}}
		type flight struct {
			ad int
			w  Who
			at time.Time
		}
		var inFlight []flight
		for range rapid.IntRange(1, 120).Draw(r, "steps") {
			now = now.Add(rapid.SampledFrom([]time.Duration{
				0, 100 * time.Millisecond, time.Second, 6 * time.Second, 31 * time.Second, 3 * time.Minute, 11 * time.Minute, time.Hour, 7 * time.Hour, 40 * time.Hour,
			}).Draw(r, "later"))
			switch rapid.SampledFrom([]string{"bid", "bid", "bid", "shown", "shown", "released", "elsewhere", "restart"}).Draw(r, "step") {
			case "bid":
				f := flight{rapid.IntRange(0, 1).Draw(r, "ad"), Who{
					Subject{rapid.SampledFrom([]SubjectKind{User, User, Site, Nobody}).Draw(r, "user"), rapid.Uint64Range(1, 2).Draw(r, "key")},
					Subject{rapid.SampledFrom([]SubjectKind{Household, Nobody}).Draw(r, "household"), 1},
				}, now}
				caps := append(append([]Cap{}, ads[f.ad].User...), ads[f.ad].Household...)
				must, may := want.allows(caps, f.w, now)
				looked := c.Allows(&ads[f.ad], f.w, now)
				got := c.Take(&ads[f.ad], f.w, now)
				if (got.Cap == nil) != (looked == nil) || got.Cap != looked {
					t.Fatalf("Allows says %v, Take %v", looked, got.Cap)
				}
				if took := got.Cap == nil; took && !may || !took && must {
					t.Fatalf("at %v: took %v (refused by %v); must %v, may %v", now, took, got.Cap, must, may)
				}
				if got.Cap == nil {
					want.take(caps, f.w, now)
					inFlight = append(inFlight, f)
				}
			case "shown", "released":
				if len(inFlight) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(inFlight)-1).Draw(r, "which")
				f := inFlight[i]
				inFlight = append(inFlight[:i], inFlight[i+1:]...)
				caps := append(append([]Cap{}, ads[f.ad].User...), ads[f.ad].Household...)
				want.end(caps, f.w)
				if rapid.Bool().Draw(r, "won") {
					want.exposures = append(want.exposures, exposure{entities[f.ad], f.w, f.at})
					known.shown(t, c, &ads[f.ad], f.w, f.at, now, true)
				} else {
					c.Release(&ads[f.ad], f.w)
				}
			case "elsewhere": // another node's, seen late
				w := Who{Subject{User, 1}, Subject{Household, 1}}
				at := now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(r, "minutes ago")) * time.Minute)
				want.exposures = append(want.exposures, exposure{entities[0], w, at})
				known.shown(t, c, &ads[0], w, at, now, false)
			case "restart":
				c, inFlight, want.holds = newCounter(), nil, map[string]*holds{}
				for _, caps := range ads {
					for key, st := range known {
						for _, list := range [][]Cap{caps.User, caps.Household} {
							for i := range list {
								for _, u := range []Subject{{User, 1}, {User, 2}, {Site, 1}, {Site, 2}, {Household, 1}} {
									if string(list[i].AppendKey(nil, u)) == key {
										c.Put(&list[i], u, st, false, now)
									}
								}
							}
						}
					}
				}
			}
		}
	})
}

// TestOtherFormsKeepTheCount: a max that is edited across what is counted exactly
// forgets nothing, and counts at most a slot longer.
func TestOtherFormsKeepTheCount(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		few, many := lineCaps(rolling(8, "1h")), lineCaps(rolling(9, "1h"))
		now, st := start, State{}
		var times []time.Time
		for range rapid.IntRange(1, 30).Draw(r, "exposures") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1200).Draw(r, "seconds")) * time.Second)
			times = append(times, now)
			caps := rapid.SampledFrom([]*Caps{&few, &many}).Draw(r, "caps")
			st.Add(&caps.User[0], now)
			within := func(window time.Duration) (n int) {
				for _, at := range times {
					if now.Sub(at) < window {
						n++
					}
				}
				return n
			}
			got := st.Count(caps.User[0].Window, now)
			if least, most := min(within(time.Hour), maxTimes), within(time.Hour+2*5*time.Minute); got < least || got > most {
				t.Fatalf("got %d; want %d to %d", got, least, most)
			}
		}
	})
}

func FuzzParseState(f *testing.F) {
	caps := lineCaps(rolling(3, "1h"), rolling(30, "24h"))
	for i := range caps.User {
		st := State{}
		st.Add(&caps.User[i], start)
		f.Add(st.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := ParseState(b)
		if err != nil {
			return
		}
		again, err := ParseState(st.Append(nil))
		if err != nil || again != st {
			t.Fatalf("%x: %+v comes back as %+v, %v", b, st, again, err)
		}
		for i := range caps.User {
			x := st
			x.Count(caps.User[i].Window, start)
			x.Add(&caps.User[i], start)
		}
	})
}
