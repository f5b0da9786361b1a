package rates

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"bidhawk/internal/money"
	"bidhawk/internal/yamldoc"
)

const (
	maxFile       = 64 << 10 // bytes of a table's file
	maxCurrencies = 300      // ISO 4217 has fewer than 200
	// maxRate bounds what one unit is worth, in units of the base.
	maxRate = 1_000_000 * int64(money.One)
)

// Load reads a table from a YAML file:
//
//	date: 2026-11-20    # the day that the rates are of
//	base: USD
//	rates: {EUR: "1.08", JPY: "0.0067"}    # the base for one unit, decimal
//
// Every error names file, line, field, value and rule, and all of them are
// reported at once; then there is no table.
func Load(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("rates: %w", err)
	}
	defer f.Close()
	return read(path, f)
}

// read reads a table whose errors name path.
func read(path string, r io.Reader) (*Table, error) {
	root, err := yamldoc.Read(path, r, maxFile, "date, base and rates")
	if err != nil {
		return nil, err
	}
	d := decoder{path: path}
	t := d.table(root)
	return t, errors.Join(d.errs...)
}

type decoder struct {
	path string
	errs []error
}

func (d *decoder) fail(n *yaml.Node, field, rule string) {
	value := fmt.Sprintf("%.80q", n.Value)
	if n.Kind != yaml.ScalarNode {
		value = "no single value"
	}
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %s: got %s; want %s", d.path, n.Line, field, value, rule))
}

// pairs calls f for each entry of a mapping; an entry given twice is an error.
func (d *decoder) pairs(n *yaml.Node, field, rule string, f func(key string, at, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, field, rule)
		return
	}
	given := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if given[key.Value] {
			d.fail(key, field, "each name once")
			continue
		}
		given[key.Value] = true
		f(key.Value, key, n.Content[i+1])
	}
}

func (d *decoder) table(root *yaml.Node) *Table {
	t := &Table{rates: make(map[money.Currency]money.Rate)}
	var rates *yaml.Node
	d.pairs(root, "table", "date, base and rates", func(key string, at, value *yaml.Node) {
		switch key {
		case "date":
			day, err := time.Parse(time.DateOnly, value.Value)
			if err != nil || day.Year() < 2000 {
				d.fail(value, "date", "a day such as 2026-11-20")
			}
			t.date = day
		case "base":
			c, err := money.ParseCurrency(value.Value)
			if err != nil {
				d.fail(value, "base", "three upper-case letters (ISO 4217), such as USD")
			}
			t.base = c
		case "rates":
			rates = value
		default:
			d.fail(at, "table", "date, base and rates")
		}
	})
	if len(d.errs) == 0 && (t.date.IsZero() || t.base == (money.Currency{}) || rates == nil) {
		d.fail(&yaml.Node{Kind: yaml.ScalarNode, Line: root.Line}, "table", "all of date, base and rates")
	}
	if len(d.errs) > 0 {
		return nil
	}
	d.rates(t, rates)
	if len(d.errs) > 0 {
		return nil
	}
	t.rates[t.base] = money.One
	return t
}

func (d *decoder) rates(t *Table, n *yaml.Node) {
	if len(n.Content)/2 > maxCurrencies {
		d.fail(n, "rates", fmt.Sprintf("at most %d currencies", maxCurrencies))
		return
	}
	d.pairs(n, "rates", `rates by currency, such as {EUR: "1.08"}`, func(key string, at, value *yaml.Node) {
		c, err := money.ParseCurrency(key)
		if err != nil {
			d.fail(at, "rates", "a name of three upper-case letters (ISO 4217), such as EUR")
			return
		}
		rate, ok := parseRate(value.Value)
		switch {
		case value.Kind != yaml.ScalarNode || !ok:
			d.fail(value, "rates."+key, "the base for one unit: a decimal above 0, at most 1000000, such as 1.08")
		case c == t.base && rate != money.One:
			d.fail(value, "rates."+key, "1: it is the base")
		default:
			t.rates[c] = rate
		}
	})
}

// parseRate reads the base for one unit as it is written, rounded up as floors
// are.
func parseRate(text string) (money.Rate, bool) {
	v, err := money.ParseNanos([]byte(text), money.RoundUp)
	return money.Rate(v), err == nil && v > 0 && v <= maxRate
}

// stripped is t once it is too old to convert: it knows its base alone.
func (t *Table) stripped() *Table {
	return &Table{date: t.date, base: t.base, rates: map[money.Currency]money.Rate{t.base: money.One}}
}

// step names the first currency whose rate is more than factor times, or less
// than one factor-th of, what it was in old.
func (t *Table) step(old *Table, factor int64) error {
	for c, now := range maps.All(t.rates) {
		was := old.rates[c]
		if was == 0 || old.base != t.base {
			continue
		}
		if int64(now)/factor > int64(was) || int64(was)/factor > int64(now) {
			return fmt.Errorf("rates.%s: got %v; want at most %d times, and no less than a %d-th of, the last, %v",
				c, money.Nanos(now), factor, factor, money.Nanos(was))
		}
	}
	return nil
}
