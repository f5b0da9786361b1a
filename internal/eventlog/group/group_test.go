package group

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func one(int) int { return 1 }

// While a commit runs, those who arrive share the next one.
func TestWaitingCallersShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		release := make(chan struct{})
		c := New(Config[int]{Size: one, MaxItems: 6, MaxBytes: 100, Commit: func(items []int) error {
			sizes = append(sizes, len(items))
			<-release
			return nil
		}})
		var wg sync.WaitGroup
		do := func(i int) {
			wg.Go(func() {
				if err := c.Do(t.Context(), i); err != nil {
					t.Errorf("do %d: %v", i, err)
				}
			})
		}
		do(0)
		synctest.Wait() // the first is committing
		for i := range 10 {
			do(i + 1)
		}
		synctest.Wait() // ten wait
		close(release)
		wg.Wait()
		c.Close()
		if got, want := fmt.Sprint(sizes), "[1 6 4]"; got != want {
			t.Errorf("commits of %s; want %s", got, want)
		}
	})
}

func TestEveryCallerGetsItsCommitsError(t *testing.T) {
	broken := errors.New("broken")
	var commits atomic.Int64
	c := New(Config[int]{Size: one, MaxItems: 3, MaxBytes: 100, Commit: func(items []int) error {
		if commits.Add(1); items[0]%2 == 1 {
			return broken
		}
		return nil
	}})
	defer c.Close()
	for i := range 10 {
		if err := c.Do(t.Context(), i); (err != nil) != (i%2 == 1) || err != nil && !errors.Is(err, broken) {
			t.Errorf("do %d: %v", i, err)
		}
	}
	if commits.Load() != 10 {
		t.Errorf("%d commits for 10 callers one after the other", commits.Load())
	}
}

func TestMaxBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		release := make(chan struct{})
		c := New(Config[int]{Size: func(n int) int { return n }, MaxItems: 100, MaxBytes: 10, Commit: func(items []int) error {
			batches = append(batches, append([]int(nil), items...))
			<-release
			return nil
		}})
		var wg sync.WaitGroup
		for _, size := range []int{50, 4, 4, 4, 4} { // the first commits alone; 4+4+4 reaches 10
			wg.Go(func() { c.Do(t.Context(), size) })
			synctest.Wait()
		}
		close(release)
		wg.Wait()
		c.Close()
		if got := fmt.Sprint(batches); got != "[[50] [4 4 4] [4]]" {
			t.Errorf("batches %s", got)
		}
	})
}

func TestLeavingAndClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var committed []int
		release := make(chan struct{})
		c := New(Config[int]{Size: one, MaxItems: 100, MaxBytes: 100, Commit: func(items []int) error {
			<-release
			committed = append(committed, items...)
			return nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { errs <- c.Do(ctx, 1) }() // is committing
		synctest.Wait()
		go func() { errs <- c.Do(ctx, 2) }() // waits
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("left with %v", err)
			}
		}
		go func() { errs <- c.Do(t.Context(), 3) }() // waits when Close comes
		synctest.Wait()
		done := make(chan struct{})
		go func() { c.Close(); close(done) }()
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Errorf("a caller waiting at close got %v", err)
		}
		close(release)
		<-done
		c.Close()
		if err := c.Do(t.Context(), 4); !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v", err)
		}
		if fmt.Sprint(committed) != "[1]" {
			t.Errorf("committed %v; want only what was accepted", committed)
		}
	})
}
