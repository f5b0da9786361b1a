package attribution

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// orderKey identifies a conversion for good.
type orderKey struct {
	advertiser int64
	order      string
}

// conversion is a row of the table: the conversion and what it is owed to.
type conversion struct {
	orderKey
	id         string
	at, logged int64 // Unix nanoseconds
	day        Day
	slot       int64
	value      money.Nanos
	sale       money.Nanos // as reported, in currency; both forgotten once it is charged
	currency   string      // empty: the advertiser's
	user       ids.UserKey // 0: unknown, or forgotten
	clickBid   []byte      // nil: none, or forgotten
	typ        string
	touch      touch // kind, at, bid and placement only
}

const (
	conversionColumns = `advertiser, order_id, id, at, logged, day, slot, value, user_key, click_bid,
		touch, touch_at, touch_bid, campaign, line_item, creative, exchange, deal, site, app, sale, sale_currency, shown, type`
	selectConversion   = `SELECT ` + conversionColumns + ` FROM conversions WHERE advertiser = ? AND order_id = ?`
	selectOrdersOfUser = `SELECT order_id FROM conversions WHERE user_key = ? AND advertiser = ? AND at BETWEEN ? AND ?
		AND logged >= ?`
	selectOrdersOfClick = `SELECT advertiser, order_id FROM conversions WHERE click_bid = ?`
	insertOutbox        = `INSERT INTO outbox (topic, key, value) VALUES (?, ?, ?)`
)

// putConversion inserts or replaces.
var putConversion = func() string {
	columns := strings.FieldsFunc(conversionColumns, func(r rune) bool { return strings.ContainsRune(", \n\t", r) })
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = c + " = excluded." + c
	}
	return `INSERT INTO conversions (` + conversionColumns + `) VALUES (?` + strings.Repeat(",?", len(columns)-1) +
		`) ON CONFLICT (advertiser, order_id) DO UPDATE SET ` + strings.Join(sets, ", ")
}()

// conversion takes in one record of the topic conversions. Attribution follows
// when all touches of the batch are known.
func (b *batch) conversion(rec *eventlog.Record) error {
	var r conversionRecord
	if err := readable(decode(rec.Value, &r, &r.V), r.check); err != nil {
		return err
	}
	if r.Refund {
		return b.refund(rec, &r)
	}
	c := b.newConversion(&r, rec.Time)
	back, err := b.refundedOf(c.orderKey)
	if err != nil {
		return err
	}
	c.takeBack(back)
	old, err := b.loadConversion(c.orderKey)
	if err != nil {
		return err
	}
	if old != nil {
		if old.logged < c.logged || old.logged == c.logged && old.id <= c.id {
			b.stats.DuplicateConversions++
			return nil
		}
		// The partitions of the log are read in any order; the order of appending decides.
		b.stats.DuplicateConversions++
		if err := b.retract(old, c.id); err != nil {
			return err
		}
	}
	if err := b.storeConversion(c); err != nil {
		return err
	}
	if err := b.experimentOutcome(&r, c); err != nil {
		return err
	}
	b.open.add(c.advertiser, c.user)
	b.stale[c.orderKey] = struct{}{}
	return nil
}

func (b *batch) newConversion(r *conversionRecord, logged time.Time) *conversion {
	v := b.advertisers.get(r.Advertiser)
	c := &conversion{
		orderKey: orderKey{r.Advertiser, r.Order}, id: r.ID,
		at: r.At.UnixNano(), logged: logged.UnixNano(),
		day: dayOf(r.At, v.loc), slot: slotOf(r.At), value: r.Value, user: ids.UserKey(r.User),
		sale: r.Value, currency: r.Currency, typ: r.Type,
	}
	if r.Currency != "" && v.currency != (money.Currency{}) && r.Currency != v.currency.String() {
		// Without a rate of its instant a foreign value cannot be added; the conversion counts.
		c.value = 0
		b.stats.ForeignValues++
	}
	if r.ClickBid.ok {
		c.clickBid = make([]byte, 16)
		r.ClickBid.id.Put(c.clickBid)
	}
	return c
}

// retract takes an attributed conversion out of the roll-ups, and out of the
// topic attributed unless its successor has the same id.
func (b *batch) retract(old *conversion, successor string) error {
	if old.touch.kind == touchNone {
		return nil
	}
	b.countConversion(old, -1)
	if old.id == successor {
		return nil
	}
	old.touch = touch{}
	return b.emit(old)
}

// countConversion adds an attributed conversion to the roll-ups, or takes it out of them.
func (b *batch) countConversion(c *conversion, sign int64) {
	if c.touch.kind == touchNone {
		return
	}
	g := group{c.advertiser, c.day, c.slot, c.touch.placement, c.typ}
	b.count(g, time.Unix(0, c.logged), func(m *metrics) { m.conversion(c.touch.kind, c.value, sign) })
}

