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

// queryer is a database or a transaction. What it changes it returns.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// reader implements campaigns.Reader.
type reader struct{ q queryer }

// table says how one kind is stored: its columns for the ids of its ancestors,
// "" where it has none. The kinds that own themselves use their own id.
type table struct {
	name, agency, advertiser, campaign string
}

func tableOf(k campaigns.Kind) (table, error) {
	switch k {
	case campaigns.KindAgency:
		return table{"agencies", "id", "", ""}, nil
	case campaigns.KindAdvertiser:
		return table{"advertisers", "agency_id", "id", ""}, nil
	case campaigns.KindCampaign:
		return table{"campaigns", "agency_id", "advertiser_id", "id"}, nil
	case campaigns.KindLineItem:
		return table{"line_items", "agency_id", "advertiser_id", "campaign_id"}, nil
	case campaigns.KindCreative:
		return table{"creatives", "agency_id", "advertiser_id", ""}, nil
	}
	return table{}, fmt.Errorf("kind %q is not stored", k)
}

func column(name string) string {
	if name == "" {
		return "CAST(0 AS BIGINT)"
	}
	return name
}

// Get implements campaigns.Reader.
func (r reader) Get(ctx context.Context, k campaigns.Kind, id campaigns.ID) (campaigns.Entity, campaigns.Owner, error) {
	var o campaigns.Owner
	t, err := tableOf(k)
	if err != nil {
		return nil, o, err
	}
	var body []byte
	err = r.q.QueryRowContext(ctx, "SELECT body, "+column(t.agency)+", "+column(t.advertiser)+
		" FROM "+t.name+" WHERE id = ?", id).Scan(&body, &o.Agency, &o.Advertiser)
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
	t, err := tableOf(k)
	if err != nil {
		return nil, err
	}
	where, args := []string{"id > ?"}, []any{f.After}
	for _, c := range []struct {
		column string
		id     campaigns.ID
	}{{t.agency, f.Agency}, {t.advertiser, f.Advertiser}, {t.campaign, f.Campaign}} {
		if c.id != 0 {
			where, args = append(where, column(c.column)+" = ?"), append(args, c.id)
		}
	}
	if f.Status != "" {
		where, args = append(where, "status = ?"), append(args, f.Status)
	}
	limit := f.Limit
	if limit <= 0 || limit > campaigns.MaxList {
		limit = campaigns.MaxList
	}
	rows, err := r.q.QueryContext(ctx, "SELECT body FROM "+t.name+" WHERE "+strings.Join(where, " AND ")+
		" ORDER BY id LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", t.name, err)
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
