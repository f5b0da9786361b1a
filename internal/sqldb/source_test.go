package sqldb

import (
	"strings"
	"testing"
)

const password = "s3cr3t"

func TestSourceValidate(t *testing.T) {
	f := func(url, want string) {
		t.Helper()
		err := Source{URL: url}.Validate()
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: got %v", url, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v; want %q", url, err, want)
		case err != nil && strings.Contains(err.Error(), password):
			t.Errorf("%q: the error shows the password: %v", url, err)
		}
	}
	f("postgres://u:s3cr3t@db.example:5432/bidhawk?sslmode=verify-full", "")
	f("postgresql://db.example/bidhawk", "")
	f("postgres:///bidhawk?host=/run/postgresql", "")
	f("mysql://u:s3cr3t@db.example/x", `scheme "mysql"`)
	f("postgres://u:s3cr3t@/x", "host is missing")
	f("postgres://u:s3cr3t@db.example", "database is missing")
	f("postgres://u:s3cr3t@db.example:port/x", "is no URL")
	f("s3cr3t\x7f", "is no URL")
	if err := (Source{}).Validate(); err == nil {
		t.Error("nothing is a source")
	}
}

func TestSourceShowsNoPassword(t *testing.T) {
	f := func(s Source, want string) {
		t.Helper()
		if got := s.String(); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	f(Source{File: "a.db"}, "a.db")
	f(Source{URL: "postgres://u:s3cr3t@db.example:5432/bidhawk?sslmode=disable&password=s3cr3t"}, "postgres://db.example:5432/bidhawk")
	f(Source{URL: "postgres:///bidhawk?host=/run/postgresql"}, "postgres:///run/postgresql/bidhawk")
	f(Source{URL: "s3cr3t\x7f"}, "postgres://?")
}

// Whatever is wrong with a Postgres, what the operator reads names the place and
// keeps the password.
func TestOpenErrorsNameThePlaceOnly(t *testing.T) {
	f := func(url, want string) {
		t.Helper()
		_, err := Open(t.Context(), Config{Source: Source{URL: url}})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
			t.Errorf("got %v; want %q and no password", err, want)
		}
	}
	f("postgres://u:s3cr3t@127.0.0.1:1/bidhawk", "postgres://127.0.0.1:1/bidhawk")
	f("postgres://u:s3cr3t@127.0.0.1:1/bidhawk?sslmode=s3cr3t", "a part that can't be read")
	f("mysql://u:s3cr3t@127.0.0.1:1/bidhawk", "want postgres://")
}
