package node

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/attribution"
	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// This file is the operator's way to pay in and to correct, which go through the
// log like everything that moves money.

// decideWithin is how long a payment or an adjustment waits for its posting.
const decideWithin = 5 * time.Second

type paymentInput struct {
	ID   int64 `path:"id"`
	Body struct {
		ID        string `json:"id" minLength:"1" maxLength:"128" doc:"counts once per advertiser, for good: the same again is answered, and not booked"`
		Amount    string `json:"amount" doc:"decimal, above 0, with at most nine decimals"`
		Currency  string `json:"currency" doc:"the advertiser's"`
		Refund    bool   `json:"refund,omitempty" doc:"the advertiser gets the amount back"`
		Reference string `json:"reference,omitempty" maxLength:"256" doc:"such as the bank's"`
	}
}

type adjustInput struct {
	ID   int64 `path:"id"`
	Body struct {
		ID              string       `json:"id" minLength:"1" maxLength:"128" doc:"counts once per advertiser, for good: the same again is answered, and not booked"`
		LineItem        campaigns.ID `json:"line_item"`
		Currency        string       `json:"currency" doc:"the advertiser's: of every amount but the payable"`
		Charge          string       `json:"charge,omitempty" doc:"decimals that are added to what was posted; below 0 takes away"`
		Media           string       `json:"media,omitempty"`
		DataFee         string       `json:"data_fee,omitempty"`
		PlatformFee     string       `json:"platform_fee,omitempty"`
		HouseLate       string       `json:"house_late,omitempty"`
		HouseUnbilled   string       `json:"house_unbilled,omitempty"`
		Exchange        string       `json:"exchange,omitempty" maxLength:"64" doc:"whose payable it is"`
		Payable         string       `json:"payable,omitempty" doc:"in the advertiser's currency it must be the media"`
		PayableCurrency string       `json:"payable_currency,omitempty"`
		Cause           string       `json:"cause" minLength:"1" maxLength:"64" doc:"a word for reports, such as invalid_traffic, fx, dispute or late"`
		Reason          string       `json:"reason" minLength:"1" maxLength:"512" doc:"for people"`
	}
}

type correctionOutput struct {
	Status int
	Body   correctionBody
}

type correctionBody struct {
	ID        string `json:"id"`
	Outcome   string `json:"outcome" doc:"posted, adjusted; waiting: it is in the log, and the ledger's decision was not seen yet"`
	Partition int32  `json:"money_partition,omitempty" doc:"with money_offset: of the record in the log"`
	Offset    int64  `json:"money_offset,omitempty"`
	Payment   string `json:"payment,omitempty"`
	Charge    string `json:"charge,omitempty"`
	Media     string `json:"media,omitempty"`
	Margin    string `json:"margin,omitempty"`
	Payable   string `json:"payable,omitempty"`
}

func (n *Node) registerBooks(h huma.API) {
	n.registerBalance(h)
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}
	huma.Register(h, huma.Operation{
		OperationID: "post-payment", Method: http.MethodPost, Path: "/v1/advertisers/{id}/payments", Tags: []string{"money"},
		Summary: "Book what an advertiser has paid", Errors: errs,
		Description: "For operators. It answers with the ledger's decision; 202 where that takes longer: the same request again asks for it. 409: the id stands for something else, or the ledger has refused it.",
	}, n.postPayment)
	huma.Register(h, huma.Operation{
		OperationID: "post-adjustment", Method: http.MethodPost, Path: "/v1/advertisers/{id}/adjustments", Tags: []string{"money"},
		Summary: "Correct what was posted, by a counter-record", Errors: errs,
		Description: "For operators. Amounts are added; the margin balances them. Nothing that was posted changes. Answers as post-payment.",
	}, n.postAdjustment)
}

