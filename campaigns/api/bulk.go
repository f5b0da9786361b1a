package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

const (
	maxBulkRows  = 10_000
	maxBulkBytes = 32 << 20
	// bulkBatch is how many rows are one transaction, where an operation is not
	// atomic: other edits wait for no more.
	bulkBatch = 25
	// maxBulks bounds the operations that run or wait.
	maxBulks = 8
	// operationStale is after how long without progress an operation was cut off.
	operationStale = time.Minute
)

type bulkInput struct {
	Atomic       bool `query:"atomic" doc:"true: all rows or none"`
	ValidateOnly bool `query:"validate_only" doc:"true: every rule is checked, but nothing is stored"`
	RawBody      []byte
}

type operationOutput struct {
	Location string `header:"Location" doc:"Where its progress is"`
	Body     OperationView
}

// OperationView is a bulk edit as the API shows it.
type OperationView struct {
	ID           campaigns.ID   `json:"id" doc:"Of the operation"`
	Kind         campaigns.Kind `json:"kind" doc:"Of its entities"`
	Actor        string         `json:"actor" doc:"Who began it, such as user/7"`
	Atomic       bool           `json:"atomic" doc:"All rows or none"`
	ValidateOnly bool           `json:"validate_only" doc:"Nothing is stored"`
	Status       string         `json:"status" enum:"running,done,failed,interrupted" doc:"failed: of an atomic one, where a row was refused, nothing is stored; interrupted: its node ended; the rows that are listed are stored"`
	Detail       string         `json:"detail,omitempty" doc:"Why it failed"`
	Total        int            `json:"total" doc:"Rows"`
	Done         int            `json:"done" doc:"Rows that were looked at"`
	Created      int            `json:"created" doc:"Rows that made an entity"`
	Updated      int            `json:"updated" doc:"Rows that changed one"`
	Failed       int            `json:"failed" doc:"Rows that were refused"`
	CreatedAt    time.Time      `json:"created_at" doc:"When it began"`
	UpdatedAt    time.Time      `json:"updated_at" doc:"When it last got on"`
}

type rowsInput struct {
	ID      int64  `path:"id" minimum:"1" doc:"Of the operation"`
	Outcome string `query:"outcome" enum:"created,updated,failed,skipped" doc:"Only such rows"`
	Cursor  string `query:"cursor" maxLength:"2000" doc:"The next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows of a page"`
}

// RowView is what became of one row of a bulk edit.
type RowView struct {
	Row      int          `json:"row" doc:"From 1"`
	Outcome  string       `json:"outcome" enum:"created,updated,failed,skipped" doc:"skipped: another row of its atomic operation was refused"`
	ID       campaigns.ID `json:"id,omitempty" doc:"Of the entity"`
	Revision int64        `json:"revision,omitempty" doc:"That the row made"`
	Problem  any          `json:"problem,omitempty" doc:"Why it was refused: problem details as of a single edit"`
}

type rowsOutput struct{ Body Page[RowView] }

func (a *API) registerOperations() {
	op := func(path, id, about string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{"operations"}, Summary: about,
			Errors: []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity}}
	}
	huma.Register(a.huma, op("/v1/operations/{id}", "get-operation", "How far a bulk edit is"), a.getOperation)
	huma.Register(a.huma, op("/v1/operations/{id}/rows", "list-operation-rows", "What became of each row of a bulk edit"), a.listRows)
}

func (s *server[E]) registerBulk(ref string) {
	op := s.operation(http.MethodPost, "/v1/"+s.path+"/bulk", "bulk-edit", "Create and change up to 10,000 at once")
	op.Description = "The body is a JSON array, or one JSON object a line. A row with an id changes that entity as a merge patch does, only if it still has the revision that the row gives, where it gives one; a row without id creates one. " +
		"The answer comes at once; the operation tells the progress and what became of each row."
	op.DefaultStatus, op.MaxBodyBytes = http.StatusAccepted, maxBulkBytes
	op.RequestBody = &huma.RequestBody{}
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests)
	huma.Register(s.huma, op, s.bulk)
	describeBody(op.RequestBody, "application/json", &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject,
		Description: ref + ", or its fields that change, with id and revision"}})
	op.RequestBody.Content["application/x-ndjson"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
}

