// Package sqlite keeps campaigns and API keys in one SQLite file. Each change
// queues its record for the campaigns topic in the same transaction (an outbox),
// and a Relay publishes it: an edit is on the topic if, and only if, it is stored.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"bidhawk/campaigns"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	busyTimeout = 5 * time.Second
	readers     = 4 // WAL: readers don't wait for the writer
)

// Store implements campaigns.Store and campaigns.KeyStore. It is safe for
// concurrent use, and several processes may open the same file.
type Store struct {
	now   func() time.Time
	read  *sql.DB
	write *sql.DB // one connection: one write transaction at a time, in the order of the outbox
	// committed is signalled, at most once ahead, when the outbox has grown.
	committed chan struct{}
}

var (
	_ campaigns.Store     = (*Store)(nil)
	_ campaigns.KeyStore  = (*Store)(nil)
	_ campaigns.UserStore = (*Store)(nil)
)

// Open opens or creates the file at path and brings its schema up to date. The
// caller must Close it.
func Open(ctx context.Context, path string, now func() time.Time) (*Store, error) {
	s := &Store{now: now, committed: make(chan struct{}, 1)}
	var err error
	if s.write, err = open(path, "immediate", 1); err != nil {
		return nil, err
	}
	if err := migrate(ctx, s.write); err != nil {
		return nil, errors.Join(fmt.Errorf("open campaigns %q: %w", path, err), s.write.Close())
	}
	if s.read, err = open(path, "deferred", readers); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	return s, nil
}

// open sets the pragmas on every connection. synchronous=FULL: what the API has
// acknowledged survives a power cut.
func open(path, txlock string, conns int) (*sql.DB, error) {
	q := url.Values{"_txlock": {txlock}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open campaigns %q: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithGoMigrations(foldNames()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Close releases the file. The Relay must have ended.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// Write implements campaigns.Store.
func (s *Store) Write(ctx context.Context, f func(campaigns.Tx) error) error {
	t, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer t.Rollback() // after a commit it does nothing; it also frees the one connection of a panic
	if err := f(&tx{reader{t}, t}); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	select {
	case s.committed <- struct{}{}:
	default:
	}
	return nil
}

// Get implements campaigns.Reader.
func (s *Store) Get(ctx context.Context, k campaigns.Kind, id campaigns.ID) (campaigns.Entity, campaigns.Owner, error) {
	return reader{s.read}.Get(ctx, k, id)
}

// List implements campaigns.Reader.
func (s *Store) List(ctx context.Context, k campaigns.Kind, f campaigns.Filter) ([]campaigns.Entity, error) {
	return reader{s.read}.List(ctx, k, f)
}

// KillSwitches implements campaigns.Reader.
func (s *Store) KillSwitches(ctx context.Context) ([]campaigns.KillSwitch, error) {
	return reader{s.read}.KillSwitches(ctx)
}