// advertiserFor is the advertiser of an id that the caller sees.
func (n *Node) advertiserFor(ctx context.Context, id int64) (*campaigns.Advertiser, campaigns.Principal, error) {
	p, ok := campaigns.PrincipalFrom(ctx)
	if !ok {
		return nil, p, huma.Error401Unauthorized("no API key")
	}
	a := n.feed.Catalog().Advertisers[campaigns.ID(id)]
	if a == nil || !p.Sees(campaigns.Owner{Agency: a.AgencyID, Advertiser: a.ID}) {
		return nil, p, huma.Error404NotFound("no such advertiser", &huma.ErrorDetail{Location: "path.id", Value: id, Message: "no such advertiser"})
	}
	return a, p, nil
}

// amountFaults reads amounts and names everything that is wrong with them.
type amountFaults []error

func (f *amountFaults) add(field string, value any, rule string) {
	*f = append(*f, &huma.ErrorDetail{Location: "body." + field, Value: value, Message: rule})
}

// most bounds each amount; sums of a log's lifetime then stay in their types.
const most = 1_000_000_000 * money.Unit

// amount reads a decimal; empty is 0 where it may be absent.
func (f *amountFaults) amount(field, text string) money.Nanos {
	if text == "" {
		return 0
	}
	v, err := money.ParseAmount([]byte(text))
	switch {
	case errors.Is(err, money.ErrOverflow), err == nil && (v > most || v < -most):
		f.add(field, clipped(text), "want at most "+most.String()+" either way")
	case errors.Is(err, money.ErrPrecision):
		f.add(field, clipped(text), "want at most nine decimals")
	case err != nil:
		f.add(field, clipped(text), "want a decimal such as 12.50")
	}
	return v
}

