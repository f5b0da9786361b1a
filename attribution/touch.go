package attribution

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"bidhawk/internal/ids"
)

// touchKind ranks touches: a click outranks a view.
type touchKind int64

const (
	touchNone touchKind = iota
	touchView
	touchClick
)

func (k touchKind) String() string { return [...]string{"none", "view", "click"}[k] }

// touch is an impression or a click that a conversion may be owed to.
type touch struct {
	kind       touchKind
	advertiser int64
	user       ids.UserKey // 0: unknown
	at, logged int64       // Unix nanoseconds
	bid        [16]byte
	terms      string // JSON of storedTerms; empty: its line item charges at no conversion
	placement
}

// touchesPerInsert rows go into one statement. The driver's binding looks through all
// arguments for each: more rows cost more than the calls that they save (32: three
// times the whole batch, measured).
const touchesPerInsert = 2

var insertTouches = `INSERT INTO touches (day, user_key, advertiser, kind, at, bid, logged,
	campaign, line_item, creative, exchange, deal, site, app, terms, shown) VALUES `

const touchValues = `(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`

func (b *batch) writeTouches() error {
	args := make([]any, 0, touchesPerInsert*16)
	for rest := b.touches; len(rest) > 0; {
		n := touchesPerInsert
		if len(rest) < n {
			n = 1
		}
		args = args[:0]
		for i := range rest[:n] {
			args = rest[i].appendArgs(args)
		}
		query := insertTouches + strings.Repeat(touchValues+",", n-1) + touchValues + " ON CONFLICT DO NOTHING"
		if err := b.exec(query, args...); err != nil {
			return fmt.Errorf("write touches: %w", err)
		}
		rest = rest[n:]
	}
	return nil
}

func (t *touch) appendArgs(args []any) []any {
	return append(args, int64(touchDay(t.at)), int64(t.user), t.advertiser, int64(t.kind), t.at, t.bid[:], t.logged,
		t.campaign, t.lineItem, t.creative, t.exchange, t.deal, t.site, t.app, t.terms, t.shown)
}

func touchDay(at int64) Day { return dayOf(time.Unix(0, at), time.UTC) }

const (
	touchColumns = `SELECT kind, at, bid, campaign, line_item, creative, exchange, deal, site, app, shown FROM touches `

	selectNamedClick = touchColumns + `WHERE kind = 2 AND bid = ? AND advertiser = ?
		AND at BETWEEN ? AND ? AND logged <= ?`
	selectLastTouch = touchColumns + `WHERE day = ? AND user_key = ? AND advertiser = ? AND kind = ?
		AND at BETWEEN ? AND ? AND logged <= ? ORDER BY at DESC, bid DESC LIMIT 1`
)

// bestTouch is the rule of attribution: see the package's documentation. The
// result's kind is touchNone where nothing earned the conversion.
func (b *batch) bestTouch(c *conversion) (touch, error) {
	v := b.advertisers.get(c.advertiser)
	deadline := c.logged + int64(b.cfg.Settle)
	if c.clickBid != nil {
		t, err := b.scanTouch(selectNamedClick, c.clickBid, c.advertiser, c.at-int64(v.click), c.at, deadline)
		if err != nil || t.kind != touchNone {
			return t, err
		}
	}
	if c.user == 0 {
		return touch{}, nil
	}
	t, err := b.lastTouch(c, touchClick, v.click, deadline)
	if err != nil || t.kind != touchNone {
		return t, err
	}
	return b.lastTouch(c, touchView, v.view, deadline)
}

// lastTouch is the user's latest touch of kind within the window, looked for day
// by day from the conversion backwards.
func (b *batch) lastTouch(c *conversion, kind touchKind, window time.Duration, deadline int64) (touch, error) {
	from := c.at - int64(window)
	for day := touchDay(c.at); day >= touchDay(from); day-- {
		t, err := b.scanTouch(selectLastTouch, int64(day), int64(c.user), c.advertiser, int64(kind), from, c.at, deadline)
		if err != nil || t.kind != touchNone {
			return t, err
		}
	}
	return touch{}, nil
}

func (b *batch) scanTouch(query string, args ...any) (touch, error) {
	var t touch
	var bid []byte
	err := b.row(query, args...).Scan(&t.kind, &t.at, &bid, &t.campaign, &t.lineItem, &t.creative,
		&t.exchange, &t.deal, &t.site, &t.app, &t.shown)
	if errors.Is(err, sql.ErrNoRows) {
		return touch{}, nil
	}
	if err != nil {
		return touch{}, fmt.Errorf("find a conversion's touch: %w", err)
	}
	copy(t.bid[:], bid)
	return t, nil
}
