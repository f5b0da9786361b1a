package attribution

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type statementInput struct {
	ID     int64  `path:"id"`
	From   string `query:"from" doc:"first day, such as 2026-11-01" required:"true"`
	To     string `query:"to" doc:"last day, included" required:"true"`
	Format string `query:"format" doc:"json or csv; absent: what Accept prefers"`
	Accept string `header:"Accept"`
}

type statementOutput struct {
	ContentType string `header:"Content-Type"`
	State       string `header:"Report-Status"`
	AsOf        string `header:"Report-As-Of"`
	Body        []byte
}

// statementBody is a statement in JSON; amounts are decimals in strings.
type statementBody struct {
	Advertiser campaigns.ID    `json:"advertiser"`
	Currency   string          `json:"currency"`
	From       string          `json:"from"`
	To         string          `json:"to"`
	Funded     bool            `json:"funded" doc:"it spends what it has paid, and its credit"`
	Opening    string          `json:"opening_balance" doc:"paid less charged before from; below 0 it owes"`
	Lines      []statementLine `json:"lines"`
	Closing    string          `json:"closing_balance"`
	Paid       string          `json:"paid" doc:"of all days up to the last"`
	Charged    string          `json:"charged" doc:"of all days up to the last"`
	Left       string          `json:"left,omitempty" doc:"of funded advertisers: paid, and credit, less charged"`
	Status     string          `json:"status" enum:"preliminary,final"`
	AsOf       time.Time       `json:"as_of" doc:"everything logged before it is counted"`
	Lag        int64           `json:"lag_records" doc:"records that wait to be counted"`
}

type statementLine struct {
	Day             string       `json:"day"`
	Type            string       `json:"type" doc:"bill, click, view, complete, conversion, payment, adjust; earlier: of all types, before types were kept"`
	LineItem        campaigns.ID `json:"line_item,omitempty"`
	Exchange        string       `json:"exchange,omitempty"`
	Postings        int64        `json:"postings"`
	Charge          string       `json:"charge"`
	Media           string       `json:"media_cost"`
	DataFee         string       `json:"data_fee"`
	PlatformFee     string       `json:"platform_fee"`
	Margin          string       `json:"margin"`
	Payment         string       `json:"payment"`
	Balance         string       `json:"balance"`
	HouseLate       string       `json:"house_late,omitempty" doc:"for operators"`
	HouseUnbilled   string       `json:"house_unbilled,omitempty" doc:"for operators"`
	Payable         string       `json:"payable,omitempty" doc:"for operators; in payable_currency"`
	PayableCurrency string       `json:"payable_currency,omitempty"`
}

type agencyBody struct {
	Agency     campaigns.ID    `json:"agency"`
	Totals     []agencyTotal   `json:"totals" doc:"one for each currency"`
	Statements []statementBody `json:"statements" doc:"one for each advertiser that is the agency's now"`
}

type agencyTotal struct {
	Currency string `json:"currency"`
	Opening  string `json:"opening_balance"`
	Charged  string `json:"charged" doc:"in these days"`
	Paid     string `json:"paid" doc:"in these days"`
	Closing  string `json:"closing_balance"`
}