func clipped(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

func (f *amountFaults) currency(a *campaigns.Advertiser, text string) {
	if text != a.Currency.String() {
		f.add("currency", clipped(text), "want the advertiser's, "+a.Currency.String())
	}
}

func (f amountFaults) err() error {
	if len(f) == 0 {
		return nil
	}
	return huma.Error422UnprocessableEntity("the request breaks a rule; nothing was booked", f...)
}

func (n *Node) postPayment(ctx context.Context, in *paymentInput) (*correctionOutput, error) {
	a, p, err := n.advertiserFor(ctx, in.ID)
	if err == nil {
		err = operator(ctx)
	}
	if err != nil {
		return nil, err
	}
	var f amountFaults
	pay := &pacing.Payment{At: Clock(), Advertiser: a.ID, ID: in.Body.ID, Reference: in.Body.Reference, By: by(p)}
	f.currency(a, in.Body.Currency)
	if pay.Amount = f.amount("amount", in.Body.Amount); in.Body.Amount == "" || len(f) == 0 && pay.Amount <= 0 {
		f.add("amount", in.Body.Amount, "want an amount above 0; refund says that it goes back")
	}
	if in.Body.Refund {
		pay.Amount = -pay.Amount
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	msg, err := pacing.PaymentMessage(pay)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	return n.correct(ctx, a.ID, pacing.TypePayment, pay.ID, msg, func(c *attribution.Correction) bool { return c.Payment == pay.Amount })
}

func (n *Node) postAdjustment(ctx context.Context, in *adjustInput) (*correctionOutput, error) {
	a, p, err := n.advertiserFor(ctx, in.ID)
	if err == nil {
		err = operator(ctx)
	}
	if err != nil {
		return nil, err
	}
	adj, err := n.adjustment(a, in)
	if err != nil {
		return nil, err
	}
	adj.By = by(p)
	msg, err := pacing.AdjustMessage(adj)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("nothing was booked: " + err.Error())
	}
	return n.correct(ctx, a.ID, pacing.TypeAdjust, adj.ID, msg, func(c *attribution.Correction) bool {
		return c.LineItem == int64(adj.LineItem) && c.Charge == adj.Charge && c.Media == adj.Media && c.Payable == adj.Payable && c.Cause == adj.Cause
	})
}

func (n *Node) adjustment(a *campaigns.Advertiser, in *adjustInput) (*pacing.Adjust, error) {
	var f amountFaults
	b := &in.Body
	f.currency(a, b.Currency)
	adj := &pacing.Adjust{
		At: Clock(), Advertiser: a.ID, LineItem: b.LineItem, ID: b.ID, Exchange: b.Exchange, Cause: b.Cause, Reason: b.Reason,
		Charge: f.amount("charge", b.Charge), Media: f.amount("media", b.Media), DataFee: f.amount("data_fee", b.DataFee),
		PlatformFee: f.amount("platform_fee", b.PlatformFee), HouseLate: f.amount("house_late", b.HouseLate),
		HouseUnbilled: f.amount("house_unbilled", b.HouseUnbilled), Payable: f.amount("payable", b.Payable),
	}
	if l, ok := n.feed.Catalog().Lineage(b.LineItem); !ok || l.Advertiser.ID != a.ID {
		f.add("line_item", b.LineItem, "want a line item of the advertiser")
	}
	if b.PayableCurrency != "" {
		var err error
		if adj.PayableCurrency, err = money.ParseCurrency(b.PayableCurrency); err != nil {
			f.add("payable_currency", clipped(b.PayableCurrency), "want three upper-case letters of ISO 4217")
		}
	}
	one := adj.PayableCurrency == (money.Currency{}) || adj.PayableCurrency == a.Currency
	switch {
	case len(f) > 0:
	case adj.Payable != 0 && adj.Exchange == "":
		f.add("exchange", "", "want the exchange whose payable it is")
	case adj.Payable != 0 && adj.PayableCurrency == money.Currency{}:
		f.add("payable_currency", "", "want the currency of the payable")
	case one && adj.Payable != adj.Media:
		f.add("payable", b.Payable, "want the media, "+adj.Media.String()+", where both are in one currency: what is owed moves with what media cost")
	}
	return adj, f.err()
}

// by names the caller in the log.
func by(p campaigns.Principal) string {
	if p.Name == "" {
		return string(p.Role)
	}
	return p.Name[:min(len(p.Name), 128)]
}

// correct writes a record, unless its id was decided before, and waits for the
// ledger's decision; same says whether a decision is that of this record.
func (n *Node) correct(ctx context.Context, advertiser campaigns.ID, typ pacing.Type, id string, msg eventlog.Message, same func(*attribution.Correction) bool) (*correctionOutput, error) {
	if c, ok, err := n.correction(ctx, advertiser, typ, id); err != nil {
		return nil, err
	} else if ok {
		return decided(id, &c, same)
	}
	if err := n.log.Append(ctx, msg); err != nil {
		return nil, huma.Error503ServiceUnavailable("the log did not take the record; the same request again is safe: " + err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, decideWithin)
	defer cancel()
	for {
		c, ok, err := n.correction(ctx, advertiser, typ, id)
		if ok && err == nil {
			return decided(id, &c, same)
		}
		select {
		case <-ctx.Done():
			return &correctionOutput{http.StatusAccepted, correctionBody{ID: id, Outcome: "waiting"}}, nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (n *Node) correction(ctx context.Context, advertiser campaigns.ID, typ pacing.Type, id string) (attribution.Correction, bool, error) {
	if n.reports == nil { // decisions are read where reports are
		return attribution.Correction{}, false, nil
	}
	return n.reports.Correction(ctx, advertiser, string(typ), id)
}

func decided(id string, c *attribution.Correction, same func(*attribution.Correction) bool) (*correctionOutput, error) {
	refuse := func(rule string) error {
		return huma.Error409Conflict(rule, &huma.ErrorDetail{Location: "body.id", Value: id, Message: rule})
	}
	if c.Outcome == string(pacing.OutcomeRefused) {
		return nil, refuse("the ledger has refused it and nothing was booked: a refund or a correction above what there is, or a charge above the budget (docs/money.md); another try needs another id")
	}
	if !same(c) {
		return nil, refuse("the id stands for another booking; want one that is new")
	}
	return &correctionOutput{http.StatusOK, correctionBody{
		ID: id, Outcome: c.Outcome, Partition: c.Partition, Offset: c.Offset, Payment: text(c.Payment), Charge: text(c.Charge),
		Media: text(c.Media), Margin: text(c.Margin), Payable: text(c.Payable),
	}}, nil
}

func text(n money.Nanos) string {
	if n == 0 {
		return ""
	}
	return n.String()
}
