package frequency

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
)

// nodes are several bidders' counters, fed by one log that each reads late: an
// impression of a bid at t is read by all at t + delay.
type nodes struct {
	t     testing.TB
	caps  Caps
	delay time.Duration
	all   []*Counter
	known []follower
	log   []impression // by its time
	read  int
	shown int
}

type impression struct {
	node int
	at   time.Time
}

func newNodes(t testing.TB, n int, delay time.Duration, c campaigns.Cap) *nodes {
	w := &nodes{t: t, caps: lineCaps(c), delay: delay}
	for range n {
		w.all = append(w.all, newCounter())
		w.known = append(w.known, follower{})
	}
	return w
}

// bid tries one on a node; what is taken is shown.
func (w *nodes) bid(node int, now time.Time) bool {
	w.follow(now)
	if w.all[node].Take(&w.caps, user(7), now).Cap != nil {
		return false
	}
	w.log = append(w.log, impression{node, now})
	w.shown++
	return true
}

func (w *nodes) follow(now time.Time) {
	for ; w.read < len(w.log) && !now.Before(w.log[w.read].at.Add(w.delay)); w.read++ {
		x := w.log[w.read]
		for i, c := range w.all {
			w.known[i].shown(w.t, c, &w.caps, user(7), x.at, now, i == x.node)
		}
	}
}

// TestOvershootIsBounded: what nodes show before they hear of each other is at most
// what the cap had left when all knew the same, each: (nodes - 1) x remaining above
// it, where the delay is not longer than bids are held for. The worst schedule reaches
// the bound; no random one passes it.
func TestOvershootIsBounded(t *testing.T) {
	f := func(n, max, before int, delay time.Duration) {
		t.Helper()
		w := newNodes(t, n, delay, rolling(max, "lifetime"))
		now := start
		for range before {
			if !w.bid(0, now) {
				t.Fatal("refused before the cap")
			}
		}
		now = now.Add(delay)
		for range max + 1 { // each node is asked for more than the cap
			for node := range n {
				w.bid(node, now)
			}
		}
		for range 3 { // and again once all is known
			now = now.Add(delay)
			for node := range n {
				w.bid(node, now)
			}
		}
		remaining := max - before
		if want := max + (n-1)*remaining; w.shown != want {
			t.Errorf("%d nodes, cap %d, %d shown before: %d shown; the bound is %d", n, max, before, w.shown, want)
		}
	}
	for _, delay := range []time.Duration{100 * time.Millisecond, time.Second, holdFor} {
		f(1, 3, 0, delay)
		f(2, 1, 0, delay)
		f(2, 3, 2, delay)
		f(3, 10, 4, delay)
		f(8, 5, 5, delay)
		f(16, 20, 19, delay)
	}
}

func TestRandomSchedulesStayWithinTheOvershoot(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n, max := rapid.IntRange(1, 5).Draw(r, "nodes"), rapid.IntRange(1, 12).Draw(r, "max")
		delay := time.Duration(rapid.IntRange(0, int(holdFor.Milliseconds())).Draw(r, "delay ms")) * time.Millisecond
		w := newNodes(t, n, delay, rolling(max, "lifetime"))
		now := start
		for range rapid.IntRange(1, 150).Draw(r, "bids") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(r, "later ms")) * time.Millisecond)
			w.bid(rapid.IntRange(0, n-1).Draw(r, "node"), now)
		}
		// From each moment on at which all was known to all.
		for i := range w.log {
			quiet := i == 0 || !w.log[i].at.Before(w.log[i-1].at.Add(delay))
			if bound := max + (n-1)*(max-min(i, max)); quiet && len(w.log) > bound {
				r.Fatalf("%d shown; with %d of %d known to all the bound is %d", len(w.log), i, max, bound)
			}
		}
	})
}

// TestHoldsShorterThanTheDelay: a node whose bids are held for less time than their
// impressions take bids again meanwhile: hold_for must cover the delay.
func TestHoldsShorterThanTheDelay(t *testing.T) {
	w := newNodes(t, 2, 3*holdFor, rolling(4, "lifetime"))
	now := start
	for range 40 {
		for node := range 2 {
			w.bid(node, now)
		}
		now = now.Add(holdFor / 8)
	}
	// In each node max for every hold_for within the delay.
	if bound := 2 * 4 * 3; w.shown > bound || w.shown <= 2*4 {
		t.Fatalf("%d shown; want more than %d, at most %d", w.shown, 2*4, bound)
	}
}