func (s *server[E]) bulk(ctx context.Context, in *bulkInput) (*operationOutput, error) {
	if err := mayEdit(ctx, s.kind); err != nil {
		return nil, err
	}
	rows, err := bulkRows(in.RawBody)
	if err != nil {
		return nil, violation(http.StatusBadRequest, "rows", "", err.Error())
	}
	select {
	case s.bulks <- struct{}{}:
	default:
		return nil, tooMany("too many bulk edits at once", 5*time.Second)
	}
	now := s.deps.Now()
	o := campaigns.Operation{Kind: s.kind, Actor: caller(ctx).Actor(), Atomic: in.Atomic, ValidateOnly: in.ValidateOnly,
		Status: campaigns.OperationRunning, Total: len(rows), CreatedAt: now, UpdatedAt: now}
	if err := s.deps.Operations.CreateOperation(ctx, &o); err != nil {
		<-s.bulks
		return nil, fail(ctx, err)
	}
	if !s.background(ctx, func(ctx context.Context) {
		defer func() { <-s.bulks }()
		(&bulkRun[E]{s, o, rows, nil}).run(ctx)
	}) {
		<-s.bulks
		return nil, newProblem(http.StatusServiceUnavailable, "the server is stopping")
	}
	return &operationOutput{fmt.Sprintf("/v1/operations/%d", o.ID), s.viewOperation(o)}, nil
}

// bulkRows splits a JSON array or lines of JSON. An error names the row and line.
func bulkRows(raw []byte) (rows []json.RawMessage, err error) {
	tooMany := fmt.Errorf("must be at most %d rows", maxBulkRows)
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := json.Unmarshal(trimmed, &rows); err != nil {
			var se *json.SyntaxError
			if errors.As(err, &se) {
				return nil, fmt.Errorf("must be a JSON array of objects: %v in line %d", err, 1+bytes.Count(trimmed[:min(int(se.Offset), len(trimmed))], []byte("\n")))
			}
			return nil, fmt.Errorf("must be a JSON array of objects: %v", err)
		}
	} else {
		sc := bufio.NewScanner(bytes.NewReader(raw))
		sc.Buffer(nil, maxBulkBytes)
		for line := 1; sc.Scan(); line++ {
			text := bytes.TrimSpace(sc.Bytes())
			if len(text) == 0 {
				continue
			}
			if !json.Valid(text) {
				return nil, fmt.Errorf("must be one JSON object a line: line %d is none", line)
			}
			if rows = append(rows, bytes.Clone(text)); len(rows) > maxBulkRows {
				return nil, tooMany
			}
		}
		if err := sc.Err(); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	switch {
	case len(rows) == 0:
		return nil, errors.New("must be at least one row")
	case len(rows) > maxBulkRows:
		return nil, tooMany
	}
	return rows, nil
}

// bulkRun is one bulk edit on its way.
type bulkRun[E campaigns.Entity] struct {
	s       *server[E]
	op      campaigns.Operation
	rows    []json.RawMessage
	results []campaigns.OperationRow // of the transaction under way
}

func (b *bulkRun[E]) run(ctx context.Context) {
	size := bulkBatch
	if b.op.Atomic {
		size = len(b.rows)
	}
	for from := 0; from < len(b.rows); from += size {
		if err := b.batch(ctx, from, min(from+size, len(b.rows))); err != nil {
			b.end(ctx, err)
			return
		}
	}
}

// errRefused ends the transaction of an atomic operation.
var errRefused = errors.New("a row was refused: nothing is stored")

