package attribution

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"bidhawk/attribution/rollup"
	"bidhawk/internal/sqldb"
)

// count adds to the batch's row of g what a record that was logged then says. What
// comes to a day after it was stated is kept apart besides.
func (b *batch) count(g group, logged time.Time, add func(*metrics)) {
	m := b.rows[g]
	if m == nil {
		m = new(metrics)
		b.rows[g] = m
	}
	add(m)
	if logged.Before(b.advertisers.get(g.advertiser).stated(g.day)) {
		return
	}
	k := lateKey{g.advertiser, g.day, slotOf(logged.Truncate(time.Hour)), g.campaign, g.lineItem}
	if m = b.late[k]; m == nil {
		m = new(metrics)
		b.late[k] = m
	}
	add(m)
}

// lateKey is what changes of a stated day are kept by.
type lateKey struct {
	advertiser         int64
	day                Day
	hour               int64 // in which the change was logged
	campaign, lineItem int64
}

// statedAfter is when a day's figures are stated: what is logged later restates them.
// Exchanges' notices of the last minutes are in by then.
const statedAfter = time.Hour

// stated is when day was, in the advertiser's zone.
func (v *advertiserView) stated(day Day) time.Time {
	if v.statedDay != day || v.statedAt.IsZero() {
		v.statedDay, v.statedAt = day, (day + 1).start(v.loc).Add(statedAfter)
	}
	return v.statedAt
}

// writeRollups writes what the batch has counted, day by day.
func (b *batch) writeRollups() error {
	days := make(map[Day][]rollup.Row)
	values := make([]int64, len(b.rows)*rollupSums)
	for g, m := range b.rows {
		v := values[:rollupSums:rollupSums]
		values = values[rollupSums:]
		m.put(v)
		days[g.day] = append(days[g.day], rollup.Row{Key: g.key(), V: v})
	}
	for day, rows := range days {
		if err := b.parts.Write(b.ctx, b.tx, int32(day), rows); err != nil {
			return err
		}
	}
	late := make(map[Day][]rollup.Row)
	for k, m := range b.late {
		v := make([]int64, rollupSums)
		m.put(v)
		late[k.day] = append(late[k.day], rollup.Row{Key: rollup.Key{Advertiser: k.advertiser, Slot: k.hour, Campaign: k.campaign, LineItem: k.lineItem}, V: v})
	}
	for day, rows := range late {
		if err := b.parts.WriteLate(b.ctx, b.tx, int32(day), rows); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) key() rollup.Key {
	return rollup.Key{
		Advertiser: g.advertiser, Slot: g.slot, Campaign: g.campaign, LineItem: g.lineItem, Creative: g.creative,
		Exchange: g.exchange, Deal: g.deal, Site: g.site, App: g.app, Shown: g.shown, Event: g.event,
	}
}

// mergeEvery is the pause between two looks for roll-ups to merge.
const mergeEvery = 500 * time.Millisecond

// mergesAtOnce bounds what one look makes ready, and so the memory that it takes.
const mergesAtOnce = 16

// merge makes merges of roll-ups for the writer until ctx ends.
func (s *Service) merge(ctx context.Context) error {
	for wait(ctx, mergeEvery) {
		due, err := rollup.Due(ctx, s.store.r, rollupSums, mergesAtOnce)
		if err != nil {
			return unlessDone(ctx, err)
		}
		if len(due) == 0 {
			continue
		}
		done := make(chan struct{})
		select {
		case s.merges <- mergeOffer{due, done}:
		case <-ctx.Done():
			return nil
		}
		select { // the next look must not find the same runs
		case <-done:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

type mergeOffer struct {
	merges []*rollup.Merge
	done   chan<- struct{}
}

// applyMerges is the writer's.
func (s *Service) applyMerges(ctx context.Context, o mergeOffer) error {
	defer close(o.done)
	tx, err := s.store.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, m := range o.merges {
		if err := s.parts.Apply(ctx, tx, m); err != nil {
			return err
		}
	}
	if err := sqldb.Commit(tx); err != nil {
		return fmt.Errorf("merge roll-ups: %w", err)
	}
	return nil
}

const selectOldRollups = `SELECT advertiser, day, slot, line_item, creative, exchange, site, app, deal, campaign,
	bids, wins, billable, impressions, clicks, click_conversions, view_conversions,
	media_units, media_nanos, charge_units, charge_nanos, data_fee_units, data_fee_nanos, platform_fee_units, platform_fee_nanos,
	margin_units, margin_nanos, house_late_units, house_late_nanos, house_unbilled_units, house_unbilled_nanos, value_units, value_nanos
	FROM rollups WHERE day >= ? ORDER BY day`

// takeOver moves the rows of the table that roll-ups were kept in before.
func (s *Service) takeOver(ctx context.Context) error {
	tx, err := s.store.begin(ctx)
	if err != nil {
		return fmt.Errorf("take over roll-ups: %w", err)
	}
	defer tx.Rollback()
	rows, err := tx.QueryContext(ctx, selectOldRollups, int64(-1<<31))
	if err != nil {
		return fmt.Errorf("take over roll-ups: %w", err)
	}
	defer rows.Close()
	byDay := make(map[Day][]rollup.Row)
	for rows.Next() {
		g, m, err := scanOldRollup(rows)
		if err != nil {
			return fmt.Errorf("take over roll-ups: %w", err)
		}
		v := make([]int64, rollupSums)
		m.put(v)
		byDay[g.day] = append(byDay[g.day], rollup.Row{Key: g.key(), V: v})
	}
	if err := rows.Err(); err != nil || len(byDay) == 0 {
		return err
	}
	rows.Close()
	for day, list := range byDay {
		if err := s.parts.Write(ctx, tx, int32(day), list); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM rollups`); err != nil {
		return fmt.Errorf("take over roll-ups: %w", err)
	}
	return sqldb.Commit(tx)
}

func scanOldRollup(rows *sql.Rows) (g group, m metrics, err error) {
	dests := []any{&g.advertiser, &g.day, &g.slot, &g.lineItem, &g.creative, &g.exchange, &g.site, &g.app, &g.deal, &g.campaign}
	for i := nBids; i <= nViewConversions; i++ {
		dests = append(dests, &m.n[i])
	}
	for i := range m.s {
		dests = append(dests, &m.s[i].Units, &m.s[i].Nanos)
	}
	return g, m, rows.Scan(dests...)
}
