package attribution

import (
	"fmt"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// This file takes conversions back. A refund is a record of its own that names the
// order: in part, its value goes off the conversion's; as a whole, the conversion no
// longer counts. Whichever is read first, the result is the same. What a conversion has
// charged stays charged: the ledger's correction is an operator's adjustment.

const (
	insertRefund = `INSERT INTO refunds (advertiser, order_id, id, at, value) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	sumRefunds   = `SELECT coalesce(sum(value), 0), coalesce(min(value), 1) FROM refunds WHERE advertiser = ? AND order_id = ?`
	trimJourney  = `UPDATE journeys SET value = CASE WHEN value > ? THEN value - ? ELSE 0 END WHERE advertiser = ? AND at = ? AND order_id = ?`
	dropJourney  = `DELETE FROM journeys WHERE advertiser = ? AND at = ? AND order_id = ?`
)

// refunded is what was taken back of an order.
type refunded struct {
	value money.Nanos
	whole bool
}

// refund takes in a counter-record, once per order and id.
func (b *batch) refund(rec *eventlog.Record, r *conversionRecord) error {
	stmt, err := b.stmt(insertRefund)
	if err != nil {
		return err
	}
	res, err := stmt.ExecContext(b.ctx, r.Advertiser, r.Order, r.ID, r.At.UnixNano(), int64(r.Value))
	if err != nil {
		return fmt.Errorf("write refund: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		b.stats.DuplicateConversions++
		return err
	}
	c, err := b.loadConversion(orderKey{r.Advertiser, r.Order})
	if err != nil || c == nil {
		return err // the conversion, when it comes, will find the refund
	}
	b.countConversion(c, -1)
	was := c.touch.kind
	c.takeBack(refunded{r.Value, r.Value == 0})
	b.countConversion(c, +1)
	if err := b.storeConversion(c); err != nil {
		return err
	}
	if err := b.takeBackOutcome(c, r.Value); err != nil {
		return err
	}
	if r.Value == 0 {
		err = b.exec(dropJourney, c.advertiser, c.at, c.order)
	} else {
		err = b.exec(trimJourney, int64(r.Value), int64(r.Value), c.advertiser, c.at, c.order)
	}
	if err != nil {
		return fmt.Errorf("take back a conversion's touches: %w", err)
	}
	if was == touchNone {
		return nil
	}
	return b.emit(c)
}

// takeBack changes c by what was refunded. What was taken back as a whole has no user
// and no click, so that nothing can attribute it again.
func (c *conversion) takeBack(r refunded) {
	c.value, c.sale = max(0, c.value-r.value), max(0, c.sale-r.value)
	if r.whole {
		c.value, c.sale, c.touch, c.user, c.clickBid = 0, 0, touch{}, 0, nil
	}
}

// refundedOf is what is known to be taken back of an order already.
func (b *batch) refundedOf(key orderKey) (r refunded, err error) {
	var least int64
	if err := b.row(sumRefunds, key.advertiser, key.order).Scan(&r.value, &least); err != nil {
		return r, fmt.Errorf("read refunds: %w", err)
	}
	r.whole = least == 0
	return r, nil
}
