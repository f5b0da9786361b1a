package attribution

import (
	"fmt"
	"strings"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// bookKey is a row of the books.
type bookKey struct {
	advertiser int64
	day        Day
	lineItem   int64
	typ        string
	exchange   string
	currency   string // of the payable
}

// The amounts of a row of the books.
const (
	bCharge = iota
	bMedia
	bDataFee
	bPlatformFee
	bMargin
	bHouseLate
	bHouseUnbilled
	bPayable
	bPayment
	bookSums
)

var bookColumns = [bookSums]string{
	"charge", "media", "data_fee", "platform_fee", "margin", "house_late", "house_unbilled", "payable", "payment",
}

type bookRow struct {
	postings int64
	sums     [bookSums]Amount
}

// clearingKey is a row of what an exchange's report is compared with.
type clearingKey struct {
	exchange string
	slot     int64
	deal     string
	currency string
	kind     string
}

type clearingRow struct {
	n      int64
	amount Amount
}

// books is what a batch adds to statements and reconciliation.
type books struct {
	rows      map[bookKey]*bookRow
	clearings map[clearingKey]*clearingRow
	decisions []decision
}

// decision is the ledger's answer to a payment or an adjustment.
type decision struct {
	advertiser int64
	typ, id    string
	posting    string
}

func newBooks() books {
	return books{rows: make(map[bookKey]*bookRow), clearings: make(map[clearingKey]*clearingRow)}
}

// bookPosting books one posting; moved: it changed a balance.
func (b *batch) bookPosting(rec *eventlog.Record, r *postingRecord, moved bool) {
	if (r.Type == typePayment || r.Type == typeAdjust) && r.ID != "" && r.Outcome != "duplicate" {
		b.books.decisions = append(b.books.decisions, decision{r.Advertiser, r.Type, r.ID, string(rec.Value)})
	}
	b.clearPosting(r, moved)
	if !moved {
		return
	}
	key := bookKey{r.Advertiser, r.Day.day, r.LineItem, r.Type, r.Exchange, r.PayableCurrency}
	if r.Type == typePayment {
		key.currency = "" // nothing is payable
	}
	row := b.books.rows[key]
	if row == nil {
		row = new(bookRow)
		b.books.rows[key] = row
	}
	row.postings++
	for i, n := range [bookSums]money.Nanos{
		bCharge: r.Charge, bMedia: r.Media, bDataFee: r.DataFee, bPlatformFee: r.PlatformFee, bMargin: r.Margin,
		bHouseLate: r.HouseLate, bHouseUnbilled: r.HouseUnbilled, bPayable: r.Payable, bPayment: r.Payment,
	} {
		row.sums[i].Add(n)
	}
}

// clearPosting counts what an exchange may say otherwise.
func (b *batch) clearPosting(r *postingRecord, moved bool) {
	if r.Type != typeBill && r.Type != typeAdjust || !moved && r.Outcome != "past_hard" && r.Outcome != "bad_price" {
		return
	}
	if r.Exchange == "" || len(r.Exchange) > maxName || checkTime("at", r.At) != nil {
		return // it moved nothing, or is an adjustment that owes nothing
	}
	add := func(kind string, at time.Time, n int64, amount money.Nanos) {
		b.clear(kind, r.PayableCurrency, at, r.Exchange, r.Deal, n, amount)
	}
	if r.Type == typeAdjust {
		add(kindAdjust+r.Cause, r.At, 1, r.Payable)
		return
	}
	if !moved {
		add(r.Outcome, r.At, 1, r.Claimed)
		return
	}
	n := int64(1)
	if r.Outcome == "adjusted" {
		n = 0 // of a bid that is counted
	}
	bidAt := r.BidAt
	if checkTime("bid_at", bidAt) != nil {
		bidAt = r.At
	}
	add(kindBilled, r.At, n, r.Payable)
	add(kindBid, bidAt, n, r.Payable)
	switch r.Outcome {
	case kindLate:
		add(kindLate, r.At, n, r.Payable)
	case kindDispute:
		add(kindDispute, r.At, n, r.Claimed-r.Payable)
	}
}

// Kinds of clearings besides the outcomes of the same name.
const (
	kindBilled     = "billed"
	kindBid        = "bid"
	kindLate       = "late"
	kindDispute    = "dispute"
	kindPastHard   = "past_hard"
	kindBadPrice   = "bad_price"
	kindWin        = "win"
	kindImpression = "impression"
	kindAdjust     = "adjust/"
)

// clear adds to a clearing.
func (b *batch) clear(kind, currency string, at time.Time, exchange, deal string, n int64, amount money.Nanos) {
	if len(deal) > maxName {
		deal = other
	}
	key := clearingKey{exchange, slotOf(at), deal, currency, kind}
	row := b.books.clearings[key]
	if row == nil {
		row = new(clearingRow)
		b.books.clearings[key] = row
	}
	row.n += n
	row.amount.Add(amount)
}

var upsertBook = func() string {
	var columns, adds []string
	for _, c := range bookColumns {
		for _, part := range []string{c + "_units", c + "_nanos"} {
			columns = append(columns, part)
			adds = append(adds, part+" = books."+part+" + excluded."+part)
		}
	}
	return "INSERT INTO books (advertiser, day, line_item, type, exchange, currency, postings, " + strings.Join(columns, ", ") +
		") VALUES (?, ?, ?, ?, ?, ?, ?" + strings.Repeat(", ?", len(columns)) + ") ON CONFLICT (advertiser, day, line_item, type, exchange, currency) DO UPDATE SET postings = books.postings + excluded.postings, " +
		strings.Join(adds, ", ")
}()

const (
	upsertClearing = `INSERT INTO clearings (exchange, slot, deal, currency, kind, n, units, nanos) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (exchange, slot, deal, currency, kind) DO UPDATE SET n = clearings.n + excluded.n,
		units = clearings.units + excluded.units, nanos = clearings.nanos + excluded.nanos`
	insertCorrection = `INSERT INTO corrections (advertiser, type, id, posting) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
)

func (b *batch) writeBooks() error {
	var args []any
	for k, row := range b.books.rows {
		args = append(args[:0], k.advertiser, int64(k.day), k.lineItem, k.typ, k.exchange, k.currency, row.postings)
		for i := range row.sums {
			sum := row.sums[i].Norm()
			args = append(args, sum.Units, sum.Nanos)
		}
		if err := b.exec(upsertBook, args...); err != nil {
			return fmt.Errorf("write books: %w", err)
		}
	}
	for k, row := range b.books.clearings {
		sum := row.amount.Norm()
		if err := b.exec(upsertClearing, k.exchange, k.slot, k.deal, k.currency, k.kind, row.n, sum.Units, sum.Nanos); err != nil {
			return fmt.Errorf("write clearings: %w", err)
		}
	}
	for _, d := range b.books.decisions {
		if err := b.exec(insertCorrection, d.advertiser, d.typ, d.id, d.posting); err != nil {
			return fmt.Errorf("write corrections: %w", err)
		}
	}
	return nil
}
