package attribution

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"bidhawk/attribution/rollup"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// LineItemSummary is what a line item did in a stretch of days. Amounts are in
// the advertiser's currency.
type LineItemSummary struct {
	Advertiser       campaigns.ID
	Campaign         campaigns.ID
	LineItem         campaigns.ID
	Bids             int64
	Wins             int64
	Billable         int64
	Impressions      int64
	Clicks           int64
	ClickConversions int64
	ViewConversions  int64
	Media            Amount
	Charge           Amount
	Value            Amount
}

// Conversions is the number of attributed conversions.
func (s LineItemSummary) Conversions() int64 { return s.ClickConversions + s.ViewConversions }

// Summary sums every line item over the days from from to to, both included and
// each in its advertiser's zone, by line item id. It reads one row for each line
// item and day; it is for the operator: it covers every advertiser.
func (s *Service) Summary(ctx context.Context, from, to Day) ([]LineItemSummary, error) {
	a, err := s.everyLineItem(ctx, from, to, rollup.Advertiser, rollup.Campaign, rollup.LineItem)
	if err != nil {
		return nil, fmt.Errorf("summary: %w", err)
	}
	out := make([]LineItemSummary, 0, a.Groups())
	for g := range a.Groups() {
		var m metrics
		m.get(func(i int) int64 { return a.Sum(g, i) })
		out = append(out, LineItemSummary{
			Advertiser: campaigns.ID(a.Int(g, 0)), Campaign: campaigns.ID(a.Int(g, 1)), LineItem: campaigns.ID(a.Int(g, 2)),
			Bids: m.n[nBids], Wins: m.n[nWins], Billable: m.n[nBillable], Impressions: m.n[nImpressions], Clicks: m.n[nClicks],
			ClickConversions: m.n[nClickConversions], ViewConversions: m.n[nViewConversions],
			Media: m.s[sMedia].Norm(), Charge: m.s[sCharge].Norm(), Value: m.s[sValue].Norm(),
		})
	}
	slices.SortFunc(out, func(a, b LineItemSummary) int {
		return cmp.Or(cmp.Compare(a.LineItem, b.LineItem), cmp.Compare(a.Campaign, b.Campaign), cmp.Compare(a.Advertiser, b.Advertiser))
	})
	return out, nil
}

// maxLineItems bounds what covers every line item of the installation.
const maxLineItems = 10_000_000

// everyLineItem sums all days from from to to by columns of the cube of line items.
func (s *Service) everyLineItem(ctx context.Context, from, to Day, by ...rollup.Column) (*rollup.Answer, error) {
	q := &rollup.Query{Cube: rollup.LineItems, From: int32(from), To: int32(to), MaxGroups: maxLineItems, Workers: 1}
	for _, c := range by {
		q.By = append(q.By, rollup.Dim{Column: c})
	}
	return rollup.Ask(ctx, s.store.r, rollupSums, q)
}

// Totals is what reconciliation compares with the exchanges' bills and the ledger.
type Totals struct {
	Payables []Payable // by exchange and currency
	Charges  []Charge  // by advertiser
}

// Payable is what an exchange is owed in one currency.
type Payable struct {
	Exchange string
	Currency money.Currency
	Billable int64
	Amount   Amount
}

// Charge is what became of an advertiser's money, in its currency.
type Charge struct {
	Advertiser    campaigns.ID
	Media         Amount
	Charge        Amount
	DataFee       Amount
	PlatformFee   Amount
	Margin        Amount
	HouseLate     Amount
	HouseUnbilled Amount
}

// Totals sums all money over the days from from to to, both included and each in
// its advertiser's zone.
func (s *Service) Totals(ctx context.Context, from, to Day) (Totals, error) {
	var t Totals
	var err error
	if t.Payables, err = s.payables(ctx, from, to); err != nil {
		return Totals{}, fmt.Errorf("totals: %w", err)
	}
	if t.Charges, err = s.charges(ctx, from, to); err != nil {
		return Totals{}, fmt.Errorf("totals: %w", err)
	}
	return t, nil
}

func (s *Service) payables(ctx context.Context, from, to Day) ([]Payable, error) {
	rows, err := s.store.r.QueryContext(ctx, `SELECT exchange, currency, sum(billable), sum(units), sum(nanos)
		FROM payables WHERE day BETWEEN ? AND ? GROUP BY 1, 2 ORDER BY 1, 2`, int64(from), int64(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Payable
	for rows.Next() {
		var p Payable
		var currency string
		if err := rows.Scan(&p.Exchange, &currency, &p.Billable, &p.Amount.Units, &p.Amount.Nanos); err != nil {
			return nil, err
		}
		if currency != "" { // a billable impression at no cost may name none
			if p.Currency, err = money.ParseCurrency(currency); err != nil {
				return nil, err
			}
		}
		p.Amount = p.Amount.Norm()
		out = append(out, p)
	}
	return out, rows.Err()
}

func (s *Service) charges(ctx context.Context, from, to Day) ([]Charge, error) {
	a, err := s.everyLineItem(ctx, from, to, rollup.Advertiser)
	if err != nil {
		return nil, err
	}
	out := make([]Charge, 0, a.Groups())
	for g := range a.Groups() {
		var m metrics
		m.get(func(i int) int64 { return a.Sum(g, i) })
		out = append(out, Charge{
			Advertiser: campaigns.ID(a.Int(g, 0)), Media: m.s[sMedia].Norm(), Charge: m.s[sCharge].Norm(), DataFee: m.s[sDataFee].Norm(),
			PlatformFee: m.s[sPlatformFee].Norm(), Margin: m.s[sMargin].Norm(), HouseLate: m.s[sHouseLate].Norm(), HouseUnbilled: m.s[sHouseUnbilled].Norm(),
		})
	}
	slices.SortFunc(out, func(a, b Charge) int { return cmp.Compare(a.Advertiser, b.Advertiser) })
	return out, nil
}

// EveryDay spans all days that a record can belong to.
func EveryDay() (from, to Day) { return dayOf(firstTime, time.UTC) - 1, dayOf(lastTime, time.UTC) + 1 }
