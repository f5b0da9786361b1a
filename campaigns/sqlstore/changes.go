package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"bidhawk/campaigns"
)

// RecordChange implements campaigns.Tx. The owner is the entity's.
func (t *tx) RecordChange(ctx context.Context, c *campaigns.Change) error {
	fields, err := json.Marshal(c.Fields)
	if err != nil {
		return fmt.Errorf("encode a change of %s %d: %w", c.Kind, c.EntityID, err)
	}
	err = t.sql.QueryRowContext(ctx, `INSERT INTO changes (at_ns, kind, entity_id, agency_id, advertiser_id, revision, action,
			actor_kind, actor_id, actor_name, undoes, request, fields)
		SELECT ?, kind, id, agency_id, advertiser_id, ?, ?, ?, ?, ?, ?, ?, ? FROM entities WHERE kind = ? AND id = ? RETURNING id`,
		nanos(c.At), c.Revision, c.Action, c.Actor.Kind, c.Actor.ID, c.Actor.Name, c.Undoes, c.Request, fields, c.Kind, c.EntityID).Scan(&c.ID)
	if err != nil {
		return fmt.Errorf("record a change of %s %d: %w", c.Kind, c.EntityID, err)
	}
	return nil
}

// Changes implements campaigns.Reader.
func (r reader) Changes(ctx context.Context, f campaigns.ChangeFilter) ([]campaigns.Change, error) {
	limit := f.Limit
	if limit <= 0 || limit > campaigns.MaxList {
		limit = campaigns.MaxList
	}
	return list(ctx, r.q, "changes", "id, at_ns, kind, entity_id, revision, action, actor_kind, actor_id, actor_name, undoes, request, fields",
		changeQuery(f), "id DESC", limit, func(rows *sql.Rows) (c campaigns.Change, err error) {
			var at int64
			var fields []byte
			if err = rows.Scan(&c.ID, &at, &c.Kind, &c.EntityID, &c.Revision, &c.Action, &c.Actor.Kind, &c.Actor.ID, &c.Actor.Name,
				&c.Undoes, &c.Request, &fields); err != nil {
				return c, err
			}
			c.At = fromNanos(at)
			return c, json.Unmarshal(fields, &c.Fields)
		})
}

func changeQuery(f campaigns.ChangeFilter) *query {
	q := &query{}
	for _, by := range []struct {
		term string
		v    any
		ask  bool
	}{
		{"agency_id = ?", f.Owner.Agency, f.Owner.Agency != 0},
		{"advertiser_id = ?", f.Owner.Advertiser, f.Owner.Advertiser != 0},
		{"kind = ?", f.Kind, f.Kind != ""},
		{"entity_id = ?", f.Entity, f.Entity != 0},
		{"actor_kind = ?", f.Actor.Kind, f.Actor.Kind != ""},
		{"actor_id = ?", f.Actor.ID, f.Actor.ID != 0},
		{"action = ?", f.Action, f.Action != ""},
		{"revision > ?", f.AfterRevision, f.AfterRevision != 0},
		{"at_ns >= ?", nanos(f.Since), !f.Since.IsZero()},
		{"at_ns < ?", nanos(f.Until), !f.Until.IsZero()},
		{"request = ?", f.Request, f.Request != ""},
		{"id < ?", f.Before, f.Before != 0},
	} {
		if by.ask {
			q.where(by.term, by.v)
		}
	}
	return q
}