func (h *handlers) registerStatements(api huma.API) {
	csvOr := func(schema *huma.Schema) map[string]*huma.Response {
		return map[string]*huma.Response{"200": {Description: "The statement", Content: map[string]*huma.MediaType{
			"application/json": {Schema: schema}, "text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}}
	}
	registry := api.OpenAPI().Components.Schemas
	errs := []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity}
	const doc = "Opening balance, what was charged and paid by day, and closing balance; opening + payments - charges = closing. Amounts are " +
		"decimals in strings, to the nano. A line with the type adjust is a correction; nothing is ever changed in place."
	huma.Register(api, huma.Operation{
		OperationID: "get-advertiser-statement", Method: http.MethodGet, Path: "/v1/advertisers/{id}/statement", Tags: []string{"money"},
		Summary: "An advertiser's account by day", Description: doc, RejectUnknownQueryParameters: true,
		Responses: csvOr(schemaOf[statementBody](registry, "Statement")), Errors: errs,
	}, h.statement)
	huma.Register(api, huma.Operation{
		OperationID: "get-agency-statement", Method: http.MethodGet, Path: "/v1/agencies/{id}/statement", Tags: []string{"money"},
		Summary: "The accounts of an agency's advertisers by day", Description: doc, RejectUnknownQueryParameters: true,
		Responses: csvOr(schemaOf[agencyBody](registry, "AgencyStatement")), Errors: errs,
	}, h.agencyStatement)
	h.registerExchanges(api)
}

func (h *handlers) statement(ctx context.Context, in *statementInput) (*statementOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if !sees(p, h.catalog(), campaigns.ID(in.ID)) {
		return nil, notFound("path.id", in.ID, "no such advertiser")
	}
	return h.answer(ctx, p, in, []campaigns.ID{campaigns.ID(in.ID)}, 0)
}

func (h *handlers) agencyStatement(ctx context.Context, in *statementInput) (*statementOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	c, agency := h.catalog(), campaigns.ID(in.ID)
	if c.Agencies[agency] == nil || !p.Sees(campaigns.Owner{Agency: agency}) {
		return nil, notFound("path.id", in.ID, "no such agency")
	}
	var ids []campaigns.ID
	for id, a := range c.Advertisers {
		if a.AgencyID == agency {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return h.answer(ctx, p, in, ids, agency)
}

// answer writes the statements of some advertisers; agency 0: of the one.
func (h *handlers) answer(ctx context.Context, p campaigns.Principal, in *statementInput, ids []campaigns.ID, agency campaigns.ID) (*statementOutput, error) {
	from, to, err := days(in.From, in.To)
	if err != nil {
		return nil, err
	}
	content, err := formatOf(&reportInput{Format: in.Format, Accept: in.Accept})
	if in.Format != "" && (err != nil || content == ndjsonType) {
		var f faults
		f.add("query.format", in.Format, "want json or csv")
		return nil, f.err()
	}
	asCSV := content == csvType
	operator := p.Role == campaigns.RoleOperator
	var all []*Statement
	var bodies []statementBody
	out := &statementOutput{State: "final"}
	for _, id := range ids {
		st, err := h.Service.Statement(ctx, id, from, to)
		if errors.Is(err, ErrTooManyRows) {
			return nil, huma.Error422UnprocessableEntity("the statement is too long", &huma.ErrorDetail{
				Location: "query.to", Value: in.To, Message: fmt.Sprintf("want at most %d lines: fewer days", defaultMaxRows)})
		} else if err != nil {
			return nil, err
		}
		b := h.body(st, operator)
		all, bodies = append(all, st), append(bodies, b)
		if out.AsOf = st.AsOf.Format(time.RFC3339Nano); !st.Final {
			out.State = "preliminary"
		}
	}
	switch {
	case asCSV:
		out.ContentType = "text/csv; charset=utf-8"
		out.Body, err = statementCSV(bodies, operator)
	case agency != 0:
		out.ContentType = "application/json"
		out.Body = append(mustJSON(agencyBody{agency, agencyTotals(all), append([]statementBody{}, bodies...)}), '\n')
	default:
		out.ContentType = "application/json"
		out.Body = append(mustJSON(bodies[0]), '\n')
	}
	return out, err
}

// days reads a stretch of days.
func days(fromText, toText string) (from, to Day, err error) {
	var f faults
	from, to = f.day("query.from", fromText), f.day("query.to", toText)
	if len(f) == 0 {
		f.span(&Query{From: from, To: to}, &reportInput{From: fromText, To: toText})
	}
	return from, to, f.err()
}

func (h *handlers) body(st *Statement, operator bool) statementBody {
	b := statementBody{
		Advertiser: st.Advertiser, Currency: st.Currency.String(), From: st.From.String(), To: st.To.String(),
		Opening: st.Opening.String(), Closing: st.Closing.String(), Paid: st.Paid.String(), Charged: st.Charged.String(),
		Status: (&Report{Final: st.Final}).status(), AsOf: st.AsOf, Lag: st.LagRecords, Lines: []statementLine{},
	}
	if a := h.catalog().Advertisers[st.Advertiser]; a != nil && a.Funded {
		left := st.Paid.minus(st.Charged)
		left.Add(a.Credit)
		b.Funded, b.Left = true, left.String()
	}
	for i := range st.Entries {
		e := &st.Entries[i]
		l := statementLine{
			Day: e.Day.String(), Type: e.Type, LineItem: e.LineItem, Exchange: e.Exchange, Postings: e.Postings,
			Charge: e.Charge.String(), Media: e.Media.String(), DataFee: e.DataFee.String(), PlatformFee: e.PlatformFee.String(),
			Margin: e.Margin.String(), Payment: e.Payment.String(), Balance: e.Balance.String(),
		}
		if operator {
			l.HouseLate, l.HouseUnbilled = e.HouseLate.String(), e.HouseUnbilled.String()
			l.Payable, l.PayableCurrency = e.Payable.String(), e.PayableCurrency
		}
		b.Lines = append(b.Lines, l)
	}
	return b
}

func agencyTotals(all []*Statement) []agencyTotal {
	type sums struct{ opening, charged, paid, closing Amount }
	by := map[string]*sums{}
	var names []string
	for _, st := range all {
		cur := st.Currency.String()
		s := by[cur]
		if s == nil {
			s = &sums{}
			by[cur], names = s, append(names, cur)
		}
		s.opening.AddAmount(st.Opening)
		s.closing.AddAmount(st.Closing)
		for i := range st.Entries {
			s.charged.AddAmount(st.Entries[i].Charge)
			s.paid.AddAmount(st.Entries[i].Payment)
		}
	}
	slices.Sort(names)
	out := []agencyTotal{}
	for _, cur := range names {
		s := by[cur]
		out = append(out, agencyTotal{cur, s.opening.String(), s.charged.String(), s.paid.String(), s.closing.String()})
	}
	return out
}

// statementCSV writes the lines of statements, each between its balances.
func statementCSV(bodies []statementBody, operator bool) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	head := []string{"advertiser", "currency", "day", "type", "line_item", "exchange", "postings", "charge", "media_cost", "data_fee",
		"platform_fee", "margin", "payment", "balance"}
	if operator {
		head = append(head, "house_late", "house_unbilled", "payable", "payable_currency")
	}
	records := [][]string{head}
	for i := range bodies {
		b := &bodies[i]
		id := strconv.FormatInt(int64(b.Advertiser), 10)
		balance := func(day, kind, amount string) {
			r := make([]string, len(head))
			r[0], r[1], r[2], r[3], r[13] = id, b.Currency, day, kind, amount
			records = append(records, r)
		}
		balance(b.From, "opening", b.Opening)
		for _, l := range b.Lines {
			line := ""
			if l.LineItem != 0 {
				line = strconv.FormatInt(int64(l.LineItem), 10)
			}
			r := []string{id, b.Currency, l.Day, l.Type, line, cell{"exchange", l.Exchange, cellText}.csv(), strconv.FormatInt(l.Postings, 10),
				l.Charge, l.Media, l.DataFee, l.PlatformFee, l.Margin, l.Payment, l.Balance}
			if operator {
				r = append(r, l.HouseLate, l.HouseUnbilled, l.Payable, l.PayableCurrency)
			}
			records = append(records, r)
		}
		balance(b.To, "closing", b.Closing)
	}
	err := w.WriteAll(records)
	return out.Bytes(), err
}

func schemaOf[T any](r huma.Registry, name string) *huma.Schema {
	return r.Schema(typeOf[T](), true, name)
}
