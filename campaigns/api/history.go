package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// ChangeView is a change of the history as the API shows it.
type ChangeView struct {
	ID       campaigns.ID     `json:"id" doc:"Grows with time"`
	At       time.Time        `json:"at" doc:"When"`
	Kind     campaigns.Kind   `json:"kind" doc:"Of what was changed"`
	EntityID campaigns.ID     `json:"entity_id" doc:"What was changed"`
	Revision int64            `json:"revision" doc:"That the change made"`
	Action   campaigns.Action `json:"action" enum:"create,update,pause,resume,archive,undo" doc:"What it was"`
	Actor    ActorView        `json:"actor" doc:"Who"`
	Undoes   campaigns.ID     `json:"undoes,omitempty" doc:"The change that this one took back"`
	Fields   []FieldView      `json:"fields" doc:"What it did"`
}

// ActorView is who changed something.
type ActorView struct {
	Kind string       `json:"kind" enum:"user,api_key,system" doc:"What it is"`
	ID   campaigns.ID `json:"id,omitempty" doc:"Of the user or the key"`
	Name string       `json:"name" doc:"At that time"`
}

// FieldView is one field before and after; a value is absent where the field was.
type FieldView struct {
	Field  string `json:"field" doc:"Path within the entity, such as budget.daily_nanos"`
	Before any    `json:"before,omitempty" doc:"Absent where the field was"`
	After  any    `json:"after,omitempty" doc:"Absent where the field is"`
}

type historyInput struct {
	ID     int64  `path:"id" minimum:"1" doc:"Of the entity"`
	Cursor string `query:"cursor" maxLength:"2000" doc:"The next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Changes of a page"`
}

type changesInput struct {
	Agency     int64     `query:"agency_id" minimum:"1" doc:"Only of entities of this agency"`
	Advertiser int64     `query:"advertiser_id" minimum:"1" doc:"Only of entities of this advertiser"`
	Kind       string    `query:"kind" doc:"Only of entities of this kind, such as line_item"`
	Entity     int64     `query:"entity_id" minimum:"1" doc:"Only of this one; with kind"`
	User       int64     `query:"user_id" minimum:"1" doc:"Only by this user"`
	Key        int64     `query:"api_key_id" minimum:"1" doc:"Only by this API key"`
	Action     string    `query:"action" enum:"create,update,pause,resume,archive,undo" doc:"Only such changes"`
	Since      time.Time `query:"since" doc:"Only at this time or later"`
	Until      time.Time `query:"until" doc:"Only before this time"`
	Cursor     string    `query:"cursor" maxLength:"2000" doc:"The next of the page before; its filters must be the same"`
	Limit      int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Changes of a page"`
}

type changesOutput struct{ Body Page[ChangeView] }

type undoInput struct {
	ID           int64 `path:"id" minimum:"1" doc:"Of the change"`
	ValidateOnly bool  `query:"validate_only" doc:"true: every rule is checked and the answer is what it would be, but nothing is stored"`
}

type undoOutput struct {
	ETag string `header:"ETag" doc:"The revision, for If-Match"`
	Body map[string]any
}

func (a *API) registerHistory() {
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}
	huma.Register(a.huma, huma.Operation{OperationID: "list-changes", Method: http.MethodGet, Path: "/v1/changes", Tags: []string{"history"},
		Summary: "What was changed, by whom and when, the newest first", Errors: errs}, a.listChanges)
	huma.Register(a.huma, huma.Operation{OperationID: "undo-change", Method: http.MethodPost, Path: "/v1/changes/{id}/undo", Tags: []string{"history"},
		Summary: "Take a change back", Description: "A new edit that gives the fields the values they had before. It is refused, with both versions, where one of them was changed since.",
		Errors: append(errs, http.StatusConflict), MaxBodyBytes: a.cfg.MaxBodyBytes}, a.undoChange)
}

func (s *server[E]) history(ctx context.Context, in *historyInput) (*changesOutput, error) {
	if _, err := s.API.get(ctx, s.kind, campaigns.ID(in.ID)); err != nil {
		return nil, fail(ctx, err)
	}
	return s.changes(ctx, campaigns.ChangeFilter{Kind: s.kind, Entity: campaigns.ID(in.ID), Limit: in.Limit}, in.Cursor)
}

func (a *API) listChanges(ctx context.Context, in *changesInput) (*changesOutput, error) {
	f := campaigns.ChangeFilter{Owner: caller(ctx).Owner, Action: campaigns.Action(in.Action), Since: in.Since, Until: in.Until, Limit: in.Limit,
		Kind: campaigns.Kind(in.Kind), Entity: campaigns.ID(in.Entity)}
	for _, by := range []struct {
		kind  campaigns.Kind
		id    int64
		field *campaigns.ID
	}{{campaigns.KindAgency, in.Agency, &f.Owner.Agency}, {campaigns.KindAdvertiser, in.Advertiser, &f.Owner.Advertiser}} {
		if by.id == 0 {
			continue
		}
		if _, err := a.get(ctx, by.kind, campaigns.ID(by.id)); err != nil {
			return nil, fail(ctx, err)
		}
		*by.field = campaigns.ID(by.id)
	}
	switch {
	case in.Kind != "" && campaigns.NewEntity(f.Kind) == nil:
		return nil, violation(http.StatusUnprocessableEntity, "query.kind", in.Kind, fmt.Sprintf("must be one of %v", campaigns.Kinds()))
	case in.Entity != 0 && in.Kind == "":
		return nil, violation(http.StatusUnprocessableEntity, "query.entity_id", fmt.Sprint(in.Entity), "must come with kind: ids are of a kind")
	case in.User != 0 && in.Key != 0:
		return nil, violation(http.StatusUnprocessableEntity, "query.user_id", fmt.Sprint(in.User), "must not come with api_key_id")
	case in.User != 0:
		f.Actor = campaigns.Actor{Kind: "user", ID: campaigns.ID(in.User)}
	case in.Key != 0:
		f.Actor = campaigns.Actor{Kind: "api_key", ID: campaigns.ID(in.Key)}
	}
	return a.changes(ctx, f, in.Cursor)
}

