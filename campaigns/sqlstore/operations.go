package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
)

// operationsKept is how long the outcome of a bulk edit can be read.
const operationsKept = 30 * 24 * time.Hour

// CreateOperation implements campaigns.OperationStore. It also forgets old ones.
func (s *Store) CreateOperation(ctx context.Context, o *campaigns.Operation) error {
	return s.inTx(ctx, func(t *sql.Tx) error {
		old := nanos(s.now().Add(-operationsKept))
		for _, q := range []string{
			"DELETE FROM operation_rows WHERE operation_id IN (SELECT id FROM operations WHERE created_ns < ?)",
			"DELETE FROM operations WHERE created_ns < ?",
		} {
			if _, err := t.ExecContext(ctx, q, old); err != nil {
				return fmt.Errorf("forget old operations: %w", err)
			}
		}
		if err := t.QueryRowContext(ctx, "INSERT INTO operations (actor, created_ns, body) VALUES (?, ?, ?) RETURNING id",
			o.Actor, nanos(o.CreatedAt), []byte("{}")).Scan(&o.ID); err != nil {
			return fmt.Errorf("create operation: %w", err)
		}
		return saveOperation(ctx, t, *o, nil)
	})
}

// SaveOperation implements campaigns.OperationStore.
func (s *Store) SaveOperation(ctx context.Context, o campaigns.Operation, rows []campaigns.OperationRow) error {
	return s.inTx(ctx, func(t *sql.Tx) error { return saveOperation(ctx, t, o, rows) })
}

// SaveOperation implements campaigns.Tx.
func (t *tx) SaveOperation(ctx context.Context, o campaigns.Operation, rows []campaigns.OperationRow) error {
	return saveOperation(ctx, t.sql, o, rows)
}

func saveOperation(ctx context.Context, t *sql.Tx, o campaigns.Operation, rows []campaigns.OperationRow) error {
	body, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode operation %d: %w", o.ID, err)
	}
	if _, err := t.ExecContext(ctx, "UPDATE operations SET body = ? WHERE id = ?", body, o.ID); err != nil {
		return fmt.Errorf("save operation %d: %w", o.ID, err)
	}
	for _, r := range rows {
		if body, err = json.Marshal(r); err != nil {
			return fmt.Errorf("encode row %d of operation %d: %w", r.Row, o.ID, err)
		}
		if _, err := t.ExecContext(ctx, "INSERT INTO operation_rows (operation_id, line, body, outcome) VALUES (?, ?, ?, ?)",
			o.ID, r.Row, body, r.Outcome); err != nil {
			return fmt.Errorf("save row %d of operation %d: %w", r.Row, o.ID, err)
		}
	}
	return nil
}

// Operation implements campaigns.OperationStore.
func (s *Store) Operation(ctx context.Context, id campaigns.ID) (o campaigns.Operation, err error) {
	var body []byte
	err = s.db.Read.QueryRowContext(ctx, "SELECT body FROM operations WHERE id = ?", id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return o, fmt.Errorf("operation %d: %w", id, campaigns.ErrNotFound)
	} else if err != nil {
		return o, fmt.Errorf("get operation %d: %w", id, err)
	}
	return o, json.Unmarshal(body, &o)
}

// OperationRows implements campaigns.OperationStore.
func (s *Store) OperationRows(ctx context.Context, id campaigns.ID, outcome string, after, limit int) ([]campaigns.OperationRow, error) {
	q := &query{}
	q.where("operation_id = ?", id)
	q.where("line > ?", after)
	if outcome != "" {
		q.where("outcome = ?", outcome)
	}
	return list(ctx, s.db.Read, "operation_rows", "body", q, "line", limit, func(rows *sql.Rows) (r campaigns.OperationRow, err error) {
		var body []byte
		if err = rows.Scan(&body); err != nil {
			return r, err
		}
		return r, json.Unmarshal(body, &r)
	})
}