// markStale finds the conversions that the batch's new touches may change.
func (b *batch) markStale() error {
	for i := range b.touches {
		t := &b.touches[i]
		if t.user != 0 && b.open.has(t.advertiser, t.user) {
			if err := b.markUser(t); err != nil {
				return err
			}
		}
		if t.kind == touchClick {
			if err := b.markClick(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *batch) markUser(t *touch) error {
	v := b.advertisers.get(t.advertiser)
	window := v.view
	if t.kind == touchClick {
		window = v.click
	}
	stmt, err := b.stmt(selectOrdersOfUser)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(b.ctx, int64(t.user), t.advertiser, t.at, t.at+int64(window), t.logged-int64(b.cfg.Settle))
	if err != nil {
		return fmt.Errorf("find conversions of a touch: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		key := orderKey{advertiser: t.advertiser}
		if err := rows.Scan(&key.order); err != nil {
			return err
		}
		b.stale[key] = struct{}{}
	}
	return rows.Err()
}

func (b *batch) markClick(t *touch) error {
	stmt, err := b.stmt(selectOrdersOfClick)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(b.ctx, t.bid[:])
	if err != nil {
		return fmt.Errorf("find conversions of a click: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key orderKey
		if err := rows.Scan(&key.advertiser, &key.order); err != nil {
			return err
		}
		b.stale[key] = struct{}{}
	}
	return rows.Err()
}

// attributeStale decides again what each stale conversion is owed to. The answer
// is a function of the database alone, so that the order does not matter.
func (b *batch) attributeStale() error {
	for key := range b.stale {
		c, err := b.loadConversion(key)
		if err != nil {
			return err
		}
		best, err := b.bestTouch(c)
		if err != nil {
			return err
		}
		if best.kind == c.touch.kind && best.bid == c.touch.bid && best.at == c.touch.at {
			continue
		}
		b.countConversion(c, -1)
		c.touch = best
		b.countConversion(c, +1)
		if err := b.storeConversion(c); err != nil {
			return err
		}
		if err := b.emit(c); err != nil {
			return err
		}
	}
	return nil
}

// emit leaves the conversion's attribution in the outbox.
func (b *batch) emit(c *conversion) error {
	r := attributedRecord{
		V: 1, Conversion: c.id, Advertiser: c.advertiser, LineItem: c.touch.lineItem, Creative: c.touch.creative,
		Touch: c.touch.kind.String(), At: time.Unix(0, c.at).UTC(), Value: c.value,
	}
	if c.touch.kind != touchNone {
		r.Bid = hex.EncodeToString(c.touch.bid[:])
	}
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b.emitted++
	if err := b.exec(insertOutbox, eventlog.TopicAttributed, []byte(c.id), value); err != nil {
		return fmt.Errorf("write outbox: %w", err)
	}
	return nil
}

// loadConversion returns nil where there is no such order.
func (b *batch) loadConversion(key orderKey) (*conversion, error) {
	c, err := scanConversion(b.row(selectConversion, key.advertiser, key.order))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read conversion: %w", err)
	}
	return c, nil
}

// scanConversion reads a row of conversionColumns.
func scanConversion(row interface{ Scan(...any) error }) (*conversion, error) {
	var c conversion
	var user sql.NullInt64
	var touchBid []byte
	t := &c.touch
	err := row.Scan(&c.advertiser, &c.order, &c.id, &c.at, &c.logged,
		&c.day, &c.slot, &c.value, &user, &c.clickBid, &t.kind, &t.at, &touchBid,
		&t.campaign, &t.lineItem, &t.creative, &t.exchange, &t.deal, &t.site, &t.app, &c.sale, &c.currency, &t.shown, &c.typ)
	if err != nil {
		return nil, err
	}
	c.user = ids.UserKey(user.Int64)
	copy(t.bid[:], touchBid)
	return &c, nil
}

func (b *batch) storeConversion(c *conversion) error {
	var user, clickBid, touchBid any
	if c.user != 0 {
		user = int64(c.user)
	}
	if c.clickBid != nil {
		clickBid = c.clickBid
	}
	t := &c.touch
	if t.kind != touchNone {
		touchBid = t.bid[:]
	}
	err := b.exec(putConversion, c.advertiser, c.order, c.id, c.at, c.logged, int64(c.day), c.slot, int64(c.value),
		user, clickBid, int64(t.kind), t.at, touchBid,
		t.campaign, t.lineItem, t.creative, t.exchange, t.deal, t.site, t.app, int64(c.sale), c.currency, t.shown, c.typ)
	if err != nil {
		return fmt.Errorf("write conversion: %w", err)
	}
	return nil
}
