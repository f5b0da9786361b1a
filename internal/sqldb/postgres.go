package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// writers bounds a node's connections that change something. One transaction runs
// at a time for each name; the others are keys, the relay's session, migrations.
const writers = 4

// session is what a connection sets where the URL does not: a node that hangs, or
// whose machine is gone, must not keep its locks for long.
var session = map[string]string{
	"lock_timeout":                        "30s",
	"idle_in_transaction_session_timeout": "60s",
	"tcp_keepalives_idle":                 "20",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "3",
}

const connectTimeout = 5 * time.Second

func (db *DB) openPostgres(ctx context.Context, cfg Config) error {
	if err := cfg.Source.Validate(); err != nil {
		return err
	}
	pc, err := pgx.ParseConfig(cfg.Source.URL)
	if err != nil {
		return errors.New("the URL has a part that can't be read (its text is not repeated here: it may hold a password)")
	}
	if pc.ConnectTimeout == 0 {
		pc.ConnectTimeout = connectTimeout
	}
	for name, value := range session {
		if _, named := pc.RuntimeParams[name]; !named {
			pc.RuntimeParams[name] = value
		}
	}
	if db.schema = pc.RuntimeParams["search_path"]; db.schema == "" {
		db.schema = cfg.Schema
		pc.RuntimeParams["search_path"] = db.schema
	}
	if pc.RuntimeParams["application_name"] == "" {
		pc.RuntimeParams["application_name"] = "bidhawk " + db.schema // who it is, in pg_stat_activity
	}
	db.Write = pool(pc.Copy(), writers, false)
	pc.RuntimeParams["default_transaction_read_only"] = "on"
	pc.RuntimeParams["default_transaction_isolation"] = "repeatable read" // one view, as SQLite's
	db.Read = pool(pc, cfg.Readers, true)
	return db.prepareSchema(ctx, cfg)
}

func pool(pc *pgx.ConnConfig, conns int, readOnly bool) *sql.DB {
	p := sql.OpenDB(connector{stdlib.GetConnector(*pc), readOnly})
	p.SetMaxOpenConns(conns)
	p.SetMaxIdleConns(conns)
	p.SetConnMaxIdleTime(5 * time.Minute)
	return p
}

// prepareSchema makes the schema and migrates it, one node at a time.
func (db *DB) prepareSchema(ctx context.Context, cfg Config) (err error) {
	lock, err := db.session(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := lock.conn.ExecContext(ctx, "SELECT pg_advisory_lock(?)", db.lockKey("migrate")); err != nil {
		return fmt.Errorf("lock schema %q: %w", db.schema, err)
	}
	var exists bool
	if err := lock.conn.QueryRowContext(ctx, "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = ?", db.schema).Scan(&exists); err != nil {
		return fmt.Errorf("look for schema %q: %w", db.schema, err)
	}
	if !exists {
		if _, err := lock.conn.ExecContext(ctx, "CREATE SCHEMA "+pgx.Identifier{db.schema}.Sanitize()); err != nil {
			return fmt.Errorf("make schema %q: %w", db.schema, err)
		}
	}
	return migrate(ctx, db.Write, goose.DialectPostgres, cfg)
}

func (db *DB) lockKey(name string) int64 { return LockKey(db.schema, name) }

// LockKey is the number of an advisory lock, by which pg_locks tells who holds it.
// Advisory locks are of the whole database, so that the schema is part of it.
func LockKey(schema, name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("bidhawk\x00" + schema + "\x00" + name))
	return int64(h.Sum64())
}

// beginTries is how often a transaction is begun anew where the connection is
// lost before its first change: nothing can be applied twice.
const beginTries = 3

func (db *DB) beginLocked(ctx context.Context, name string) (*sql.Tx, error) {
	for try := 1; ; try++ {
		tx, err := db.beginLockedOnce(ctx, name)
		if err == nil || !ConnectionLost(err) || try == beginTries || ctx.Err() != nil {
			return tx, err
		}
	}
}

func (db *DB) beginLockedOnce(ctx context.Context, name string) (*sql.Tx, error) {
	tx, err := db.Write.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", db.lockKey(name)); err != nil {
		return nil, errors.Join(fmt.Errorf("begin: wait for other writers: %w", err), ignoreDone(tx.Rollback()))
	}
	return tx, nil
}

// ignoreDone drops the error of a rollback that found nothing to do, or nobody to ask.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) || ConnectionLost(err) {
		return nil
	}
	return err
}
