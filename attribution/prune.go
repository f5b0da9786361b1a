package attribution

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/sqldb"
)

const (
	// countedFor is longer than the topic auctions is kept.
	countedFor = 8 * 24 * time.Hour
	// refillEvery prunings, the filter of open users is built anew.
	refillEvery = 60
)

// offerHorizons tells the writer, between batches, how far forgetting may go. It
// asks the log, which may take its time, so that the writer need not.
func (s *Service) offerHorizons(ctx context.Context) error {
	for wait(ctx, s.cfg.PruneEvery) {
		f, err := s.Freshness(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.deps.Failed(fmt.Errorf("prune: %w", err))
			}
			continue
		}
		select {
		case s.offers <- f.AsOf.Add(-s.cfg.Skew):
		case <-ctx.Done():
		}
	}
	return nil
}

// prune forgets, in one bounded step, what no record appended since readTo can
// need. Time is how far the log was read, not the clock: a service that was down
// for a month forgets nothing that it has yet to join.
func (s *Service) prune(ctx context.Context, readTo time.Time) error {
	if readTo.Before(firstTime) {
		return nil // nothing read yet
	}
	tx, err := s.store.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := s.mergeReach(ctx, tx); err != nil {
		return err
	}
	n, charged, err := s.pruneTables(ctx, tx, readTo)
	if err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	if err := sqldb.Commit(tx); err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	s.mu.Lock()
	s.mu.stats.Pruned += n
	s.mu.stats.Charged += charged
	s.mu.Unlock()
	if charged > 0 {
		s.wakeEmitter()
	}
	if s.prunings++; s.prunings%refillEvery == 0 {
		return s.refillOpen(ctx)
	}
	return nil
}

const (
	pruneTouches = `DELETE FROM touches WHERE (day, kind, user_key, advertiser, at, bid) IN
		(SELECT day, kind, user_key, advertiser, at, bid FROM touches WHERE day < ? LIMIT ?)`
	pruneViews = `DELETE FROM touches WHERE (day, kind, user_key, advertiser, at, bid) IN
		(SELECT day, kind, user_key, advertiser, at, bid FROM touches WHERE day = ? AND kind = 1 LIMIT ?)`
	pruneSeen = `DELETE FROM seen WHERE (type, incarnation, chunk) IN
		(SELECT type, incarnation, chunk FROM seen WHERE day < ? LIMIT ?)`
	pruneCounted = `DELETE FROM counted WHERE (node, seq) IN (SELECT node, seq FROM counted WHERE day < ? LIMIT ?)`
	// Exchange by exchange, as the key has them: their slots alone would be a scan.
	pruneClearings = `DELETE FROM clearings WHERE (exchange, slot, deal, currency, kind) IN (
		WITH RECURSIVE of(name) AS (SELECT MIN(exchange) FROM clearings
			UNION ALL SELECT (SELECT MIN(exchange) FROM clearings WHERE exchange > of.name) FROM of WHERE of.name IS NOT NULL)
		SELECT c.exchange, c.slot, c.deal, c.currency, c.kind FROM of JOIN clearings c ON c.exchange = of.name AND c.slot < ? LIMIT ?)`
)

func (s *Service) pruneTables(ctx context.Context, tx *sql.Tx, readTo time.Time) (total, charged int64, err error) {
	click, view := widest(s.deps.Catalog())
	slack := s.cfg.LateAfter + s.cfg.Settle // a conversion may be reported late, and settles later
	clicksFrom := int64(dayOf(readTo.Add(-click-slack), time.UTC))
	viewsFrom := dayOf(readTo.Add(-view-slack), time.UTC)
	if total, charged, err = s.settle(ctx, tx, readTo.Add(-s.cfg.Settle)); err != nil {
		return total, charged, err
	}
	forgot, err := s.pruneExperiments(ctx, tx, readTo)
	if err != nil {
		return total, charged, err
	}
	total += forgot
	do := func(query string, arg int64) (int64, error) {
		res, err := tx.ExecContext(ctx, query, arg, s.cfg.PruneRows)
		if err != nil {
			return 0, err
		}
		n, err := res.RowsAffected()
		total += n
		return n, err
	}
	for _, step := range []struct {
		query string
		below int64
	}{
		{pruneTouches, clicksFrom},
		{pruneSeen, clicksFrom},
		{pruneClearings, readTo.Add(-s.cfg.ClearingsFor).Unix()},
		{pruneCounted, int64(dayOf(readTo.Add(-countedFor), time.UTC))},
	} {
		if _, err := do(step.query, step.below); err != nil {
			return total, charged, err
		}
	}
	// Views are forgotten day by day, long before the clicks beside them.
	s.forgot = max(s.forgot, Day(clicksFrom))
	if s.forgot < viewsFrom {
		n, err := do(pruneViews, int64(s.forgot))
		if err != nil {
			return total, charged, err
		}
		if n < int64(s.cfg.PruneRows) {
			s.forgot++
		}
	}
	return total, charged, nil
}

// refillOpen builds the filter of open users from the conversions that a new
// touch can still change.
func (s *Service) refillOpen(ctx context.Context) error {
	rows, err := s.store.w.QueryContext(ctx, `SELECT advertiser, user_key FROM conversions WHERE user_key IS NOT NULL`)
	if err != nil {
		return fmt.Errorf("read open conversions: %w", err)
	}
	defer rows.Close()
	open := newOpenUsers()
	for rows.Next() {
		var advertiser, user int64
		if err := rows.Scan(&advertiser, &user); err != nil {
			return fmt.Errorf("read open conversions: %w", err)
		}
		open.add(advertiser, ids.UserKey(user))
	}
	s.open = open
	return rows.Err()
}
