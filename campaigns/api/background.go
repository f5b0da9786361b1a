package api

import (
	"context"
	"sync"
)

// work is what goes on after its request was answered.
type work struct {
	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu     sync.Mutex
	closed bool // and then nothing begins
}

// background runs f with the caller and the error sink of ctx, until Close; false
// where the API is closed.
func (a *API) background(ctx context.Context, f func(context.Context)) bool {
	w := &a.work
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(w.ctx, cancel)
	w.group.Go(func() {
		defer cancel()
		defer stop()
		f(ctx)
	})
	return true
}

// Close ends what goes on in the background, between two transactions, and waits
// for it. The store must still be open.
func (a *API) Close() {
	w := &a.work
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	w.group.Wait()
}
