package attribution

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// Bounds of a batch of conversions.
const (
	maxConversions     = 1_000
	maxConversionBytes = 1 << 20
	maxFuture          = 5 * time.Minute // of a conversion's time: clocks differ
)

// conversionInput is a row as it is posted.
type conversionInput struct {
	AdvertiserID campaigns.ID `json:"advertiser_id,omitempty" doc:"absent: the advertiser whose key it is"`
	OrderID      string       `json:"order_id" doc:"counts once per advertiser, for good"`
	Value        decimalText  `json:"value,omitempty" doc:"decimal string or number, in the currency"`
	Currency     string       `json:"currency,omitempty" doc:"the advertiser's; absent: the same"`
	Time         string       `json:"time,omitempty" doc:"RFC 3339; absent: now"`
	Type         string       `json:"type,omitempty" doc:"such as purchase, which is the default"`
	ClickID      string       `json:"click_id,omitempty" doc:"the signed click id of the landing URL"`
	Exchange     string       `json:"exchange,omitempty" doc:"whose buyeruid it is"`
	BuyerUID     string       `json:"buyeruid,omitempty" doc:"hashed at once, never stored"`
	IFA          string       `json:"ifa,omitempty" doc:"advertising id of the device; hashed at once, never stored"`
	Refund       bool         `json:"refund,omitempty" doc:"takes back of the order the value, or where there is none the whole; what was charged stays"`
	RefundID     string       `json:"refund_id,omitempty" doc:"of a refund: each counts once per order"`
}

// decimalText is a JSON string or number, as it was written.
type decimalText string

func (d *decimalText) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(d))
	}
	*d = decimalText(b)
	return nil
}

// Schema implements huma.SchemaProvider.
func (decimalText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeNumber}}}
}

type conversionsInput struct {
	RawBody []byte
}

type conversionsOutput struct{ Body conversionsResult }

type conversionsResult struct {
	Accepted int             `json:"accepted"`
	Refused  int             `json:"refused"`
	Rows     []conversionRow `json:"rows" doc:"one for each row posted, in their order"`
}

type conversionRow struct {
	OrderID  string               `json:"order_id,omitempty"`
	Accepted bool                 `json:"accepted"`
	ID       string               `json:"id,omitempty" doc:"the conversion's id, where accepted"`
	Error    *campaigns.Violation `json:"error,omitempty" doc:"where refused"`
}

func (h *handlers) registerConversions(api huma.API) {
	row := huma.SchemaFromType(api.OpenAPI().Components.Schemas, reflect.TypeFor[conversionInput]())
	n := maxConversions
	huma.Register(api, huma.Operation{
		OperationID: "post-conversions", Method: http.MethodPost, Path: "/v1/conversions", Tags: []string{"conversions"},
		Summary: "Report conversions, server to server",
		Description: "Each row is accepted or refused on its own. Accepted rows are durable when the answer comes. Posting " +
			"again is safe: an order counts once. A row needs a click id or a user's identifier.",
		MaxBodyBytes:     maxConversionBytes,
		SkipValidateBody: true, // a bad row must not refuse the others
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeArray, MaxItems: &n, Items: row}},
		}},
		Errors: []int{http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.conversions)
}

func (h *handlers) conversions(ctx context.Context, in *conversionsInput) (*conversionsOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	var rows []json.RawMessage
	var f faults
	switch err := json.Unmarshal(in.RawBody, &rows); {
	case err != nil:
		f.add("body", clip(string(in.RawBody)), "want a JSON list of conversions: "+err.Error())
	case len(rows) == 0 || len(rows) > maxConversions:
		f.add("body", len(rows), fmt.Sprintf("want 1 to %d conversions", maxConversions))
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	out := &conversionsOutput{}
	var msgs []eventlog.Message
	c := conversionReader{handlers: h, catalog: h.catalog(), principal: p, now: h.now().UTC()}
	for _, raw := range rows {
		rec, order, refusal := c.read(raw)
		row := conversionRow{OrderID: order, Error: refusal}
		if refusal == nil {
			row.Accepted, row.ID = true, rec.ID
			msgs = append(msgs, rec.message())
			out.Body.Accepted++
		} else {
			out.Body.Refused++
		}
		out.Body.Rows = append(out.Body.Rows, row)
	}
	if len(msgs) > 0 {
		if err := h.Service.deps.Log.Append(ctx, msgs...); err != nil {
			h.Service.deps.Failed(fmt.Errorf("append conversions: %w", err))
			return nil, huma.Error503ServiceUnavailable("the conversions could not be made durable; post them again")
		}
	}
	return out, nil
}

// message is the record on its way into the log.
func (r *conversionRecord) message() eventlog.Message {
	key := strconv.FormatInt(r.Advertiser, 10) + "/" + r.Order
	if r.User != 0 {
		key = ids.UserKey(r.User).String()
	}
	return eventlog.Message{Topic: eventlog.TopicConversions, Key: []byte(key), Value: mustJSON(r)}
}

// conversionReader turns rows into records.
type conversionReader struct {
	*handlers
	catalog   *campaigns.Catalog
	principal campaigns.Principal
	now       time.Time
}

// read returns the record, or the first rule that the row breaks.
func (c *conversionReader) read(raw json.RawMessage) (*conversionRecord, string, *campaigns.Violation) {
	var in conversionInput
	if v := decodeRow(raw, &in); v != nil {
		return nil, "", v
	}
	rec, v := c.record(&in, "server")
	return rec, clip(in.OrderID), v
}

// record is what in says, or the first rule that it breaks.
func (c *conversionReader) record(in *conversionInput, source string) (*conversionRecord, *campaigns.Violation) {
	rec := &conversionRecord{V: 1, Source: source}
	steps := []func(*conversionInput, *conversionRecord) *campaigns.Violation{
		c.advertiser, readOrder, readType, readValue, c.time, c.user,
	}
	if in.Refund {
		steps[len(steps)-1] = readRefund
	}
	for _, step := range steps {
		if v := step(in, rec); v != nil {
			return nil, v
		}
	}
	if !in.Refund {
		rec.ID = c.ConversionIDs.Next().String()
	}
	return rec, nil
}

// readRefund: a counter-record names its order, and itself.
func readRefund(in *conversionInput, rec *conversionRecord) *campaigns.Violation {
	s := in.RefundID
	if s == "" || len(s) > maxOrder || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return refuse("refund_id", s, fmt.Sprintf("want 1 to %d bytes of text without control characters", maxOrder))
	}
	if in.Value != "" && rec.Value == 0 {
		return refuse("value", string(in.Value), "want more than 0, or none: the whole order")
	}
	rec.ID, rec.Refund = s, true
	return nil
}

