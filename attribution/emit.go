package attribution

import (
	"context"
	"fmt"

	"bidhawk/internal/eventlog"
)

// emitRows bounds one append of what the outbox holds.
const emitRows = 500

// emit brings the outbox into the log until ctx ends. A record leaves the outbox
// only when it is durable: after a crash it may be written twice.
func (s *Service) emit(ctx context.Context) error {
	pause := firstPause
	for {
		n, err := s.emitSome(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.deps.Failed(fmt.Errorf("emit attributed conversions: %w", err))
			if !wait(ctx, pause) {
				return nil
			}
			pause = min(2*pause, lastPause)
		case n == emitRows:
			pause = firstPause
		default:
			pause = firstPause
			select {
			case <-s.outboxed:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func (s *Service) emitSome(ctx context.Context) (int, error) {
	rows, err := s.store.r.QueryContext(ctx, `SELECT id, topic, key, value FROM outbox ORDER BY id LIMIT ?`, emitRows)
	if err != nil {
		return 0, fmt.Errorf("read outbox: %w", err)
	}
	defer rows.Close()
	var last int64
	var msgs []eventlog.Message
	for rows.Next() {
		var m eventlog.Message
		if err := rows.Scan(&last, &m.Topic, &m.Key, &m.Value); err != nil {
			return 0, fmt.Errorf("read outbox: %w", err)
		}
		msgs = append(msgs, m)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read outbox: %w", err)
	}
	rows.Close()
	if len(msgs) == 0 {
		return 0, nil
	}
	if err := s.deps.Log.Append(ctx, msgs...); err != nil {
		return 0, err
	}
	// Ids only grow and were read in their order: nothing at or below last is new.
	if _, err := s.store.w.ExecContext(ctx, `DELETE FROM outbox WHERE id <= ?`, last); err != nil {
		return 0, fmt.Errorf("clear outbox: %w", err)
	}
	s.mu.Lock()
	s.mu.stats.Emitted += int64(len(msgs))
	s.mu.Unlock()
	return len(msgs), nil
}
