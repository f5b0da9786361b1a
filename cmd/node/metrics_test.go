package node

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var sampleLine = regexp.MustCompile(`^([a-z_:][a-z0-9_:]*)(\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$`)

// checkExposition reads text as Prometheus does, strictly: each metric has one
// type, given before its samples, which stand together; no series comes twice.
func checkExposition(t *testing.T, text string) (samples int) {
	t.Helper()
	types, series, current := map[string]string{}, map[string]bool{}, ""
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		if !ended {
			t.Errorf("%q: the last line does not end", line)
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			if types[name] != "" {
				t.Errorf("%s has two types, or samples in two places", name)
			}
			types[name], current = kind, name
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q is no sample", line)
			continue
		}
		family := m[1]
		if types[current] == "histogram" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				family = strings.TrimSuffix(family, part)
			}
		}
		if family != current {
			t.Errorf("%q stands under %s", line, current)
		}
		if !strings.HasPrefix(family, "bidhawk_") && !strings.HasPrefix(family, "go_") {
			t.Errorf("%q begins with neither bidhawk_ nor go_", line)
		}
		if key := m[1] + m[2]; series[key] {
			t.Errorf("series %s comes twice", key)
		} else {
			series[key] = true
		}
		v, err := strconv.ParseFloat(m[4], 64)
		if err != nil || types[family] == "counter" && v < 0 {
			t.Errorf("%q: %v is no value of a %s", line, m[4], types[family])
		}
		samples++
	}
	return samples
}

func TestMetricsOfARunningNode(t *testing.T) {
	r := start(t, installation(t))
	ours := r.newLine(123, `{}`)
	bid := r.bidding(ours, "u0000001")
	r.notify(bid.NURL, "1.0")
	r.notify(bid.BURL, "1.0")
	r.notify(bid.LURL, "1.0")
	scrape := func() string {
		resp, err := r.client.Get(r.ops("/metrics"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
			t.Fatalf("%v, %q", err, resp.Header.Get("Content-Type"))
		}
		return string(b)
	}
	within(t, 5e9, "the impression in the figures", func() bool {
		return strings.Contains(scrape(), `bidhawk_ledger_outcomes_total{outcome="posted"} 1`)
	})
	text := scrape()
	if n := checkExposition(t, text); n < 150 {
		t.Errorf("%d samples", n)
	}
	for _, want := range []string{
		"# TYPE bidhawk_requests_total counter\n", "# TYPE bidhawk_handler_seconds histogram\n", "# TYPE bidhawk_ready gauge\nbidhawk_ready 1\n",
		`bidhawk_notices_total{kind="billing",result="accepted"} 1`, `bidhawk_payable_nanos{exchange="demo",currency="USD"} 1000000`,
		`bidhawk_handler_seconds_bucket{le="+Inf"} `, "bidhawk_config_generation ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
}

func TestExpositionGroupsMetrics(t *testing.T) {
	var out strings.Builder
	in := "b_total{x=\"1\"} 1\na 2\nh_bucket{le=\"1\"} 0\nb_total{x=\"2\"} 3\nh_sum 0\nh_count 0\na_count 4\n"
	if err := writeExposition(&out, []byte(in)); err != nil {
		t.Fatal(err)
	}
	want := "# TYPE a gauge\na 2\n# TYPE a_count gauge\na_count 4\n# TYPE b_total counter\nb_total{x=\"1\"} 1\nb_total{x=\"2\"} 3\n" +
		"# TYPE h histogram\nh_bucket{le=\"1\"} 0\nh_sum 0\nh_count 0\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestTooLargeABodyIsCounted, although no bidder sees it.
func TestTooLargeABodyIsCounted(t *testing.T) {
	r := start(t, installation(t))
	// The head alone: who sends the body too may be cut off before the answer is read.
	conn, err := net.Dial("tcp", r.n.sockets[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err = io.WriteString(conn, "POST /openrtb2/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 413 || len(body) != 0 || resp.Header.Get("Content-Type") != "" {
		t.Errorf("got %d with %q, %v; want an empty 413", resp.StatusCode, body, err)
	}
	var out strings.Builder
	r.n.bidder.Metrics().WritePrometheus(&out)
	if want := `bidhawk_bad_requests_total{reason="limit"} 1`; !strings.Contains(out.String(), want) {
		t.Errorf("the metrics lack %s", want)
	}
}
