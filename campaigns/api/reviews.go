package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// maxReviews bounds one import.
const maxReviews = 10_000

// review is what an exchange decided of one creative.
type review struct {
	Creative campaigns.ID                 `json:"creative_id" doc:"Of ours"`
	Exchange string                       `json:"exchange" doc:"Its name in the configuration"`
	Status   campaigns.RegistrationStatus `json:"status" enum:"pending,approved,rejected" doc:"Of the exchange's review"`
	ID       string                       `json:"id,omitempty" doc:"The exchange's own id of the creative; empty keeps the one that is known"`
	Reason   string                       `json:"reason,omitempty" doc:"Of a rejection"`

	place string // of the row, for violations
}

type reviewsInput struct {
	ContentType string `header:"Content-Type" doc:"application/json, or text/csv with the columns creative_id, exchange, status, id, reason"`
	RawBody     []byte
}

type reviewsOutput struct {
	Body struct {
		Rows    int `json:"rows" doc:"That were read"`
		Changed int `json:"changed" doc:"Creatives that were changed"`
	}
}

// registerReviews takes exchanges' decisions in bulk: all rows or none.
func (a *API) registerReviews() error {
	op := huma.Operation{
		OperationID: "import-creative-reviews", Method: http.MethodPost, Path: "/v1/creative-reviews", Tags: []string{"creatives"},
		Summary:     "Import what exchanges decided of creatives",
		Description: "An operator's alone. Every row is applied, or, where one breaks a rule, none: each violation names its row, of CSV its line and column. Each change is in the creative's history.",
		Metadata:    map[string]any{bodyField: "reviews"}, MaxBodyBytes: 4 << 20, RequestBody: &huma.RequestBody{},
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity},
	}
	huma.Register(a.huma, op, a.importReviews)
	item := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[review](), true, "")
	op.RequestBody.Required = true
	op.RequestBody.Content = map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeArray, Items: item}},
		"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString, Description: "With a line of the columns' names: creative_id, exchange, status, and where wanted id and reason"}},
	}
	return nil
}

func (a *API) importReviews(ctx context.Context, in *reviewsInput) (*reviewsOutput, error) {
	if err := operatorOnly(ctx); err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(in.ContentType)
	if err != nil {
		kind = in.ContentType
	}
	var rows []review
	switch kind {
	case "text/csv":
		rows, err = reviewsOfCSV(in.RawBody)
	case "application/json":
		rows, err = reviewsOfJSON(in.RawBody)
	default:
		err = violation(http.StatusUnsupportedMediaType, "header.Content-Type", in.ContentType, "must be application/json or text/csv")
	}
	if err != nil {
		return nil, err
	}
	out := &reviewsOutput{}
	out.Body.Rows = len(rows)
	err = a.editor.Do(ctx, func(x *campaigns.Edit) error {
		var err error
		out.Body.Changed, err = a.applyReviews(ctx, x, rows)
		return err
	})
	if err != nil {
		return nil, fail(ctx, err)
	}
	return out, nil
}

