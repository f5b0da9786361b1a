package attribution

import (
	"context"
	"fmt"
	"time"

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
	rows, err := s.store.r.QueryContext(ctx, `SELECT advertiser, campaign, line_item,
		sum(bids), sum(wins), sum(billable), sum(impressions), sum(clicks), sum(click_conversions), sum(view_conversions),
		sum(media_units), sum(media_nanos), sum(charge_units), sum(charge_nanos), sum(value_units), sum(value_nanos)
		FROM line_item_days WHERE day BETWEEN ? AND ? GROUP BY 1, 2, 3 ORDER BY line_item, campaign, advertiser`, int64(from), int64(to))
	if err != nil {
		return nil, fmt.Errorf("summary: %w", err)
	}
	defer rows.Close()
	var out []LineItemSummary
	for rows.Next() {
		var l LineItemSummary
		err := rows.Scan(&l.Advertiser, &l.Campaign, &l.LineItem,
			&l.Bids, &l.Wins, &l.Billable, &l.Impressions, &l.Clicks, &l.ClickConversions, &l.ViewConversions,
			&l.Media.Units, &l.Media.Nanos, &l.Charge.Units, &l.Charge.Nanos, &l.Value.Units, &l.Value.Nanos)
		if err != nil {
			return nil, fmt.Errorf("summary: %w", err)
		}
		l.Media, l.Charge, l.Value = l.Media.Norm(), l.Charge.Norm(), l.Value.Norm()
		out = append(out, l)
	}
	return out, rows.Err()
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
	rows, err := s.store.r.QueryContext(ctx, `SELECT advertiser,
		sum(media_units), sum(media_nanos), sum(charge_units), sum(charge_nanos),
		sum(data_fee_units), sum(data_fee_nanos), sum(platform_fee_units), sum(platform_fee_nanos),
		sum(margin_units), sum(margin_nanos), sum(house_late_units), sum(house_late_nanos),
		sum(house_unbilled_units), sum(house_unbilled_nanos)
		FROM line_item_days WHERE day BETWEEN ? AND ? GROUP BY 1 ORDER BY 1`, int64(from), int64(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Charge
	for rows.Next() {
		var c Charge
		amounts := []*Amount{&c.Media, &c.Charge, &c.DataFee, &c.PlatformFee, &c.Margin, &c.HouseLate, &c.HouseUnbilled}
		dests := []any{&c.Advertiser}
		for _, a := range amounts {
			dests = append(dests, &a.Units, &a.Nanos)
		}
		if err := rows.Scan(dests...); err != nil {
			return nil, err
		}
		for _, a := range amounts {
			*a = a.Norm()
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// EveryDay spans all days that a record can belong to.
func EveryDay() (from, to Day) { return dayOf(firstTime, time.UTC) - 1, dayOf(lastTime, time.UTC) + 1 }
