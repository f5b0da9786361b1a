package rollup

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Dim is what a question groups by: a column, or what a function makes of it.
type Dim struct {
	Column Column
	Day    bool                  // the part's day; Column is ignored
	Int    func(int64) int64     // of a column of integers; nil: itself
	Text   func(s string) string // of a column of texts; nil: itself
}

// IsText says whether the dimension's values are texts.
func (d Dim) IsText() bool { return !d.Day && d.Column.isText() }

// Filter keeps rows of which the column has a value that one of the functions takes.
type Filter struct {
	Column Column
	Int    func(int64) bool  // of integers
	Text   func(string) bool // of texts
}

// Query is a question to one cube.
type Query struct {
	Cube     Cube
	From, To int32 // days, both included
	By       []Dim
	Where    []Filter
	// Either keeps rows that one of them keeps; empty: all.
	Either [][]Filter
	// MaxGroups bounds the answer.
	MaxGroups int
	// Workers read side by side, at least one.
	Workers int
}

// ErrTooManyGroups reports an answer beyond Query.MaxGroups.
var ErrTooManyGroups = errors.New("the answer has too many groups")

// Answer has the groups of a question, in no order.
type Answer struct {
	dims  []Dim
	texts []dictionary
	t     table
	Parts int   // read
	Rows  int64 // looked at
}

// Groups is how many there are.
func (a *Answer) Groups() int { return a.t.n }

// Int is group g's value of dimension d, which is of integers or the day.
func (a *Answer) Int(g, d int) int64 { return int64(a.t.keys[g*len(a.dims)+d]) }

// Text is group g's value of dimension d, which is of texts.
func (a *Answer) Text(g, d int) string { return a.texts[d].list[a.Int(g, d)] }

// Sum is group g's sum of column m.
func (a *Answer) Sum(g, m int) int64 {
	if c := a.t.sums[m]; g < len(c) {
		return c[g]
	}
	return 0 // no block that came after the group had the column
}

// dictionary numbers the texts of one dimension for all workers.
type dictionary struct {
	mu    sync.Mutex
	codes map[string]uint64
	list  []string
}

// of numbers each of texts into codes.
func (d *dictionary) of(codes []uint64, texts []string, f func(string) string) []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	codes = codes[:0]
	for _, s := range texts {
		if f != nil {
			s = f(s)
		}
		c, ok := d.codes[s]
		if !ok {
			c = uint64(len(d.list))
			d.codes[s], d.list = c, append(d.list, s)
		}
		codes = append(codes, c)
	}
	return codes
}

const selectParts = `SELECT day, data FROM parts WHERE cube = ? AND day BETWEEN ? AND ? ORDER BY day, id`

type blob struct {
	day  int32
	data []byte
}

