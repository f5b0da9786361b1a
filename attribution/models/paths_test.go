package models

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

// recorded reads data/audience/attribution-paths.csv: 10,000 paths of channels with
// conversions, value and customers who went nowhere.
func recorded(t testing.TB) ([]Path, []string) {
	t.Helper()
	dir := os.Getenv("BIDHAWK_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "audience", "attribution-paths.csv"))
	if err != nil {
		t.Skipf("no recorded paths: %v", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]int{}
	var names []string
	var paths []Path
	for _, row := range rows[1:] {
		var channels []int
		for name := range strings.SplitSeq(row[0], " > ") {
			if _, known := numbers[name]; !known {
				numbers[name] = len(names)
				names = append(names, name)
			}
			channels = append(channels, numbers[name])
		}
		n, err1 := strconv.ParseInt(row[1], 10, 64)
		nowhere, err2 := strconv.ParseInt(row[3], 10, 64)
		value, err3 := money.ParseNanos([]byte(row[2]), money.RoundDown)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatalf("row %v: %v, %v, %v", row, err1, err2, err3)
		}
		paths = append(paths, path(n, money.Nanos(value), nowhere, channels...))
	}
	return paths, names
}

// TestRecordedPaths shares what 10,000 recorded paths brought, by every model.
func TestRecordedPaths(t *testing.T) {
	paths, names := recorded(t)
	for _, m := range Models() {
		credits, err := Attribute(m, Params{HalfLife: 2 * time.Hour}, paths, len(names))
		if err != nil {
			t.Fatal(err)
		}
		var conversions int64
		var value money.Nanos
		for _, c := range credits {
			conversions, value = conversions+c.Conversions, value+c.Value
		}
		var wantN int64
		var wantV money.Nanos
		for _, p := range paths {
			wantN += p.Conversions * Whole
			wantV += p.Value
		}
		if conversions != wantN || value != wantV {
			t.Errorf("%s: got %d and %d; want %d and %d", m, conversions, value, wantN, wantV)
		}
		t.Logf("%-10s %s of %d conversions", m, names[0], credits[0].Conversions/Whole)
	}
}

func BenchmarkRecordedPaths(b *testing.B) {
	paths, names := recorded(b)
	for _, m := range Models() {
		b.Run(string(m), func(b *testing.B) {
			for b.Loop() {
				if _, err := Attribute(m, Params{HalfLife: 2 * time.Hour}, paths, len(names)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
