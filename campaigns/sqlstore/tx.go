package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"bidhawk/campaigns"
)

// tx implements campaigns.Tx.
type tx struct {
	reader
	sql *sql.Tx
}

// Insert implements campaigns.Tx.
func (t *tx) Insert(ctx context.Context, e campaigns.Entity, o campaigns.Owner) error {
	k, head := e.Kind(), e.Head()
	err := t.sql.QueryRowContext(ctx, `INSERT INTO id_counters (kind, last) VALUES (?, 1)
		ON CONFLICT (kind) DO UPDATE SET last = id_counters.last + 1 RETURNING last`, k).Scan(&head.ID)
	if err != nil {
		return fmt.Errorf("insert %s: next id: %w", k, err)
	}
	switch k {
	case campaigns.KindAgency:
		o.Agency = head.ID
	case campaigns.KindAdvertiser:
		o.Advertiser = head.ID
	}
	_, parent := e.Parent()
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode %s %d: %w", k, head.ID, err)
	}
	if _, err := t.sql.ExecContext(ctx, `INSERT INTO entities (kind, id, agency_id, advertiser_id, parent_id, owner, external_id,
		name_key, status, revision, updated_ns, body) VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?)`,
		k, head.ID, o.Agency, o.Advertiser, parent, o.ExternalScope(k), head.ExternalID,
		campaigns.SortKey(e, campaigns.OrderName), e.State(), head.Revision, head.UpdatedAt.UnixNano(), body); err != nil {
		return fmt.Errorf("insert %s %d: %w", k, head.ID, err)
	}
	return t.queue(ctx, campaigns.TopicKey(k, head.ID), body)
}

// Replace implements campaigns.Tx.
func (t *tx) Replace(ctx context.Context, e campaigns.Entity) error {
	k, head := e.Kind(), e.Head()
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode %s %d: %w", k, head.ID, err)
	}
	was := head.Revision - 1
	res, err := t.sql.ExecContext(ctx, `UPDATE entities SET external_id = nullif(?, ''), name_key = ?, status = ?, revision = ?,
		updated_ns = ?, body = ? WHERE kind = ? AND id = ? AND revision = ?`,
		head.ExternalID, campaigns.SortKey(e, campaigns.OrderName), e.State(), head.Revision,
		head.UpdatedAt.UnixNano(), body, k, head.ID, was)
	if err != nil {
		return fmt.Errorf("write %s %d: %w", k, head.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("write %s %d: %w", k, head.ID, err)
	} else if n != 1 {
		return fmt.Errorf("%s %d: revision %d: %w", k, head.ID, was, campaigns.ErrConflict)
	}
	return t.queue(ctx, campaigns.TopicKey(k, head.ID), body)
}

// PutKillSwitch implements campaigns.Tx.
func (t *tx) PutKillSwitch(ctx context.Context, k *campaigns.KillSwitch) error {
	key := k.TopicKey()
	err := t.sql.QueryRowContext(ctx, "SELECT revision FROM kill_switches WHERE topic_key = ?", key).Scan(&k.Revision)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read %s: %w", key, err)
	} else if err != nil {
		k.Revision = 0
	}
	k.Revision++
	body, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if _, err := t.sql.ExecContext(ctx, `INSERT INTO kill_switches (topic_key, revision, body) VALUES (?, ?, ?)
		ON CONFLICT (topic_key) DO UPDATE SET revision = excluded.revision, body = excluded.body`, key, k.Revision, body); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return t.queue(ctx, key, body)
}

func (t *tx) queue(ctx context.Context, key string, value []byte) error {
	if _, err := t.sql.ExecContext(ctx, "INSERT INTO outbox (topic_key, value) VALUES (?, ?)", key, value); err != nil {
		return fmt.Errorf("queue %s: %w", key, err)
	}
	return nil
}
