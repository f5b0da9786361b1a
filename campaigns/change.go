package campaigns

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Action says what a change was.
type Action string

// The actions.
const (
	ActionCreate  Action = "create"
	ActionUpdate  Action = "update"
	ActionPause   Action = "pause"
	ActionResume  Action = "resume"
	ActionArchive Action = "archive"
	ActionUndo    Action = "undo"
)

func statusAction(s Status) Action {
	switch s {
	case StatusPaused:
		return ActionPause
	case StatusArchived:
		return ActionArchive
	}
	return ActionResume
}

// Change is one entry of the history: what one edit did to one entity.
type Change struct {
	ID       ID        `json:"id"` // grows with time
	At       time.Time `json:"at"`
	Kind     Kind      `json:"kind"`
	EntityID ID        `json:"entity_id"`
	// Revision is the one that the change made.
	Revision int64  `json:"revision"`
	Action   Action `json:"action"`
	Actor    Actor  `json:"actor"`
	// Undoes is the change that this one takes back; 0: none.
	Undoes ID            `json:"undoes,omitempty"`
	Fields []FieldChange `json:"fields"`
	// Request is the actor and its Idempotency-Key; "" is none.
	Request string `json:"-"`
}

// FieldChange is one field before and after a change; nil where it was absent.
type FieldChange struct {
	Field  string          `json:"field"` // path within the entity: "budget.daily_nanos"
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Actor is who changed something.
type Actor struct {
	Kind string `json:"kind"` // user, api_key or system
	ID   ID     `json:"id,omitempty"`
	Name string `json:"name"` // at that time
}

// ChangeFilter selects changes, the newest first. Zero fields ask nothing.
type ChangeFilter struct {
	Owner  Owner // whose the entities are
	Kind   Kind
	Entity ID
	Actor  Actor // by Kind and ID
	Action Action
	// AfterRevision selects the revisions above it.
	AfterRevision int64
	Since, Until  time.Time // Until is exclusive
	Request       string
	Before        ID  // only ids below it: the cursor
	Limit         int // 1 to MaxList; 0 is MaxList
}

type requestKey struct{}

// WithRequest returns ctx whose edits are recorded as made by that request: the
// actor and its Idempotency-Key.
func WithRequest(ctx context.Context, request string) context.Context {
	return context.WithValue(ctx, requestKey{}, request)
}

// actorOf is who edits: the caller that the API authenticated, or the system.
func actorOf(ctx context.Context) Actor {
	p, ok := PrincipalFrom(ctx)
	switch {
	case !ok:
		return Actor{Kind: "system", Name: "bidhawk"}
	case p.UserID != 0:
		return Actor{Kind: "user", ID: p.UserID, Name: p.Name}
	}
	return Actor{Kind: "api_key", ID: p.KeyID, Name: p.Name}
}

// record stores what an edit did; before is nil for a new entity.
func (x *Edit) record(ctx context.Context, before, after Entity, a Action, undoes ID) error {
	fields, err := DiffEntities(before, after)
	if err != nil {
		return err
	}
	h := after.Head()
	request, _ := ctx.Value(requestKey{}).(string)
	return x.tx.RecordChange(ctx, &Change{At: h.UpdatedAt, Kind: after.Kind(), EntityID: h.ID, Revision: h.Revision,
		Action: a, Actor: actorOf(ctx), Undoes: undoes, Fields: fields, Request: request})
}

// Document is an entity as the API shows it, by field.
type Document = map[string]json.RawMessage

// DocumentOf is e as a document; nil has no fields.
func DocumentOf(e Entity) (Document, error) {
	if e == nil {
		return Document{}, nil
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Kind(), err)
	}
	var d Document
	err = json.Unmarshal(b, &d)
	return d, err
}

// DiffEntities is the fields that differ, but those that the store assigns.
func DiffEntities(before, after Entity) ([]FieldChange, error) {
	a, err := DocumentOf(before)
	if err != nil {
		return nil, err
	}
	b, err := DocumentOf(after)
	if err != nil {
		return nil, err
	}
	return Diff(a, b), nil
}

// Diff is the fields that differ, in the order of their names. Objects are
// compared field by field, lists as a whole.
func Diff(before, after Document) []FieldChange {
	return diff([]FieldChange{}, "", before, after)
}

func diff(out []FieldChange, prefix string, before, after Document) []FieldChange {
	names := maps.Clone(before)
	if names == nil {
		names = Document{}
	}
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if prefix == "" && (name == "id" || name == "revision" || name == "created_at" || name == "updated_at") {
			continue
		}
		a, b := before[name], after[name]
		if bytes.Equal(a, b) {
			continue
		}
		x, y := inner(a), inner(b)
		if (x != nil || a == nil) && (y != nil || b == nil) && len(x)+len(y) > 0 {
			out = diff(out, prefix+name+".", x, y)
			continue
		}
		out = append(out, FieldChange{prefix + name, a, b})
	}
	return out
}

// inner is the fields of a value that is an object; nil of one that is none.
func inner(v json.RawMessage) (d Document) {
	if len(v) == 0 || v[0] != '{' || json.Unmarshal(v, &d) != nil {
		return nil
	}
	return d
}

// Field is the value at a path; nil where it is absent.
func Field(d Document, path string) json.RawMessage {
	name, rest, more := strings.Cut(path, ".")
	if !more {
		return d[name]
	}
	return Field(inner(d[name]), rest)
}

// SetField puts v at a path of d; nil takes the field away, and the objects that
// it leaves empty.
func SetField(d Document, path string, v json.RawMessage) error {
	name, rest, more := strings.Cut(path, ".")
	if !more {
		if d[name] = v; v == nil {
			delete(d, name)
		}
		return nil
	}
	in := inner(d[name])
	if in == nil {
		in = Document{}
	}
	if err := SetField(in, rest, v); err != nil {
		return err
	}
	if len(in) == 0 {
		delete(d, name)
		return nil
	}
	b, err := json.Marshal(in)
	d[name] = b
	return err
}

// Rewind takes d back by changes, the newest first, to what it was before them.
func Rewind(d Document, changes []Change) error {
	for _, c := range changes {
		for _, f := range c.Fields {
			if err := SetField(d, f.Field, f.Before); err != nil {
				return fmt.Errorf("rewind %s %d to before revision %d: %w", c.Kind, c.EntityID, c.Revision, err)
			}
		}
		d["revision"] = json.RawMessage(fmt.Sprint(c.Revision - 1))
	}
	return nil
}
