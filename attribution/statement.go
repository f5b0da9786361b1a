package attribution

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Entry is what postings of one kind did on a day. Amounts are in the
// advertiser's currency, but for the payable, which is in PayableCurrency.
type Entry struct {
	Day             Day
	LineItem        campaigns.ID
	Type            string // of the money record
	Exchange        string
	PayableCurrency string
	Postings        int64
	Charge          Amount
	Media           Amount
	DataFee         Amount
	PlatformFee     Amount
	Margin          Amount
	HouseLate       Amount
	HouseUnbilled   Amount
	Payable         Amount
	Payment         Amount
	Balance         Amount // after it: what was paid, less what was charged
}

// Statement is an advertiser's account over some days: Opening + payments -
// charges = Closing, to the nano.
type Statement struct {
	Advertiser campaigns.ID
	Currency   money.Currency
	From, To   Day // both included, of the advertiser's zone
	Opening    Amount
	Entries    []Entry
	Closing    Amount
	Paid       Amount // of all days up to To
	Charged    Amount
	Freshness
	Final bool
}

// Statement reads the books of an advertiser that the catalogue has.
func (s *Service) Statement(ctx context.Context, advertiser campaigns.ID, from, to Day) (*Statement, error) {
	catalog := s.deps.Catalog()
	a := catalog.Advertisers[advertiser]
	if a == nil {
		return nil, fmt.Errorf("statement: advertiser %d is not known", advertiser)
	}
	fresh, err := s.Freshness(ctx) // first: what is read after it can only be newer
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	st := &Statement{Advertiser: advertiser, Currency: a.Currency, From: from, To: to, Freshness: fresh}
	st.Final = s.final(catalog, &Query{To: to, Advertisers: []campaigns.ID{advertiser}}, fresh)
	tx, err := s.store.r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one view for all of it
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	defer tx.Rollback()
	if st.Paid, st.Charged, err = paidAndCharged(ctx, tx, advertiser, from); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	st.Opening = st.Paid.minus(st.Charged).Norm()
	if st.Entries, err = entries(ctx, tx, advertiser, from, to); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	st.Closing = st.Opening
	for i := range st.Entries {
		e := &st.Entries[i]
		st.Paid.AddAmount(e.Payment)
		st.Charged.AddAmount(e.Charge)
		st.Closing.AddAmount(e.Payment)
		st.Closing = st.Closing.minus(e.Charge).Norm()
		e.Balance = st.Closing
	}
	st.Paid, st.Charged = st.Paid.Norm(), st.Charged.Norm()
	return st, nil
}

func (a Amount) minus(b Amount) Amount { return Amount{a.Units - b.Units, a.Nanos - b.Nanos} }

