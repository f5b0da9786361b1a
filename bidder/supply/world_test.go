package supply

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// world is a cache directory under way. Its keys are paths in the directory;
// files are written with a first line that confirms them at testNow.
type world map[string]string

// write puts the world into a new directory.
func (w world) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for path, body := range w {
		writeTest(t, dir, path, state{Checked: testNow}, body)
	}
	return dir
}

func writeTest(t testing.TB, dir, path string, s state, body string) {
	t.Helper()
	full := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if strings.Contains(path, "/") {
		err = writeCache(full, s, strings.NewReader(body), nil)
	} else {
		err = os.WriteFile(full, []byte(body), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func mustLoad(t testing.TB, dir string) *Snapshot {
	t.Helper()
	s, err := Load(dir, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sellersJSON makes a file of "id type domain" entries; a type of "?" is
// confidential.
func sellersJSON(entries ...string) string {
	var b strings.Builder
	b.WriteString(`{"version":"1.0","sellers":[`)
	for i, e := range entries {
		f := append(strings.Fields(e), "", "")
		if i > 0 {
			b.WriteByte(',')
		}
		if f[1] == "?" {
			fmt.Fprintf(&b, `{"seller_id":%q,"is_confidential":1,"seller_type":"PUBLISHER"}`, f[0])
			continue
		}
		fmt.Fprintf(&b, `{"seller_id":%q,"seller_type":%q,"domain":%q}`, f[0], f[1], f[2])
	}
	b.WriteString("]}")
	return b.String()
}
