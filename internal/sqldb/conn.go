package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connector makes connections that take the house's SQL.
type connector struct {
	driver.Connector
	readOnly bool
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &pgConn{conn.(*stdlib.Conn), c.readOnly}, nil
}

// pgConn is a connection to Postgres that understands "?", takes flags for
// numbers as SQLite does, and has database/sql repeat what a lost connection
// can't have applied: a statement of a connection that only reads.
type pgConn struct {
	*stdlib.Conn
	readOnly bool
}

var (
	_ driver.ConnPrepareContext = (*pgConn)(nil)
	_ driver.ExecerContext      = (*pgConn)(nil)
	_ driver.QueryerContext     = (*pgConn)(nil)
	_ driver.NamedValueChecker  = (*pgConn)(nil)
	_ driver.ConnBeginTx        = (*pgConn)(nil)
)

// Prepare implements driver.Conn.
func (c *pgConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *pgConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.PrepareContext(ctx, rebind(query))
	return s, c.repeatable(ctx, err)
}

// ExecContext implements driver.ExecerContext.
func (c *pgConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	r, err := c.Conn.ExecContext(ctx, rebind(query), args)
	return r, c.repeatable(ctx, err)
}

// QueryContext implements driver.QueryerContext.
func (c *pgConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.Conn.QueryContext(ctx, rebind(query), args)
	return r, c.repeatable(ctx, err)
}

// BeginTx implements driver.ConnBeginTx. A transaction that did not begin has
// changed nothing.
func (c *pgConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	t, err := c.Conn.BeginTx(ctx, opts)
	if err != nil && ctx.Err() == nil && ConnectionLost(err) {
		return nil, driver.ErrBadConn
	}
	return t, err
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *pgConn) CheckNamedValue(v *driver.NamedValue) (err error) {
	if v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value); err != nil {
		return err
	}
	switch x := v.Value.(type) {
	case bool: // as a text, which both a number and a boolean can be read from
		v.Value = "0"
		if x {
			v.Value = "1"
		}
	case string:
		v.Value = storable(x)
	}
	return nil
}

// storable is s as Postgres takes a text: what is not UTF-8, and a NUL, are replaced.
// Texts come from the world (a site's name); one that can't be stored must not stop
// those behind it.
func storable(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// repeatable is err, or what has database/sql take another connection.
func (c *pgConn) repeatable(ctx context.Context, err error) error {
	if err != nil && c.readOnly && ctx.Err() == nil && ConnectionLost(err) {
		return driver.ErrBadConn
	}
	return err
}

// ConnectionLost says whether err is of the connection, not of the statement.
func ConnectionLost(err error) bool {
	if err == nil {
		return false
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		// Class 08 is the connection's; 57P01 and so on: the server stops or starts.
		return strings.HasPrefix(pe.Code, "08") || strings.HasPrefix(pe.Code, "57P0")
	}
	var ne net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) || errors.As(err, &ne)
}
