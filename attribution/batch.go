package attribution

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"bidhawk/attribution/reach"
	"bidhawk/attribution/rollup"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// fetch is what one partition's reader handed over.
type fetch struct {
	partition partition
	records   []eventlog.Record
}

// partition names a partition of a topic.
type partition struct {
	topic string
	n     int32
}

// position is how far a partition has been read.
type position struct {
	next   int64     // offset
	readTo time.Time // when the last record read was appended
}

// batch is one transaction: what its records change is gathered in memory and
// written once at its end.
type batch struct {
	ctx         context.Context
	cfg         Config
	tx          *sql.Tx
	now         time.Time
	advertisers *advertisers
	open        openUsers
	experiments experiments

	stmts     map[string]*sql.Stmt
	positions map[partition]position
	rows      map[group]*metrics
	late      map[lateKey]*metrics
	parts     *rollup.Parts
	people    map[Day]*reach.Day
	nextReach *int64
	texts     *texts
	shown     shownTexts
	// The record at hand, of either topic: one for all, since there are many.
	exposed    exposureRecord
	postingRec postingRecord
	payables   map[payable]*payableSum
	seen       map[chunkKey]*chunk
	posted     map[int32]int64
	touches    []touch
	stale      map[orderKey]struct{}
	books      books
	emitted    int
	stats      Stats
}

type payableSum struct {
	billable int64
	sum      Amount
}

// unreadable marks an error that is the record's fault.
type unreadable struct{ error }

// readable runs the checks of a decoded record.
func readable(err error, check func() error) error {
	if err == nil {
		err = check()
	}
	if err != nil {
		return unreadable{err}
	}
	return nil
}

// add takes in the records of one partition that are not behind its position.
func (b *batch) add(f fetch, deadLetter func(eventlog.Record, string)) error {
	pos, ok := b.positions[f.partition]
	if !ok {
		return fmt.Errorf("partition %s/%d has no position", f.partition.topic, f.partition.n)
	}
	for i := range f.records {
		rec := &f.records[i]
		if rec.Offset < pos.next {
			continue
		}
		b.stats.Records++
		if err := b.record(rec); err != nil {
			var u unreadable
			if !errors.As(err, &u) {
				return fmt.Errorf("%s/%d@%d: %w", rec.Topic, rec.Partition, rec.Offset, err)
			}
			b.stats.DeadLetters++
			deadLetter(*rec, u.Error())
		}
		pos = position{next: rec.Offset + 1, readTo: rec.Time}
	}
	b.positions[f.partition] = pos
	return nil
}

func (b *batch) record(rec *eventlog.Record) error {
	switch rec.Topic {
	case eventlog.TopicExposures:
		return b.exposure(rec)
	case eventlog.TopicPostings:
		return b.posting(rec)
	case eventlog.TopicConversions:
		return b.conversion(rec)
	case eventlog.TopicAuctions:
		return b.auctions(rec)
	}
	return fmt.Errorf("topic %q is none of attribution's", rec.Topic)
}

