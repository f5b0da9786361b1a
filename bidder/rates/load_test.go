package rates

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

const good = "date: 2026-11-20\nbase: USD\nrates: {EUR: \"1.08\", JPY: \"0.0067\"}\n"

func TestRead(t *testing.T) {
	table, err := read("r.yaml", strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if table.rates[eur] != 1_080_000_000 || table.rates[jpy] != 6_700_000 || !table.Knows(money.USD) || table.Len() != 3 {
		t.Fatalf("got %v", table.rates)
	}
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if !table.Date().Equal(day) || table.Age(day.Add(time.Hour)) != time.Hour {
		t.Fatalf("got %v", table.Date())
	}
}

func TestReadRefuses(t *testing.T) {
	f := func(file string, want ...string) {
		t.Helper()
		table, err := read("r.yaml", strings.NewReader(file))
		if err == nil || table != nil {
			t.Fatalf("%q: got %v, %v; want an error alone", file, table, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Fatalf("%q: got %v; want it to say %q", file, err, w)
			}
		}
	}
	const head = "date: 2026-11-20\nbase: USD\n"
	f("", "r.yaml", "got nothing")
	f("a: [", "r.yaml", "want YAML")
	f("- 1\n", "r.yaml:1", "date, base and rates")
	f("date: 2026-11-20\nrates: {}\n", "r.yaml:1", "all of date, base and rates")
	f("date: yesterday\nbase: USD\nrates: {}\n", "r.yaml:1: date", `"yesterday"`, "a day such as")
	f("date: 1999-12-31\nbase: USD\nrates: {}\n", "r.yaml:1: date", "a day such as")
	f("date: 2026-11-20\nbase: usd\nrates: {}\n", "r.yaml:2: base", `"usd"`, "ISO 4217")
	f(head+"rates: {}\nnote: x\n", "r.yaml:4: table", `"note"`)
	f(head+"base: USD\nrates: {}\n", "r.yaml:3", "each name once")
	f(head+"rates: [EUR]\n", "r.yaml:3: rates")
	f(head+"rates: {eur: 1}\n", "r.yaml:3: rates", `"eur"`, "ISO 4217")
	f(head+"rates:\n  EUR: 1.08\n  EUR: 1.09\n", "r.yaml:5: rates", "each name once")
	f(head+"rates:\n  EUR: x\n  JPY: -1\n", "r.yaml:4: rates.EUR", `"x"`, "r.yaml:5: rates.JPY", `"-1"`, "a decimal above 0")
	f(head+"rates: {EUR: 0}\n", "rates.EUR")
	f(head+"rates: {EUR: 1000001}\n", "rates.EUR")
	f(head+"rates: {EUR: 1e9999}\n", "rates.EUR")
	f(head+"rates: {EUR: [1]}\n", "rates.EUR", "no single value")
	f(head+"rates: {USD: 2}\n", "rates.USD", "it is the base")
	f(strings.Repeat("#", maxFile+1), "65536 bytes")
	f(head+"rates: {EUR: 1}\n---\n"+head+"rates: {EUR: 2}\n", "second YAML document")
}

// The table that ships holds what dev.yaml has, and parses.
func TestShippedTable(t *testing.T) {
	table, err := Load("../../configs/rates.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if table.Len() < 39 {
		t.Fatalf("got %d currencies; want 39 and more", table.Len())
	}
	for _, code := range []string{"EUR", "GBP", "JPY", "CNY", "CAD", "AUD", "INR", "BRL"} {
		c, err := money.ParseCurrency(code)
		if err != nil || !table.Knows(c) {
			t.Errorf("%s is in dev.yaml and not in the table", code)
		}
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add("date: 2026-11-20\nbase: EUR\nrates:\n  USD: 0.93\n")
	f.Add("&a date: *a\n")
	f.Fuzz(func(t *testing.T, file string) {
		table, err := read("r.yaml", strings.NewReader(file))
		if (table == nil) == (err == nil) {
			t.Fatalf("got %v, %v; want one of them", table, err)
		}
		if table == nil {
			return
		}
		if !table.Knows(table.Base()) || table.Date().IsZero() || table.Len() > maxCurrencies+1 {
			t.Fatalf("got %+v", table)
		}
		for c, r := range table.rates {
			if r <= 0 || int64(r) > maxRate {
				t.Fatalf("%v: got %d", c, r)
			}
		}
	})
}
