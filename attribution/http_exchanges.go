package attribution

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

type exchangeInput struct {
	Name string `path:"name"`
	From string `query:"from" doc:"first day, such as 2026-11-01" required:"true"`
	To   string `query:"to" doc:"last day, included" required:"true"`
}

type payableOutput struct{ Body payableBody }

type payableBody struct {
	Exchange string       `json:"exchange"`
	Days     []payableDay `json:"days" doc:"by each advertiser's own days, as in the ledger"`
	Totals   []payableDay `json:"totals" doc:"one for each currency; without a day"`
	AsOf     time.Time    `json:"as_of" doc:"everything logged before it is counted"`
	Lag      int64        `json:"lag_records"`
}

type payableDay struct {
	Day      string `json:"day,omitempty"`
	Currency string `json:"currency"`
	Postings int64  `json:"postings"`
	Payable  string `json:"payable"`
}

type clearingsInput struct {
	Name string `path:"name"`
	From string `query:"from" doc:"first day, such as 2026-11-01" required:"true"`
	To   string `query:"to" doc:"last day, included" required:"true"`
	Zone string `query:"time_zone" doc:"IANA zone of the exchange's days; absent: UTC"`
}

type clearingsOutput struct{ Body clearingsBody }

type clearingsBody struct {
	Exchange string        `json:"exchange"`
	Zone     string        `json:"time_zone"`
	Rows     []clearingDay `json:"rows"`
	AsOf     time.Time     `json:"as_of" doc:"everything logged before it is counted"`
	Lag      int64         `json:"lag_records"`
}

type clearingDay struct {
	Day      string `json:"day"`
	Deal     string `json:"deal"`
	Currency string `json:"currency"`
	Kind     string `json:"kind" doc:"billed: by the time of the notice; bid: the same by the time of the bid; late, past_hard, bad_price, dispute (claimed above what we owe), win, impression, adjust/<cause>"`
	Count    int64  `json:"count"`
	Amount   string `json:"amount"`
}

func (h *handlers) registerExchanges(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity}
	huma.Register(api, huma.Operation{
		OperationID: "get-exchange-payable", Method: http.MethodGet, Path: "/v1/exchanges/{name}/payable", Tags: []string{"money"},
		Summary: "What an exchange is owed, by day and currency", RejectUnknownQueryParameters: true, Errors: errs,
	}, h.payable)
	huma.Register(api, huma.Operation{
		OperationID: "get-exchange-clearings", Method: http.MethodGet, Path: "/v1/exchanges/{name}/clearings", Tags: []string{"money"},
		Summary:                      "What an exchange's own report is compared with, by day, deal and currency",
		RejectUnknownQueryParameters: true, Errors: errs,
	}, h.clearings)
}

func operatorOnlyCaller(ctx context.Context) error {
	p, err := caller(ctx)
	if err != nil {
		return err
	}
	if p.Role != campaigns.RoleOperator {
		return huma.Error403Forbidden("the key's role is " + string(p.Role) + "; want operator")
	}
	return nil
}

func (h *handlers) payable(ctx context.Context, in *exchangeInput) (*payableOutput, error) {
	if err := operatorOnlyCaller(ctx); err != nil {
		return nil, err
	}
	from, to, err := days(in.From, in.To)
	if err != nil {
		return nil, err
	}
	fresh, err := h.Service.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	owed, err := h.Service.OwedTo(ctx, in.Name, from, to)
	if err != nil {
		return nil, err
	}
	b := payableBody{Exchange: in.Name, Days: []payableDay{}, Totals: []payableDay{}, AsOf: fresh.AsOf, Lag: fresh.LagRecords}
	sums := map[string]*ExchangeDay{}
	var order []string
	for _, d := range owed {
		b.Days = append(b.Days, payableDay{d.Day.String(), d.Currency, d.Postings, d.Amount.String()})
		if sums[d.Currency] == nil {
			sums[d.Currency], order = &ExchangeDay{}, append(order, d.Currency)
		}
		s := sums[d.Currency]
		s.Postings += d.Postings
		s.Amount.AddAmount(d.Amount)
	}
	for _, cur := range order {
		b.Totals = append(b.Totals, payableDay{"", cur, sums[cur].Postings, sums[cur].Amount.String()})
	}
	return &payableOutput{b}, nil
}

func (h *handlers) clearings(ctx context.Context, in *clearingsInput) (*clearingsOutput, error) {
	if err := operatorOnlyCaller(ctx); err != nil {
		return nil, err
	}
	from, to, err := days(in.From, in.To)
	if err != nil {
		return nil, err
	}
	var f faults
	zone := f.zone(in.Zone)
	if err := f.err(); err != nil {
		return nil, err
	}
	if zone == nil {
		zone = time.UTC
	}
	fresh, err := h.Service.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := h.Service.Clearings(ctx, in.Name, from, to, zone)
	if errors.Is(err, ErrTooManyRows) {
		f.add("query.to", in.To, fmt.Sprintf("want at most %d rows: fewer days", defaultMaxRows))
		return nil, f.err()
	} else if err != nil {
		return nil, err
	}
	b := clearingsBody{Exchange: in.Name, Zone: zone.String(), Rows: []clearingDay{}, AsOf: fresh.AsOf, Lag: fresh.LagRecords}
	for _, c := range rows {
		b.Rows = append(b.Rows, clearingDay{c.Day.String(), c.Deal, c.Currency, c.Kind, c.N, c.Amount.String()})
	}
	return &clearingsOutput{b}, nil
}
