package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type listInput struct {
	Agency       int64     `query:"agency_id" minimum:"1" doc:"Only those of this agency"`
	Advertiser   int64     `query:"advertiser_id" minimum:"1" doc:"Only those of this advertiser"`
	Campaign     int64     `query:"campaign_id" minimum:"1" doc:"Only those of this campaign"`
	LineItem     int64     `query:"line_item_id" minimum:"1" doc:"Only those of this line item"`
	Status       string    `query:"status" enum:"active,paused,archived" doc:"Only those with this status"`
	ExternalID   string    `query:"external_id" maxLength:"128" doc:"Only those with this external id: at most one an owner"`
	Name         string    `query:"name" maxLength:"200" doc:"Only those with this in their name, in whatever case"`
	UpdatedSince time.Time `query:"updated_since" doc:"Only those that were changed at this time or later"`
	Sort         string    `query:"sort" enum:"id,-id,name,-name,updated_at,-updated_at" default:"id" doc:"The order; - is descending"`
	Fields       string    `query:"fields" maxLength:"2000" doc:"Only these fields, between commas, such as name,budget.daily_nanos; id is always there"`
	Cursor       string    `query:"cursor" maxLength:"2000" doc:"The next of the page before; its filters and order must be the same"`
	Limit        int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Entities of a page"`
}

// Page is one page of a list. Next is the cursor of the page after it; absent on the last.
type Page[E any] struct {
	Items []E    `json:"items" doc:"Of this page"`
	Next  string `json:"next,omitempty" doc:"The cursor of the page after it; absent on the last"`

	fields fieldSet
}

// MarshalJSON leaves out the fields that were not asked for.
func (p Page[E]) MarshalJSON() ([]byte, error) {
	type plain Page[E]
	if p.fields == nil {
		return json.Marshal(plain(p))
	}
	out := struct {
		Items []json.RawMessage `json:"items"`
		Next  string            `json:"next,omitempty"`
	}{make([]json.RawMessage, len(p.Items)), p.Next}
	for i, e := range p.Items {
		var err error
		if out.Items[i], err = p.fields.of(e); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

type pageOutput[E any] struct{ Body Page[E] }

// shown is an entity with the fields that were asked for.
type shown[E any] struct {
	entity E
	fields fieldSet
}

// MarshalJSON implements json.Marshaler.
func (s shown[E]) MarshalJSON() ([]byte, error) {
	if s.fields == nil {
		return json.Marshal(s.entity)
	}
	return s.fields.of(s.entity)
}

// Schema implements huma.SchemaProvider: in the document it is the entity.
func (shown[E]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[E](), true, "")
}

// fieldSet is which fields to show: a tree of names, whose leaves are whole. nil is all.
type fieldSet map[string]fieldSet

// readFields reads a fields parameter against the schema of what is shown.
func readFields(reg huma.Registry, s *huma.Schema, text string) (fieldSet, error) {
	if text == "" {
		return nil, nil
	}
	set := fieldSet{"id": fieldSet{}}
	for path := range strings.SplitSeq(text, ",") {
		path = strings.TrimSpace(path)
		at, schema := set, s
		names := strings.Split(path, ".")
		for i, name := range names {
			if schema = fieldSchema(reg, schema, name); schema == nil {
				return nil, violation(http.StatusUnprocessableEntity, "query.fields", path, "must be fields of the entity between commas, such as name,budget.daily_nanos")
			}
			inner, known := at[name]
			if known && len(inner) == 0 {
				break // all of it is shown already
			}
			if !known || i == len(names)-1 {
				inner = fieldSet{}
				at[name] = inner
			}
			at = inner
		}
	}
	return set, nil
}

func fieldSchema(reg huma.Registry, s *huma.Schema, name string) *huma.Schema {
	for s.Ref != "" {
		s = reg.SchemaFromRef(s.Ref)
	}
	if p := s.Properties[name]; p != nil {
		return p
	}
	return namedValues(s)
}

// of is the JSON of v with the fields of set alone.
func (set fieldSet) of(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return set.cut(b)
}

func (set fieldSet) cut(b []byte) ([]byte, error) {
	var doc map[string]json.RawMessage
	if json.Unmarshal(b, &doc) != nil {
		return b, nil // no object: it has no fields to leave out
	}
	for name, v := range doc {
		inner, ok := set[name]
		if !ok {
			delete(doc, name)
		} else if len(inner) > 0 {
			cut, err := inner.cut(v)
			if err != nil {
				return nil, err
			}
			doc[name] = cut
		}
	}
	return json.Marshal(doc)
}

func (s *server[E]) list(ctx context.Context, in *listInput) (*pageOutput[E], error) {
	f, err := s.filter(ctx, in)
	if err != nil {
		return nil, err
	}
	fields, err := readFields(s.decoder.reg, s.schema, in.Fields)
	if err != nil {
		return nil, err
	}
	of := string(s.kind) + " " + in.Sort
	after, err := readCursor(in.Cursor, of)
	if err != nil {
		return nil, err
	}
	f.After, f.AfterKey = after.ID, after.Key
	items, err := campaigns.List[E](ctx, s.deps.Store, f)
	if err != nil {
		return nil, fail(ctx, err)
	}
	page := Page[E]{Items: items, fields: fields}
	if len(items) == in.Limit {
		last := items[len(items)-1]
		page.Next = cursor{Of: of, ID: last.Head().ID, Key: campaigns.SortKey(last, f.Order)}.text()
	}
	return &pageOutput[E]{page}, nil
}

// filter is what a list asks for, within what the caller sees.
func (s *server[E]) filter(ctx context.Context, in *listInput) (campaigns.Filter, error) {
	f := caller(ctx).Scope()
	for _, by := range []struct {
		kind  campaigns.Kind
		id    int64
		field *campaigns.ID
	}{
		{campaigns.KindAgency, in.Agency, &f.Agency},
		{campaigns.KindAdvertiser, in.Advertiser, &f.Advertiser},
		{campaigns.KindCampaign, in.Campaign, &f.Campaign},
		{campaigns.KindLineItem, in.LineItem, &f.LineItem},
	} {
		if by.id == 0 {
			continue
		}
		if _, err := s.API.get(ctx, by.kind, campaigns.ID(by.id)); err != nil {
			return f, fail(ctx, err)
		}
		*by.field = campaigns.ID(by.id)
	}
	order, descending := strings.CutPrefix(in.Sort, "-")
	f.Status, f.ExternalID, f.Name, f.UpdatedSince = campaigns.Status(in.Status), in.ExternalID, in.Name, in.UpdatedSince
	f.Order, f.Descending, f.Limit = campaigns.Order(order), descending, in.Limit
	return f, nil
}
