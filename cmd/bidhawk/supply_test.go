package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadDomains(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "sites.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readDomains(path)
		if failed := want == nil; failed != (err != nil) || !slices.Equal(got, want) {
			t.Errorf("%.40q: got %q, %v; want %q", text, got, err, want)
		}
	}
	f("a.example\n\n# none\n  b.example # why\nc.example", "a.example", "b.example", "c.example")
	f("a.example\n" + strings.Repeat("x", 1<<17) + "\nb.example") // no list without what follows
}
