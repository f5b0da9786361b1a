package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"bidhawk/campaigns"
	"bidhawk/internal/sqldb"
)

const userColumns = "id, email, name, role, agency_id, advertiser_id, coalesce(subject, ''), created_ns, disabled_ns"

func scanUser(row interface{ Scan(...any) error }, more ...any) (u campaigns.User, err error) {
	var created, disabled int64
	err = row.Scan(append([]any{&u.ID, &u.Email, &u.Name, &u.Role, &u.AgencyID, &u.AdvertiserID, &u.Subject, &created, &disabled}, more...)...)
	u.CreatedAt, u.DisabledAt = fromNanos(created), fromNanos(disabled)
	return u, err
}

// CreateUser implements campaigns.UserStore.
func (s *Store) CreateUser(ctx context.Context, u *campaigns.User, password string) error {
	u.Normalize()
	if err := s.completeTenant(ctx, "user", u.Role, &u.AgencyID, u.AdvertiserID, u.Validate); err != nil {
		return err
	}
	u.CreatedAt = s.now().UTC()
	return s.inTx(ctx, func(t *sql.Tx) error {
		if err := freeUser(ctx, t, *u); err != nil {
			return err
		}
		err := t.QueryRowContext(ctx, `INSERT INTO users (email, name, role, agency_id, advertiser_id, password, subject, created_ns, disabled_ns)
			VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?) RETURNING id`, u.Email, u.Name, u.Role, u.AgencyID, u.AdvertiserID,
			password, u.Subject, nanos(u.CreatedAt), nanos(u.DisabledAt)).Scan(&u.ID)
		if err != nil {
			return fmt.Errorf("create user: %w", err)
		}
		return nil
	})
}

// freeUser refuses an e-mail address or subject that another user has.
func freeUser(ctx context.Context, t *sql.Tx, u campaigns.User) error {
	for _, c := range [][2]string{{"email", u.Email}, {"subject", u.Subject}} {
		var n int
		if err := t.QueryRowContext(ctx, "SELECT count(*) FROM users WHERE "+c[0]+" = ? AND id <> ?", c[1], u.ID).Scan(&n); err != nil {
			return fmt.Errorf("look up users by %s: %w", c[0], err)
		}
		if n > 0 {
			return &campaigns.ValidationError{Violations: []campaigns.Violation{{Field: "user." + c[0], Value: c[1], Rule: "must be of no other user"}}}
		}
	}
	return nil
}

// inTx runs f in a transaction of users, keys and sessions.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	t, err := s.db.Begin(ctx, accounts)
	if err != nil {
		return err
	}
	defer t.Rollback() // after a commit it does nothing
	if err := f(t); err != nil {
		return err
	}
	return sqldb.Commit(t)
}

// User implements campaigns.UserStore.
func (s *Store) User(ctx context.Context, id campaigns.ID) (campaigns.User, error) {
	u, err := scanUser(s.db.Read.QueryRowContext(ctx, "SELECT "+userColumns+" FROM users WHERE id = ?", id))
	return u, userError(err)
}

// UserByEmail implements campaigns.UserStore.
func (s *Store) UserByEmail(ctx context.Context, email string) (u campaigns.User, password string, err error) {
	u, err = scanUser(s.db.Read.QueryRowContext(ctx, "SELECT "+userColumns+", password FROM users WHERE email = ?", email), &password)
	return u, password, userError(err)
}

// UserBySubject implements campaigns.UserStore.
func (s *Store) UserBySubject(ctx context.Context, subject string) (campaigns.User, error) {
	u, err := scanUser(s.db.Read.QueryRowContext(ctx, "SELECT "+userColumns+" FROM users WHERE subject = ?", subject))
	return u, userError(err)
}

func userError(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("user: %w", campaigns.ErrNotFound)
	} else if err != nil {
		return fmt.Errorf("look up user: %w", err)
	}
	return nil
}

// Users implements campaigns.UserStore.
func (s *Store) Users(ctx context.Context, o campaigns.Owner, after campaigns.ID, limit int) ([]campaigns.User, error) {
	q := &query{}
	q.where("id > ?", after)
	if o.Agency != 0 {
		q.where("agency_id = ?", o.Agency)
	}
	if o.Advertiser != 0 {
		q.where("advertiser_id = ?", o.Advertiser)
	}
	return list(ctx, s.db.Read, "users", userColumns, q, "id", limit, func(r *sql.Rows) (campaigns.User, error) { return scanUser(r) })
}

// list reads rows of one table.
func list[T any](ctx context.Context, db queryer, table, columns string, q *query, order string, limit int, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := db.QueryContext(ctx, "SELECT "+columns+" FROM "+table+q.clause()+" ORDER BY "+order+" LIMIT ?", append(q.args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", table, err)
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", table, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", table, err)
	}
	return out, nil
}

// UpdateUser implements campaigns.UserStore.
func (s *Store) UpdateUser(ctx context.Context, u campaigns.User) error {
	u.Normalize()
	if err := s.completeTenant(ctx, "user", u.Role, &u.AgencyID, u.AdvertiserID, u.Validate); err != nil {
		return err
	}
	return s.inTx(ctx, func(t *sql.Tx) error {
		before, err := scanUser(t.QueryRowContext(ctx, "SELECT "+userColumns+" FROM users WHERE id = ?", u.ID))
		if err != nil {
			return userError(err)
		}
		if err := freeUser(ctx, t, u); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE users SET email = ?, name = ?, role = ?, agency_id = ?, advertiser_id = ?,
			subject = nullif(?, ''), disabled_ns = ? WHERE id = ?`, u.Email, u.Name, u.Role, u.AgencyID, u.AdvertiserID,
			u.Subject, nanos(u.DisabledAt), u.ID); err != nil {
			return fmt.Errorf("update user %d: %w", u.ID, err)
		}
		if u.DisabledAt.IsZero() && u.Role == before.Role && u.AgencyID == before.AgencyID && u.AdvertiserID == before.AdvertiserID {
			return nil
		}
		if _, err := t.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ?", u.ID); err != nil {
			return fmt.Errorf("sign user %d out: %w", u.ID, err)
		}
		return nil
	})
}

// SetPassword implements campaigns.UserStore.
func (s *Store) SetPassword(ctx context.Context, id campaigns.ID, password, keep string) error {
	return s.inTx(ctx, func(t *sql.Tx) error {
		res, err := t.ExecContext(ctx, "UPDATE users SET password = ? WHERE id = ?", password, id)
		if err != nil {
			return fmt.Errorf("set the password of user %d: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil {
			return fmt.Errorf("set the password of user %d: %w", id, err)
		} else if n == 0 {
			return fmt.Errorf("user %d: %w", id, campaigns.ErrNotFound)
		}
		if _, err := t.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ? AND hash <> ?", id, hashKey(keep)); err != nil {
			return fmt.Errorf("sign user %d out: %w", id, err)
		}
		return nil
	})
}
