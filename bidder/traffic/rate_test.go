package traffic

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"bidhawk/internal/ids"
)

// slow counts in maps what rates counts in cells: the same two windows, exactly.
type slow struct {
	window  int64
	windows map[int64]map[uint64]uint64
	totals  map[int64]uint64
}

func (s *slow) add(key uint64, now time.Time) int {
	e, in := now.UnixNano()/s.window, now.UnixNano()%s.window
	if s.windows[e] == nil {
		s.windows[e] = map[uint64]uint64{}
	}
	s.windows[e][key]++
	s.totals[e]++
	return int(s.windows[e][key]) + int(float64(s.windows[e-1][key])*float64(s.window-in)/float64(s.window))
}

// total is all requests of the window of now and the one before.
func (s *slow) total(now time.Time) uint64 {
	e := now.UnixNano() / s.window
	return s.totals[e] + s.totals[e-1]
}

// TestRatesErrAsPromised: never below what maps count, and above the bound for
// two keys of a hundred at most.
func TestRatesErrAsPromised(t *testing.T) {
	const row = 1 << 10
	rnd := rand.New(rand.NewPCG(1, 2))
	s := newRates(row, time.Second, 7)
	exact := slow{int64(time.Second), map[int64]map[uint64]uint64{}, map[int64]uint64{}}
	now, above, wrong := noon, 0, 0
	const n = 60_000
	for range n {
		now = now.Add(time.Duration(rnd.IntN(200_000))) // 10,000 a second
		key := uint64(rnd.ExpFloat64() * 1000)
		got, want := s.add(key, now), exact.add(key, now)
		if got < want-1 { // the reference rounds too
			t.Fatalf("key %d: got %d; want %d at least", key, got, want)
		}
		bound := 2.72 * float64(exact.total(now)) / row
		if float64(got-want) > bound {
			above++
		}
		if got != want {
			wrong++
		}
	}
	if above > n*2/100 {
		t.Errorf("%d of %d rates were above the bound; want 2%% at most", above, n)
	}
	if wrong == 0 {
		t.Error("no rate was wrong: the bound was not tried")
	}
	t.Logf("%d of %d overrated, %d by more than 2.72 x R / cells", wrong, n, above)
}

func TestRatesSlide(t *testing.T) {
	s := newRates(1<<10, time.Minute, 1)
	start := time.Unix(0, 0).Add(1000 * time.Minute)
	f := func(after time.Duration, n, want int) {
		t.Helper()
		got := 0
		for range n {
			got = s.add(42, start.Add(after))
		}
		if got != want {
			t.Errorf("after %v: got %d; want %d", after, got, want)
		}
	}
	f(0, 100, 100)
	f(59*time.Second, 1, 101)
	f(60*time.Second, 1, 102)              // the window before counts whole
	f(90*time.Second, 1, 2+101/2)          // then half
	f(59*time.Second, 1, 3+101/60)         // a late one counts for the window that runs
	f(119*time.Second, 1, 4+101/60)        // then hardly
	f(120*time.Second, 1, 1+4)             // it is forgotten, and this one is the one before
	f(10*time.Minute, 1, 1)                // after a pause
	f(5*time.Minute, 1, 1)                 // the clock was set back
	f(-1001*time.Minute+time.Second, 1, 1) // before 1970: no panic
}

func TestRatesCountUnderConcurrency(t *testing.T) {
	s := newRates(1<<10, time.Minute, 1)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5000 {
				s.add(1, noon)
			}
		})
	}
	wg.Wait()
	// An update that loses eight races is given up.
	if got := s.add(1, noon); got > 20_001 || got < 19_800 {
		t.Errorf("got %d; want 20001, or a few less", got)
	}
}

func TestACellDoesNotOverflow(t *testing.T) {
	s := newRates(1<<10, time.Minute, 1)
	for range countMask + 10 {
		s.add(1, noon)
	}
	if got := s.add(1, noon); got != countMask {
		t.Errorf("got %d; want %d", got, countMask)
	}
	if got := s.add(2, noon); got > 2 {
		t.Errorf("another key: got %d", got)
	}
}

func TestRatesAreRefusedUntilTheyCalm(t *testing.T) {
	filter := newFilter(t, func(c *Config) { c.UserMax, c.AddressMax, c.NetworkMax = 3, 5, 8 })
	f := func(user ids.UserKey, ip string, after time.Duration, want ...Verdict) {
		t.Helper()
		r := decode(t, onDevice+windows+`,`+ip+`}`)
		for i, w := range want {
			if got := filter.Judge(r, user, noon.Add(after)); got != w {
				t.Errorf("%v from %s, %d: got %v; want %v", user, ip, i, got, w)
			}
		}
	}
	f(1, `"ip":"8.8.8.1"`, 0, OK, OK, OK, UserRate)
	f(2, `"ip":"8.8.8.1"`, 0, OK, AddressRate)
	f(0, `"ip":"8.8.8.2"`, 0, OK, OK, OK, OK, OK, AddressRate) // no user is no one user
	f(0, `"ip":"8.8.8.0"`, 0, OK, OK, OK, OK, OK, OK, OK, OK, AddressRate)
	f(0, `"ipv6":"2a00:1:2:3::1"`, 0, OK, OK, OK, OK, OK)
	f(0, `"ipv6":"2a00:1:2:3::2"`, 0, AddressRate) // one household
	f(0, `"ipv6":"2a00:1:2:4::2"`, 0, OK)
	f(0, `"ipv6":"2a00:1:2::"`, 0, OK, OK, OK, OK, OK, OK, OK, OK, AddressRate)
	f(1, `"ip":"9.9.9.9"`, 30*time.Second, UserRate)
	f(1, `"ip":"9.9.9.9"`, 3*time.Minute, OK)
	if got := filter.Stats().Counts[UserRate]; got != 2 {
		t.Errorf("got %d refused for their user's rate; want 2", got)
	}
}

func TestConfigNamesTheField(t *testing.T) {
	f := func(change func(*Config), want string) {
		t.Helper()
		cfg := DefaultConfig()
		change(&cfg)
		err := cfg.Validate()
		if want == "" {
			if err != nil {
				t.Errorf("got %v; want none", err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), "traffic."+want+":") {
			t.Errorf("got %v; want one of traffic.%s", err, want)
		}
		if _, err := New(cfg, 1); err == nil {
			t.Errorf("%s: New took it", want)
		}
	}
	f(func(*Config) {}, "")
	f(func(c *Config) { c.Refuse[1] = "nonsense" }, "refuse[1]")
	f(func(c *Config) { c.CachedAgents = 5000 }, "cached_agents")
	f(func(c *Config) { c.CachedAgents = -4096 }, "cached_agents")
	f(func(c *Config) { c.Window = time.Millisecond }, "window")
	f(func(c *Config) { c.UserMax = 0 }, "user_max")
	f(func(c *Config) { c.AddressMax = 2_000_000 }, "address_max")
	f(func(c *Config) { c.NetworkMax = -1 }, "network_max")
	f(func(c *Config) { c.RateCells = 3000 }, "rate_cells")
	f(func(c *Config) { c.CrawlersExtra = make([]string, maxList+1) }, "crawlers_extra")
}
