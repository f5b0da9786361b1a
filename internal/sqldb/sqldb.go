// Package sqldb opens the house's relational databases: SQLite in a file, or
// Postgres. Statements and migrations are written once, in the part of SQL that
// both have: parameters are "?", numbers and flags INTEGER, texts TEXT, bytes BLOB,
// a new row's id comes from RETURNING, and an upsert names its columns
// (ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n). A column "user" is in quotes.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Source is where a database is.
type Source struct {
	// File is the path of an SQLite file, which is made where it does not exist.
	File string
	// URL is a Postgres ("postgres://user:password@host:port/database"); it comes
	// before File. It is a secret: String leaves out who logs in, and how.
	URL string
}

// Postgres says whether the source is a Postgres.
func (s Source) Postgres() bool { return s.URL != "" }

// Config says how a database is opened.
type Config struct {
	Source Source
	// Migrations are goose files in SQLite's dialect, at the root.
	Migrations fs.FS
	// GoMigrations are those that SQL can't say.
	GoMigrations []*goose.Migration
	// Schema is the Postgres schema that the tables are in, unless the URL's
	// search_path names another; it is made where it does not exist.
	Schema string
	// Readers bounds the connections that only read; 0 is 4.
	Readers int
	// Pragmas of SQLite, for the connection that writes and those that read.
	WritePragmas, ReadPragmas []string
}

// DB is an open database. Write is for transactions that change something: on
// SQLite it is one connection, so that they run one at a time; on Postgres it is
// several, and Begin orders them. Read sees what was committed; on Postgres its
// statements are repeated by themselves where the connection is lost.
type DB struct {
	Read, Write *sql.DB
	source      Source
	schema      string
}

// Open opens the database and brings its schema up to date. The caller must Close it.
// Its errors name the place, never the password.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Readers <= 0 {
		cfg.Readers = 4
	}
	db, err := &DB{source: cfg.Source}, error(nil)
	if cfg.Source.Postgres() {
		err = db.openPostgres(ctx, cfg)
	} else {
		err = db.openSQLite(ctx, cfg)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", cfg.Source, err), db.Close())
	}
	return db, nil
}

// Postgres says whether the database is a Postgres.
func (db *DB) Postgres() bool { return db.source.Postgres() }

// String names the place, without user and password.
func (db *DB) String() string { return db.source.String() }

// Schema is the Postgres schema that the tables are in.
func (db *DB) Schema() string { return db.schema }

// Close releases the connections. No statement may be under way.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.Read, db.Write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Begin starts a transaction that changes something. Those of one name (and, on
// SQLite, all) run one at a time, whichever node they run on: the order of their
// commits is the order in which they began, so that what one reads no other is
// about to change. It waits for the one before at most as long as the database is
// told to (SQLite's busy_timeout, Postgres's lock_timeout).
func (db *DB) Begin(ctx context.Context, name string) (*sql.Tx, error) {
	if !db.Postgres() {
		tx, err := db.Write.BeginTx(ctx, nil)
		if err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
		return tx, nil
	}
	return db.beginLocked(ctx, name)
}

// List is the SQL of a list that is bound as a JSON array, after IN: of numbers,
// or of texts.
func (db *DB) List(numbers bool) string {
	switch {
	case !db.Postgres():
		return "(SELECT value FROM json_each(?))"
	case numbers:
		return "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(? AS json)))"
	}
	return "(SELECT value FROM json_array_elements_text(CAST(? AS json)))"
}

// Commit commits tx. Where the connection was lost meanwhile its error says that
// the outcome is not known: nobody may do the same again without looking first.
func Commit(tx *sql.Tx) error {
	switch err := tx.Commit(); {
	case err == nil:
		return nil
	case ConnectionLost(err):
		return fmt.Errorf("commit: %w: %w", ErrOutcomeUnknown, err)
	default:
		return fmt.Errorf("commit: %w", err)
	}
}

// ErrOutcomeUnknown reports a commit that may or may not have happened.
var ErrOutcomeUnknown = errors.New("the connection was lost: the change may or may not be stored")