// batch edits some rows in one transaction, in which the progress is stored too.
func (b *bulkRun[E]) batch(ctx context.Context, from, to int) error {
	before := b.op
	err := b.s.editing(b.op.ValidateOnly).Do(ctx, func(x *campaigns.Edit) error {
		b.op, b.results = before, nil
		for i := from; i < to; i++ {
			if err := b.row(ctx, x, i); err != nil {
				return err
			}
		}
		if b.op.Atomic && b.op.Failed > 0 {
			return errRefused
		}
		b.progress()
		return x.Tx().SaveOperation(ctx, b.op, b.results)
	})
	switch {
	case errors.Is(err, errRefused):
		for i := range b.results {
			if r := &b.results[i]; r.Outcome != "failed" {
				*r = campaigns.OperationRow{Row: r.Row, Outcome: "skipped"}
			}
		}
		b.op.Created, b.op.Updated = 0, 0
		b.op.Status, b.op.Detail = campaigns.OperationFailed, errRefused.Error()
		b.op.UpdatedAt = b.s.deps.Now()
		return b.s.deps.Operations.SaveOperation(ctx, b.op, b.results)
	case err != nil:
		b.op = before
		return err
	case b.op.ValidateOnly: // what the rehearsal said is kept all the same
		for i := range b.results {
			if b.results[i].Outcome == "created" {
				b.results[i].ID = 0
			}
		}
		return b.s.deps.Operations.SaveOperation(ctx, b.op, b.results)
	}
	return nil
}

func (b *bulkRun[E]) progress() {
	b.op.UpdatedAt = b.s.deps.Now()
	if b.op.Done == b.op.Total {
		b.op.Status = campaigns.OperationDone
	}
}

// row edits one row. Its own mistakes are its result; an error ends the operation.
func (b *bulkRun[E]) row(ctx context.Context, x *campaigns.Edit, i int) error {
	e, created, err := b.s.editRow(ctx, x, b.rows[i])
	r := campaigns.OperationRow{Row: i + 1, Outcome: "updated"}
	b.op.Done++
	var p *Problem
	switch {
	case err == nil:
		if r.ID, r.Revision = e.Head().ID, e.Head().Revision; created {
			r.Outcome = "created"
			b.op.Created++
		} else {
			b.op.Updated++
		}
	case errors.As(rowProblem(err), &p):
		r.Outcome = "failed"
		b.op.Failed++
		if r.Problem, err = json.Marshal(p); err != nil {
			return err
		}
	default:
		return fmt.Errorf("row %d: %w", i+1, err)
	}
	b.results = append(b.results, r)
	return nil
}

// rowProblem is the problem of a mistake in a row; what is none stays what it is.
func rowProblem(err error) error {
	var p *Problem
	var ve *campaigns.ValidationError
	if errors.As(err, &p) || errors.As(err, &ve) || errors.Is(err, campaigns.ErrNotFound) || errors.Is(err, campaigns.ErrConflict) {
		return fail(context.Background(), err)
	}
	return err
}

// editRow creates or changes the entity of one row.
func (s *server[E]) editRow(ctx context.Context, x *campaigns.Edit, raw json.RawMessage) (e E, created bool, err error) {
	id, revision, err := s.rowHead(raw)
	if err != nil {
		return e, false, err
	}
	if id == 0 {
		e = campaigns.NewEntity(s.kind).(E)
		if err := s.decoder.decode(raw, nil, e); err != nil {
			return e, true, err
		}
		if err := s.ownParentIn(ctx, x.Tx(), e); err != nil {
			return e, true, err
		}
		if err := ownRegistrations(ctx, nil, e); err != nil {
			return e, true, err
		}
		return e, true, x.Create(ctx, e)
	}
	base, owner, err := x.Tx().Get(ctx, s.kind, id)
	switch {
	case err != nil:
		return e, false, err
	case !caller(ctx).Sees(owner):
		return e, false, campaigns.ErrNotFound
	case revision != 0 && revision != base.Head().Revision:
		return e, false, fmt.Errorf("revision %d: %w", revision, campaigns.ErrConflict)
	}
	if e, _, err = s.patched(ctx, base, raw); err != nil {
		return e, false, err
	}
	return e, false, x.Update(ctx, e)
}

