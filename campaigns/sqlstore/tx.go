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
	id, err := t.insertRow(ctx, e, o)
	if err != nil {
		return fmt.Errorf("insert %s: %w", e.Kind(), err)
	}
	e.Head().ID = id
	return t.put(ctx, e, 0)
}

// insertRow takes the next id; the body, which holds the id, follows.
func (t *tx) insertRow(ctx context.Context, e campaigns.Entity, o campaigns.Owner) (campaigns.ID, error) {
	columns, args := "status, revision, body", []any{e.State(), 0, []byte{}}
	switch v := e.(type) {
	case *campaigns.Advertiser:
		columns, args = columns+", agency_id", append(args, o.Agency)
	case *campaigns.Campaign, *campaigns.Creative:
		columns, args = columns+", agency_id, advertiser_id", append(args, o.Agency, o.Advertiser)
	case *campaigns.LineItem:
		columns, args = columns+", agency_id, advertiser_id, campaign_id", append(args, o.Agency, o.Advertiser, v.CampaignID)
	}
	table, err := tableOf(e.Kind())
	if err != nil {
		return 0, err
	}
	marks := "?, ?, ?, ?, ?, ?"[:3*len(args)-2]
	var id campaigns.ID
	err = t.sql.QueryRowContext(ctx, "INSERT INTO "+table.name+" ("+columns+") VALUES ("+marks+") RETURNING id", args...).Scan(&id)
	return id, err
}

// Replace implements campaigns.Tx.
func (t *tx) Replace(ctx context.Context, e campaigns.Entity) error {
	return t.put(ctx, e, e.Head().Revision-1)
}

// put writes e over revision was of itself and queues its record.
func (t *tx) put(ctx context.Context, e campaigns.Entity, was int64) error {
	k, head := e.Kind(), e.Head()
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode %s %d: %w", k, head.ID, err)
	}
	table, err := tableOf(k)
	if err != nil {
		return err
	}
	res, err := t.sql.ExecContext(ctx, "UPDATE "+table.name+" SET status = ?, revision = ?, body = ? WHERE id = ? AND revision = ?",
		e.State(), head.Revision, body, head.ID, was)
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
		ON CONFLICT (topic_key) DO UPDATE SET revision = excluded.revision, body = excluded.body`,
		key, k.Revision, body); err != nil {
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
