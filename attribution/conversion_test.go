package attribution

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"bidhawk/internal/eventlog"
)

// readAll applies everything that l holds beyond s's positions, topic by topic
// in the order given.
func readAll(t testing.TB, s *Service, l *memLog, order ...string) {
	t.Helper()
	if _, err := s.assign(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, topic := range order {
		for n := range l.partitions {
			p := partition{topic, n}
			if err := s.apply(context.Background(), []fetch{{p, l.logs[p][s.mu.positions[p].next:]}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

type logged struct {
	v  any
	at time.Time
}

func TestLastTouch(t *testing.T) {
	const none = ""
	exposure := func(typ string, n uint64, user userKey, at, delay time.Duration) logged {
		e := exposureRecord{V: 1, Type: typ, Bid: bid(n), User: user, BidAt: t0, At: t0.Add(at), wirePlacement: place(1, int64(n%3))}
		return logged{e, t0.Add(at + delay)}
	}
	view := func(n uint64, at time.Duration) logged { return exposure("impression", n, 5, at, 0) }
	click := func(n uint64, at time.Duration) logged { return exposure("click", n, 5, at, 0) }
	conversion := func(at time.Duration, user userKey, named bidID) logged {
		return logged{conversionRecord{V: 1, ID: "c", Order: "o", Advertiser: 1, At: t0.Add(at), User: user, ClickBid: named, Value: 1e9}, t0.Add(at)}
	}
	f := func(name, want string, events ...logged) {
		t.Helper()
		for _, order := range [][]string{
			{eventlog.TopicExposures, eventlog.TopicConversions}, {eventlog.TopicConversions, eventlog.TopicExposures},
		} {
			l := newMemLog(2)
			for _, e := range events {
				l.write(e.v, e.at)
			}
			s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
			readAll(t, s, l, order...)
			var got string
			for _, v := range figuresIn(t, s).attributed {
				got = v
			}
			if want != none {
				var n uint64
				var kind string
				fmt.Sscanf(want, "%s %d", &kind, &n)
				want := owed(kind, bid(n).id.String(), place(1, int64(n%3)).LineItem)
				if got != want {
					t.Errorf("%s, %s first: got %q; want %q", name, order[0], got, want)
				}
			} else if got != none {
				t.Errorf("%s, %s first: got %q; want nothing", name, order[0], got)
			}
			s.Close()
		}
	}
	h := time.Hour
	f("a view", "view 1", view(1, 0), conversion(h, 5, bidID{}))
	f("the last of two views", "view 2", view(1, 0), view(2, time.Minute), conversion(h, 5, bidID{}))
	f("a click before a later view", "click 1", click(1, 0), view(2, time.Minute), conversion(h, 5, bidID{}))
	f("the window of views includes its end", "view 1", view(1, 0), conversion(2*h, 5, bidID{}))
	f("beyond the window of views", none, view(1, 0), conversion(2*h+1, 5, bidID{}))
	f("the window of clicks includes its end", "click 1", click(1, 0), conversion(48*h, 5, bidID{}))
	f("beyond the window of clicks a view counts", "view 2", click(1, 0), view(2, 47*h), conversion(48*h+1, 5, bidID{}))
	f("a touch after the conversion", none, view(1, h), conversion(h-1, 5, bidID{}))
	f("at the same instant the higher bid", "view 2", view(2, 0), view(1, 0), conversion(h, 5, bidID{}))
	f("another user", none, view(1, 0), conversion(h, 6, bidID{}))
	f("the named click, though another is later", "click 1", click(1, 0), click(2, h), conversion(2*h, 5, bid(1)))
	f("the named click of an unknown user", "click 1", exposure("click", 1, 0, 0, 0), conversion(2*h, 0, bid(1)))
	f("a named click beyond its window falls back", "click 2", click(1, 0), click(2, 40*h), conversion(49*h, 5, bid(1)))
	f("a touch logged within the settling time", "view 1", exposure("impression", 1, 5, 0, h+10*time.Minute), conversion(h, 5, bidID{}))
	f("a touch logged after the settling time", none, exposure("impression", 1, 5, 0, h+10*time.Minute+1), conversion(h, 5, bidID{}))
	f("a click logged after it leaves the view", "view 2", exposure("click", 1, 5, 0, 2*h), view(2, time.Minute), conversion(h, 5, bidID{}))
	f("a named click logged after it", none, exposure("click", 1, 0, 0, 2*h), conversion(h, 0, bid(1)))
	f("nobody's conversion", none, view(1, 0), conversion(h, 0, bidID{}))
}

func TestForeignValueCountsWithoutItsValue(t *testing.T) {
	l := newMemLog(1)
	l.write(exposureRecord{V: 1, Type: "click", Bid: bid(1), User: 5, BidAt: t0, At: t0, wirePlacement: place(1, 0)}, t0)
	l.write(conversionRecord{V: 1, ID: "c", Order: "o", Advertiser: 1, At: t0, User: 5, Value: 7e9, Currency: "JPY"}, t0)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	readAll(t, s, l, topics[:]...)
	for _, m := range figuresIn(t, s).days {
		if m.n[nClickConversions] != 1 || !m.s[sValue].IsZero() {
			t.Errorf("got %v; want one conversion without value", m)
		}
	}
	if got := s.Stats().ForeignValues; got != 1 {
		t.Errorf("ForeignValues: got %d; want 1", got)
	}
}

func TestPruneKeepsWhatALateConversionNeeds(t *testing.T) {
	l := newMemLog(1)
	deps := testDeps(l)
	now := t0.Add(40 * 24 * time.Hour)
	deps.Now = func() time.Time { return now }
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{PruneRows: 2}, deps)
	defer s.Close()
	// Views of advertiser 2 (24 h) at every hour of 40 days.
	for i := range 40 * 24 {
		at := t0.Add(time.Duration(i) * time.Hour)
		l.write(exposureRecord{V: 1, Type: "impression", Bid: bid(uint64(i)), User: 5, BidAt: at, At: at, wirePlacement: place(2, 0)}, at)
		l.write(exposureRecord{V: 1, Type: "click", Bid: bid(uint64(i)), User: 6, BidAt: at, At: at, wirePlacement: place(2, 0)}, at)
	}
	readAll(t, s, l, topics[:]...)
	before := rowsOf(t, s, "touches")
	if err := s.prune(context.Background(), now); err != nil {
		t.Fatal(err)
	}
	if n := before - rowsOf(t, s, "touches"); n < 1 || n > 4 {
		t.Fatalf("one step forgot %d touches; want 1 to 4 at 2 rows for each of two statements", n)
	}
	s.cfg.PruneRows = 500
	for range 50 {
		if err := s.prune(context.Background(), now); err != nil {
			t.Fatal(err)
		}
	}
	f := func(kind, lo, hi int) {
		t.Helper()
		if n := rowsOf(t, s, fmt.Sprintf("touches WHERE kind = %d", kind)); n < lo || n > hi {
			t.Errorf("kind %d: %d touches are left; want %d to %d", kind, n, lo, hi)
		}
	}
	f(1, 72, 98)         // the view window, 48 h of lateness, and what is left of the day
	f(2, 32*24, 33*24+1) // the click window likewise
	// The oldest view that a conversion may still be owed to: reported 48 h late, 24 h after the view.
	at := now.Add(-48 * time.Hour)
	l.write(conversionRecord{V: 1, ID: "c", Order: "o", Advertiser: 2, At: at, User: 5, Value: 1}, now)
	readAll(t, s, l, eventlog.TopicConversions)
	if got := figuresIn(t, s).attributed; len(got) != 1 {
		t.Errorf("the late conversion: got %v; want it attributed", got)
	}
}

func TestPruneForgetsUsersOfSettledConversions(t *testing.T) {
	l := newMemLog(1)
	s := open(t, filepath.Join(t.TempDir(), "r.db"), Config{}, testDeps(l))
	defer s.Close()
	l.write(conversionRecord{V: 1, ID: "c", Order: "o", Advertiser: 2, At: t0, User: 5, ClickBid: bid(1)}, t0)
	l.write(auctionsRecord{V: 1, Type: "counts", Node: "n", Seq: 1, At: t0}, t0)
	readAll(t, s, l, topics[:]...)
	f := func(readTo time.Time, users, counted int) {
		t.Helper()
		if err := s.prune(context.Background(), readTo); err != nil {
			t.Fatal(err)
		}
		if n := rowsOf(t, s, "conversions WHERE user_key IS NOT NULL OR click_bid IS NOT NULL"); n != users {
			t.Errorf("read to %v: %d conversions with a user; want %d", readTo, n, users)
		}
		if n := rowsOf(t, s, "counted"); n != counted {
			t.Errorf("read to %v: %d counted sequences; want %d", readTo, n, counted)
		}
		if n := rowsOf(t, s, "conversions"); n != 1 {
			t.Errorf("read to %v: %d conversions; want 1 for good", readTo, n)
		}
	}
	f(t0.Add(10*time.Minute), 1, 1)
	f(t0.Add(11*time.Minute), 0, 1)
	f(t0.Add(7*24*time.Hour), 0, 1)
	f(t0.Add(10*24*time.Hour), 0, 0)
}

func rowsOf(t testing.TB, s *Service, from string) (n int) {
	t.Helper()
	if err := s.store.r.QueryRow("SELECT count(*) FROM " + from).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
