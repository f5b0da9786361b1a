package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/pressly/goose/v3"
)

// busyTimeout is how long a connection waits for another process's lock.
const busyTimeoutMillis = 10_000

func (db *DB) openSQLite(ctx context.Context, cfg Config) (err error) {
	path := cfg.Source.File
	write := append([]string{"journal_mode(WAL)"}, cfg.WritePragmas...)
	if db.Write, err = openFile(path, "immediate", 1, write); err != nil {
		return err
	}
	if err := migrate(ctx, db.Write, goose.DialectSQLite3, cfg); err != nil {
		return err
	}
	// A write-ahead log: readers don't wait for the writer.
	db.Read, err = openFile(path, "deferred", cfg.Readers, append([]string{"query_only(1)"}, cfg.ReadPragmas...))
	return err
}

// openFile sets the pragmas on every connection.
func openFile(path, txlock string, conns int, pragmas []string) (*sql.DB, error) {
	q := url.Values{"_txlock": {txlock}, "_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeoutMillis)}, pragmas...)}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	pool, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool, nil
}
