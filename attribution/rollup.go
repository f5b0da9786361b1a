package attribution

import (
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// metrics is the batch's row of g.
func (b *batch) metrics(g group) *metrics {
	m := b.rows[g]
	if m == nil {
		m = new(metrics)
		b.rows[g] = m
	}
	return m
}

const (
	rollupKey      = "advertiser, day, slot, line_item, creative, exchange, site, app, deal, campaign"
	lineItemDayKey = "advertiser, day, line_item, campaign"
)

// upsert adds metrics to the row of a key. (Several rows in one statement were
// measured, and no faster.)
func upsert(table, key string) string {
	columns := strings.Join(metricColumns[:], ", ")
	adds := make([]string, len(metricColumns))
	for i, c := range metricColumns {
		adds[i] = c + " = " + c + " + excluded." + c
	}
	values := strings.Repeat(",?", strings.Count(key, ",")+len(metricColumns))
	return "INSERT INTO " + table + " (" + key + ", " + columns + ") VALUES (?" + values +
		") ON CONFLICT (" + key + ") DO UPDATE SET " + strings.Join(adds, ", ")
}

// writeRollups writes in the order of the keys: neighbours share pages.
func (b *batch) writeRollups() error {
	query, args := upsert("rollups", rollupKey), make([]any, 0, 40)
	byDay := make(map[lineItemDay]*metrics)
	for _, g := range slices.SortedFunc(maps.Keys(b.rows), group.compare) {
		m := b.rows[g]
		args = append(args[:0], g.advertiser, int64(g.day), g.slot, g.lineItem, g.creative,
			g.exchange, g.site, g.app, g.deal, g.campaign)
		if err := b.exec(query, m.appendArgs(args)...); err != nil {
			return fmt.Errorf("write roll-up: %w", err)
		}
		key := lineItemDay{g.advertiser, g.day, g.campaign, g.lineItem}
		if byDay[key] == nil {
			byDay[key] = new(metrics)
		}
		byDay[key].add(m)
	}
	query = upsert("line_item_days", lineItemDayKey)
	for k, m := range byDay {
		args = append(args[:0], k.advertiser, int64(k.day), k.lineItem, k.campaign)
		if err := b.exec(query, m.appendArgs(args)...); err != nil {
			return fmt.Errorf("write line item's day: %w", err)
		}
	}
	return nil
}

// compare orders groups as the table does, as far as it pays.
func (g group) compare(o group) int {
	return cmp.Or(
		cmp.Compare(g.advertiser, o.advertiser), cmp.Compare(g.day, o.day), cmp.Compare(g.slot, o.slot),
		cmp.Compare(g.lineItem, o.lineItem), cmp.Compare(g.creative, o.creative),
		strings.Compare(g.exchange, o.exchange), strings.Compare(g.site, o.site),
	)
}

const upsertPayable = `INSERT INTO payables (day, advertiser, exchange, currency, billable, units, nanos)
	VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
	billable = billable + excluded.billable, units = units + excluded.units, nanos = nanos + excluded.nanos`

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
	ON CONFLICT DO UPDATE SET next = excluded.next, read_to = excluded.read_to`

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
