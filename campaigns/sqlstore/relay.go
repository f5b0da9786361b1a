package sqlstore

import (
	"context"
	"fmt"
	"time"

	"bidhawk/internal/eventlog"
)

// RelayConfig configures a Relay.
type RelayConfig struct {
	// Poll is how often the outbox is looked at without a wake-up, for the rows
	// of other processes; 0 is 250 ms.
	Poll time.Duration
	// BatchMax bounds the records of one Append; 0 is 256.
	BatchMax int
	// AppendMax bounds one Append; 0 is 10 s.
	AppendMax time.Duration
	// OnError, if not nil, gets the errors that Run retries. It must not block.
	OnError func(error)
}

// Relay publishes the outbox of a Store to the campaigns topic, in order. A row
// is deleted only after the log has it, so a crash in between publishes it
// again: at least once. One relay runs per SQLite file; of those of the nodes that
// share a Postgres one publishes at a time, and the others stand by.
type Relay struct {
	cfg   RelayConfig
	store *Store
	log   eventlog.Log
	turn  turn // of the goroutine that calls Run or Flush
}

// NewRelay returns a relay; Run starts it.
func NewRelay(cfg RelayConfig, store *Store, log eventlog.Log) *Relay {
	if cfg.Poll <= 0 {
		cfg.Poll = 250 * time.Millisecond
	}
	if cfg.BatchMax <= 0 {
		cfg.BatchMax = 256
	}
	if cfg.AppendMax <= 0 {
		cfg.AppendMax = 10 * time.Second
	}
	return &Relay{cfg: cfg, store: store, log: log, turn: turn{db: store.db}}
}

// Run publishes until ctx ends. It is woken by each commit of its Store, and
// retries whatever fails: an edit waits in the outbox while the log is away.
func (r *Relay) Run(ctx context.Context) {
	tick := time.NewTicker(r.cfg.Poll)
	defer tick.Stop()
	defer r.endTurn()
	for {
		if _, err := r.flush(ctx); err != nil && ctx.Err() == nil {
			if r.cfg.OnError != nil {
				r.cfg.OnError(err)
			}
			select { // not at once again: the wake-ups of a burst would spin
			case <-ctx.Done():
				return
			case <-tick.C:
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.store.committed:
		case <-tick.C:
		}
	}
}

// Flush publishes everything queued so far and returns how many records: 0 where
// it is another node's turn. It must not be called while Run runs.
func (r *Relay) Flush(ctx context.Context) (published int, err error) {
	defer r.endTurn()
	return r.flush(ctx)
}

func (r *Relay) endTurn() {
	if err := r.turn.end(); err != nil && r.cfg.OnError != nil {
		r.cfg.OnError(fmt.Errorf("end the relay's turn: %w", err))
	}
}

func (r *Relay) flush(ctx context.Context) (published int, err error) {
	if mine, err := r.turn.take(ctx); err != nil || !mine {
		return 0, err
	}
	for {
		msgs, last, err := r.pending(ctx)
		if err != nil || len(msgs) == 0 {
			return published, err
		}
		if err := r.append(ctx, msgs); err != nil {
			return published, fmt.Errorf("publish %d campaign records: %w", len(msgs), err)
		}
		published += len(msgs)
		if err := r.turn.finish(ctx, last); err != nil {
			return published, fmt.Errorf("clear the outbox to %d: %w", last, err)
		}
	}
}

// append makes msgs durable on the log, or gives up.
func (r *Relay) append(ctx context.Context, msgs []eventlog.Message) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.AppendMax) // begun before begin: the announced end is later
	defer cancel()
	if err := r.turn.begin(ctx, r.cfg.AppendMax); err != nil {
		return err
	}
	return r.log.Append(ctx, msgs...)
}

// maxBatchBytes ends a batch early: entities with long domain lists are large.
const maxBatchBytes = 8 << 20

// pending reads the oldest rows. last is the seq of the newest of them.
func (r *Relay) pending(ctx context.Context) (msgs []eventlog.Message, last int64, err error) {
	rows, err := r.store.db.Read.QueryContext(ctx, "SELECT seq, topic_key, value FROM outbox ORDER BY seq LIMIT ?", r.cfg.BatchMax)
	if err != nil {
		return nil, 0, fmt.Errorf("read the outbox: %w", err)
	}
	defer rows.Close()
	for size := 0; size < maxBatchBytes && rows.Next(); {
		m := eventlog.Message{Topic: eventlog.TopicCampaigns}
		if err := rows.Scan(&last, &m.Key, &m.Value); err != nil {
			return nil, 0, fmt.Errorf("read the outbox: %w", err)
		}
		msgs = append(msgs, m)
		size += len(m.Value)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("read the outbox: %w", err)
	}
	return msgs, last, nil
}

// Pending is how many records wait to be published.
func (r *Relay) Pending(ctx context.Context) (n int64, err error) {
	if err := r.store.db.Read.QueryRowContext(ctx, "SELECT count(*) FROM outbox").Scan(&n); err != nil {
		return 0, fmt.Errorf("count the outbox: %w", err)
	}
	return n, nil
}