// write brings everything into the transaction. The order matters: touches are
// written before conversions look for theirs, and roll-ups last.
func (b *batch) write() error {
	for _, step := range []func() error{
		b.writeTouches, b.markStale, b.attributeStale,
		b.writeSeen, b.writePosted, b.writeRollups, b.writeReach, b.writePayables, b.writeBooks, b.writePositions,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// exposure counts a win, an impression or a click, once each per bid.
func (b *batch) exposure(rec *eventlog.Record) error {
	r := &b.exposed
	if *r = (exposureRecord{}); !r.scan(rec.Value, b.texts) || r.V != 1 {
		*r = exposureRecord{}
		if err := decode(rec.Value, r, &r.V); err != nil {
			return unreadable{err}
		}
	}
	if err := r.check(); err != nil {
		return unreadable{err}
	}
	kind, ok := exposureTypes[r.Type]
	if !ok {
		return unreadable{fmt.Errorf("type: got %.40q; want win, impression, click or an event of a player", r.Type)}
	}
	if kind == exposureUncounted || r.Test {
		return nil
	}
	if kind == exposureGhost {
		return b.assign(r)
	}
	first, err := b.firstSeen(kind, r.Bid.id)
	if err != nil {
		return err
	}
	if !first {
		b.stats.DuplicateExposures++
		return nil
	}
	p := r.placement(b.shown)
	b.countExposure(kind, r, p, rec.Time)
	b.addTouch(kind, r, p, rec.Time)
	if kind == exposureImpression {
		return b.exposeUser(r)
	}
	return nil
}

func (b *batch) countExposure(kind exposureType, r *exposureRecord, p placement, logged time.Time) {
	when := r.BidAt
	if when.IsZero() || r.At.Sub(when) > b.cfg.LateAfter {
		when = r.At
	}
	v := b.advertisers.get(r.Advertiser)
	g := group{advertiser: r.Advertiser, day: dayOf(when, v.loc), slot: slotOf(when), placement: p}
	b.count(g, logged, func(m *metrics) { m.n[kind.metric()]++ })
	switch kind {
	case exposureWin:
		b.clear(kindWin, "", when, r.Exchange, r.Deal, 1, 0)
	case exposureImpression:
		b.addReached(&g, r)
		b.clear(kindImpression, "", when, r.Exchange, r.Deal, 1, 0)
	}
}

// addTouch keeps what a conversion may be owed to: clicks, which a conversion
// may name, and impressions whose user is known.
func (b *batch) addTouch(kind exposureType, r *exposureRecord, p placement, logged time.Time) {
	t := touch{
		advertiser: r.Advertiser, user: ids.UserKey(r.User), at: r.At.UnixNano(), logged: logged.UnixNano(),
		placement: p,
	}
	switch {
	case kind == exposureClick:
		t.kind = touchClick
	case kind == exposureImpression && t.user != 0:
		t.kind = touchView
	default:
		return
	}
	if r.Terms != nil && r.Terms.Charges == chargesConversion {
		t.terms = string(encode(storedTerms{r.BidAt, *r.Terms}))
	}
	r.Bid.id.Put(t.bid[:])
	b.touches = append(b.touches, t)
}

const (
	selectPosted = `SELECT money_offset FROM posted WHERE money_partition = ?`
	upsertPosted = `INSERT INTO posted (money_partition, money_offset) VALUES (?, ?)
		ON CONFLICT (money_partition) DO UPDATE SET money_offset = excluded.money_offset`
)

// posting counts what the ledger decided. Postings come in the order of money,
// so that a watermark is all it takes to drop repeats.
func (b *batch) posting(rec *eventlog.Record) error {
	r := &b.postingRec
	if *r = (postingRecord{}); !r.scan(rec.Value, b.texts) || r.V != 1 {
		*r = postingRecord{}
		if err := decode(rec.Value, r, &r.V); err != nil {
			return unreadable{err}
		}
	}
	if err := r.check(); err != nil {
		return unreadable{err}
	}
	mark, ok := b.posted[r.MoneyPartition]
	if !ok {
		mark = -1
		err := b.row(selectPosted, int64(r.MoneyPartition)).Scan(&mark)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read posted: %w", err)
		}
	}
	if r.MoneyOffset <= mark {
		b.stats.DuplicatePostings++
		b.posted[r.MoneyPartition] = mark
		return nil
	}
	if !r.Day.ok && (r.Type == typePayment || r.Type == typeAdjust) && checkTime("at", r.At) == nil {
		r.Day = wireDay{dayOf(r.At, b.advertisers.get(r.Advertiser).loc), true} // before the advertiser's first day
	}
	moved, err := movedMoney(r)
	if err == nil && moved {
		err = r.checkCounted()
	}
	b.posted[r.MoneyPartition] = r.MoneyOffset // unreadable or not, it is dealt with
	if err != nil {
		return unreadable{err}
	}
	b.bookPosting(rec, r, moved)
	if moved && r.Type != typePayment {
		b.countPosting(r, rec.Time)
	}
	return nil
}

// movedMoney says whether a posting changed a balance. A closing repeats what a
// day's others have moved.
func movedMoney(r *postingRecord) (bool, error) {
	switch r.Outcome {
	case "posted", "late", "dispute", "adjusted", "unbilled":
		return r.Type != typeClosing, nil
	case "past_hard", "duplicate", "void", "bad_price", "test", "refused":
		return false, nil
	}
	return false, fmt.Errorf("outcome: got %.40q; want one of docs/topics.md", r.Outcome)
}

func (b *batch) countPosting(r *postingRecord, logged time.Time) {
	v := b.advertisers.get(r.Advertiser)
	g := group{advertiser: r.Advertiser, day: r.Day.day, slot: slotWithin(r.At, r.Day.day, v.loc), placement: r.placement(b.shown)}
	// An adjustment corrects an impression that was counted when it was first posted.
	billable := r.Type == "bill" && r.Outcome != "adjusted"
	b.count(g, logged, func(m *metrics) {
		if billable {
			m.n[nBillable]++
		}
		for i, n := range [sums]money.Nanos{
			sMedia: r.Media, sCharge: r.Charge, sDataFee: r.DataFee, sPlatformFee: r.PlatformFee,
			sMargin: r.Margin, sHouseLate: r.HouseLate, sHouseUnbilled: r.HouseUnbilled,
		} {
			m.s[i].Add(n)
		}
	})
	if !billable && r.Payable == 0 {
		return
	}
	key := payable{r.Day.day, r.Advertiser, r.Exchange, r.PayableCurrency}
	p := b.payables[key]
	if p == nil {
		p = new(payableSum)
		b.payables[key] = p
	}
	p.sum.Add(r.Payable)
	if billable {
		p.billable++
	}
}

func (b *batch) writePosted() error {
	for p, offset := range b.posted {
		if err := b.exec(upsertPosted, int64(p), offset); err != nil {
			return fmt.Errorf("write posted: %w", err)
		}
	}
	return nil
}

const insertCounted = `INSERT INTO counted (node, seq, day) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`

// auctions adds a node's counts, once per sequence number.
func (b *batch) auctions(rec *eventlog.Record) error {
	var r auctionsRecord
	if err := readable(decode(rec.Value, &r, &r.V), r.check); err != nil {
		return err
	}
	if r.Type != "counts" {
		return nil // sampled bids share the topic
	}
	stmt, err := b.stmt(insertCounted)
	if err != nil {
		return err
	}
	res, err := stmt.ExecContext(b.ctx, r.Node, r.Seq, int64(dayOf(b.now, time.UTC)))
	if err != nil {
		return fmt.Errorf("write counted: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		b.stats.DuplicateAuctions++
		return err
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		v := b.advertisers.get(row.Advertiser)
		g := group{advertiser: row.Advertiser, day: dayOf(row.Hour, v.loc), slot: slotOf(row.Hour), placement: row.placement(b.shown)}
		b.count(g, rec.Time, func(m *metrics) { m.n[nBids] += row.Bids })
	}
	return nil
}
