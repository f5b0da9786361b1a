// Package sqlstore keeps campaigns and API keys in a relational database: one SQLite
// file, or a Postgres that several nodes share. Each change queues its record for the
// campaigns topic in the same transaction (an outbox), and a Relay publishes it: an
// edit is on the topic if, and only if, it is stored.
package sqlstore

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"bidhawk/campaigns"
	"bidhawk/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// writing names the transactions that run one at a time: a rule that an edit was
// checked against stays true until it is committed, and the outbox is in the order
// of the commits.
const writing = "campaigns"

// accounts names those of users, keys and sessions, which wait for no campaign.
const accounts = "accounts"

// Store implements campaigns.Store, KeyStore and UserStore. It is safe for
// concurrent use; several processes may open the same SQLite file, and several
// nodes the same Postgres.
type Store struct {
	now func() time.Time
	db  *sqldb.DB
	// committed is signalled, at most once ahead, when the outbox has grown.
	committed chan struct{}
}

var (
	_ campaigns.Store          = (*Store)(nil)
	_ campaigns.KeyStore       = (*Store)(nil)
	_ campaigns.UserStore      = (*Store)(nil)
	_ campaigns.RequestStore   = (*Store)(nil)
	_ campaigns.OperationStore = (*Store)(nil)
)

// Open opens or creates the database and brings its schema up to date. The caller
// must Close it.
func Open(ctx context.Context, source sqldb.Source, now func() time.Time) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.Open(ctx, sqldb.Config{
		Source: source, Migrations: files, GoMigrations: []*goose.Migration{foldNames()}, Schema: "bidhawk_campaigns",
		// What the API has acknowledged survives a power cut.
		WritePragmas: []string{"synchronous(FULL)", "foreign_keys(1)"},
	})
	if err != nil {
		return nil, err
	}
	return &Store{now: now, db: db, committed: make(chan struct{}, 1)}, nil
}

// Close releases the database. The Relay must have ended.
func (s *Store) Close() error { return s.db.Close() }

// Write implements campaigns.Store.
func (s *Store) Write(ctx context.Context, f func(campaigns.Tx) error) error {
	t, err := s.db.Begin(ctx, writing)
	if err != nil {
		return err
	}
	defer t.Rollback() // after a commit it does nothing; it also frees the one connection of a panic
	if err := f(&tx{reader{t}, t}); err != nil {
		return err
	}
	if err := sqldb.Commit(t); err != nil {
		return err
	}
	select {
	case s.committed <- struct{}{}:
	default:
	}
	return nil
}

// Get implements campaigns.Reader.
func (s *Store) Get(ctx context.Context, k campaigns.Kind, id campaigns.ID) (campaigns.Entity, campaigns.Owner, error) {
	return reader{s.db.Read}.Get(ctx, k, id)
}

// List implements campaigns.Reader.
func (s *Store) List(ctx context.Context, k campaigns.Kind, f campaigns.Filter) ([]campaigns.Entity, error) {
	return reader{s.db.Read}.List(ctx, k, f)
}

// KillSwitches implements campaigns.Reader.
func (s *Store) KillSwitches(ctx context.Context) ([]campaigns.KillSwitch, error) {
	return reader{s.db.Read}.KillSwitches(ctx)
}

// Changes implements campaigns.Reader.
func (s *Store) Changes(ctx context.Context, f campaigns.ChangeFilter) ([]campaigns.Change, error) {
	return reader{s.db.Read}.Changes(ctx, f)
}
