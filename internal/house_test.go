package internal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed is the dependency table of DESIGN.md: who may import whom, by the
// first matching folder prefix. "internal/money" and "internal/ids" are open to
// everybody and not repeated. A folder may always import what lies below it.
var allowed = map[string][]string{
	"cmd":               {"*"},
	"bidder":            {"targeting", "pacing", "profiles", "scoring", "campaigns", "internal/eventlog", "internal/openrtb", "internal/yamldoc", "internal/blob"},
	"targeting":         {"campaigns", "internal/openrtb"},
	"scoring":           {"campaigns"},
	"pacing":            {"campaigns", "internal/eventlog"},
	"profiles":          {"campaigns", "internal/eventlog"},
	"attribution":       {"campaigns", "internal/eventlog", "internal/sqldb"},
	"campaigns":         {"internal/eventlog", "internal/sqldb", "internal/blob"},
	"console":           {},
	"loadtest":          {"internal/openrtb"},
	"internal/eventlog": {},
	"internal/openrtb":  {},
	"internal/sqldb":    {},
	"internal/yamldoc":  {},
	"internal/blob":     {},
	"internal/ids":      {},
	"internal/money":    {},
}

const module = "bidhawk/"

type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestDependencyTable(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "bidhawk/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages++
		path := strings.TrimPrefix(p.ImportPath, module)
		if path == "internal" || path == "bidhawk" {
			continue
		}
		from, deps, ok := rule(path)
		if !ok {
			t.Errorf("%s: no row in the dependency table covers it", path)
			continue
		}
		for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if to, ours := strings.CutPrefix(imp, module); ours && !permitted(from, deps, to) {
				t.Errorf("%s imports %s; %q may import only %v", path, to, from, deps)
			}
		}
	}
	if packages < 5 {
		t.Fatalf("go list found %d packages; the table was not checked", packages)
	}
}

func rule(path string) (folder string, deps []string, ok bool) {
	for f, d := range allowed {
		if under(path, f) {
			return f, d, true
		}
	}
	return "", nil, false
}

func permitted(from string, deps []string, to string) bool {
	if under(to, from) || under(to, "internal/ids") || under(to, "internal/money") {
		return true
	}
	for _, d := range deps {
		if d == "*" || under(to, d) {
			return true
		}
	}
	return false
}

func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func TestDependencyTableSeesABreach(t *testing.T) {
	if _, deps, _ := rule("targeting"); permitted("targeting", deps, "pacing") {
		t.Error("targeting -> pacing must not be permitted")
	}
	if _, deps, _ := rule("loadtest"); permitted("loadtest", deps, "bidder") {
		t.Error("loadtest must stay a black box")
	}
}
