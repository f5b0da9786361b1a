package attribution

import (
	"database/sql"
	"fmt"
)

const upsertPayable = `INSERT INTO payables (day, advertiser, exchange, currency, billable, units, nanos)
	VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, advertiser, exchange, currency) DO UPDATE SET
	billable = payables.billable + excluded.billable, units = payables.units + excluded.units, nanos = payables.nanos + excluded.nanos`

func (b *batch) writePayables() error {
	for k, p := range b.payables {
		sum := p.sum.Norm()
		err := b.exec(upsertPayable, int64(k.day), k.advertiser, k.exchange, k.currency, p.billable, sum.Units, sum.Nanos)
		if err != nil {
			return fmt.Errorf("write payable: %w", err)
		}
	}
	return nil
}

const upsertPosition = `INSERT INTO offsets (topic, partition, next, read_to) VALUES (?, ?, ?, ?)
	ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next, read_to = excluded.read_to`

func (b *batch) writePositions() error {
	for p, pos := range b.positions {
		var readTo int64
		if !pos.readTo.IsZero() {
			readTo = pos.readTo.UnixNano()
		}
		if err := b.exec(upsertPosition, p.topic, int64(p.n), pos.next, readTo); err != nil {
			return fmt.Errorf("write offset: %w", err)
		}
	}
	return nil
}

// stmt prepares query once per batch.
func (b *batch) stmt(query string) (*sql.Stmt, error) {
	if s := b.stmts[query]; s != nil {
		return s, nil
	}
	s, err := b.tx.PrepareContext(b.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", query, err)
	}
	b.stmts[query] = s
	return s, nil
}

func (b *batch) exec(query string, args ...any) error {
	s, err := b.stmt(query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(b.ctx, args...)
	return err
}

// scanner is a row, or the error of asking for it.
type scanner interface{ Scan(dest ...any) error }

type failedRow struct{ error }

func (f failedRow) Scan(...any) error { return f.error }

func (b *batch) row(query string, args ...any) scanner {
	s, err := b.stmt(query)
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(b.ctx, args...)
}
