package pacing

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// simFailure is a seed that broke.
type simFailure struct {
	seed uint64
	err  error
}

// playSim plays a seed. The error is the first breach; a panic of the code
// under test is one.
func playSim(seed uint64, o simOptions) (w *simWorld, err error) {
	defer func() {
		if r := recover(); r != nil {
			buf := make([]byte, 4096)
			err = fmt.Errorf("panic: %v\n%s", r, buf[:runtime.Stack(buf, false)])
			if w != nil {
				w.note("PANIC: %v", r)
			}
		}
	}()
	w = newSimWorld(seed, o)
	return w, w.run(o.auctions)
}

// playSeeds plays seeds from first on, on every core, until all are played, one
// breaks, or until has passed (zero: never). found is the lowest that broke, of
// those that were played.
func playSeeds(first uint64, seeds int, until time.Time, o simOptions, progress func(f *simFigures)) (sum simFigures, found *simFailure) {
	var mu sync.Mutex
	next := first
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == first+uint64(seeds) || found != nil || !until.IsZero() && time.Now().After(until) {
			return 0, false
		}
		next++
		return next - 1, true
	}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				w, err := playSim(seed, o)
				mu.Lock()
				if w != nil {
					sum.add(&w.figures)
				}
				if err != nil && (found == nil || seed < found.seed) {
					found = &simFailure{seed, err}
				}
				if progress != nil {
					progress(&sum)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return sum, found
}

// story plays a seed that broke again and tells its end.
func (f *simFailure) story(o simOptions) string {
	o.tracing = true
	w, err := playSim(f.seed, o)
	out := fmt.Sprintf("seed %d: %v\n\nthe last events:\n%s\n", f.seed, f.err, w.trace.last(simStoryLines))
	if err == nil || err.Error() != f.err.Error() {
		out += fmt.Sprintf("\nplayed again it ended with %v: the seed does not replay\n", err)
	}
	return out
}

const simStoryLines = 120

// simNumber reads a number of the environment, or is def.
func simNumber(t testing.TB, name string, def int) int {
	v := os.Getenv(name)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s: got %q; want a positive number", name, v)
	}
	return n
}

// simProgress tells now and then how far it is.
func simProgress(seeds int) func(f *simFigures) {
	start := time.Now()
	said := start
	return func(f *simFigures) {
		if now := time.Now(); now.Sub(said) > 20*time.Second {
			said = now
			fmt.Fprintf(os.Stderr, "sim: %d of %d seeds, %.0f auctions/s\n", f.seeds, seeds, float64(f.auctions)/now.Sub(start).Seconds())
		}
	}
}
