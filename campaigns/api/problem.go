package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// Problem is the body of every error: problem details of RFC 9457. Errors names
// the field, the value and the rule of each violation.
type Problem struct {
	Title  string                `json:"title"`
	Status int                   `json:"status"`
	Detail string                `json:"detail,omitempty"`
	Errors []campaigns.Violation `json:"errors,omitempty"`
	// Conflict is both versions, where somebody else has changed the entity meanwhile.
	Conflict *Conflict `json:"conflict,omitempty"`

	retryAfter int // seconds; 0: not said
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	return h
}

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

func newProblem(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client went away: nobody to tell
}

// fail turns an error of campaigns into its answer. What the caller cannot
// mend is a 500 without detail; the error sink hears of it.
func fail(ctx context.Context, err error) error {
	var ve *campaigns.ValidationError
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &ve):
		p = newProblem(http.StatusUnprocessableEntity, "a rule is broken")
		p.Errors = ve.Violations
		return p
	case errors.Is(err, campaigns.ErrNotFound):
		return newProblem(http.StatusNotFound, "no such entity")
	case errors.Is(err, campaigns.ErrConflict):
		return newProblem(http.StatusPreconditionFailed, "the entity has a newer revision than If-Match: read it again")
	}
	reportError(ctx, err)
	return newProblem(http.StatusInternalServerError, "")
}

// violation is a problem of one field.
func violation(status int, field, value, rule string) *Problem {
	p := newProblem(status, "a rule is broken")
	p.Errors = []campaigns.Violation{{Field: field, Value: value, Rule: rule}}
	return p
}

// bodyField is the operation's metadata that names its body in violations,
// instead of huma's "body".
const bodyField = "body_field"

// toProblem gives huma's own errors, and those of other packages' operations,
// the shape of Problem.
func toProblem(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{Title: m.Title, Status: m.Status, Detail: m.Detail}
	body, named := ctx.Operation().Metadata[bodyField].(string)
	for _, e := range m.Errors {
		field := e.Location
		if rest, ok := strings.CutPrefix(field, "body"); ok && named {
			field = body + rest
		}
		p.Errors = append(p.Errors, campaigns.Violation{Field: field, Value: valueText(e.Value), Rule: e.Message})
	}
	return p, nil
}

// valueText is a value for people, cut to a readable length.
func valueText(v any) string {
	const bound = 120
	var s string
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		s = v
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		s = string(b)
	default:
		s = fmt.Sprint(v)
	}
	if len(s) > bound {
		s = strings.ToValidUTF8(s[:bound], "") + "..."
	}
	return s
}

// describeProblems puts Problem in the place of huma's error model in the document.
func describeProblems(doc *huma.OpenAPI) {
	text := func(about string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: about} }
	doc.Components.Schemas.Map()["ErrorModel"] = &huma.Schema{
		Type:        huma.TypeObject,
		Description: "Problem details (RFC 9457)",
		Required:    []string{"title", "status"},
		Properties: map[string]*huma.Schema{
			"title":  text("The status in words"),
			"status": {Type: huma.TypeInteger},
			"detail": text("What happened"),
			"errors": {Type: huma.TypeArray, Items: &huma.Schema{
				Type: huma.TypeObject,
				Properties: map[string]*huma.Schema{
					"field": text("Path of the field, such as line_item.budget.daily_nanos"),
					"value": text("As given, cut to a readable length"),
					"rule":  text("What was expected"),
				},
			}},
			"conflict": doc.Components.Schemas.Schema(reflect.TypeFor[Conflict](), true, ""),
		},
	}
}

type errorSinkKey struct{}

func withErrorSink(ctx context.Context, sink func(error)) context.Context {
	return context.WithValue(ctx, errorSinkKey{}, sink)
}

func reportError(ctx context.Context, err error) {
	if sink, ok := ctx.Value(errorSinkKey{}).(func(error)); ok {
		sink(err)
	}
}
