package attribution

import (
	"context"
	"fmt"
	"time"
)

// Freshness says how much of the log the roll-ups hold.
type Freshness struct {
	// AsOf: everything appended before it is counted. Zero: nothing was read yet.
	AsOf time.Time
	// LagRecords is how many records wait to be read.
	LagRecords int64
}

// Freshness asks the log how far behind the roll-ups are.
func (s *Service) Freshness(ctx context.Context) (Freshness, error) {
	f := Freshness{AsOf: s.deps.Now().UTC()} // before the bounds are read: what comes later is newer
	s.mu.Lock()
	positions := clonePositions(s.mu.positions)
	s.mu.Unlock()
	ends, err := s.ends(ctx)
	if err != nil {
		return Freshness{}, err
	}
	for p, end := range ends {
		pos := positions[p]
		if pos.next >= end {
			continue
		}
		f.LagRecords += end - pos.next
		if pos.readTo.Before(f.AsOf) {
			f.AsOf = pos.readTo
		}
	}
	return f, nil
}

// ends returns the next offset to be written of every partition.
func (s *Service) ends(ctx context.Context) (map[partition]int64, error) {
	ends := make(map[partition]int64)
	for _, topic := range topics {
		n, err := s.deps.Log.Partitions(ctx, topic)
		if err != nil {
			return nil, fmt.Errorf("partitions of %s: %w", topic, err)
		}
		for i := range n {
			_, next, err := s.deps.Log.Bounds(ctx, topic, i)
			if err != nil {
				return nil, fmt.Errorf("bounds of %s/%d: %w", topic, i, err)
			}
			ends[partition{topic, i}] = next
		}
	}
	return ends, nil
}

// CatchUp waits until everything that the log holds now is in the roll-ups. Run
// must be running.
func (s *Service) CatchUp(ctx context.Context) error {
	ends, err := s.ends(ctx)
	if err != nil {
		return err
	}
	for {
		s.mu.Lock()
		done := true
		for p, end := range ends {
			done = done && s.mu.positions[p].next >= end
		}
		changed := s.mu.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("catch up with the log: %w", ctx.Err())
		}
	}
}
