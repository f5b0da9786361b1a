package attribution

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// This file brings conversions to the ledger: once it is settled what a conversion is
// owed to, and that line item charges at conversions, a money record says so. The
// ledger drops repeats by (advertiser, order), so that at least once is enough; what
// is unattributed writes nothing. A charge is never taken back here: a conversion that
// turns out not to have been one is an operator's adjustment.

// storedTerms is what a touch keeps of its bid's terms.
type storedTerms struct {
	BidAt time.Time `json:"bid_at"`
	bidTerms
}

// chargeRecord is a conversion on the topic money (docs/topics.md).
type chargeRecord struct {
	V              int         `json:"v"`
	Type           string      `json:"type"`
	At             time.Time   `json:"at"`
	Advertiser     int64       `json:"advertiser"`
	Campaign       int64       `json:"campaign"`
	LineItem       int64       `json:"line_item"`
	Creative       int64       `json:"creative"`
	Lease          int64       `json:"lease"`
	Bid            string      `json:"bid"`
	BidAt          time.Time   `json:"bid_at"`
	Exchange       string      `json:"exchange"`
	Format         string      `json:"format,omitempty"`
	Deal           string      `json:"deal"`
	Site           string      `json:"site"`
	App            bool        `json:"app"`
	ReservedMedia  money.Nanos `json:"reserved_media_nanos"`
	ReservedCharge money.Nanos `json:"reserved_charge_nanos"`
	PriceCurrency  string      `json:"price_currency"`
	FXRate         money.Rate  `json:"fx_rate"`
	Day            string      `json:"day"`
	Value          money.Nanos `json:"value_nanos,omitempty"`
	Order          string      `json:"order"`
}

const (
	// By the log's time, and only what can still be open: settled ones know no user
	// and no click.
	selectOpen = `SELECT ` + conversionColumns + ` FROM conversions
		WHERE logged < ? AND (user_key IS NOT NULL OR click_bid IS NOT NULL) ORDER BY logged LIMIT ?`
	closeOrder = `UPDATE conversions SET user_key = NULL, click_bid = NULL, sale = 0, sale_currency = ''
		WHERE advertiser = ? AND order_id = ?`
	selectClickTerms = `SELECT terms FROM touches WHERE kind = 2 AND bid = ? AND advertiser = ? AND at = ?`
	selectViewTerms  = `SELECT terms FROM touches WHERE day = ? AND kind = 1 AND user_key = ? AND advertiser = ? AND at = ? AND bid = ?`
)

// settle closes, in one bounded step, the conversions that no touch can change any
// more, and leaves in the outbox what they charge. It runs before touches are
// forgotten, in the same transaction.
func (s *Service) settle(ctx context.Context, tx *sql.Tx, loggedBefore time.Time) (settled, charged int64, err error) {
	open, err := openConversions(ctx, tx, loggedBefore, s.cfg.PruneRows)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range open {
		terms, err := termsOf(ctx, tx, c)
		if err != nil {
			return 0, 0, err
		}
		if terms != nil {
			charged++
			if err := s.charge(ctx, tx, c, terms); err != nil {
				return 0, 0, err
			}
		}
		if err := s.keepJourney(ctx, tx, c); err != nil {
			return 0, 0, err
		}
		if _, err := tx.ExecContext(ctx, closeOrder, c.advertiser, c.order); err != nil {
			return 0, 0, fmt.Errorf("settle conversion: %w", err)
		}
	}
	return int64(len(open)), charged, nil
}

