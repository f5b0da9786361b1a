package sqldb_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/fstest"

	"bidhawk/internal/sqldb"
	"bidhawk/internal/sqldb/sqldbtest"
)

var schema = fstest.MapFS{"00001_t.sql": {Data: []byte(`-- +goose Up
CREATE TABLE t (
	id   INTEGER PRIMARY KEY AUTOINCREMENT,
	flag INTEGER NOT NULL,
	name TEXT NOT NULL,
	body BLOB NOT NULL
) STRICT;
-- +goose Down
DROP TABLE t;
`)}}

func open(t testing.TB, source sqldb.Source) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{Source: source, Migrations: schema, Schema: "sqldb"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// The values that the house stores come back as they went in, on both.
func TestValuesComeBackAsTheyWere(t *testing.T) {
	db := open(t, sqldbtest.Source(t))
	f := func(flag bool, name string, body []byte) {
		t.Helper()
		var id int64
		if err := db.Write.QueryRowContext(t.Context(), "INSERT INTO t (flag, name, body) VALUES (?, ?, ?) RETURNING id",
			flag, name, body).Scan(&id); err != nil {
			t.Fatal(err)
		}
		var gotFlag bool
		var gotName string
		var gotBody []byte
		if err := db.Read.QueryRowContext(t.Context(), "SELECT flag, name, body FROM t WHERE id = ?", id).
			Scan(&gotFlag, &gotName, &gotBody); err != nil {
			t.Fatal(err)
		}
		if gotFlag != flag || gotName != name || string(gotBody) != string(body) {
			t.Errorf("got %v, %q, %q; want %v, %q, %q", gotFlag, gotName, gotBody, flag, name, body)
		}
	}
	f(true, "a", []byte("{}"))
	f(false, "日本 Öl ' \" ? \\", []byte{0, 1, 255})
	f(true, "", []byte{})
}

// Texts compare by their bytes, whatever the server's language is.
func TestTextsAreOrderedByBytes(t *testing.T) {
	db := open(t, sqldbtest.Source(t))
	for _, name := range []string{"b", "B", "ä", "a", "_", "z"} {
		if _, err := db.Write.ExecContext(t.Context(), "INSERT INTO t (flag, name, body) VALUES (0, ?, ?)", name, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Read.QueryContext(t.Context(), "SELECT name FROM t ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := ""
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		got += name
	}
	if got != "B_abzä" || rows.Err() != nil {
		t.Errorf("got %q, %v", got, rows.Err())
	}
}

func TestLists(t *testing.T) {
	db := open(t, sqldbtest.Source(t))
	for _, name := range []string{"a", "b", "c"} {
		if _, err := db.Write.ExecContext(t.Context(), "INSERT INTO t (flag, name, body) VALUES (0, ?, ?)", name, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	f := func(where, list string, want int) {
		t.Helper()
		var n int
		if err := db.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM t WHERE "+where, list).Scan(&n); err != nil || n != want {
			t.Errorf("%s of %s: got %d, %v; want %d", where, list, n, err, want)
		}
	}
	f("id IN "+db.List(true), "[1, 3, 9007199254740993]", 2)
	f("name IN "+db.List(false), `["b", "x"]`, 1)
	f("name IN "+db.List(false), `[]`, 0)
}

// Reading connections can't change anything.
func TestReadOnly(t *testing.T) {
	db := open(t, sqldbtest.Source(t))
	if _, err := db.Read.ExecContext(t.Context(), "INSERT INTO t (flag, name, body) VALUES (0, 'x', ?)", []byte{1}); err == nil {
		t.Error("a reading connection has written")
	}
}

// Transactions of one name run one at a time, from whatever node: none of the
// increments is lost, though each reads before it writes, at two nodes.
func TestBeginRunsOneAtATime(t *testing.T) {
	source := sqldbtest.Source(t)
	nodes := []*sqldb.DB{open(t, source), open(t, source)}
	if _, err := nodes[0].Write.ExecContext(t.Context(), "INSERT INTO t (flag, name, body) VALUES (0, 'n', ?)", []byte{1}); err != nil {
		t.Fatal(err)
	}
	const writers, rounds = 4, 10
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range rounds {
				if err := increment(t.Context(), nodes[i%2]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := nodes[1].Read.QueryRowContext(t.Context(), "SELECT flag FROM t WHERE name = 'n'").Scan(&n); err != nil || n != writers*rounds {
		t.Errorf("got %d, %v; want %d", n, err, writers*rounds)
	}
}

func increment(ctx context.Context, db *sqldb.DB) error {
	tx, err := db.Begin(ctx, "counting")
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT flag FROM t WHERE name = 'n'").Scan(&n); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE t SET flag = ? WHERE name = 'n'", n+1); err != nil {
		return err
	}
	return sqldb.Commit(tx)
}

// Two nodes that start at once migrate once.
func TestOpenAtOnce(t *testing.T) {
	source := sqldbtest.Source(t)
	if !source.Postgres() {
		source = sqldbtest.PostgresSource(t)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := sqldb.Open(t.Context(), sqldb.Config{Source: source, Migrations: schema, Schema: "sqldb"})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// cut ends the sessions whose last statement says "cut me", as a restart of the
// server ends all.
func cut(t *testing.T, db *sqldb.DB, schema string) {
	t.Helper()
	var n int
	err := db.Write.QueryRowContext(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND query LIKE ?`, "%cut "+schema+"%").Scan(&n)
	if err != nil || n == 0 {
		t.Fatalf("cut %d connections, %v", n, err)
	}
}

// A reading connection that the server has ended is replaced without a word; a
// transaction is begun anew; one that was under way fails, changing nothing.
func TestALostConnection(t *testing.T) {
	source := sqldbtest.PostgresSource(t)
	db, other := open(t, source), open(t, source)
	ctx, id := t.Context(), rand.Text()
	read := func() error {
		var n int
		return db.Read.QueryRowContext(ctx, "SELECT count(*) /* cut "+id+" */ FROM t").Scan(&n)
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	cut(t, other, id)
	if err := read(); err != nil {
		t.Errorf("a read after its connection was lost: %v", err)
	}

	tx, err := db.Begin(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO t (flag, name, body) /* cut "+id+" */ VALUES (0, 'half', ?)", []byte{1}); err != nil {
		t.Fatal(err)
	}
	cut(t, other, id)
	if err := sqldb.Commit(tx); !errors.Is(err, sqldb.ErrOutcomeUnknown) {
		t.Errorf("commit on a lost connection: got %v; want ErrOutcomeUnknown", err)
	}
	again, err := db.Begin(ctx, "x") // the connections of the pool are dead: it begins on a new one
	if err != nil {
		t.Fatalf("begin after the connection was lost: %v", err)
	}
	var n int
	if err := again.QueryRowContext(ctx, "SELECT count(*) FROM t WHERE name = 'half'").Scan(&n); err != nil || n != 0 {
		t.Errorf("got %d rows of the lost transaction, %v; want none", n, err)
	}
	if err := again.Rollback(); err != nil {
		t.Error(err)
	}
}

func TestLock(t *testing.T) {
	source := sqldbtest.PostgresSource(t)
	a, b := open(t, source), open(t, source)
	lock, ok, err := a.TryLock(t.Context(), "x")
	if err != nil || !ok {
		t.Fatalf("got %v, %v", ok, err)
	}
	f := func(db *sqldb.DB, name string, want bool) {
		t.Helper()
		l, ok, err := db.TryLock(t.Context(), name)
		if err != nil || ok != want {
			t.Fatalf("%s: got %v, %v; want %v", name, ok, err, want)
		}
		if ok {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	f(b, "x", false)
	f(b, "y", true)
	f(open(t, sqldbtest.PostgresSource(t)), "x", true) // another installation in the same database
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	f(b, "x", true)
}

func TestCommitTellsOtherErrors(t *testing.T) {
	db := open(t, sqldbtest.Source(t))
	tx, err := db.Begin(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := sqldb.Commit(tx); !errors.Is(err, sql.ErrTxDone) || errors.Is(err, sqldb.ErrOutcomeUnknown) {
		t.Errorf("got %v; want ErrTxDone alone", err)
	}
	if fmt.Sprint(db) == "" {
		t.Error("a database has a name")
	}
}