// applyReviews edits each creative once, and names every row that breaks a rule.
func (a *API) applyReviews(ctx context.Context, x *campaigns.Edit, rows []review) (changed int, err error) {
	p := newProblem(http.StatusUnprocessableEntity, "a rule is broken: nothing was changed")
	byID := map[campaigns.ID]*campaigns.Creative{}
	last := map[campaigns.ID]string{} // the row that a creative's violations are told of
	var order []campaigns.ID
	for _, r := range rows {
		if a.deps.KnowsExchange != nil && !a.deps.KnowsExchange(r.Exchange) {
			p.Errors = append(p.Errors, campaigns.Violation{Field: r.place + ".exchange", Value: valueText(r.Exchange), Rule: "must be a configured exchange"})
			continue
		}
		v := byID[r.Creative]
		if v == nil {
			v, err = campaigns.Get[*campaigns.Creative](ctx, x.Tx(), r.Creative)
			if errors.Is(err, campaigns.ErrNotFound) {
				p.Errors = append(p.Errors, campaigns.Violation{Field: r.place + ".creative_id", Value: fmt.Sprint(r.Creative), Rule: "must be an existing creative"})
				continue
			} else if err != nil {
				return 0, err
			}
			byID[r.Creative], order = v, append(order, r.Creative)
		}
		reg := campaigns.Registration{Status: r.Status, ID: r.ID, Reason: r.Reason}
		if reg.ID == "" {
			reg.ID = v.Exchanges[r.Exchange].ID
		}
		if v.Exchanges == nil {
			v.Exchanges = map[string]campaigns.Registration{}
		}
		v.Exchanges[r.Exchange], last[r.Creative] = reg, r.place
	}
	for _, id := range order {
		var ve *campaigns.ValidationError
		if err := x.Update(ctx, byID[id]); errors.As(err, &ve) {
			for _, v := range ve.Violations {
				v.Field = last[id] + ": " + v.Field
				p.Errors = append(p.Errors, v)
			}
		} else if err != nil {
			return 0, err
		}
	}
	if len(p.Errors) > 0 {
		return 0, p
	}
	return len(order), nil
}

func reviewsOfJSON(raw []byte) ([]review, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var rows []review
	if err := dec.Decode(&rows); err != nil || dec.More() {
		if err == nil {
			err = errors.New("something follows the array")
		}
		return nil, violation(http.StatusBadRequest, "reviews", valueText(err.Error()), "must be one JSON array of reviews")
	}
	for i := range rows {
		rows[i].place = fmt.Sprintf("reviews[%d]", i)
	}
	return rows, reviewCount(len(rows))
}

func reviewCount(n int) error {
	if n == 0 || n > maxReviews {
		return violation(http.StatusUnprocessableEntity, "reviews", strconv.Itoa(n), fmt.Sprintf("must be 1 to %d rows", maxReviews))
	}
	return nil
}

// reviewsOfCSV reads RFC 4180 with a line of the columns' names.
func reviewsOfCSV(raw []byte) ([]review, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\ufeff"))))
	bad := func(line, column int, value, rule string) error {
		return violation(http.StatusUnprocessableEntity, fmt.Sprintf("line %d, column %d", line, column), valueText(value), rule)
	}
	names, err := r.Read()
	if err != nil {
		return nil, bad(1, 1, "", "must be a line with the columns' names")
	}
	for i, n := range names {
		switch names[i] = strings.ToLower(strings.TrimSpace(n)); names[i] {
		case "creative_id", "exchange", "status", "id", "reason":
		default:
			_, column := r.FieldPos(i)
			return nil, bad(1, column, n, "must be creative_id, exchange, status, id or reason")
		}
	}
	var rows []review
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, reviewCount(len(rows))
		}
		var pe *csv.ParseError
		if errors.As(err, &pe) {
			return nil, bad(pe.Line, pe.Column, "", "must be CSV with as many columns as the first line: "+pe.Err.Error())
		} else if err != nil {
			return nil, bad(1, 1, "", err.Error())
		}
		line, _ := r.FieldPos(0)
		row := review{place: fmt.Sprintf("line %d", line)}
		for i, v := range fields {
			v = strings.TrimSpace(v)
			switch names[i] {
			case "creative_id":
				n, err := strconv.ParseInt(v, 10, 64)
				if err != nil {
					line, column := r.FieldPos(i)
					return nil, bad(line, column, v, "must be a creative's id")
				}
				row.Creative = campaigns.ID(n)
			case "exchange":
				row.Exchange = v
			case "status":
				row.Status = campaigns.RegistrationStatus(strings.ToLower(v))
			case "id":
				row.ID = v
			case "reason":
				row.Reason = v
			}
		}
		if rows = append(rows, row); len(rows) > maxReviews {
			return nil, reviewCount(len(rows))
		}
	}
}
