package attribution

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
)

// View is a saved question.
type View struct {
	ID        int64           `json:"id"`
	Owner     campaigns.Owner `json:"-"`
	Name      string          `json:"name"`
	Query     string          `json:"query" doc:"parameters of GET /v1/reports, such as range=last_7_days&group_by=day"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// ViewLink lets whoever has its token read one view, until it expires or is revoked.
// The token itself is told once and kept nowhere: what is stored is its hash.
type ViewLink struct {
	ID        int64      `json:"id"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// ErrNoView reports a view or link that is not there, for the caller at least.
var ErrNoView = errors.New("no such view")

// ErrTooManyViews reports an owner with as many views, or a view with as many links, as
// there may be.
var ErrTooManyViews = errors.New("too many views or links")

const (
	maxViews    = 500 // of one owner
	maxLinks    = 50  // of one view, that are in force
	viewColumns = `id, agency, advertiser, name, query, created_at, updated_at`
	selectViews = `SELECT ` + viewColumns + ` FROM views WHERE agency = ? AND advertiser = ? ORDER BY id`
	selectView  = `SELECT ` + viewColumns + ` FROM views WHERE id = ?`
	insertView  = `INSERT INTO views (` + viewColumns + `) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM views), ?, ?, ?, ?, ?, ?) RETURNING id`
	updateView  = `UPDATE views SET name = ?, query = ?, updated_at = ? WHERE id = ? AND agency = ? AND advertiser = ?`
	selectLinks = `SELECT id, created_at, expires_at, revoked_at FROM view_links WHERE view_id = ? ORDER BY id`
	insertLink  = `INSERT INTO view_links (id, view_id, token_hash, created_at, expires_at, revoked_at)
		VALUES ((SELECT coalesce(max(id), 0) + 1 FROM view_links), ?, ?, ?, ?, 0) RETURNING id`
	revokeLink   = `UPDATE view_links SET revoked_at = ? WHERE id = ? AND view_id = ? AND revoked_at = 0`
	selectByLink = `SELECT v.id, v.agency, v.advertiser, v.name, v.query, v.created_at, v.updated_at FROM view_links l JOIN views v ON v.id = l.view_id
		WHERE l.token_hash = ? AND l.revoked_at = 0 AND l.expires_at > ?`
)

func scanView(row interface{ Scan(...any) error }) (v View, err error) {
	var created, updated int64
	err = row.Scan(&v.ID, &v.Owner.Agency, &v.Owner.Advertiser, &v.Name, &v.Query, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return v, ErrNoView
	}
	v.CreatedAt, v.UpdatedAt = time.Unix(created, 0).UTC(), time.Unix(updated, 0).UTC()
	return v, err
}

// Views lists an owner's views.
func (s *Service) Views(ctx context.Context, o campaigns.Owner) ([]View, error) {
	rows, err := s.store.r.QueryContext(ctx, selectViews, int64(o.Agency), int64(o.Advertiser))
	if err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	defer rows.Close()
	out := []View{}
	for rows.Next() {
		v, err := scanView(rows)
		if err != nil {
			return nil, fmt.Errorf("read views: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// View returns an owner's view.
func (s *Service) View(ctx context.Context, o campaigns.Owner, id int64) (View, error) {
	v, err := scanView(s.store.r.QueryRowContext(ctx, selectView, id))
	if err != nil || v.Owner != o {
		return View{}, errors.Join(ErrNoView, err)
	}
	return v, nil
}

// SaveView adds a view, or changes the one of that id.
func (s *Service) SaveView(ctx context.Context, o campaigns.Owner, id int64, name, query string) (View, error) {
	now := s.deps.Now().Unix()
	if id == 0 {
		list, err := s.Views(ctx, o)
		if err != nil {
			return View{}, err
		}
		if len(list) >= maxViews {
			return View{}, ErrTooManyViews
		}
		err = s.store.w.QueryRowContext(ctx, insertView, int64(o.Agency), int64(o.Advertiser), name, query, now, now).Scan(&id)
		if err != nil {
			return View{}, fmt.Errorf("write view: %w", err)
		}
		return s.View(ctx, o, id)
	}
	res, err := s.store.w.ExecContext(ctx, updateView, name, query, now, id, int64(o.Agency), int64(o.Advertiser))
	if err != nil {
		return View{}, fmt.Errorf("write view: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return View{}, errors.Join(ErrNoView, err)
	}
	return s.View(ctx, o, id)
}

// DeleteView forgets a view; links to it end.
func (s *Service) DeleteView(ctx context.Context, o campaigns.Owner, id int64) error {
	if _, err := s.View(ctx, o, id); err != nil {
		return err
	}
	tx, err := s.store.w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("delete view: %w", err)
	}
	defer tx.Rollback()
	for _, q := range []string{`DELETE FROM view_links WHERE view_id = ?`, `DELETE FROM views WHERE id = ?`} {
		if _, err := tx.ExecContext(ctx, q, id); err != nil {
			return fmt.Errorf("delete view: %w", err)
		}
	}
	return tx.Commit()
}

// ViewLinks lists the links to an owner's view.
func (s *Service) ViewLinks(ctx context.Context, o campaigns.Owner, view int64) ([]ViewLink, error) {
	if _, err := s.View(ctx, o, view); err != nil {
		return nil, err
	}
	rows, err := s.store.r.QueryContext(ctx, selectLinks, view)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	defer rows.Close()
	out := []ViewLink{}
	for rows.Next() {
		var l ViewLink
		var created, expires, revoked int64
		if err := rows.Scan(&l.ID, &created, &expires, &revoked); err != nil {
			return nil, fmt.Errorf("read links: %w", err)
		}
		l.CreatedAt, l.ExpiresAt = time.Unix(created, 0).UTC(), time.Unix(expires, 0).UTC()
		if revoked != 0 {
			at := time.Unix(revoked, 0).UTC()
			l.RevokedAt = &at
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// Share makes a link to an owner's view and returns its token.
func (s *Service) Share(ctx context.Context, o campaigns.Owner, view int64, expires time.Time) (ViewLink, string, error) {
	links, err := s.ViewLinks(ctx, o, view)
	if err != nil {
		return ViewLink{}, "", err
	}
	now, live := s.deps.Now(), 0
	for _, l := range links {
		if l.RevokedAt == nil && l.ExpiresAt.After(now) {
			live++
		}
	}
	if live >= maxLinks {
		return ViewLink{}, "", ErrTooManyViews
	}
	secret := make([]byte, 32)
	rand.Read(secret) // it never fails: crypto/rand ends the process where it would
	token := base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(token))
	l := ViewLink{CreatedAt: now.UTC().Truncate(time.Second), ExpiresAt: expires.UTC().Truncate(time.Second)}
	err = s.store.w.QueryRowContext(ctx, insertLink, view, hash[:], l.CreatedAt.Unix(), l.ExpiresAt.Unix()).Scan(&l.ID)
	if err != nil {
		return ViewLink{}, "", fmt.Errorf("write link: %w", err)
	}
	return l, token, nil
}

// Unshare revokes a link to an owner's view.
func (s *Service) Unshare(ctx context.Context, o campaigns.Owner, view, link int64) error {
	if _, err := s.View(ctx, o, view); err != nil {
		return err
	}
	res, err := s.store.w.ExecContext(ctx, revokeLink, s.deps.Now().Unix(), link, view)
	if err != nil {
		return fmt.Errorf("revoke link: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrNoView, err)
	}
	return nil
}

// SharedView is the view that a link's token opens now.
func (s *Service) SharedView(ctx context.Context, token string) (View, error) {
	hash := sha256.Sum256([]byte(token))
	return scanView(s.store.r.QueryRowContext(ctx, selectByLink, hash[:], s.deps.Now().Unix()))
}
