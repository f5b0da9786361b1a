package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// Lock is a lock of Postgres's that one session, on one node, holds at a time. A
// statement on its connection that succeeds shows that it was held until then:
// the server frees it when the session ends, however it ends.
type Lock struct {
	conn *sql.Conn
}

// TryLock takes the lock of a name; false: another session holds it. It is for
// Postgres: an SQLite file has one node.
func (db *DB) TryLock(ctx context.Context, name string) (*Lock, bool, error) {
	l, err := db.session(ctx)
	if err != nil {
		return nil, false, err
	}
	var ok bool
	if err := l.conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(?)", db.lockKey(name)).Scan(&ok); err != nil {
		return nil, false, errors.Join(fmt.Errorf("lock %q: %w", name, err), l.Close())
	}
	if !ok {
		return nil, false, l.Close()
	}
	return l, true, nil
}

// session keeps a connection, for locks that outlive a transaction.
func (db *DB) session(ctx context.Context) (*Lock, error) {
	conn, err := db.Write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &Lock{conn}, nil
}

// Conn is the session's connection.
func (l *Lock) Conn() *sql.Conn { return l.conn }

// unlockMax bounds the goodbye to a server that may be gone.
const unlockMax = time.Second

// Close frees the lock and ends the session. The server frees it at the end of the
// session too, but some time after: whoever asked at once would find it held.
func (l *Lock) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), unlockMax)
	defer cancel()
	_, _ = l.conn.ExecContext(ctx, "SELECT pg_advisory_unlock_all()") // the end of the session does it otherwise
	// A connection that its user calls bad is closed, not used again.
	err := l.conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) || ConnectionLost(err) {
		err = nil
	}
	return errors.Join(err, ignoreDone(l.conn.Close()))
}
