package node

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"bidhawk/campaigns"
	"bidhawk/console"
)

// What is deployed beside the node must name only what the node has: a
// dashboard of renamed metrics is empty, an alert on one never fires.

const root = "../../"

var metricName = regexp.MustCompile(`\bbidhawk_[a-z_]+[a-z]`)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// emitted are the names in the string literals of the sources that write metrics.
func emitted(t *testing.T) map[string]bool {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, path := range append(sources, root+"bidder/metrics.go") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range regexp.MustCompile(`["\x60](bidhawk_[a-z_]+)`).FindAllStringSubmatch(string(b), -1) {
			names[n[1]] = true
		}
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		names["bidhawk_handler_seconds"+suffix] = names["bidhawk_handler_seconds"]
	}
	if len(names) < 30 {
		t.Fatalf("found %d metrics in the sources; the scan is broken", len(names))
	}
	return names
}

// named checks the metrics in expr and returns how many there are.
func named(t *testing.T, where, expr string, known map[string]bool) int {
	t.Helper()
	found := metricName.FindAllString(expr, -1)
	for _, n := range found {
		if !known[n] {
			t.Errorf("%s: metric %s is emitted by no source; expression: %s", where, n, expr)
		}
	}
	return len(found)
}

type panel struct {
	ID         int    `json:"id"`
	Title      string `json:"title"`
	Type       string `json:"type"`
	Datasource struct {
		Type, UID string
	} `json:"datasource"`
	GridPos struct{ X, Y, W, H int } `json:"gridPos"`
	Targets []struct{ Expr, RefID string }
}

func TestDashboardNamesRealMetrics(t *testing.T) {
	var d struct {
		UID           string  `json:"uid"`
		Title         string  `json:"title"`
		SchemaVersion int     `json:"schemaVersion"`
		Panels        []panel `json:"panels"`
		Templating    struct {
			List []struct{ Name, Type, Definition string }
		} `json:"templating"`
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/bidhawk.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 39 {
		t.Errorf("uid %q, title %q, schemaVersion %d; want all, and the version of Grafana 10.4 or newer", d.UID, d.Title, d.SchemaVersion)
	}
	known, seen, expressions := emitted(t), make(map[int]bool), 0
	for _, p := range d.Panels {
		if seen[p.ID] {
			t.Errorf("panel %q: id %d is taken", p.Title, p.ID)
		}
		seen[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("panel %q does not fit the grid: %+v", p.Title, p.GridPos)
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q: datasource %q with %d targets; want ${datasource} and one at least", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			named(t, "panel "+p.Title, target.Expr, known)
			expressions++
		}
	}
	for _, v := range d.Templating.List {
		named(t, "variable "+v.Name, v.Definition, known)
	}
	if expressions < 30 {
		t.Errorf("%d expressions were checked", expressions)
	}
}

type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func TestAlertsNameRealMetricsAndHaveRunbooks(t *testing.T) {
	var file struct {
		Groups []struct {
			Name  string  `yaml:"name"`
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	dec := yaml.NewDecoder(strings.NewReader(read(t, "deploy/prometheus/alerts.yml")))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	known, sections := emitted(t), sectionsOf(read(t, "docs/runbooks/README.md"))
	rules := make(map[string]bool)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules[r.Alert] = true
			r.check(t, known, sections)
		}
	}
	for name := range sections {
		if !rules[name] {
			t.Errorf("runbook %q belongs to no alert", name)
		}
	}
	if len(rules) < 10 {
		t.Errorf("%d alerts were checked", len(rules))
	}
}

func (r alert) check(t *testing.T, known map[string]bool, sections map[string]string) {
	t.Helper()
	if named(t, r.Alert, r.Expr, known) == 0 && r.Alert != "BidhawkDown" { // "up" is Prometheus' own
		t.Errorf("%s: no metric in %q", r.Alert, r.Expr)
	}
	if _, err := time.ParseDuration(r.For); err != nil {
		t.Errorf("%s: for: %v", r.Alert, err)
	}
	if s := r.Labels["severity"]; s != "critical" && s != "warning" && s != "info" {
		t.Errorf("%s: severity %q; want critical, warning or info", r.Alert, s)
	}
	if want := "docs/runbooks/README.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want || r.Annotations["summary"] == "" {
		t.Errorf("%s: annotations %v; want a summary and the runbook %s", r.Alert, r.Annotations, want)
	}
	text := sections[r.Alert]
	if !strings.Contains(text, "Look at:") || !strings.Contains(text, "Do:") {
		t.Errorf("%s: its runbook section says not what to look at and what to do: %q", r.Alert, text)
	}
}

// sectionsOf are the texts of a document's "## " sections by their titles.
func sectionsOf(doc string) map[string]string {
	out := make(map[string]string)
	for _, s := range strings.Split(doc, "\n## ")[1:] {
		title, text, _ := strings.Cut(s, "\n")
		out[title] = text
	}
	return out
}

// The console reads /v1/live by the names that model.js writes as raw.NAME.
func TestConsoleReadsWhatTheNodeSays(t *testing.T) {
	w := httptest.NewRecorder()
	console.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/live/model.js", nil))
	said := make(map[string]bool)
	for _, v := range []any{liveBody{}, second{}, liveLine{}} {
		for f := range reflect.TypeOf(v).Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			said[name] = false
		}
	}
	for _, m := range regexp.MustCompile(`\braw\.([a-z0-9_]+)`).FindAllStringSubmatch(w.Body.String(), -1) {
		if _, ok := said[m[1]]; !ok {
			t.Errorf("model.js reads %q, which /v1/live does not have", m[1])
		}
		said[m[1]] = true
	}
	for name, read := range said {
		if !read {
			t.Errorf("model.js does not read %q of /v1/live", name)
		}
	}
	for f := range reflect.TypeFor[campaigns.KillSwitch]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "revision" && !strings.Contains(w.Body.String(), "k."+name) {
			t.Errorf("model.js does not read %q of a kill switch", name)
		}
	}
}
