package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bidhawk/internal/sqldb"
)

// turn is the right to publish the outbox of a database that several nodes share:
// a lock of the database's, held by one node's session at a time. It belongs to
// the Relay's goroutine.
//
// A lock alone is not enough. A node whose session the server has ended (its network
// is cut, say) may have an append under way that reaches the log after the next node
// has published newer revisions; compaction would then keep the older one for good.
// So a node writes down, before each append, until when it may arrive at the latest,
// and gives the append up before that; whoever takes the lock waits until then.
type turn struct {
	db   *sqldb.DB
	lock *sqldb.Lock
}

// slack is how much later than its deadline an append may still arrive.
const slack = 2 * time.Second

// nowMillis is the database's clock: the nodes' may differ.
const nowMillis = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"

// take says whether it is this node's turn.
func (t *turn) take(ctx context.Context) (bool, error) {
	if t.lock != nil || !t.db.Postgres() {
		return true, nil
	}
	lock, ok, err := t.db.TryLock(ctx, "relay")
	if err != nil || !ok {
		return false, err
	}
	var wait int64
	if err := lock.Conn().QueryRowContext(ctx, "SELECT coalesce(max(busy_until) - "+nowMillis+", 0) FROM relay").Scan(&wait); err != nil {
		return false, errors.Join(fmt.Errorf("take the relay's turn: %w", err), lock.Close())
	}
	if wait > 0 { // an append of the node before may be under way
		timer := time.NewTimer(time.Duration(wait) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false, errors.Join(ctx.Err(), lock.Close())
		}
	}
	t.lock = lock
	return true, nil
}

// begin announces an append that ends within most. Its success shows that the lock
// is still held.
func (t *turn) begin(ctx context.Context, most time.Duration) error {
	if t.lock == nil {
		return nil
	}
	_, err := t.lock.Conn().ExecContext(ctx, "INSERT INTO relay (id, busy_until) VALUES (1, "+nowMillis+
		" + ?) ON CONFLICT (id) DO UPDATE SET busy_until = excluded.busy_until", (most + slack).Milliseconds())
	if err != nil {
		return errors.Join(fmt.Errorf("announce an append: %w", err), t.end())
	}
	return nil
}

// finish removes what was appended, up to and with last.
func (t *turn) finish(ctx context.Context, last int64) error {
	const clear = "DELETE FROM outbox WHERE seq <= ?"
	if t.lock == nil {
		_, err := t.db.Write.ExecContext(ctx, clear, last)
		return err
	}
	_, err := t.lock.Conn().ExecContext(ctx, clear, last)
	if err == nil {
		_, err = t.lock.Conn().ExecContext(ctx, "UPDATE relay SET busy_until = 0")
	}
	if err != nil {
		return errors.Join(err, t.end())
	}
	return nil
}

// end gives the turn up, so that another node takes it at once.
func (t *turn) end() error {
	if t.lock == nil {
		return nil
	}
	err := t.lock.Close()
	t.lock = nil
	return err
}