// Ask answers q. sums is the number of columns that are summed.
func Ask(ctx context.Context, db Querier, sums int, q *Query) (*Answer, error) {
	a := &Answer{dims: q.By, texts: make([]dictionary, len(q.By)), t: newTable(len(q.By), sums)}
	for i := range a.texts {
		a.texts[i].codes = make(map[string]uint64)
	}
	workers := make([]*worker, max(q.Workers, 1))
	blobs := make(chan blob, len(workers))
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(blobs)
		return feed(gctx, db, q, blobs)
	})
	for i := range workers {
		w := newWorker(q, a, sums)
		workers[i] = w
		g.Go(func() error {
			for b := range blobs {
				if err := w.add(b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, w := range workers {
		a.Parts, a.Rows = a.Parts+w.parts, a.Rows+w.rows
		if i == 0 {
			a.t = w.t
			continue
		}
		if a.t.merge(&w.t); a.t.n > q.MaxGroups {
			return nil, ErrTooManyGroups
		}
	}
	return a, nil
}

func feed(ctx context.Context, db Querier, q *Query, out chan<- blob) error {
	rows, err := db.QueryContext(ctx, selectParts, int64(q.Cube), int64(q.From), int64(q.To))
	if err != nil {
		return fmt.Errorf("read roll-ups: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b blob
		if err := rows.Scan(&b.day, &b.data); err != nil {
			return fmt.Errorf("read roll-ups: %w", err)
		}
		select {
		case out <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return rows.Err()
}

// worker adds blocks up into a table of its own.
type worker struct {
	q     *Query
	a     *Answer
	sums  int
	t     table
	b     block
	parts int
	rows  int64

	values  []int64  // one column
	keep    []bool   // which rows are asked for
	either  []bool   //
	groups  []int32  // of each row; -1: not asked for
	keys    []uint64 // dimension by dimension, row by row
	texts   []string
	codes   []uint64
	accepts []bool
}

func newWorker(q *Query, a *Answer, sums int) *worker {
	return &worker{
		q: q, a: a, sums: sums, t: newTable(len(q.By), sums), values: make([]int64, blockRows), keep: make([]bool, blockRows),
		either: make([]bool, blockRows), groups: make([]int32, blockRows), keys: make([]uint64, blockRows*len(q.By)),
	}
}

// add sums up one block.
func (w *worker) add(p blob) error {
	if err := w.b.open(p.data, w.sums); err != nil {
		return err
	}
	n := w.b.rows
	w.parts, w.rows = w.parts+1, w.rows+int64(n)
	if any, err := w.filter(n); err != nil || !any {
		return err
	}
	for d := range w.q.By {
		if err := w.key(d, p.day, w.keys[d*n:(d+1)*n]); err != nil {
			return err
		}
	}
	if w.t.group(w.groups[:n], w.keep[:n], w.keys, n); w.t.n > w.q.MaxGroups {
		return ErrTooManyGroups
	}
	for m := range w.sums {
		if w.b.columns[int(keyColumns)+m].data == nil {
			continue
		}
		if err := w.b.sum(int(keyColumns)+m, w.groups[:n], w.t.column(m), w.values[:n]); err != nil {
			return err
		}
	}
	return nil
}

// filter marks the rows that are asked for; false: none is.
func (w *worker) filter(n int) (bool, error) {
	keep := w.keep[:n]
	for i := range keep {
		keep[i] = true
	}
	for i := range w.q.Where {
		if err := w.narrow(keep, &w.q.Where[i]); err != nil {
			return false, err
		}
	}
	if len(w.q.Either) > 0 {
		some := make([]bool, n)
		for _, all := range w.q.Either {
			one := w.either[:n]
			copy(one, keep)
			for i := range all {
				if err := w.narrow(one, &all[i]); err != nil {
					return false, err
				}
			}
			for i, k := range one {
				some[i] = some[i] || k
			}
		}
		copy(keep, some)
	}
	for _, k := range keep {
		if k {
			return true, nil
		}
	}
	return false, nil
}

// narrow clears keep where f does not take the row.
func (w *worker) narrow(keep []bool, f *Filter) (err error) {
	values := w.values[:len(keep)]
	if !f.Column.isText() {
		if err := w.b.integers(int(f.Column), values); err != nil {
			return err
		}
		last, ok := int64(0), f.Int(0)
		for i, v := range values {
			if v != last {
				last, ok = v, f.Int(v)
			}
			keep[i] = keep[i] && ok
		}
		return nil
	}
	if w.texts, err = w.b.texts(f.Column, w.texts, values); err != nil {
		return err
	}
	w.accepts = w.accepts[:0]
	for _, s := range w.texts {
		w.accepts = append(w.accepts, f.Text(s))
	}
	for i, v := range values {
		keep[i] = keep[i] && w.accepts[v]
	}
	return nil
}

// key fills keys with the rows' values of dimension d.
func (w *worker) key(d int, day int32, keys []uint64) (err error) {
	dim, values := &w.q.By[d], w.values[:len(keys)]
	switch {
	case dim.Day:
		for i := range keys {
			keys[i] = uint64(int64(day))
		}
	case dim.Column.isText():
		if w.texts, err = w.b.texts(dim.Column, w.texts, values); err != nil {
			return err
		}
		w.codes = w.a.texts[d].of(w.codes, w.texts, dim.Text)
		for i, v := range values {
			keys[i] = w.codes[v]
		}
	default:
		if err := w.b.integers(int(dim.Column), values); err != nil {
			return err
		}
		if dim.Int == nil {
			for i, v := range values {
				keys[i] = uint64(v)
			}
			return nil
		}
		last, out := int64(0), uint64(dim.Int(0))
		for i, v := range values {
			if v != last {
				last, out = v, uint64(dim.Int(v))
			}
			keys[i] = out
		}
	}
	return nil
}
