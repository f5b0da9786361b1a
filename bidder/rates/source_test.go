package rates

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/internal/money"
)

var friday = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// tableFile is a file that a test rewrites.
type tableFile struct {
	t    *testing.T
	path string
}

func newFile(t *testing.T, text string) tableFile {
	f := tableFile{t, filepath.Join(t.TempDir(), "rates.yaml")}
	f.write(text)
	return f
}

func (f tableFile) write(text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func TestStateFollowsTheAge(t *testing.T) {
	file := newFile(t, good)
	s, err := New(file.path, DefaultLimits(), at(friday.Add(10*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	f := func(age time.Duration, want State, converts bool) {
		t.Helper()
		now := friday.Add(age)
		if got := s.State(now); got != want {
			t.Fatalf("%v: got %v; want %v", age, got, want)
		}
		table := s.At(now)
		if table.Knows(eur) != converts || !table.Knows(money.USD) {
			t.Fatalf("%v: knows EUR: got %v; want %v; and USD always", age, table.Knows(eur), converts)
		}
		if _, ok := table.Convert(5, eur, money.USD, money.RoundUp); ok != converts {
			t.Fatalf("%v: converts: got %v; want %v", age, ok, converts)
		}
		if _, ok := table.Between(eur, jpy); ok != converts {
			t.Fatalf("%v: has a rate: got %v; want %v", age, ok, converts)
		}
		if v, ok := table.Convert(5, eur, eur, money.RoundUp); !ok || v != 5 {
			t.Fatalf("%v: what is in one currency must go on", age)
		}
	}
	f(0, Fresh, true)
	f(36*time.Hour-1, Fresh, true)
	f(36*time.Hour, Stale, true)
	f(96*time.Hour-1, Stale, true)
	f(96*time.Hour, Refused, false)
	f(1000*time.Hour, Refused, false)
	f(-10*time.Hour, Fresh, true)
}

func TestFixedNeverGoesStale(t *testing.T) {
	s := NewFixed(fixed())
	far := friday.AddDate(50, 0, 0)
	if s.State(far) != Fresh || !s.At(far).Knows(eur) || !s.Current().Knows(eur) || s.Reload() != nil {
		t.Fatal("fixed rates must stay in force")
	}
}

func TestReloadKeepsTheLastGood(t *testing.T) {
	file := newFile(t, good)
	now := friday
	s, err := New(file.path, DefaultLimits(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	f := func(text, rule string, want money.Rate) {
		t.Helper()
		file.write(text)
		err := s.Reload()
		if rule == "" && err != nil || rule != "" && (err == nil || !strings.Contains(err.Error(), rule)) {
			t.Fatalf("%q: got %v; want %q", text, err, rule)
		}
		if err != nil && !strings.Contains(err.Error(), file.path) {
			t.Fatalf("got %v; want the file's name", err)
		}
		if got := s.At(now).rates[eur]; got != want {
			t.Fatalf("%q: got %d in force; want %d", text, got, want)
		}
	}
	f("rates: x", "rates", 1_080_000_000)
	f("date: 2026-11-21\nbase: USD\nrates: {EUR: 1.09}\n", "", 1_090_000_000)
	f("date: 2026-11-23\nbase: USD\nrates: {EUR: 1.1}\n", "ahead of the clock", 1_090_000_000)
	f("date: 2026-11-21\nbase: USD\nrates: {EUR: 109}\n", "at most 2 times", 1_090_000_000)
	f("date: 2026-11-21\nbase: USD\nrates: {EUR: 0.109}\n", "a 2-th", 1_090_000_000)
	f("date: 2026-11-21\nbase: USD\nrates: {EUR: 2.18}\n", "", 2_180_000_000)
	f("date: 2026-11-21\nbase: EUR\nrates: {USD: 0.5}\n", "", money.One) // another base: nothing to compare

	// It goes on ageing while the file is broken.
	file.write("broken")
	now = now.AddDate(0, 0, 30)
	if s.Reload() == nil || s.State(now) != Refused || s.Current().Knows(money.USD) {
		t.Fatal("a broken file must not keep an old table in force")
	}
}

func TestNewRefuses(t *testing.T) {
	file := newFile(t, good)
	f := func(path string, l Limits, want string) {
		t.Helper()
		if _, err := New(path, l, at(friday)); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v; want %q", err, want)
		}
	}
	f(file.path+"x", DefaultLimits(), "no such file")
	f(file.path, Limits{WarnAfter: time.Minute, RefuseAfter: time.Hour}, "rates.warn_after: got 1m0s")
	f(file.path, Limits{WarnAfter: 2 * time.Hour, RefuseAfter: time.Hour}, "rates.warn_after: got 2h0m0s")
	f(file.path, Limits{WarnAfter: time.Hour, RefuseAfter: 1000 * time.Hour}, "rates.refuse_after: got 1000h")
	f(file.path, Limits{WarnAfter: time.Hour, RefuseAfter: time.Hour, MaxFactor: 1}, "rates.max_factor: got 1")
}

func TestWatchReportsEachChangeOnce(t *testing.T) {
	file := newFile(t, good)
	synctest.Test(t, func(t *testing.T) {
		// The bubble's clock starts in 2000: count from the table's day instead.
		start := time.Now()
		s, err := New(file.path, DefaultLimits(), func() time.Time { return friday.Add(time.Since(start)) })
		if err != nil {
			t.Fatal(err)
		}
		reports := make(chan string, 100)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Watch(ctx, time.Minute, func(err error) {
				if err == nil {
					reports <- "well"
					return
				}
				reports <- err.Error()
			})
		}()
		f := func(d time.Duration, want string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			got := ""
			if len(reports) > 0 {
				got = <-reports
			}
			if len(reports) > 0 || want == "" && got != "" || !strings.Contains(got, want) {
				t.Fatalf("got %q and %d more; want one that says %q", got, len(reports), want)
			}
		}
		f(time.Hour, "")
		file.write("nonsense")
		f(time.Hour, "date, base and rates")
		file.write(good)
		f(time.Hour, "well")
		f(34*time.Hour, "2026-11-20, which is stale")
		f(63*time.Hour, "2026-11-20, which is refused")
		file.write("date: 2026-11-24\nbase: USD\nrates: {EUR: 1.07}\n")
		f(time.Hour, "well")
		if !s.Current().Knows(eur) {
			t.Fatal("a new table must bring the currencies back")
		}
		cancel()
		<-done
	})
}

func TestReadersWhileReloading(t *testing.T) {
	file := newFile(t, good)
	s, err := New(file.path, DefaultLimits(), at(friday))
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if v, ok := s.At(friday).Convert(1_000_000, eur, money.USD, money.RoundUp); !ok || v != 1_080_000 {
					t.Errorf("got %v, %v", v, ok)
					return
				}
			}
		})
	}
	for range 200 {
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	readers.Wait()
}
