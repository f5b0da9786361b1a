// Package group is group commit: many goroutines each wait for one small write
// to be durable, and one goroutine pays for one large write on behalf of all
// that are waiting.
package group

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// ErrClosed reports a Do after Close.
var ErrClosed = errors.New("committer is closed")

// Config bounds and performs a commit.
type Config[T any] struct {
	// Commit makes all items durable or returns why not; every caller whose item
	// is in the slice gets that answer. It runs on one goroutine, never twice at
	// a time, and must not retain items.
	Commit func(items []T) error
	// Size is what an item counts against MaxBytes.
	Size     func(T) int
	MaxItems int // per commit; > 0
	MaxBytes int // per commit; > 0; one larger item is committed alone
}

// Committer shares commits among concurrent callers of Do. It owns one
// goroutine, which Close stops and waits for.
type Committer[T any] struct {
	cfg  Config[T]
	in   chan call[T] // unbuffered: whoever was received is answered, whoever was not is not committed
	stop chan struct{}
	done chan struct{}
	once sync.Once
}

type call[T any] struct {
	item T
	done chan error // capacity 1: the answer never waits for a caller that left
}

// New starts a committer.
func New[T any](cfg Config[T]) *Committer[T] {
	c := &Committer[T]{cfg: cfg, in: make(chan call[T]), stop: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	return c
}

// Do returns Commit's answer for item. Items of one goroutine are committed in
// the order of its calls. Once ctx ends Do returns its error at once, and the
// item may or may not be committed: the caller must not reuse what it points to.
func (c *Committer[T]) Do(ctx context.Context, item T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	one := call[T]{item: item, done: make(chan error, 1)}
	select {
	case c.in <- one:
	case <-c.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close refuses new items and waits until those accepted are committed and
// answered.
func (c *Committer[T]) Close() {
	c.once.Do(func() { close(c.stop) })
	<-c.done
}

func (c *Committer[T]) run() {
	defer close(c.done)
	var (
		items []T
		calls []chan error
	)
	for {
		select {
		case first := <-c.in:
			items, calls = c.collect(append(items[:0], first.item), append(calls[:0], first.done))
		case <-c.stop:
			return
		}
		err := c.cfg.Commit(items)
		for _, done := range calls {
			done <- err
		}
		clear(items) // let go of what the callers own
	}
}

// collect adds whoever is waiting now to the first caller, within the bounds.
func (c *Committer[T]) collect(items []T, calls []chan error) ([]T, []chan error) {
	bytes := c.cfg.Size(items[0])
	// The callers that the last commit answered are runnable but have not run:
	// let them come back, or commits alternate between everybody and nobody.
	runtime.Gosched()
	for len(items) < c.cfg.MaxItems && bytes < c.cfg.MaxBytes {
		select {
		case next := <-c.in:
			items, calls = append(items, next.item), append(calls, next.done)
			bytes += c.cfg.Size(next.item)
		default:
			return items, calls
		}
	}
	return items, calls
}
