package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/sqldb"
)

// keyPrefix tells people and secret scanners what the string is.
const keyPrefix = "bhk_"

// A key is 256 random bits, so a plain SHA-256 is enough to keep it: nobody can
// guess the key from its hash, salted or not, and a slow hash would only slow
// each call down. Looking the hash up by index leaks no timing of the key.
func hashKey(plain string) []byte {
	h := sha256.Sum256([]byte(plain))
	return h[:]
}

// CreateKey implements campaigns.KeyStore.
func (s *Store) CreateKey(ctx context.Context, k campaigns.APIKey) (string, campaigns.APIKey, error) {
	if err := s.resolveTenant(ctx, &k); err != nil {
		return "", k, err
	}
	return s.insertKey(ctx, s.db.Write, k)
}

// resolveTenant checks the tenant of k and completes its agency.
func (s *Store) resolveTenant(ctx context.Context, k *campaigns.APIKey) error {
	return s.completeTenant(ctx, "api_key", k.Role, &k.AgencyID, k.AdvertiserID, k.Validate)
}

// completeTenant checks that the tenant of a key or user exists, and fills in its agency.
func (s *Store) completeTenant(ctx context.Context, what string, role campaigns.Role, agency *campaigns.ID, advertiser campaigns.ID, validate func() error) error {
	if err := validate(); err != nil {
		return err
	}
	kind, id := campaigns.KindAgency, *agency
	if advertiser != 0 {
		kind, id = campaigns.KindAdvertiser, advertiser
	} else if role == campaigns.RoleOperator {
		return nil
	}
	_, owner, err := s.Get(ctx, kind, id)
	if errors.Is(err, campaigns.ErrNotFound) {
		return &campaigns.ValidationError{Violations: []campaigns.Violation{
			{Field: what + "." + string(kind) + "_id", Value: fmt.Sprint(id), Rule: "must be an existing " + string(kind)}}}
	} else if err != nil {
		return err
	}
	*agency = owner.Agency
	return nil
}

func (s *Store) insertKey(ctx context.Context, db queryer, k campaigns.APIKey) (string, campaigns.APIKey, error) {
	plain, err := newSecret(keyPrefix)
	if err != nil {
		return "", k, fmt.Errorf("create API key: %w", err)
	}
	k.CreatedAt, k.RevokedAt = s.now().UTC(), time.Time{}
	err = db.QueryRowContext(ctx, `INSERT INTO api_keys (hash, name, role, agency_id, advertiser_id, scopes, created_at, expires_ns)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`, hashKey(plain), k.Name, k.Role, k.AgencyID, k.AdvertiserID,
		strings.Join(k.Scopes, " "), formatTime(k.CreatedAt), nanos(k.ExpiresAt)).Scan(&k.ID)
	if err != nil {
		return "", k, fmt.Errorf("create API key: %w", err)
	}
	return plain, k, nil
}

// EnsureOperatorKey issues the first operator's key of an installation; created
// is false where an unrevoked one exists. The key is in force only after keep
// has put it where its holder finds it: a crash in between leaves a kept key
// that is good for nothing, and the next call issues another; the other way
// round nobody would ever get in. keep runs at most once, within the store's
// write transaction: it must not call the store.
func (s *Store) EnsureOperatorKey(ctx context.Context, keep func(plain string) error) (created bool, err error) {
	t, err := s.db.Begin(ctx, accounts)
	if err != nil {
		return false, err
	}
	defer t.Rollback() // after a commit it does nothing
	var n int
	if err := t.QueryRowContext(ctx, `SELECT count(*) FROM api_keys WHERE role = ? AND revoked_at IS NULL
		AND (expires_ns = 0 OR expires_ns > ?)`, campaigns.RoleOperator, nanos(s.now())).Scan(&n); err != nil {
		return false, fmt.Errorf("count operator keys: %w", err)
	}
	if n > 0 {
		return false, nil
	}
	plain, _, err := s.insertKey(ctx, t, campaigns.APIKey{Name: "bootstrap operator", Role: campaigns.RoleOperator})
	if err != nil {
		return false, err
	}
	if err := keep(plain); err != nil {
		return false, fmt.Errorf("keep the operator's key: %w", err)
	}
	if err := sqldb.Commit(t); err != nil {
		return false, fmt.Errorf("operator key: %w", err)
	}
	return true, nil
}

// Authenticate implements campaigns.KeyStore.
func (s *Store) Authenticate(ctx context.Context, plain string) (campaigns.Principal, error) {
	if !strings.HasPrefix(plain, keyPrefix) {
		return campaigns.Principal{}, campaigns.ErrUnknownKey
	}
	var p campaigns.Principal
	var scopes string
	var expires int64
	err := s.db.Read.QueryRowContext(ctx, `SELECT id, name, role, agency_id, advertiser_id, scopes, expires_ns
		FROM api_keys WHERE hash = ? AND revoked_at IS NULL`, hashKey(plain)).
		Scan(&p.KeyID, &p.Name, &p.Role, &p.Owner.Agency, &p.Owner.Advertiser, &scopes, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return campaigns.Principal{}, campaigns.ErrUnknownKey
	} else if err != nil {
		return campaigns.Principal{}, fmt.Errorf("look up API key: %w", err)
	}
	p.Scopes = splitScopes(scopes)
	if expires != 0 && s.now().UnixNano() >= expires {
		return p, campaigns.ErrExpiredKey
	}
	return p, nil
}

// Keys implements campaigns.KeyStore.
func (s *Store) Keys(ctx context.Context) ([]campaigns.APIKey, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT id, name, role, agency_id, advertiser_id,
		scopes, created_at, expires_ns, coalesce(revoked_at, '') FROM api_keys ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	defer rows.Close()
	out := []campaigns.APIKey{}
	for rows.Next() {
		var k campaigns.APIKey
		var scopes, created, revoked string
		var expires int64
		if err := rows.Scan(&k.ID, &k.Name, &k.Role, &k.AgencyID, &k.AdvertiserID, &scopes, &created, &expires, &revoked); err != nil {
			return nil, fmt.Errorf("list API keys: %w", err)
		}
		k.Scopes, k.ExpiresAt = splitScopes(scopes), fromNanos(expires)
		if k.CreatedAt, err = time.Parse(time.RFC3339Nano, created); err != nil {
			return nil, fmt.Errorf("API key %d: %w", k.ID, err)
		}
		if revoked != "" {
			if k.RevokedAt, err = time.Parse(time.RFC3339Nano, revoked); err != nil {
				return nil, fmt.Errorf("API key %d: %w", k.ID, err)
			}
		}
		out = append(out, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return out, nil
}

// RevokeKey implements campaigns.KeyStore. Revoking twice keeps the first time.
func (s *Store) RevokeKey(ctx context.Context, id campaigns.ID) error {
	res, err := s.db.Write.ExecContext(ctx, "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
		formatTime(s.now().UTC()), id)
	if err != nil {
		return fmt.Errorf("revoke API key %d: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("revoke API key %d: %w", id, err)
	} else if n == 0 {
		return fmt.Errorf("API key %d: %w", id, campaigns.ErrNotFound)
	}
	return nil
}

// splitScopes reads scopes as they are stored; none is nil.
func splitScopes(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

// nanos is t as it is stored: nanoseconds since 1970; 0 is no time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func formatTime(t time.Time) string { return t.Format(time.RFC3339Nano) }
