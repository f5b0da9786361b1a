package attribution

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"runtime"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// store is the database: one connection that writes, a few that read.
type store struct {
	w *sql.DB
	r *sql.DB
}

// openStore opens the database at path and brings its schema up to date.
//
// synchronous=NORMAL with a write-ahead log loses the newest transactions when
// the machine (not the process) dies. That is harmless: the offsets are lost
// with them, and the records are read again.
func openStore(ctx context.Context, path string) (*store, error) {
	w, err := openPool(path, 1, "immediate", "journal_mode(WAL)", "synchronous(NORMAL)",
		"cache_size(-65536)", "wal_autocheckpoint(4000)", "temp_store(MEMORY)")
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, w); err != nil {
		w.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	r, err := openPool(path, max(2, runtime.GOMAXPROCS(0)), "deferred", "query_only(1)", "cache_size(-16384)")
	if err != nil {
		w.Close()
		return nil, err
	}
	return &store{w: w, r: r}, nil
}

func openPool(path string, conns int, txlock string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {txlock}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (s *store) close() error {
	err := s.r.Close()
	if werr := s.w.Close(); werr != nil {
		return werr
	}
	return err
}