func openConversions(ctx context.Context, tx *sql.Tx, before time.Time, limit int) (open []*conversion, err error) {
	rows, err := tx.QueryContext(ctx, selectOpen, before.UnixNano(), limit)
	if err != nil {
		return nil, fmt.Errorf("read open conversions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanConversion(rows)
		if err != nil {
			return nil, fmt.Errorf("read open conversions: %w", err)
		}
		open = append(open, c)
	}
	return open, rows.Err()
}

// termsOf is what c's touch was bid under; nil where it charges nothing.
func termsOf(ctx context.Context, tx *sql.Tx, c *conversion) (*storedTerms, error) {
	var row *sql.Row
	switch t := &c.touch; t.kind {
	case touchClick:
		row = tx.QueryRowContext(ctx, selectClickTerms, t.bid[:], c.advertiser, t.at)
	case touchView:
		row = tx.QueryRowContext(ctx, selectViewTerms, int64(touchDay(t.at)), int64(c.user), c.advertiser, t.at, t.bid[:])
	default:
		return nil, nil
	}
	var text string
	if err := row.Scan(&text); errors.Is(err, sql.ErrNoRows) || err == nil && text == "" {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read terms of a touch: %w", err)
	}
	var terms storedTerms
	if err := json.Unmarshal([]byte(text), &terms); err != nil {
		return nil, fmt.Errorf("read terms of a touch: %w", err)
	}
	return &terms, nil
}

// charge leaves c's money record in the outbox, and the exposure by which bidders
// learn how many clicks convert.
func (s *Service) charge(ctx context.Context, tx *sql.Tx, c *conversion, terms *storedTerms) error {
	t, at := &c.touch, time.Unix(0, c.at).UTC()
	r := chargeRecord{
		V: 1, Type: chargesConversion, At: at, Advertiser: c.advertiser, Campaign: t.campaign, LineItem: t.lineItem,
		Creative: t.creative, Lease: terms.Lease, Bid: hex.EncodeToString(t.bid[:]), BidAt: terms.BidAt, Exchange: t.exchange,
		Format: terms.Format, Deal: t.deal, Site: t.site, App: t.app, ReservedMedia: terms.ReservedMedia,
		ReservedCharge: terms.ReservedCharge, PriceCurrency: terms.PriceCurrency, FXRate: terms.FXRate, Day: terms.Day,
		Value: s.saleOf(c), Order: c.order,
	}
	x := exposureRecord{
		V: 1, Type: chargesConversion, At: at, BidAt: terms.BidAt, Bid: bidID{ids.GetBidID(t.bid[:]), true}, Terms: &terms.bidTerms,
		wirePlacement: wirePlacement{Advertiser: c.advertiser, Campaign: t.campaign, LineItem: t.lineItem, Creative: t.creative,
			Exchange: t.exchange, Deal: t.deal, Site: t.site, App: t.app},
	}
	for _, m := range []eventlog.Message{
		{Topic: eventlog.TopicMoney, Key: strconv.AppendInt(nil, c.advertiser, 10), Value: encode(r)},
		{Topic: eventlog.TopicExposures, Key: []byte(r.Bid), Value: encode(x)},
	} {
		if _, err := tx.ExecContext(ctx, insertOutbox, m.Topic, m.Key, m.Value); err != nil {
			return fmt.Errorf("write outbox: %w", err)
		}
	}
	return nil
}

// saleOf is c's value in the advertiser's currency, by the rates in force; 0 where
// there is none, of which a share is nothing.
func (s *Service) saleOf(c *conversion) money.Nanos {
	v := newAdvertisers(s.deps.Catalog(), s.zones).get(c.advertiser)
	own := v.currency
	if c.currency == "" || c.currency == own.String() || c.sale == 0 {
		return c.sale
	}
	from, err := money.ParseCurrency(c.currency)
	if err != nil || own == (money.Currency{}) {
		return 0
	}
	value, ok := s.deps.Convert(c.sale, from, own)
	if !ok || value < 0 {
		return 0
	}
	return value
}

// wakeEmitter says that the outbox holds something.
func (s *Service) wakeEmitter() {
	select {
	case s.outboxed <- struct{}{}:
	default:
	}
}

// encode is JSON of a record of ours; their types can't fail to.
func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("encode a record of our own: " + err.Error())
	}
	return out
}
