package feed

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/sqldb"
)

// batchRecords bounds one transaction.
const batchRecords = 5_000

// writing names the transactions that take events in.
const writing = "feed"

// readPartition takes in what a partition holds now.
func (f *Feed) readPartition(ctx context.Context, topic string, p int32) error {
	first, end, err := f.deps.Log.Bounds(ctx, topic, p)
	if err != nil {
		return err
	}
	next, err := f.next(ctx, topic, p)
	if err != nil {
		return err
	}
	if next > end {
		return fmt.Errorf("%s has read to offset %d, but the log ends at %d: another log, or an older copy", f.db, next, end)
	}
	if next = max(next, first); next >= end {
		return nil
	}
	r, err := f.deps.Log.Read(ctx, topic, p, next)
	if err != nil {
		return err
	}
	defer r.Close()
	for next < end {
		records, err := r.Fetch(ctx, batchRecords)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue
		}
		next = records[len(records)-1].Offset + 1
		if err := f.take(ctx, topic, p, next, records); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feed) next(ctx context.Context, topic string, p int32) (next int64, err error) {
	err = f.db.Read.QueryRowContext(ctx, "SELECT next FROM offsets WHERE topic = ? AND partition = ?", topic, p).Scan(&next)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read offsets: %w", err)
	}
	return next, nil
}

// take stores the events among records, those that are new, and the offset behind
// them. What can't be read is in dead-letters already: attribution and the ledger
// read the same topics.
func (f *Feed) take(ctx context.Context, topic string, p int32, next int64, records []eventlog.Record) error {
	tx, err := f.db.Begin(ctx, writing)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	oldest := f.deps.Now().Add(-f.cfg.KeepIDs)
	for i := range records {
		kind, e, err := event(&records[i])
		if err != nil || e.At.Before(oldest) {
			continue
		}
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode %s: %w", e.ID, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO events (id, advertiser, hour, kind, at, part, line) VALUES (?, ?, ?, ?, ?, 0, ?)
			ON CONFLICT DO NOTHING`, e.ID, e.Advertiser, e.At.Truncate(time.Hour).Unix(), kind, e.At.UnixNano(), line); err != nil {
			return fmt.Errorf("store %s: %w", e.ID, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO offsets (topic, partition, next) VALUES (?, ?, ?)
		ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next`, topic, p, next); err != nil {
		return fmt.Errorf("store offset: %w", err)
	}
	return sqldb.Commit(tx)
}
