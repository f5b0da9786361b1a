package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"bidhawk/campaigns"
)

const sessionPrefix = "bhs_"

// signInsKept is how long the audit of sign-ins goes back.
const signInsKept = 400 * 24 * time.Hour

// newSecret returns prefix and 256 random bits, of which only a hash is stored.
func newSecret(prefix string) (string, error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	return prefix + base64.RawURLEncoding.EncodeToString(secret[:]), nil
}

// BeginSession implements campaigns.UserStore. It also forgets what has expired.
func (s *Store) BeginSession(ctx context.Context, ses campaigns.Session) (string, error) {
	secret, err := newSecret(sessionPrefix)
	if err != nil {
		return "", err
	}
	return secret, s.inTx(ctx, func(t *sql.Tx) error {
		if _, err := t.ExecContext(ctx, "DELETE FROM sessions WHERE expires_ns <= ?", nanos(s.now())); err != nil {
			return fmt.Errorf("forget expired sessions: %w", err)
		}
		if _, err := t.ExecContext(ctx, "INSERT INTO sessions (hash, user_id, key_id, created_ns, expires_ns) VALUES (?, ?, ?, ?, ?)",
			hashKey(secret), ses.UserID, ses.KeyID, nanos(ses.CreatedAt), nanos(ses.ExpiresAt)); err != nil {
			return fmt.Errorf("begin session: %w", err)
		}
		return nil
	})
}

// Session implements campaigns.UserStore: a user's or key's state is read anew, so
// that whoever is disabled or revoked is out at once.
func (s *Store) Session(ctx context.Context, secret string) (ses campaigns.Session, p campaigns.Principal, err error) {
	if !strings.HasPrefix(secret, sessionPrefix) {
		return ses, p, campaigns.ErrNotSignedIn
	}
	now := nanos(s.now())
	var created, expires int64
	var scopes string
	err = s.db.Read.QueryRowContext(ctx, `SELECT s.user_id, s.key_id, s.created_ns, s.expires_ns,
			coalesce(u.name, k.name), coalesce(u.email, ''), coalesce(u.role, k.role),
			coalesce(u.agency_id, k.agency_id), coalesce(u.advertiser_id, k.advertiser_id), coalesce(k.scopes, '')
		FROM sessions s
		LEFT JOIN users u ON u.id = s.user_id AND u.disabled_ns = 0
		LEFT JOIN api_keys k ON k.id = s.key_id AND k.revoked_at IS NULL AND (k.expires_ns = 0 OR k.expires_ns > ?)
		WHERE s.hash = ? AND s.expires_ns > ? AND (u.id IS NOT NULL OR k.id IS NOT NULL)`, now, hashKey(secret), now).
		Scan(&ses.UserID, &ses.KeyID, &created, &expires, &p.Name, &p.Email, &p.Role, &p.Owner.Agency, &p.Owner.Advertiser, &scopes)
	if errors.Is(err, sql.ErrNoRows) {
		return ses, p, campaigns.ErrNotSignedIn
	} else if err != nil {
		return ses, p, fmt.Errorf("look up session: %w", err)
	}
	ses.CreatedAt, ses.ExpiresAt = fromNanos(created), fromNanos(expires)
	p.UserID, p.KeyID, p.Scopes = ses.UserID, ses.KeyID, splitScopes(scopes)
	return ses, p, nil
}

// EndSession implements campaigns.UserStore.
func (s *Store) EndSession(ctx context.Context, secret string) error {
	if _, err := s.db.Write.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", hashKey(secret)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// RecordSignIn implements campaigns.UserStore.
func (s *Store) RecordSignIn(ctx context.Context, in campaigns.SignIn) error {
	return s.inTx(ctx, func(t *sql.Tx) error {
		if _, err := t.ExecContext(ctx, "DELETE FROM sign_ins WHERE at_ns < ?", nanos(in.At.Add(-signInsKept))); err != nil {
			return fmt.Errorf("forget old sign-ins: %w", err)
		}
		if _, err := t.ExecContext(ctx, "INSERT INTO sign_ins (at_ns, method, user_id, key_id, outcome) VALUES (?, ?, ?, ?, ?)",
			nanos(in.At), in.Method, in.UserID, in.KeyID, in.Outcome); err != nil {
			return fmt.Errorf("record sign-in: %w", err)
		}
		return nil
	})
}

// SignIns implements campaigns.UserStore.
func (s *Store) SignIns(ctx context.Context, before campaigns.ID, limit int) ([]campaigns.SignIn, error) {
	q := &query{}
	if before != 0 {
		q.where("id < ?", before)
	}
	return list(ctx, s.db.Read, "sign_ins", "id, at_ns, method, user_id, key_id, outcome", q, "id DESC", limit,
		func(r *sql.Rows) (in campaigns.SignIn, err error) {
			var at int64
			err = r.Scan(&in.ID, &at, &in.Method, &in.UserID, &in.KeyID, &in.Outcome)
			in.At = fromNanos(at)
			return in, err
		})
}
