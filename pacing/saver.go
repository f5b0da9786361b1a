package pacing

import (
	"fmt"
	"time"
)

// saver decides when a runner writes a snapshot: now and then, and never one
// that stands after a posting that nobody has published. An owner publishes at
// once; a standby holds its folding for a moment, until the owner has.
type saver struct {
	r       *runner
	saved   time.Time
	holding bool // the fold waits
	until   time.Time
}

// perhaps writes a snapshot where it is time and possible.
func (s *saver) perhaps() error {
	r, now := s.r, s.r.p.deps.Clock()
	every := r.p.cfg.SnapshotEvery
	if !r.claimed {
		every *= standbySaves
	}
	switch {
	case now.Sub(s.saved) < every:
		s.holding = false
	case r.claimed || len(r.mu.pending) == 0:
		s.saved, s.holding = now, false
		return r.snapshot()
	case !s.holding:
		s.holding, s.until = true, now.Add(holdAtMost)
		r.trimmed = time.Time{} // the next tick looks
	case now.After(s.until): // nobody publishes: not now
		s.saved, s.holding = now, false
	default:
		r.trimmed = time.Time{}
	}
	return nil
}

// last writes a snapshot at the end. One that cannot be written is no loss: the
// one before stands.
func (s *saver) last() error {
	if len(s.r.mu.pending) > 0 {
		return nil
	}
	return s.r.snapshot()
}

// snapshot writes what changed since the last one, with the offset, in one batch.
func (r *runner) snapshot() error {
	err := r.p.store.commit(func(w snapWriter) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mu.snapshots++
		if s := r.mu.shard; s.serving() {
			if err := writeOwned(w, r.partition, s.epoch); err != nil {
				return err
			}
		}
		if err := r.mu.shard.plan.keep(w, r.partition, r.p.deps.Clock()); err != nil {
			return err
		}
		return r.mu.shard.ledger.flush(w, r.partitions)
	})
	if err != nil {
		return fmt.Errorf("snapshot of partition %d: %w", r.partition, err)
	}
	return nil
}
