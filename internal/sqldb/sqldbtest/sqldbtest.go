// Package sqldbtest gives tests a database of their own: an SQLite file, or, where
// BIDHAWK_TEST_DATABASE=postgres, a schema on the Postgres of BIDHAWK_POSTGRES_URL
// (scripts/postgres up). The same tests run on both: scripts/test runs them twice.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"bidhawk/internal/sqldb"
)

// Postgres says whether this run's databases are on Postgres.
func Postgres() bool { return os.Getenv("BIDHAWK_TEST_DATABASE") == "postgres" }

// Source is a new, empty database.
func Source(t testing.TB) sqldb.Source {
	t.Helper()
	if Postgres() {
		return PostgresSource(t)
	}
	return sqldb.Source{File: filepath.Join(t.TempDir(), "odd name?#%.db")}
}

// PostgresSource is a new, empty schema on the Postgres of BIDHAWK_POSTGRES_URL.
// Where that names none the test is skipped, loudly; BIDHAWK_TEST_POSTGRES=required
// makes that a failure.
func PostgresSource(t testing.TB) sqldb.Source {
	t.Helper()
	base := os.Getenv("BIDHAWK_POSTGRES_URL")
	if base == "" {
		if os.Getenv("BIDHAWK_TEST_POSTGRES") == "required" {
			t.Fatal("BIDHAWK_TEST_POSTGRES=required, and BIDHAWK_POSTGRES_URL names no Postgres")
		}
		t.Skip("NOT RUN on Postgres: BIDHAWK_POSTGRES_URL is not set; scripts/postgres up brings one")
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal("BIDHAWK_POSTGRES_URL is no URL")
	}
	var id [6]byte
	_, _ = rand.Read(id[:]) // never fails
	schema := "test_" + hex.EncodeToString(id[:])
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	t.Cleanup(func() { drop(t, base, schema) })
	return sqldb.Source{URL: u.String()}
}

func drop(t testing.TB, base, schema string) {
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), "DROP SCHEMA IF EXISTS "+schema+" CASCADE"); err != nil {
		t.Errorf("drop the test's schema: %v", err)
	}
}

// EndLock ends the session that holds the lock of a name in source, as the server
// does when a node's network is cut.
func EndLock(t testing.TB, source sqldb.Source, name string) {
	t.Helper()
	u, err := url.Parse(source.URL)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", source.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	err = db.QueryRowContext(context.Background(), `SELECT count(pg_terminate_backend(pid)) FROM pg_locks
		WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = $1`,
		sqldb.LockKey(u.Query().Get("search_path"), name)).Scan(&n)
	if err != nil || n != 1 {
		t.Fatalf("ended %d sessions that hold %q, %v; want one", n, name, err)
	}
}

// EndAll ends the sessions of a schema, as a restart of the server does.
func EndAll(t testing.TB, source sqldb.Source, schema string) {
	t.Helper()
	db, err := sql.Open("pgx", source.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND application_name = $1`, "bidhawk "+schema); err != nil {
		t.Fatal(err)
	}
}
