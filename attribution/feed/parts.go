package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/sqldb"
)

// Part is one file: an hour's events of one kind as it closed, or what came late.
type Part struct {
	Advertiser campaigns.ID `json:"advertiser"`
	Hour       time.Time    `json:"hour"`
	Kind       string       `json:"kind"`
	Late       int          `json:"late" doc:"0: the hour as it closed; 1 and so on: what came after that"`
	Events     int64        `json:"events"`
	Bytes      int64        `json:"bytes"`
	SHA256     string       `json:"sha256"`
}

// Key is where the file is, such as "3/2026-11-26/04/wins.ndjson.gz", or
// "3/2026-11-26/04/wins.late-0001.ndjson.gz".
func (p *Part) Key() string {
	late := ""
	if p.Late > 0 {
		late = fmt.Sprintf(".late-%04d", p.Late)
	}
	return fmt.Sprintf("%d/%s/%s%s.ndjson.gz", p.Advertiser, p.Hour.UTC().Format("2006-01-02/15"), p.Kind, late)
}

// closeHours decides which events are of which part: of the hours that began no
// later than last, all that are of none yet. A part is of at most one step, so that
// late ones are as many as the steps that found some.
func (f *Feed) closeHours(ctx context.Context, last time.Time) error {
	tx, err := f.db.Begin(ctx, writing)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	rows, err := tx.QueryContext(ctx, `SELECT hour, advertiser, kind, count(*) FROM events WHERE part = 0 AND hour <= ?
		GROUP BY hour, advertiser, kind ORDER BY hour, advertiser, kind`, last.Unix())
	if err != nil {
		return fmt.Errorf("find hours to close: %w", err)
	}
	defer rows.Close()
	type open struct {
		hour, advertiser, n int64
		kind                string
	}
	var due []open
	for rows.Next() {
		var o open
		if err := rows.Scan(&o.hour, &o.advertiser, &o.kind, &o.n); err != nil {
			return fmt.Errorf("find hours to close: %w", err)
		}
		due = append(due, o)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find hours to close: %w", err)
	}
	rows.Close()
	for _, o := range due {
		var id int64
		if err := tx.QueryRowContext(ctx, `INSERT INTO parts (advertiser, hour, kind, seq, events, bytes, sha256, written)
			SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT), count(*), CAST(? AS BIGINT), 0, '', 0
			FROM parts WHERE advertiser = ? AND hour = ? AND kind = ? RETURNING id`,
			o.advertiser, o.hour, o.kind, o.n, o.advertiser, o.hour, o.kind).Scan(&id); err != nil {
			return fmt.Errorf("close an hour: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE events SET part = ? WHERE part = 0 AND hour = ? AND advertiser = ? AND kind = ?",
			id, o.hour, o.advertiser, o.kind); err != nil {
			return fmt.Errorf("close an hour: %w", err)
		}
	}
	return sqldb.Commit(tx)
}

// writeParts writes the files of the parts that have none.
func (f *Feed) writeParts(ctx context.Context) error {
	for {
		var id int64
		parts, err := f.parts(ctx, "WHERE written = 0 ORDER BY id LIMIT 1", &id)
		if err != nil || len(parts) == 0 {
			return err
		}
		if err := f.writePart(ctx, id, &parts[0]); err != nil {
			return fmt.Errorf("write %s: %w", parts[0].Key(), err)
		}
	}
}

func (f *Feed) writePart(ctx context.Context, id int64, p *Part) error {
	file, err := f.render(ctx, id)
	if err != nil {
		return err
	}
	if err := f.deps.Files.Put(ctx, p.Key(), bytes.NewReader(file), int64(len(file))); err != nil {
		return err
	}
	sum := sha256.Sum256(file)
	tx, err := f.db.Begin(ctx, writing)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "UPDATE parts SET written = 1, bytes = ?, sha256 = ? WHERE id = ?",
		len(file), hex.EncodeToString(sum[:]), id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE events SET line = NULL WHERE part = ?", id); err != nil {
		return err
	}
	return sqldb.Commit(tx)
}

// render is the file of a part: its lines in the order of time, then id.
func (f *Feed) render(ctx context.Context, id int64) ([]byte, error) {
	rows, err := f.db.Read.QueryContext(ctx, "SELECT line FROM events WHERE part = ? ORDER BY at, id", id)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var out bytes.Buffer
	w := gzip.NewWriter(&out) // no time and no name in its head: the same lines are the same bytes
	for rows.Next() {
		var line []byte
		if err := rows.Scan(&line); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// parts reads rows of the table; id, where it is not nil, gets the last one's.
func (f *Feed) parts(ctx context.Context, where string, id *int64, args ...any) ([]Part, error) {
	rows, err := f.db.Read.QueryContext(ctx, "SELECT id, advertiser, hour, kind, seq, events, bytes, sha256 FROM parts "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read parts: %w", err)
	}
	defer rows.Close()
	out := []Part{}
	for rows.Next() {
		var p Part
		var row, hour int64
		if err := rows.Scan(&row, &p.Advertiser, &hour, &p.Kind, &p.Late, &p.Events, &p.Bytes, &p.SHA256); err != nil {
			return nil, fmt.Errorf("read parts: %w", err)
		}
		p.Hour = time.Unix(hour, 0).UTC()
		if id != nil {
			*id = row
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// MaxParts bounds what one List returns.
const MaxParts = 5_000

// List returns the files of an advertiser whose hours are from from until to, in the
// order of hours; at most MaxParts.
func (f *Feed) List(ctx context.Context, advertiser campaigns.ID, from, to time.Time) ([]Part, error) {
	return f.parts(ctx, "WHERE written = 1 AND advertiser = ? AND hour >= ? AND hour < ? ORDER BY hour, kind, seq LIMIT ?", nil,
		int64(advertiser), from.Unix(), to.Unix(), MaxParts)
}

// Find returns a file's description; false: there is none.
func (f *Feed) Find(ctx context.Context, advertiser campaigns.ID, hour time.Time, kind string, late int) (Part, bool, error) {
	found, err := f.parts(ctx, "WHERE written = 1 AND advertiser = ? AND hour = ? AND kind = ? AND seq = ?", nil,
		int64(advertiser), hour.Unix(), kind, late)
	if err != nil || len(found) == 0 {
		return Part{}, false, err
	}
	return found[0], true, nil
}
