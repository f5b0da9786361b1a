package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// resource is how one kind is served.
type resource[E campaigns.Entity] struct {
	path     string   // below /v1/
	required []string // fields of a new one; the others have defaults or are zero
	// immutable are made by an operation of their own and never edited.
	immutable bool
}

type idInput struct {
	ID int64 `path:"id" minimum:"1" doc:"Of the entity"`
}

type getInput struct {
	ID     int64  `path:"id" minimum:"1" doc:"Of the entity"`
	Fields string `query:"fields" maxLength:"2000" doc:"Only these fields, between commas, such as name,budget.daily_nanos; id is always there"`
}

type createInput struct {
	ValidateOnly bool `query:"validate_only" doc:"true: every rule is checked and the answer is what it would be, but nothing is stored; its id is 0"`
	RawBody      []byte
}

type patchInput struct {
	ID           int64  `path:"id" minimum:"1" doc:"Of the entity"`
	IfMatch      string `header:"If-Match" doc:"The ETag of the entity as it was read, such as \"7\""`
	ValidateOnly bool   `query:"validate_only" doc:"true: every rule is checked and the answer is what it would be, but nothing is stored"`
	RawBody      []byte
}

type statusInput struct {
	ID           int64  `path:"id" minimum:"1" doc:"Of the entity"`
	IfMatch      string `header:"If-Match" doc:"Optional here: only if the entity still has this ETag"`
	ValidateOnly bool   `query:"validate_only" doc:"true: every rule is checked and the answer is what it would be, but nothing is stored"`
}

type entityOutput[E any] struct {
	ETag string `header:"ETag" doc:"The revision, for If-Match"`
	Note string `header:"Bidhawk-Note" doc:"What of an edit holds only later, and when"`
	Body shown[E]
}

type createOutput[E any] struct {
	Status   int
	ETag     string `header:"ETag" doc:"The revision, for If-Match"`
	Location string `header:"Location" doc:"Where it is"`
	Body     E
}

// server serves one kind.
type server[E campaigns.Entity] struct {
	*API
	resource[E]
	kind    campaigns.Kind
	decoder decoder
	schema  *huma.Schema // of an answer
}

func registerKind[E campaigns.Entity](a *API, r resource[E]) error {
	var zero E
	kind := zero.Kind()
	reg := a.huma.OpenAPI().Components.Schemas
	schema, err := bodySchema(reg, reflect.TypeFor[E]().Elem(), r.required)
	if err != nil {
		return err
	}
	s := &server[E]{a, r, kind, decoder{kind, reg, schema}, reg.Schema(reflect.TypeFor[E](), true, "")}
	one := "/v1/" + r.path + "/{id}"
	ref := "#/components/schemas/" + reflect.TypeFor[E]().Elem().Name() + "Input"

	if !r.immutable {
		create := s.operation(http.MethodPost, "/v1/"+r.path, "create", "Create one")
		create.DefaultStatus = http.StatusCreated
		huma.Register(a.huma, create, s.create)
		describeBody(create.RequestBody, "application/json", &huma.Schema{Ref: ref})
	}
	huma.Register(a.huma, s.operation(http.MethodGet, "/v1/"+r.path, "list", "List a page"), s.list)
	huma.Register(a.huma, s.operation(http.MethodGet, one, "get", "Read one"), s.get)

	if !r.immutable {
		patch := s.operation(http.MethodPatch, one, "update", "Change fields (JSON merge patch); If-Match must be given")
		huma.Register(a.huma, patch, s.patch)
		describeBody(patch.RequestBody, "application/merge-patch+json", &huma.Schema{Type: huma.TypeObject,
			Description: "The fields of " + ref + " that change; null sets a field to its default"})
	}

	for _, v := range []struct {
		verb   string
		status campaigns.Status
		about  string
	}{
		{"pause", campaigns.StatusPaused, "Stop bidding until resumed; nothing but the archive can refuse it"},
		{"resume", campaigns.StatusActive, "Bid again; every rule is checked"},
		{"archive", campaigns.StatusArchived, "Stop for good"},
	} {
		huma.Register(a.huma, s.operation(http.MethodPost, one+"/"+v.verb, v.verb, v.about), s.setStatus(v.status))
	}
	huma.Register(a.huma, s.operation(http.MethodGet, one+"/history", "history-of", "Its changes, the newest first"), s.history)
	if a.deps.Operations != nil {
		s.registerBulk(ref)
	}
	a.undoers[kind], a.recallers[kind] = s.undo, s.recall
	return nil
}

