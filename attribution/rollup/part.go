package rollup

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// Querier reads: a *sql.DB, or what stands for one.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Execer writes within the caller's transaction.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Parts numbers and writes parts. One goroutine writes.
type Parts struct {
	sums   int   // columns that are summed
	nextID int64 // of the writer alone
	enc    encoder
}

// Open finds where the numbering goes on. sums is the number of columns that are
// summed; it may only grow from one version to the next.
func Open(ctx context.Context, db Querier, sums int) (*Parts, error) {
	rows, err := db.QueryContext(ctx, `SELECT coalesce(max(id), 0) FROM parts`)
	if err != nil {
		return nil, fmt.Errorf("read parts: %w", err)
	}
	defer rows.Close()
	p := &Parts{sums: sums}
	for rows.Next() {
		if err := rows.Scan(&p.nextID); err != nil {
			return nil, fmt.Errorf("read parts: %w", err)
		}
	}
	p.nextID++
	return p, rows.Err()
}

const (
	insertPart = `INSERT INTO parts (id, cube, day, level, run, n, data) VALUES (?, ?, ?, ?, ?, ?, ?)`
	deleteRun  = `DELETE FROM parts WHERE cube = ? AND day = ? AND level = ? AND run = ?`
)

// part is one block on its way into the database.
type part struct {
	rows int
	data []byte
}

// Write adds rows to a day, in all cubes of whole days and in that of hours. The rows
// are the caller's, who must not change them meanwhile; they are sorted in place.
func (p *Parts) Write(ctx context.Context, tx Execer, day int32, rows []Row) error {
	rows = tidy(rows)
	if err := p.writeRun(ctx, tx, Hours, day, rows); err != nil {
		return err
	}
	for _, c := range derived {
		rows = c.reduced(rows)
		if err := p.writeRun(ctx, tx, c, day, rows); err != nil {
			return err
		}
	}
	return nil
}

// WriteLate adds to what came to a day after it was stated.
func (p *Parts) WriteLate(ctx context.Context, tx Execer, day int32, rows []Row) error {
	return p.writeRun(ctx, tx, Late, day, Late.reduced(rows))
}

func (p *Parts) writeRun(ctx context.Context, tx Execer, c Cube, day int32, rows []Row) error {
	var parts []part
	for chunk := range slices.Chunk(rows, blockRows) {
		parts = append(parts, part{len(chunk), p.enc.block(nil, chunk)})
	}
	return p.insert(ctx, tx, c, day, 0, parts)
}

// insert writes the parts of one run.
func (p *Parts) insert(ctx context.Context, tx Execer, c Cube, day int32, level int, parts []part) error {
	run := p.nextID
	for i := range parts {
		_, err := tx.ExecContext(ctx, insertPart, p.nextID, int64(c), int64(day), int64(level), run, int64(parts[i].rows), parts[i].data)
		if err != nil {
			return fmt.Errorf("write roll-up: %w", err)
		}
		p.nextID++
	}
	return nil
}

// tidy sorts rows and adds up those of one key.
func tidy(rows []Row) []Row {
	slices.SortFunc(rows, func(a, b Row) int { return a.Key.compare(&b.Key) })
	out := rows[:0]
	for i := range rows {
		if n := len(out); n > 0 && out[n-1].Key == rows[i].Key {
			add(out[n-1].V, rows[i].V)
			continue
		}
		out = append(out, rows[i])
	}
	return slices.DeleteFunc(out, func(r Row) bool { return isZero(r.V) })
}

// reduced returns the rows of cube c that rows sum up to; rows stay as they are.
func (c Cube) reduced(rows []Row) []Row {
	out := make([]Row, len(rows))
	for i := range rows {
		out[i] = Row{c.reduce(rows[i].Key), rows[i].V}
	}
	slices.SortFunc(out, func(a, b Row) int { return a.Key.compare(&b.Key) })
	kept, own := out[:0], false
	for i := range out {
		n := len(kept)
		if n == 0 || kept[n-1].Key != out[i].Key {
			kept, own = append(kept, out[i]), false
			continue
		}
		if !own { // the sums are still those of rows
			kept[n-1].V, own = slices.Clone(kept[n-1].V), true
		}
		add(kept[n-1].V, out[i].V)
	}
	return slices.DeleteFunc(kept, func(r Row) bool { return isZero(r.V) })
}

func add(to, v []int64) {
	for i := range v {
		to[i] += v[i]
	}
}

func isZero(v []int64) bool {
	for _, n := range v {
		if n != 0 {
			return false
		}
	}
	return true
}