func (a *API) changes(ctx context.Context, f campaigns.ChangeFilter, cursorText string) (*changesOutput, error) {
	c, err := readCursor(cursorText, "changes")
	if err != nil {
		return nil, err
	}
	f.Before = c.ID
	found, err := a.deps.Store.Changes(ctx, f)
	if err != nil {
		return nil, fail(ctx, err)
	}
	page := Page[ChangeView]{Items: make([]ChangeView, len(found))}
	for i, c := range found {
		page.Items[i] = viewOf(c)
	}
	if len(found) == f.Limit {
		page.Next = cursor{Of: "changes", ID: found[len(found)-1].ID}.text()
	}
	return &changesOutput{page}, nil
}

func viewOf(c campaigns.Change) ChangeView {
	v := ChangeView{ID: c.ID, At: c.At, Kind: c.Kind, EntityID: c.EntityID, Revision: c.Revision, Action: c.Action,
		Actor: ActorView{c.Actor.Kind, c.Actor.ID, c.Actor.Name}, Undoes: c.Undoes, Fields: make([]FieldView, len(c.Fields))}
	for i, f := range c.Fields {
		v.Fields[i] = FieldView{f.Field, anyValue(f.Before), anyValue(f.After)}
	}
	return v
}

func (a *API) undoChange(ctx context.Context, in *undoInput) (*undoOutput, error) {
	found, err := a.deps.Store.Changes(ctx, campaigns.ChangeFilter{Owner: caller(ctx).Owner, Before: campaigns.ID(in.ID) + 1, Limit: 1})
	if err != nil {
		return nil, fail(ctx, err)
	}
	if len(found) == 0 || found[0].ID != campaigns.ID(in.ID) {
		return nil, fail(ctx, campaigns.ErrNotFound)
	}
	undo := a.undoers[found[0].Kind]
	if undo == nil {
		return nil, fail(ctx, campaigns.ErrNotFound)
	}
	e, err := undo(ctx, found[0], in.ValidateOnly)
	if err != nil {
		return nil, fail(ctx, err)
	}
	d, err := campaigns.DocumentOf(e)
	if err != nil {
		return nil, fail(ctx, err)
	}
	return &undoOutput{ETag: etag(e), Body: anyDocument(d)}, nil
}

// undo takes one change back.
func (s *server[E]) undo(ctx context.Context, c campaigns.Change, validateOnly bool) (campaigns.Entity, error) {
	base, err := s.API.get(ctx, s.kind, c.EntityID)
	if err != nil {
		return nil, err
	}
	if err := mayEdit(ctx, s.kind); err != nil {
		return nil, err
	}
	if c.Action == campaigns.ActionCreate {
		return nil, violation(http.StatusUnprocessableEntity, "path.id", fmt.Sprint(c.ID), "must not be the creation: archive the entity instead")
	}
	doc, err := campaigns.DocumentOf(base)
	if err != nil {
		return nil, err
	}
	p := newProblem(http.StatusConflict, "what the change did was changed again since: take the later changes back first, or edit")
	p.Conflict = &Conflict{YourRevision: c.Revision, StoredRevision: base.Head().Revision, Stored: anyDocument(doc)}
	for _, f := range c.Fields {
		now := campaigns.Field(doc, f.Field)
		if !bytes.Equal(now, f.After) {
			p.Conflict.Fields = append(p.Conflict.Fields, ConflictField{Field: f.Field, Base: anyValue(f.After), Yours: anyValue(f.Before),
				Stored: anyValue(now), ChangedBy: "they"})
		}
		if err := campaigns.SetField(doc, f.Field, f.Before); err != nil {
			return nil, err
		}
	}
	if p.Conflict.Yours = anyDocument(doc); len(p.Conflict.Fields) > 0 {
		return nil, p
	}
	e, err := s.restored(ctx, base, doc)
	if err != nil {
		return nil, err
	}
	return e, s.editing(validateOnly).Do(ctx, func(x *campaigns.Edit) error { return x.Undo(ctx, e, c.ID) })
}

// restored is the entity of a document, as an edit of base.
func (s *server[E]) restored(ctx context.Context, base campaigns.Entity, doc campaigns.Document) (E, error) {
	e := campaigns.NewEntity(s.kind).(E)
	raw, err := json.Marshal(doc)
	if err != nil {
		return e, err
	}
	if err := s.decoder.decode(raw, nil, e); err != nil {
		return e, err
	}
	external := e.Head().ExternalID
	*e.Head() = *base.Head()
	e.Head().ExternalID = external
	_, err = s.mayReplace(ctx, base, e)
	return e, err
}