func (s *server[E]) operation(method, path, verb, about string) huma.Operation {
	op := huma.Operation{
		OperationID: verb + "-" + strings.ReplaceAll(string(s.kind), "_", "-"),
		Method:      method, Path: path, Summary: about, Tags: []string{s.path},
		MaxBodyBytes: s.cfg.MaxBodyBytes,
		Metadata:     map[string]any{bodyField: string(s.kind)},
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusPreconditionFailed, http.StatusUnprocessableEntity},
	}
	if verb == "create" || verb == "update" {
		op.RequestBody = &huma.RequestBody{}
	}
	return op
}

// describeBody replaces what huma derives from raw bytes.
func describeBody(b *huma.RequestBody, contentType string, s *huma.Schema) {
	b.Required = true
	b.Content = map[string]*huma.MediaType{contentType: {Schema: s}}
}

func (s *server[E]) create(ctx context.Context, in *createInput) (*createOutput[E], error) {
	if err := mayEdit(ctx, s.kind); err != nil {
		return nil, err
	}
	e := campaigns.NewEntity(s.kind).(E)
	if err := s.decoder.decode(in.RawBody, nil, e); err != nil {
		return nil, fail(ctx, err)
	}
	if err := s.ownParent(ctx, e); err != nil {
		return nil, fail(ctx, err)
	}
	if err := ownRegistrations(ctx, nil, e); err != nil {
		return nil, fail(ctx, err)
	}
	if err := s.editing(in.ValidateOnly).Create(ctx, e); err != nil {
		return nil, fail(ctx, err)
	}
	if in.ValidateOnly {
		return &createOutput[E]{Status: http.StatusOK, Body: e}, nil
	}
	return &createOutput[E]{Status: http.StatusCreated, ETag: etag(e), Location: fmt.Sprintf("/v1/%s/%d", s.path, e.Head().ID), Body: e}, nil
}

// editing is the editor, or one that stores nothing.
func (a *API) editing(validateOnly bool) *campaigns.Editor {
	if validateOnly {
		return a.editor.Rehearsal()
	}
	return a.editor
}

// ownParent refuses a parent of another tenant in the words of one that does
// not exist. Owners never change, so this needs no transaction.
func (s *server[E]) ownParent(ctx context.Context, e E) error {
	return s.ownParentIn(ctx, s.deps.Store, e)
}

func (s *server[E]) ownParentIn(ctx context.Context, r campaigns.Reader, e E) error {
	kind, id := e.Parent()
	if kind == "" {
		return nil // only operators edit what has no parent
	}
	_, owner, err := r.Get(ctx, kind, id)
	if err != nil || caller(ctx).Sees(owner) {
		return nil // the editor reads again and says what is wrong
	}
	return violation(http.StatusUnprocessableEntity, fmt.Sprintf("%s.%s_id", s.kind, kind), strconv.FormatInt(int64(id), 10),
		"must be an existing "+string(kind))
}

func (s *server[E]) get(ctx context.Context, in *getInput) (*entityOutput[E], error) {
	e, err := s.API.get(ctx, s.kind, campaigns.ID(in.ID))
	if err != nil {
		return nil, fail(ctx, err)
	}
	fields, err := readFields(s.decoder.reg, s.schema, in.Fields)
	if err != nil {
		return nil, err
	}
	return &entityOutput[E]{ETag: etag(e), Body: shown[E]{e.(E), fields}}, nil
}

