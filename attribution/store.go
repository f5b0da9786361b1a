package attribution

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"bidhawk/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// store is the database: connections that write, one transaction at a time, and a
// few that read.
type store struct {
	w, r  *sql.DB
	db    *sqldb.DB
	epoch int64 // of this process's turn as the one that writes
}

// errTakenOver reports that another process has opened the database since.
var errTakenOver = errors.New("another process has opened the reports' database since, and reads the log into it")

// openStore opens the database and brings its schema up to date. From then on only
// this process writes: of several that read the log into one database each would
// count from positions of its own.
//
// On SQLite synchronous=NORMAL with a write-ahead log loses the newest transactions
// when the machine (not the process) dies. That is harmless: the offsets are lost
// with them, and the records are read again.
func openStore(ctx context.Context, source sqldb.Source) (*store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.Open(ctx, sqldb.Config{
		Source: source, Migrations: files, Schema: "bidhawk_reports", Readers: max(4, runtime.GOMAXPROCS(0)),
		WritePragmas: []string{"synchronous(NORMAL)", "cache_size(-65536)", "wal_autocheckpoint(4000)", "temp_store(MEMORY)"},
		ReadPragmas:  []string{"cache_size(-16384)"},
	})
	if err != nil {
		return nil, err
	}
	s := &store{w: db.Write, r: db.Read, db: db}
	if err := s.takeTurn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", db, err), db.Close())
	}
	return s, nil
}

// writing names the transactions that change reports.
const writing = "reports"

func (s *store) takeTurn(ctx context.Context) error {
	tx, err := s.db.Begin(ctx, writing)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, `INSERT INTO turns (id, epoch) VALUES (1, 1)
		ON CONFLICT (id) DO UPDATE SET epoch = turns.epoch + 1 RETURNING epoch`).Scan(&s.epoch); err != nil {
		return fmt.Errorf("take the turn to write: %w", err)
	}
	return sqldb.Commit(tx)
}

// begin starts a transaction that changes something; errTakenOver: it is another
// process's turn.
func (s *store) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := s.db.Begin(ctx, writing)
	if err != nil {
		return nil, err
	}
	var epoch int64
	if err := tx.QueryRowContext(ctx, `SELECT epoch FROM turns WHERE id = 1`).Scan(&epoch); err != nil {
		return nil, errors.Join(fmt.Errorf("look whose turn it is: %w", err), tx.Rollback())
	}
	if epoch != s.epoch {
		return nil, errors.Join(errTakenOver, tx.Rollback())
	}
	return tx, nil
}

func (s *store) close() error { return s.db.Close() }