// rowHead is the id and revision that a row gives; 0 where it gives none.
func (s *server[E]) rowHead(raw json.RawMessage) (id campaigns.ID, revision int64, err error) {
	var head struct {
		ID       json.RawMessage `json:"id"`
		Revision json.RawMessage `json:"revision"`
	}
	if json.Unmarshal(raw, &head) != nil {
		return 0, 0, violation(http.StatusBadRequest, string(s.kind), valueText(string(raw)), "must be one JSON object")
	}
	number := func(name string, v json.RawMessage) int64 {
		if len(v) == 0 || err != nil {
			return 0
		}
		n, bad := strconv.ParseInt(string(v), 10, 64)
		if bad != nil || n < 1 {
			err = violation(http.StatusUnprocessableEntity, string(s.kind)+"."+name, strings.Trim(string(v), `"`), "must be a positive number, or absent")
		}
		return n
	}
	id, revision = campaigns.ID(number("id", head.ID)), number("revision", head.Revision)
	return id, revision, err
}

// end stores why the operation ended early. What is stored of it stays.
func (b *bulkRun[E]) end(ctx context.Context, err error) {
	reportError(ctx, fmt.Errorf("operation %d: %w", b.op.ID, err))
	b.op.Status, b.op.Detail, b.op.UpdatedAt = campaigns.OperationFailed, "a fault of the server ended it; its log says more", b.s.deps.Now()
	if err := b.s.deps.Operations.SaveOperation(context.WithoutCancel(ctx), b.op, nil); err != nil {
		reportError(ctx, fmt.Errorf("operation %d: %w", b.op.ID, err))
	}
}

// operation reads one that the caller began; operators see all.
func (a *API) operation(ctx context.Context, id int64) (campaigns.Operation, error) {
	o, err := a.deps.Operations.Operation(ctx, campaigns.ID(id))
	if p := caller(ctx); err == nil && p.Role != campaigns.RoleOperator && o.Actor != p.Actor() {
		err = campaigns.ErrNotFound
	}
	if err != nil {
		return o, fail(ctx, err)
	}
	return o, nil
}

func (a *API) getOperation(ctx context.Context, in *idInput) (*operationOutput, error) {
	o, err := a.operation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &operationOutput{Body: a.viewOperation(o)}, nil
}

func (a *API) viewOperation(o campaigns.Operation) OperationView {
	v := OperationView{o.ID, o.Kind, o.Actor, o.Atomic, o.ValidateOnly, string(o.Status), o.Detail, o.Total, o.Done, o.Created, o.Updated, o.Failed, o.CreatedAt, o.UpdatedAt}
	stale := operationStale
	if o.Atomic { // it tells of itself at its end
		stale *= 15
	}
	if o.Status == campaigns.OperationRunning && a.deps.Now().Sub(o.UpdatedAt) > stale {
		v.Status = "interrupted"
	}
	return v
}

func (a *API) listRows(ctx context.Context, in *rowsInput) (*rowsOutput, error) {
	if _, err := a.operation(ctx, in.ID); err != nil {
		return nil, err
	}
	of := fmt.Sprint("rows of ", in.ID)
	after, err := readCursor(in.Cursor, of)
	if err != nil {
		return nil, err
	}
	rows, err := a.deps.Operations.OperationRows(ctx, campaigns.ID(in.ID), in.Outcome, int(after.ID), in.Limit)
	if err != nil {
		return nil, fail(ctx, err)
	}
	page := Page[RowView]{Items: make([]RowView, len(rows))}
	for i, r := range rows {
		page.Items[i] = RowView{r.Row, r.Outcome, r.ID, r.Revision, anyValue(r.Problem)}
	}
	if len(rows) == in.Limit {
		page.Next = cursor{Of: of, ID: campaigns.ID(rows[len(rows)-1].Row)}.text()
	}
	return &rowsOutput{page}, nil
}
