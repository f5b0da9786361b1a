package rollup

import (
	"context"
	"fmt"
)

const (
	// fanIn runs of one level and day become one of the next.
	fanIn = 8
	// maxRunRows: runs that are this large together are left as they are.
	maxRunRows = 2 << 20
)

// Merge is a run that replaces some of one cube and day.
type Merge struct {
	cube  Cube
	day   int32
	level int
	runs  []int64
	parts []part
}

const selectRuns = `SELECT cube, day, level, run, sum(n) FROM parts GROUP BY cube, day, level, run ORDER BY cube, day, level, run`

// Due finds up to limit merges that are due, and makes them, without changing anything.
// Merging reads only what is never changed, so that the writer may go on meanwhile;
// Apply then puts the result in place. No two goroutines may do so at once.
func Due(ctx context.Context, db Querier, sums, limit int) ([]*Merge, error) {
	due, err := dueRuns(ctx, db, limit)
	if err != nil {
		return nil, err
	}
	for _, m := range due {
		if err := m.make(ctx, db, sums); err != nil {
			return nil, fmt.Errorf("merge roll-ups of cube %d, day %d: %w", m.cube, m.day, err)
		}
	}
	return due, nil
}

func dueRuns(ctx context.Context, db Querier, limit int) ([]*Merge, error) {
	rows, err := db.QueryContext(ctx, selectRuns)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	defer rows.Close()
	var due []*Merge
	m, total := new(Merge), int64(0)
	for rows.Next() {
		var at Merge
		var run, n int64
		if err := rows.Scan(&at.cube, &at.day, &at.level, &run, &n); err != nil {
			return nil, fmt.Errorf("read runs: %w", err)
		}
		if n >= maxRunRows {
			continue
		}
		if m.cube != at.cube || m.day != at.day || m.level != at.level || total+n > maxRunRows*2 {
			m, total = &at, 0
		}
		m.runs, total = append(m.runs, run), total+n
		if len(m.runs) == fanIn {
			if due = append(due, m); len(due) == limit {
				break
			}
			next := *m
			next.runs = nil
			m, total = &next, 0
		}
	}
	return due, rows.Err()
}

// cursor walks over the rows of a run, block by block.
type cursor struct {
	ids  []int64 // of the parts that are left
	rows []Row
	at   int
}

func (c *cursor) row() *Row { return &c.rows[c.at] }

const (
	selectIDs  = `SELECT id FROM parts WHERE cube = ? AND day = ? AND level = ? AND run = ? ORDER BY id`
	selectPart = `SELECT data FROM parts WHERE id = ?`
)

// make merges the runs.
func (m *Merge) make(ctx context.Context, db Querier, sums int) error {
	var open []*cursor
	for _, run := range m.runs {
		c := new(cursor)
		if err := each(ctx, db, selectIDs, func(id int64) { c.ids = append(c.ids, id) }, int64(m.cube), int64(m.day), int64(m.level), run); err != nil {
			return err
		}
		more, err := c.next(ctx, db, sums)
		if err != nil {
			return err
		}
		if more {
			open = append(open, c)
		}
	}
	var enc encoder
	out := make([]Row, 0, blockRows)
	flush := func() {
		if len(out) > 0 {
			m.parts = append(m.parts, part{len(out), enc.block(nil, out)})
			out = out[:0]
		}
	}
	for len(open) > 0 {
		first := 0
		for i := 1; i < len(open); i++ {
			if open[i].row().Key.compare(&open[first].row().Key) < 0 {
				first = i
			}
		}
		r := open[first].row()
		if n := len(out); n > 0 && out[n-1].Key == r.Key {
			add(out[n-1].V, r.V)
		} else {
			// The last row's key is complete: what was taken back in full goes.
			if n > 0 && isZero(out[n-1].V) {
				out = out[:n-1]
			}
			if len(out) == blockRows {
				flush()
			}
			out = append(out, *r)
		}
		more, err := open[first].next(ctx, db, sums)
		if err != nil {
			return err
		}
		if !more {
			open = append(open[:first], open[first+1:]...)
		}
	}
	if n := len(out); n > 0 && isZero(out[n-1].V) {
		out = out[:n-1]
	}
	flush()
	return nil
}

// next moves to the next row; false: there is none.
func (c *cursor) next(ctx context.Context, db Querier, sums int) (bool, error) {
	if c.at++; c.at < len(c.rows) {
		return true, nil
	}
	if len(c.ids) == 0 {
		return false, nil
	}
	var data []byte
	if err := each(ctx, db, selectPart, func(d []byte) { data = d }, c.ids[0]); err != nil {
		return false, err
	}
	var b block
	if err := b.open(data, sums); err != nil {
		return false, fmt.Errorf("part %d: %w", c.ids[0], err)
	}
	rows, err := b.decode(nil, sums)
	if err != nil {
		return false, fmt.Errorf("part %d: %w", c.ids[0], err)
	}
	c.rows, c.at, c.ids = rows, 0, c.ids[1:]
	return true, nil
}

// each calls f with the one column of each row.
func each[T any](ctx context.Context, db Querier, query string, f func(T), args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read parts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return fmt.Errorf("read parts: %w", err)
		}
		f(v)
	}
	return rows.Err()
}

// Apply puts a merge in place of the runs that it was made of.
func (p *Parts) Apply(ctx context.Context, tx Execer, m *Merge) error {
	for _, run := range m.runs {
		if _, err := tx.ExecContext(ctx, deleteRun, int64(m.cube), int64(m.day), int64(m.level), run); err != nil {
			return fmt.Errorf("drop merged roll-ups: %w", err)
		}
	}
	return p.insert(ctx, tx, m.cube, m.day, m.level+1, m.parts)
}
