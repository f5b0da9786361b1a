package attribution

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"bidhawk/attribution/reach"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/sqldb"
)

// Pauses between attempts to read or write a log that fails.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// read hands over the records of one partition until ctx ends. It holds at most
// one fetch: a slow writer slows it down.
func (s *Service) read(ctx context.Context, p partition, next int64, out chan<- fetch) error {
	pause := firstPause
	for {
		from := next
		err := s.pump(ctx, p, &next, out)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, eventlog.ErrClosed) {
			return fmt.Errorf("read %s/%d: %w", p.topic, p.n, err)
		}
		if errors.Is(err, eventlog.ErrOffsetOutOfRange) {
			if next, err = s.overGap(ctx, p, next); err == nil {
				continue
			}
		}
		s.deps.Failed(fmt.Errorf("read %s/%d: %w", p.topic, p.n, err))
		if next > from {
			pause = firstPause
		}
		if !wait(ctx, pause) {
			return nil
		}
		pause = min(2*pause, lastPause)
	}
}

// pump reads from *next on until something fails.
func (s *Service) pump(ctx context.Context, p partition, next *int64, out chan<- fetch) error {
	r, err := s.deps.Log.Read(ctx, p.topic, p.n, *next)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		records, err := r.Fetch(ctx, s.cfg.FetchRecords)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue
		}
		select {
		case out <- fetch{p, records}:
			*next = records[len(records)-1].Offset + 1
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// overGap is where to go on when the log no longer holds offset next.
func (s *Service) overGap(ctx context.Context, p partition, next int64) (int64, error) {
	first, end, err := s.deps.Log.Bounds(ctx, p.topic, p.n)
	if err != nil {
		return next, err
	}
	if next >= first {
		return next, fmt.Errorf("offset %d is not readable, yet the log holds %d to %d", next, first, end)
	}
	s.deps.Gap(p.topic, p.n, next, first)
	return first, nil
}

// wait pauses; false: ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// writeBatches owns the database's writing side until ctx ends.
func (s *Service) writeBatches(ctx context.Context, in <-chan fetch) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-in:
			if err := s.apply(ctx, s.collect(ctx, f, in)); err != nil {
				return unlessDone(ctx, err)
			}
		case o := <-s.merges:
			if err := s.applyMerges(ctx, o); err != nil {
				return unlessDone(ctx, err)
			}
		case readTo := <-s.offers:
			if err := s.prune(ctx, readTo); err != nil {
				return unlessDone(ctx, err)
			}
		}
	}
}

// unlessDone drops the error of work that was cut off by the end of ctx.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// collect adds what arrives within Linger to the first fetch of a batch.
func (s *Service) collect(ctx context.Context, first fetch, in <-chan fetch) []fetch {
	fetches, n := []fetch{first}, len(first.records)
	linger := time.NewTimer(max(0, s.cfg.Linger))
	defer linger.Stop()
	for n+s.cfg.FetchRecords <= s.cfg.BatchRecords {
		select {
		case f := <-in:
			fetches, n = append(fetches, f), n+len(f.records)
		case <-linger.C:
			return fetches
		case <-ctx.Done():
			return fetches
		}
	}
	return fetches
}

// apply commits one batch: all of it, or nothing.
func (s *Service) apply(ctx context.Context, fetches []fetch) error {
	tx, err := s.store.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	b := s.newBatch(ctx, tx)
	for _, f := range fetches {
		if err := b.add(f, s.deps.DeadLetter); err != nil {
			return err
		}
	}
	if err := b.write(); err != nil {
		return err
	}
	if err := sqldb.Commit(tx); err != nil {
		return err
	}
	s.committed(b)
	return nil
}

func (s *Service) newBatch(ctx context.Context, tx *sql.Tx) *batch {
	s.mu.Lock()
	positions := clonePositions(s.mu.positions)
	s.mu.Unlock()
	return &batch{
		ctx: ctx, cfg: s.cfg, tx: tx, now: s.deps.Now(), open: s.open,
		advertisers: newAdvertisers(s.deps.Catalog(), s.zones),
		stmts:       make(map[string]*sql.Stmt),
		positions:   positions,
		rows:        make(map[group]*metrics),
		late:        make(map[lateKey]*metrics),
		parts:       s.parts,
		people:      make(map[Day]*reach.Day),
		nextReach:   &s.nextReach,
		texts:       &s.texts,
		shown:       s.shown,
		payables:    make(map[payable]*payableSum),
		seen:        make(map[chunkKey]*chunk),
		posted:      make(map[int32]int64),
		books:       newBooks(),
		stale:       make(map[orderKey]struct{}),
	}
}

// committed publishes what a batch changed.
func (s *Service) committed(b *batch) {
	b.stats.Batches = 1
	b.stats.UnknownAdvertisers = b.advertisers.unknown
	s.mu.Lock()
	s.mu.positions = b.positions
	s.mu.stats.add(b.stats)
	close(s.mu.changed)
	s.mu.changed = make(chan struct{})
	s.mu.Unlock()
	if s.deps.Counted != nil {
		s.deps.Counted(b.counts())
	}
	if b.emitted > 0 {
		select {
		case s.outboxed <- struct{}{}:
		default: // the emitter is already awake, or about to look
		}
	}
}