func (s *server[E]) patch(ctx context.Context, in *patchInput) (*entityOutput[E], error) {
	base, err := s.API.get(ctx, s.kind, campaigns.ID(in.ID))
	if err != nil {
		return nil, fail(ctx, err)
	}
	if err := mayEdit(ctx, s.kind); err != nil {
		return nil, err
	}
	if in.IfMatch == "" {
		return nil, violation(http.StatusPreconditionRequired, "header.If-Match", "", ifMatchRule)
	}
	revision, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	if revision != 0 && revision != base.Head().Revision {
		return nil, s.conflict(ctx, campaigns.ID(in.ID), revision, in.RawBody)
	}
	e, note, err := s.patched(ctx, base, in.RawBody)
	if err != nil {
		return nil, fail(ctx, err)
	}
	err = s.editing(in.ValidateOnly).Update(ctx, e)
	if errors.Is(err, campaigns.ErrConflict) {
		return nil, s.conflict(ctx, campaigns.ID(in.ID), base.Head().Revision, in.RawBody)
	} else if err != nil {
		return nil, fail(ctx, err)
	}
	out := &entityOutput[E]{ETag: etag(e), Note: note, Body: shown[E]{entity: e}}
	if in.ValidateOnly {
		out.ETag = "" // nothing has that revision
	}
	return out, nil
}

// patched is base with a merge patch, checked against what the caller may change
// and what the ledger can take.
func (s *server[E]) patched(ctx context.Context, base campaigns.Entity, patch []byte) (e E, note string, err error) {
	e = campaigns.NewEntity(s.kind).(E)
	if err := s.decoder.decode(patch, base, e); err != nil {
		return e, "", err
	}
	external := e.Head().ExternalID
	*e.Head() = *base.Head()
	e.Head().ExternalID = external
	note, err = s.mayReplace(ctx, base, e)
	return e, note, err
}

// mayReplace checks an edit against what the caller may change and what the
// ledger can take.
func (s *server[E]) mayReplace(ctx context.Context, before, after campaigns.Entity) (note string, err error) {
	if err := ownRegistrations(ctx, before, after); err != nil {
		return "", err
	}
	if s.deps.CheckEdit == nil {
		return "", nil
	}
	return s.deps.CheckEdit(ctx, before, after)
}

func (s *server[E]) setStatus(status campaigns.Status) func(context.Context, *statusInput) (*entityOutput[E], error) {
	return func(ctx context.Context, in *statusInput) (*entityOutput[E], error) {
		if _, err := s.API.get(ctx, s.kind, campaigns.ID(in.ID)); err != nil {
			return nil, fail(ctx, err)
		}
		if err := mayEdit(ctx, s.kind); err != nil {
			return nil, err
		}
		revision, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		e, err := s.editing(in.ValidateOnly).SetStatus(ctx, s.kind, campaigns.ID(in.ID), revision, status)
		if errors.Is(err, campaigns.ErrConflict) {
			return nil, s.conflict(ctx, campaigns.ID(in.ID), revision, []byte(`{"status":"`+string(status)+`"}`))
		} else if err != nil {
			return nil, fail(ctx, err)
		}
		return &entityOutput[E]{ETag: etag(e), Body: shown[E]{entity: e.(E)}}, nil
	}
}

func etag(e campaigns.Entity) string { return `"` + strconv.FormatInt(e.Head().Revision, 10) + `"` }

const ifMatchRule = `must be the ETag that was read, such as "7", or * for any`

// ifMatch reads an ETag; 0 is any revision: nothing or * was given.
func ifMatch(s string) (int64, error) {
	if s == "" || s == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(s, `"`), 10, 64)
	if err != nil || n < 1 {
		return 0, violation(http.StatusUnprocessableEntity, "header.If-Match", s, ifMatchRule)
	}
	return n, nil
}
