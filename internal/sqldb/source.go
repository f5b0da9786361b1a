package sqldb

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Validate checks the URL's form. Its errors repeat no part of it: a malformed
// URL may hold the password anywhere.
func (s Source) Validate() error {
	if s.URL == "" {
		if s.File == "" {
			return errors.New("names neither a file nor a Postgres")
		}
		return nil
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return errors.New("is no URL (its text is not repeated here: it may hold a password)")
	}
	switch {
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return fmt.Errorf("scheme %.20q: want postgres://user:password@host:port/database", u.Scheme)
	case u.Host == "" && u.Query().Get("host") == "":
		return errors.New("host is missing: want postgres://user:password@host:port/database")
	case strings.Trim(u.Path, "/") == "":
		return errors.New("database is missing: want postgres://user:password@host:port/database")
	}
	return nil
}

// String names the file, or host, port and database, without user and password.
func (s Source) String() string {
	if !s.Postgres() {
		return s.File
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return "postgres://?"
	}
	host := u.Host
	if host == "" {
		host = u.Query().Get("host")
	}
	return "postgres://" + host + u.Path
}