// paidAndCharged sums the days before one.
func paidAndCharged(ctx context.Context, tx *sql.Tx, advertiser campaigns.ID, before Day) (paid, charged Amount, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(payment_units), 0), coalesce(sum(payment_nanos), 0),
		coalesce(sum(charge_units), 0), coalesce(sum(charge_nanos), 0)
		FROM books WHERE advertiser = ? AND day < ?`, int64(advertiser), int64(before)).
		Scan(&paid.Units, &paid.Nanos, &charged.Units, &charged.Nanos)
	return paid.Norm(), charged.Norm(), err
}

var selectBooks = func() string {
	var columns []string
	for _, c := range bookColumns {
		columns = append(columns, c+"_units", c+"_nanos")
	}
	return "SELECT day, line_item, type, exchange, currency, postings, " + strings.Join(columns, ", ") +
		" FROM books WHERE advertiser = ? AND day BETWEEN ? AND ? ORDER BY day, line_item, type, exchange, currency LIMIT ?"
}()

func entries(ctx context.Context, tx *sql.Tx, advertiser campaigns.ID, from, to Day) ([]Entry, error) {
	rows, err := tx.QueryContext(ctx, selectBooks, int64(advertiser), int64(from), int64(to), defaultMaxRows+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		var e Entry
		dests := []any{&e.Day, &e.LineItem, &e.Type, &e.Exchange, &e.PayableCurrency, &e.Postings}
		sums := [bookSums]*Amount{
			bCharge: &e.Charge, bMedia: &e.Media, bDataFee: &e.DataFee, bPlatformFee: &e.PlatformFee, bMargin: &e.Margin,
			bHouseLate: &e.HouseLate, bHouseUnbilled: &e.HouseUnbilled, bPayable: &e.Payable, bPayment: &e.Payment,
		}
		for _, a := range sums {
			dests = append(dests, &a.Units, &a.Nanos)
		}
		if err := rows.Scan(dests...); err != nil {
			return nil, err
		}
		for _, a := range sums {
			*a = a.Norm()
		}
		if out = append(out, e); len(out) > defaultMaxRows {
			return nil, fmt.Errorf("%w: more than %d", ErrTooManyRows, defaultMaxRows)
		}
	}
	return out, rows.Err()
}

// ExchangeDay is what an exchange is owed for a day, in one currency.
type ExchangeDay struct {
	Day      Day
	Currency string
	Postings int64
	Amount   Amount
}

// OwedTo lists what an exchange is owed, by day (each advertiser's) and currency.
func (s *Service) OwedTo(ctx context.Context, exchange string, from, to Day) ([]ExchangeDay, error) {
	rows, err := s.store.r.QueryContext(ctx, `SELECT day, currency, sum(postings), sum(payable_units), sum(payable_nanos)
		FROM books WHERE exchange = ? AND exchange <> '' AND day BETWEEN ? AND ? AND currency <> ''
		GROUP BY 1, 2 ORDER BY 1, 2`, exchange, int64(from), int64(to))
	if err != nil {
		return nil, fmt.Errorf("owed to %q: %w", exchange, err)
	}
	defer rows.Close()
	var out []ExchangeDay
	for rows.Next() {
		var d ExchangeDay
		if err := rows.Scan(&d.Day, &d.Currency, &d.Postings, &d.Amount.Units, &d.Amount.Nanos); err != nil {
			return nil, fmt.Errorf("owed to %q: %w", exchange, err)
		}
		d.Amount = d.Amount.Norm()
		if d.Amount.IsZero() && d.Postings == 0 {
			continue
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Clearing is one kind of what an exchange's report is compared with.
type Clearing struct {
	Day      Day // of the zone that was asked for
	Deal     string
	Currency string
	Kind     string
	N        int64
	Amount   Amount
}

// Clearings lists what happened on an exchange by the days of a zone.
func (s *Service) Clearings(ctx context.Context, exchange string, from, to Day, zone *time.Location) ([]Clearing, error) {
	rows, err := s.store.r.QueryContext(ctx, `SELECT slot, deal, currency, kind, n, units, nanos FROM clearings
		WHERE exchange = ? AND slot >= ? AND slot < ? ORDER BY slot, deal, currency, kind`,
		exchange, from.start(zone).Unix(), (to + 1).start(zone).Unix())
	if err != nil {
		return nil, fmt.Errorf("clearings of %q: %w", exchange, err)
	}
	defer rows.Close()
	type key struct {
		day                  Day
		deal, currency, kind string
	}
	at := map[key]int{}
	var out []Clearing
	for rows.Next() {
		var c Clearing
		var slot int64
		if err := rows.Scan(&slot, &c.Deal, &c.Currency, &c.Kind, &c.N, &c.Amount.Units, &c.Amount.Nanos); err != nil {
			return nil, fmt.Errorf("clearings of %q: %w", exchange, err)
		}
		c.Day = dayOf(time.Unix(slot, 0), zone)
		k := key{c.Day, c.Deal, c.Currency, c.Kind}
		i, ok := at[k]
		if !ok {
			if len(out) == defaultMaxRows {
				return nil, fmt.Errorf("%w: more than %d", ErrTooManyRows, defaultMaxRows)
			}
			i = len(out)
			at[k], out = i, append(out, Clearing{Day: c.Day, Deal: c.Deal, Currency: c.Currency, Kind: c.Kind})
		}
		out[i].N += c.N
		out[i].Amount.AddAmount(c.Amount)
		out[i].Amount = out[i].Amount.Norm()
	}
	return out, rows.Err()
}

// Correction is the ledger's first decision about a payment or an adjustment.
type Correction struct {
	Outcome   string      `json:"outcome"`
	Partition int32       `json:"money_partition"`
	Offset    int64       `json:"money_offset"`
	LineItem  int64       `json:"line_item"`
	Payment   money.Nanos `json:"payment_nanos"`
	Charge    money.Nanos `json:"charge_nanos"`
	Media     money.Nanos `json:"media_nanos"`
	Margin    money.Nanos `json:"margin_nanos"`
	Payable   money.Nanos `json:"payable_nanos"`
	Cause     string      `json:"cause"`
}

// Correction returns what became of the payment or adjustment (typ) of an id;
// false: nothing that was read yet.
func (s *Service) Correction(ctx context.Context, advertiser campaigns.ID, typ, id string) (c Correction, ok bool, err error) {
	var posting string
	err = s.store.r.QueryRowContext(ctx, `SELECT posting FROM corrections WHERE advertiser = ? AND type = ? AND id = ?`,
		int64(advertiser), typ, id).Scan(&posting)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, false, nil
	case err != nil:
		return c, false, fmt.Errorf("correction %.40q: %w", id, err)
	}
	if err := json.Unmarshal([]byte(posting), &c); err != nil {
		return c, false, fmt.Errorf("correction %.40q: %w", id, err)
	}
	return c, true, nil
}
