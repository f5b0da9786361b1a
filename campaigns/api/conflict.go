package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"bidhawk/campaigns"
)

// Conflict is both versions of an entity that somebody else has changed meanwhile.
type Conflict struct {
	YourRevision   int64           `json:"your_revision" doc:"That was read and edited"`
	StoredRevision int64           `json:"stored_revision" doc:"The newest: its ETag is for the next try"`
	Yours          map[string]any  `json:"yours" doc:"What the edit would have made of the revision that it was of; of the stored one where that is no longer known"`
	Stored         map[string]any  `json:"stored" doc:"The entity as it is stored"`
	Fields         []ConflictField `json:"fields" doc:"The fields that differ"`
}

// ConflictField is one field that differs. A value is absent where the field is.
type ConflictField struct {
	Field     string `json:"field" doc:"Path within the entity, such as budget.daily_nanos"`
	Base      any    `json:"base,omitempty" doc:"In the revision that was edited, where it is known"`
	Yours     any    `json:"yours,omitempty" doc:"As the edit has it"`
	Stored    any    `json:"stored,omitempty" doc:"As it is stored"`
	ChangedBy string `json:"changed_by" enum:"you,they,both,unknown" doc:"Whose change it is: of they, the stored value can be taken as it is"`
}

// conflict is the 412 of an edit that is no longer of the newest revision.
func (s *server[E]) conflict(ctx context.Context, id campaigns.ID, revision int64, patch []byte) error {
	p := newProblem(http.StatusPreconditionFailed, "the entity has a newer revision than If-Match: read it again")
	c, err := s.compare(ctx, id, revision, patch)
	if err != nil {
		return fail(ctx, err)
	}
	p.Conflict = c
	return p
}

func (s *server[E]) compare(ctx context.Context, id campaigns.ID, revision int64, patch []byte) (*Conflict, error) {
	e, err := s.API.get(ctx, s.kind, id)
	if err != nil {
		return nil, err
	}
	stored, err := campaigns.DocumentOf(e)
	if err != nil {
		return nil, err
	}
	base, err := s.rewound(ctx, e, revision)
	if err != nil {
		return nil, err
	}
	from := base
	if from == nil {
		from = stored
	}
	yours, err := patchedDocument(from, patch)
	if err != nil {
		return nil, violation(http.StatusBadRequest, string(s.kind), valueText(string(patch)), err.Error())
	}
	c := &Conflict{YourRevision: revision, StoredRevision: e.Head().Revision, Yours: anyDocument(yours), Stored: anyDocument(stored), Fields: []ConflictField{}}
	for _, f := range campaigns.Diff(stored, yours) {
		field := ConflictField{Field: f.Field, Yours: anyValue(f.After), Stored: anyValue(f.Before), ChangedBy: "unknown"}
		if base != nil {
			was := campaigns.Field(base, f.Field)
			field.Base = anyValue(was)
			switch {
			case bytes.Equal(was, f.Before):
				field.ChangedBy = "you"
			case bytes.Equal(was, f.After):
				field.ChangedBy = "they"
			default:
				field.ChangedBy = "both"
			}
		}
		c.Fields = append(c.Fields, field)
	}
	return c, nil
}

// rewound is e as it was in an older revision; nil where the history does not
// reach back so far.
func (s *server[E]) rewound(ctx context.Context, e campaigns.Entity, revision int64) (campaigns.Document, error) {
	since := e.Head().Revision - revision
	if since < 0 || since > campaigns.MaxList {
		return nil, nil // never stored, or too far back
	}
	changes, err := s.deps.Store.Changes(ctx, campaigns.ChangeFilter{Kind: s.kind, Entity: e.Head().ID, AfterRevision: revision})
	if err != nil || int64(len(changes)) != since {
		return nil, err
	}
	d, err := campaigns.DocumentOf(e)
	if err != nil {
		return nil, err
	}
	return d, campaigns.Rewind(d, changes)
}

// patchedDocument is a copy of d with a merge patch.
func patchedDocument(d campaigns.Document, patch []byte) (campaigns.Document, error) {
	change, err := object(patch)
	if err != nil {
		return nil, err
	}
	doc := anyDocument(d)
	for _, name := range assigned() {
		delete(change, name)
	}
	mergePatch(doc, change)
	out := campaigns.Document{}
	for name, v := range doc {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out[name] = b
	}
	// What was read and what was patched must have the same bytes where they agree.
	for name, v := range d {
		if same(v, out[name]) {
			out[name] = v
		}
	}
	return out, nil
}

// same says whether two values are equal but for the order of their fields.
func same(a, b json.RawMessage) bool {
	x, errX := json.Marshal(anyValue(a))
	y, errY := json.Marshal(anyValue(b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// anyDocument is d decoded; numbers keep their digits.
func anyDocument(d campaigns.Document) map[string]any {
	out := make(map[string]any, len(d))
	for name, v := range d {
		out[name] = anyValue(v)
	}
	return out
}

func anyValue(v json.RawMessage) any {
	if v == nil {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var out any
	if dec.Decode(&out) != nil {
		return nil
	}
	return out
}
