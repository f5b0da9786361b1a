package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"bidhawk/campaigns"
)

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// reader implements campaigns.Reader.
type reader struct{ q queryer }

// Get implements campaigns.Reader.
func (r reader) Get(ctx context.Context, k campaigns.Kind, id campaigns.ID) (campaigns.Entity, campaigns.Owner, error) {
	var o campaigns.Owner
	if campaigns.NewEntity(k) == nil {
		return nil, o, fmt.Errorf("kind %q is not stored", k)
	}
	var body []byte
	err := r.q.QueryRowContext(ctx, "SELECT body, agency_id, advertiser_id FROM entities WHERE kind = ? AND id = ?", k, id).
		Scan(&body, &o.Agency, &o.Advertiser)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, o, fmt.Errorf("%s %d: %w", k, id, campaigns.ErrNotFound)
	} else if err != nil {
		return nil, o, fmt.Errorf("get %s %d: %w", k, id, err)
	}
	e, err := decode(k, body)
	return e, o, err
}

// List implements campaigns.Reader.
func (r reader) List(ctx context.Context, k campaigns.Kind, f campaigns.Filter) ([]campaigns.Entity, error) {
	if campaigns.NewEntity(k) == nil {
		return nil, fmt.Errorf("kind %q is not stored", k)
	}
	q := &query{}
	q.where("kind = ?", k)
	if !q.filter(k, f) {
		return []campaigns.Entity{}, nil
	}
	order, err := q.after(f)
	if err != nil {
		return nil, err
	}
	limit := f.Limit
	if limit <= 0 || limit > campaigns.MaxList {
		limit = campaigns.MaxList
	}
	rows, err := r.q.QueryContext(ctx, "SELECT body FROM entities WHERE "+strings.Join(q.terms, " AND ")+
		" ORDER BY "+order+" LIMIT ?", append(q.args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", k, err)
	}
	return collect(rows, func(body []byte) (campaigns.Entity, error) { return decode(k, body) })
}

// KillSwitches implements campaigns.Reader.
func (r reader) KillSwitches(ctx context.Context) ([]campaigns.KillSwitch, error) {
	rows, err := r.q.QueryContext(ctx, "SELECT body FROM kill_switches ORDER BY topic_key")
	if err != nil {
		return nil, fmt.Errorf("list kill switches: %w", err)
	}
	return collect(rows, func(body []byte) (k campaigns.KillSwitch, err error) {
		return k, json.Unmarshal(body, &k)
	})
}

// collect decodes and closes rows of one body each.
func collect[T any](rows *sql.Rows, decode func([]byte) (T, error)) ([]T, error) {
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		v, err := decode(body)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return out, nil
}

func decode(k campaigns.Kind, body []byte) (campaigns.Entity, error) {
	e := campaigns.NewEntity(k)
	if err := json.Unmarshal(body, e); err != nil {
		return nil, fmt.Errorf("decode stored %s: %w", k, err)
	}
	return e, nil
}