func refuse(field, value, rule string) *campaigns.Violation {
	return &campaigns.Violation{Field: field, Value: clip(value), Rule: rule}
}

func decodeRow(raw json.RawMessage, in *conversionInput) *campaigns.Violation {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(in)
	if err == nil {
		_, err = d.Token()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	field := "row"
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return refuse(wrong.Field, wrong.Value, "want "+wrong.Type.String())
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		field = strings.Trim(name, `"`)
	}
	return refuse(field, string(raw), err.Error())
}

func (c *conversionReader) advertiser(in *conversionInput, rec *conversionRecord) *campaigns.Violation {
	id := in.AdvertiserID
	if id == 0 && c.principal.Role == campaigns.RoleAdvertiser {
		id = c.principal.Owner.Advertiser
	}
	if !sees(c.principal, c.catalog, id) {
		return refuse("advertiser_id", strconv.FormatInt(int64(id), 10), "no such advertiser")
	}
	rec.Advertiser = int64(id)
	rec.Currency = c.catalog.Advertisers[id].Currency.String()
	if in.Currency != "" && in.Currency != rec.Currency {
		return refuse("currency", in.Currency, "want the advertiser's currency, "+rec.Currency)
	}
	return nil
}

func readOrder(in *conversionInput, rec *conversionRecord) *campaigns.Violation {
	s := in.OrderID
	if s == "" || len(s) > maxOrder || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return refuse("order_id", s, fmt.Sprintf("want 1 to %d bytes of text without control characters", maxOrder))
	}
	rec.Order = s
	return nil
}

func readType(in *conversionInput, rec *conversionRecord) *campaigns.Violation {
	rec.Type = in.Type
	if rec.Type == "" {
		rec.Type = "purchase"
	}
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}
	if len(rec.Type) > 64 || strings.ContainsFunc(rec.Type, bad) {
		return refuse("type", in.Type, "want at most 64 of a-z, 0-9, _, - and .")
	}
	return nil
}

func readValue(in *conversionInput, rec *conversionRecord) *campaigns.Violation {
	if in.Value == "" {
		return nil
	}
	n, err := money.ParseNanos([]byte(in.Value), money.RoundDown)
	if err != nil || n < 0 || in.Value[0] == '-' {
		return refuse("value", string(in.Value), "want a decimal from 0 to 9223372036")
	}
	rec.Value = money.Nanos(n)
	return nil
}

func (c *conversionReader) time(in *conversionInput, rec *conversionRecord) *campaigns.Violation {
	rec.At = c.now
	if in.Time == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, in.Time)
	late := c.Service.cfg.LateAfter
	if err != nil || t.After(c.now.Add(maxFuture)) || t.Before(c.now.Add(-late)) {
		return refuse("time", in.Time, fmt.Sprintf("want an RFC 3339 time within the last %v", late))
	}
	rec.At = t.UTC()
	return nil
}

// user finds out whose conversion it is: the click's user, or else the bidder's
// key of the buyeruid, or else that of the ifa. Refusals don't repeat identifiers.
func (c *conversionReader) user(in *conversionInput, rec *conversionRecord) *campaigns.Violation {
	if (in.Exchange == "") != (in.BuyerUID == "") {
		return refuse("buyeruid", "", "want exchange and buyeruid together")
	}
	if len(in.BuyerUID) > maxOrder || len(in.IFA) > maxOrder || len(in.Exchange) > maxName {
		return refuse("buyeruid", "", fmt.Sprintf("want identifiers of at most %d bytes", maxOrder))
	}
	rec.Identified = in.BuyerUID != "" || in.IFA != ""
	switch {
	case in.BuyerUID != "":
		rec.User = userKey(c.Users.User(ids.KindBuyerUID, in.Exchange, []byte(in.BuyerUID)))
	case in.IFA != "":
		rec.User = userKey(c.Users.User(ids.KindIFA, "", []byte(strings.ToLower(in.IFA))))
	case in.ClickID == "":
		return refuse("click_id", "", "want a click_id, or exchange and buyeruid, or ifa")
	}
	if in.RefundID != "" {
		return refuse("refund_id", in.RefundID, "want none unless refund is true")
	}
	if in.ClickID == "" {
		return nil
	}
	click, err := c.VerifyClick(in.ClickID)
	if err != nil || int64(click.Advertiser) != rec.Advertiser {
		return refuse("click_id", in.ClickID, "want an unaltered click id of this advertiser")
	}
	rec.ClickBid = bidID{click.Bid, true}
	rec.ClickLine = int64(click.LineItem)
	if click.User != 0 {
		rec.User = userKey(click.User)
	}
	return nil
}
