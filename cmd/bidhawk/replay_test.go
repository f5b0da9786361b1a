package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bidhawk/internal/money"
	"bidhawk/pacing/replay"
)

func TestParseShare(t *testing.T) {
	f := func(s string, want money.PPM, ok bool) {
		t.Helper()
		got, err := parseShare("train", s, 900_000)
		if (err == nil) != ok || got != want {
			t.Errorf("%q: got %d, %v; want %d", s, got, err, want)
		}
	}
	f("30%", 300_000, true)
	f("0.3", 300_000, true)
	f("0", 0, true)
	f("0.01%", 100, true)
	f("95%", 0, false)
	f("-1%", 0, false)
	f("%", 0, false)
	f("", 0, false)
}

func TestParseBudget(t *testing.T) {
	f := func(s string, want money.Nanos) {
		t.Helper()
		got, err := parseBudget(s, 800)
		if (err == nil) != (want > 0) || got != want {
			t.Errorf("%q: got %d, %v; want %d", s, got, err, want)
		}
	}
	f("1/8", 100)
	f("12.5", 12_500_000_000)
	f("1/0", 0)
	f("1/1000", 0) // less than a nano
	f("-1", 0)
	f("a/b", 0)
	f("", 0)
	f("9223372036854775807/1", 0)
}

// A replay of the project's own log prints its figures, a chart and a result.
func TestReplayCommand(t *testing.T) {
	log, err := readLog(filepath.Join("..", "..", "pacing", "replay", "testdata", "market.theta.txt"), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := replayCommand{Budget: "1/8", Market: "first", Shading: "curve", StartTimes: 1, Every: 50, Delay: "1%", Loss: true, Close: "99.9%", Early: "0",
		HTML: filepath.Join(dir, "chart.html"), JSON: filepath.Join(dir, "result.json")}
	var out bytes.Buffer
	if err := c.one(&out, log, 300_000); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"of the hindsight optimum", "of the best fixed factor", "off plan", "clicks"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	text, err := os.ReadFile(c.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Budget money.Nanos `json:"budget_nanos"`
		Result replay.Result
	}
	if err := json.Unmarshal(text, &o); err != nil || o.Result.Spent <= o.Budget*9/10 || o.Result.Spent > o.Budget {
		t.Errorf("spent %d of %d: %v", o.Result.Spent, o.Budget, err)
	}
	if page, err := os.ReadFile(c.HTML); err != nil || !bytes.Contains(page, []byte("<svg")) {
		t.Errorf("no chart: %v", err)
	}
	c.Real, c.Budget, c.HTML = true, "1/4", ""
	out.Reset()
	if err := c.one(&out, log, 300_000); err != nil || !strings.Contains(out.String(), "spent") {
		t.Errorf("the real path: %v\n%s", err, out.String())
	}
	c.StartTimes = 1e30
	if err := c.one(&out, log, 300_000); err == nil || !strings.Contains(err.Error(), "--start-times") {
		t.Errorf("an endless multiplier: %v", err)
	}
}
