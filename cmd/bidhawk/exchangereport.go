package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bidhawk/internal/money"
)

// This file reads an exchange's daily report.

// reportRow is a row of it.
type reportRow struct {
	Line        int
	Day         string // 2026-11-21
	Seat        string
	Deal        string
	Currency    string
	Impressions int64
	Spend       money.Nanos
	Invalid     money.Nanos // spend that the exchange has taken off for invalid traffic
	Decimals    int         // that Spend was written with
}

// rowError names what is wrong with a report, and where.
type rowError struct {
	Line               int
	Field, Value, Rule string
}

func (e *rowError) Error() string {
	return fmt.Sprintf("line %d: %s: got %.60q; %s", e.Line, e.Field, e.Value, e.Rule)
}

// columnFlags map columns by their names in the file; absent ones are found by
// the usual names, in any case.
type columnFlags struct {
	Day         string `help:"Name of the column of the day." name:"column-day"`
	Seat        string `help:"Name of the column of the seat." name:"column-seat"`
	Deal        string `help:"Name of the column of the deal." name:"column-deal"`
	Currency    string `help:"Name of the column of the currency." name:"column-currency"`
	Impressions string `help:"Name of the column of impressions." name:"column-impressions"`
	Spend       string `help:"Name of the column of the spend." name:"column-spend"`
	Invalid     string `help:"Name of the column of spend that was taken off for invalid traffic." name:"column-invalid"`
}

// Bounds of a report.
const (
	maxReportBytes = 256 << 20
	maxReportRows  = 1_000_000
	maxReportText  = 256
)

// column is a field of a report and the names that it goes by.
type column struct {
	field    string
	given    string
	names    []string
	required bool
	at       int // -1: not there
}

func (f *columnFlags) columns() []*column {
	return []*column{
		{"day", f.Day, []string{"day", "date", "report_date"}, true, -1},
		{"seat", f.Seat, []string{"seat", "seat_id", "buyer_seat", "buyer"}, false, -1},
		{"deal", f.Deal, []string{"deal", "deal_id", "dealid"}, false, -1},
		{"currency", f.Currency, []string{"currency", "cur", "currency_code"}, true, -1},
		{"impressions", f.Impressions, []string{"impressions", "imps", "billable_impressions"}, true, -1},
		{"spend", f.Spend, []string{"spend", "cost", "amount", "revenue", "media_cost"}, true, -1},
		{"invalid", f.Invalid, []string{"invalid", "invalid_spend", "ivt", "ivt_spend"}, false, -1},
	}
}

// readReport reads a whole report, or names the first thing that is wrong with it.
// byDeal: it has a column of deals.
func readReport(r io.Reader, flags *columnFlags) (out []reportRow, byDeal bool, err error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxReportBytes+1))
	if err != nil {
		return nil, false, err
	}
	if len(raw) > maxReportBytes {
		return nil, false, &rowError{1, "file", fmt.Sprint("more than ", maxReportBytes, " bytes"), "want a report of one or some days"}
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	in := csv.NewReader(bytes.NewReader(raw))
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, false, csvError(err)
	}
	columns, err := findColumns(head, flags)
	if err != nil {
		return nil, false, err
	}
	byDeal = slices.ContainsFunc(columns, func(c *column) bool { return c.field == "deal" && c.at >= 0 })
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, byDeal, nil
		} else if err != nil {
			return nil, false, csvError(err)
		}
		line, _ := in.FieldPos(0)
		row, err := readRow(line, record, columns)
		if err != nil {
			return nil, false, err
		}
		if out = append(out, row); len(out) > maxReportRows {
			return nil, false, &rowError{line, "file", fmt.Sprint(len(out), " rows"), fmt.Sprint("want at most ", maxReportRows)}
		}
	}
}

// csvError turns a fault of the form into a rowError.
func csvError(err error) error {
	var p *csv.ParseError
	switch {
	case errors.As(err, &p):
		return &rowError{p.Line, "row", p.Err.Error(), "want CSV with as many fields in every row as the header has"}
	case errors.Is(err, io.EOF):
		return &rowError{1, "header", "", "want a row with the names of the columns"}
	}
	return err
}

func findColumns(head []string, flags *columnFlags) ([]*column, error) {
	columns := flags.columns()
	for _, c := range columns {
		names := c.names
		if c.given != "" {
			names = []string{c.given}
		}
		for i, h := range head {
			for _, name := range names {
				if !strings.EqualFold(strings.TrimSpace(h), name) {
					continue
				}
				if c.at >= 0 && c.at != i {
					return nil, &rowError{1, c.field, h, fmt.Sprintf("want one column; %q is another: say which with --column-%s", head[c.at], c.field)}
				}
				c.at = i
			}
		}
		if c.at < 0 && (c.required || c.given != "") {
			return nil, &rowError{1, c.field, strings.Join(head, ","), "want a column " + strings.Join(names, " or ") + ", or its name in --column-" + c.field}
		}
	}
	return columns, nil
}

func readRow(line int, record []string, columns []*column) (reportRow, error) {
	row := reportRow{Line: line}
	for _, c := range columns {
		if c.at < 0 {
			continue
		}
		text := strings.TrimSpace(record[c.at])
		if rule := row.set(c.field, text); rule != "" {
			return row, &rowError{line, c.field, text, rule}
		}
	}
	return row, nil
}

// set reads one field; it returns the rule that text breaks.
func (r *reportRow) set(field, text string) (rule string) {
	if len(text) > maxReportText || !utf8.ValidString(text) {
		return fmt.Sprintf("want at most %d bytes of UTF-8", maxReportText)
	}
	var err error
	switch field {
	case "day":
		if r.Day = text; !isDay(text) {
			return "want a date such as 2026-11-21"
		}
	case "seat":
		r.Seat = text
	case "deal":
		r.Deal = text
	case "currency":
		if _, err := money.ParseCurrency(text); err != nil {
			return "want three upper-case letters of ISO 4217"
		}
		r.Currency = text
	case "impressions":
		if r.Impressions, err = strconv.ParseInt(text, 10, 64); err != nil || r.Impressions < 0 || r.Impressions > 1e12 {
			return "want a whole number from 0 to 1000000000000"
		}
	case "spend":
		r.Spend, rule = spend(text)
		if _, decimals, ok := strings.Cut(text, "."); ok {
			r.Decimals = len(decimals)
		}
	case "invalid":
		if text != "" {
			r.Invalid, rule = spend(text)
		}
	}
	return rule
}

func isDay(s string) bool {
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Year() >= 2000 && t.Year() < 2200
}

// spend reads an amount, exactly: a plain decimal that is not negative.
func spend(text string) (money.Nanos, string) {
	const rule = "want a plain decimal such as 12.50: a point, no thousands separators, not negative, at most nine decimals"
	if text == "" || strings.ContainsAny(text, "eE-") {
		return 0, rule
	}
	v, err := money.ParseAmount([]byte(text))
	switch {
	case errors.Is(err, money.ErrOverflow), err == nil && v > 1_000_000_000*money.Unit:
		return 0, "want at most 1000000000"
	case err != nil:
		return 0, rule
	}
	return v, ""
}
