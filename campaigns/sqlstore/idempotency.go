package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
)

// ClaimRequest implements campaigns.RequestStore.
func (s *Store) ClaimRequest(ctx context.Context, actor, name string, fingerprint []byte, staleSince, expired time.Time) (c campaigns.Claim, err error) {
	now := s.now()
	err = s.inTx(ctx, func(t *sql.Tx) error {
		if _, err := t.ExecContext(ctx, "DELETE FROM idempotency WHERE at_ns < ?", nanos(expired)); err != nil {
			return fmt.Errorf("forget old requests: %w", err)
		}
		var at int64
		err := t.QueryRowContext(ctx, "SELECT fingerprint, answer, at_ns FROM idempotency WHERE actor = ? AND request = ?", actor, name).
			Scan(&c.Fingerprint, &c.Answer, &at)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			c = campaigns.Claim{Fingerprint: fingerprint, At: now, Mine: true}
			return claim(ctx, t, actor, name, fingerprint, now)
		case err != nil:
			return fmt.Errorf("look up request: %w", err)
		}
		if c.At = fromNanos(at); c.Answer != nil || !c.At.Before(staleSince) {
			return nil
		}
		edited, err := edited(ctx, t, actor, name)
		if err != nil || edited {
			return err
		}
		c.Mine = true
		_, err = t.ExecContext(ctx, "UPDATE idempotency SET at_ns = ? WHERE actor = ? AND request = ?", nanos(now), actor, name)
		return err
	})
	return c, err
}

func claim(ctx context.Context, t *sql.Tx, actor, name string, fingerprint []byte, now time.Time) error {
	if _, err := t.ExecContext(ctx, "INSERT INTO idempotency (actor, request, fingerprint, at_ns) VALUES (?, ?, ?, ?)",
		actor, name, fingerprint, nanos(now)); err != nil {
		return fmt.Errorf("claim request: %w", err)
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM idempotency WHERE actor = ? AND at_ns <
		(SELECT at_ns FROM idempotency WHERE actor = ? ORDER BY at_ns DESC LIMIT 1 OFFSET ?)`, actor, actor, campaigns.MaxRequests); err != nil {
		return fmt.Errorf("forget the oldest requests: %w", err)
	}
	return nil
}

// edited says whether the history has an edit of that request.
func edited(ctx context.Context, t *sql.Tx, actor, name string) (bool, error) {
	var n int
	err := t.QueryRowContext(ctx, "SELECT count(*) FROM changes WHERE request = ? AND request <> ''", campaigns.RequestName(actor, name)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look up edits of a request: %w", err)
	}
	return n > 0, nil
}

// AnswerRequest implements campaigns.RequestStore.
func (s *Store) AnswerRequest(ctx context.Context, actor, name string, answer []byte) error {
	return s.inTx(ctx, func(t *sql.Tx) error {
		if _, err := t.ExecContext(ctx, "UPDATE idempotency SET answer = ? WHERE actor = ? AND request = ?", answer, actor, name); err != nil {
			return fmt.Errorf("keep the answer of a request: %w", err)
		}
		return nil
	})
}

// ReleaseRequest implements campaigns.RequestStore.
func (s *Store) ReleaseRequest(ctx context.Context, actor, name string) error {
	return s.inTx(ctx, func(t *sql.Tx) error {
		done, err := edited(ctx, t, actor, name)
		if err != nil || done {
			return err
		}
		if _, err := t.ExecContext(ctx, "DELETE FROM idempotency WHERE actor = ? AND request = ? AND answer IS NULL", actor, name); err != nil {
			return fmt.Errorf("release request: %w", err)
		}
		return nil
	})
}
