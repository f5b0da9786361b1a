//go:build e2e

// Package e2e runs the real binary under load, kills it in the middle, starts
// it again, and holds the exchange's bill against the ledger and the report.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bidhawk/cmd/node"
	"bidhawk/internal/money"
	"bidhawk/loadtest"
)

const (
	root     = "../.."
	users    = 20_000
	loadFor  = 24 * time.Second
	loadRate = 300
)

func TestLocalLog(t *testing.T) { run(t) }

func TestKafka(t *testing.T) { run(t, onKafka(t)...) }

// onKafka is the settings of a real Kafka, with topics of their own.
func onKafka(t *testing.T) []string {
	t.Helper()
	brokers := os.Getenv("BIDHAWK_KAFKA_BROKERS")
	if brokers == "" {
		if os.Getenv("BIDHAWK_TEST_KAFKA") == "required" {
			t.Fatal("BIDHAWK_TEST_KAFKA=required, and BIDHAWK_KAFKA_BROKERS names no Kafka")
		}
		t.Skip("NOT RUN on a real Kafka: BIDHAWK_KAFKA_BROKERS is not set; scripts/kafka up brings one")
	}
	return []string{"BIDHAWK_EVENT_LOG_BACKEND=kafka", "BIDHAWK_EVENT_LOG_KAFKA_BROKERS=[" + brokers + "]",
		fmt.Sprintf("BIDHAWK_EVENT_LOG_KAFKA_TOPIC_PREFIX=e2e-%d.", time.Now().UnixNano())}
}

func run(t *testing.T, extra ...string) {
	w := newWorld(t, extra...)
	w.prepare()
	s := w.start()
	load := w.startLoad()

	for i, after := range []time.Duration{6 * time.Second, 8 * time.Second} {
		wait(t, after)
		s.kill()
		t.Logf("kill -9 number %d, in the middle of the load", i+1)
		s = w.start()
	}
	result := load()
	w.checkLoad(result)
	w.checkReconciled(result)
	w.checkBudgets()
	w.checkRepeatsCountedOnce()
	s.stop()
	w.audit()
	w.checkNoRawIDs()
}

// world is one installation: a directory, three free ports, its environment.
type world struct {
	t    *testing.T
	bin  string
	dir  string
	env  []string
	cfg  node.Config
	edit func(campaigns []byte) []byte // of the demo's, before they are imported; nil: none
	logs int
}

func newWorld(t *testing.T, extra ...string) *world {
	t.Helper()
	bin := os.Getenv("BIDHAWK_E2E_BIN")
	if bin == "" {
		t.Fatal("BIDHAWK_E2E_BIN must name the binary; `make e2e` sets it")
	}
	w := &world{t: t, bin: bin, dir: t.TempDir()}
	bids, api, ops := freePort(t), freePort(t), freePort(t)
	own := append([]string{
		"BIDHAWK_DATA_DIR=" + filepath.Join(w.dir, "data"), "BIDHAWK_LISTEN_BIDS=" + bids, "BIDHAWK_LISTEN_API=" + api,
		"BIDHAWK_LISTEN_OPERATIONS=" + ops, "BIDHAWK_PACING_LISTEN=" + freePort(t), "BIDHAWK_PUBLIC_URL=http://" + bids, "BIDHAWK_PACING_CLOSE_AFTER=20s",
	}, extra...)
	w.env = append(os.Environ(), own...)
	cfg, err := node.Load(filepath.Join(root, "configs/dev.yaml"), w.env)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Campaigns.TaxonomyFile = filepath.Join(root, "configs/taxonomy.yaml")
	w.cfg = cfg
	return w
}

// freePort is an address that nobody listens on, never the same twice: a server
// binds it only later. It is below the ports that the system gives to outgoing
// connections, which would take it meanwhile.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := 12_000 + rand.IntN(18_000)
		if _, given := ports.LoadOrStore(port, true); given {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

var ports sync.Map // given by freePort

// prepare writes the demo campaigns and users before the first start.
func (w *world) prepare() {
	w.t.Helper()
	tags, err := node.OpenTaxonomy(w.cfg)
	w.must(err)
	text, err := os.ReadFile(filepath.Join(root, "configs/demo/campaigns.yaml"))
	w.must(err)
	if w.edit != nil {
		text = w.edit(text)
	}
	_, err = node.ImportCampaigns(w.t.Context(), w.cfg, tags, bytes.NewReader(text))
	w.must(err)
	w.must(node.SeedUsers(w.t.Context(), w.cfg, tags, users, loadtest.UserName, 1))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// proc is a serve process.
type proc struct {
	w      *world
	cmd    *exec.Cmd
	log    string
	exited chan error
	done   bool
}

func (w *world) start() *proc {
	w.t.Helper()
	s := w.launch("server", w.env)
	s.ready(w.cfg.Listen.Operations)
	return s
}

// launch starts a serve process with an environment of its own, by way of another
// command where one is given.
func (w *world) launch(name string, env []string, through ...string) *proc {
	w.t.Helper()
	w.logs++
	s := &proc{w: w, log: filepath.Join(w.dir, fmt.Sprintf("%s-%d.log", name, w.logs)), exited: make(chan error, 1)}
	out, err := os.Create(s.log)
	w.must(err)
	defer out.Close()
	command := append(through, w.bin, "serve", "--config", "configs/dev.yaml")
	s.cmd = exec.Command(command[0], command[1:]...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = root, env, out, out
	w.must(s.cmd.Start())
	go func() { s.exited <- s.cmd.Wait() }()
	w.t.Cleanup(func() {
		if !s.done {
			s.kill()
		}
		if w.t.Failed() {
			b, _ := os.ReadFile(s.log)
			w.t.Logf("%s:\n%s", filepath.Base(s.log), b[max(0, len(b)-8000):])
		}
	})
	return s
}

// ready waits until the process says that it is.
func (s *proc) ready(operations string) {
	w := s.w
	w.t.Helper()
	began := time.Now()
	for time.Since(began) < 60*time.Second {
		if resp, err := http.Get("http://" + operations + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == 200 {
				w.t.Logf("%s is ready after %v", filepath.Base(s.log), time.Since(began).Round(time.Millisecond))
				return
			}
		}
		select {
		case err := <-s.exited:
			s.done = true
			w.t.Fatalf("%s ended: %v", filepath.Base(s.log), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	w.t.Fatalf("%s is not ready after a minute", filepath.Base(s.log))
}

func (s *proc) kill() {
	s.done = true
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends the server in order: within 10 s, with exit code 0.
func (s *proc) stop() {
	s.w.t.Helper()
	began := time.Now()
	s.w.must(s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-s.exited:
		s.done = true
		if err != nil {
			s.w.t.Fatalf("the server ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		s.w.t.Fatal("the server did not stop within 10 s of SIGTERM")
	}
	s.w.t.Logf("stopped %v after SIGTERM", time.Since(began).Round(time.Millisecond))
}

// startLoad starts the exchange; what it returns waits for its result.
func (w *world) startLoad() func() *loadtest.Result {
	w.t.Helper()
	return w.startLoadOn(w.cfg.Listen.Bids, loadRate, loadFor, 7)
}

func (w *world) startLoadOn(bids string, rate int, duration time.Duration, seed int) func() *loadtest.Result {
	w.t.Helper()
	out := filepath.Join(w.dir, fmt.Sprintf("load-%d.json", seed))
	cmd := exec.Command(w.bin, "loadtest", "--target", "http://"+bids, "--rate", fmt.Sprint(rate),
		"--duration", duration.String(), "--users", fmt.Sprint(users), "--seed", fmt.Sprint(seed), "--formats", "all", "--json", out)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	w.must(cmd.Start())
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return func() *loadtest.Result {
		w.t.Helper()
		if err := cmd.Wait(); err != nil {
			w.t.Fatalf("loadtest: %v\n%s", err, text.String())
		}
		b, err := os.ReadFile(out)
		w.must(err)
		var r loadtest.Result
		w.must(json.Unmarshal(b, &r))
		return &r
	}
}

func (w *world) checkLoad(r *loadtest.Result) {
	w.t.Helper()
	w.t.Logf("load: %d sent, %d answered with a bid, %d without, %d failed, %d late; %d wins, %d impressions, %d clicks, %d conversions; billed %v USD; %d repeats on purpose",
		r.Sent, r.Bids, r.NoBids, r.HTTPErrors, r.Late, r.Wins, r.Impressions, r.Clicks, r.Conversions, r.BilledNanos, r.Notices.Repeats)
	if r.InvalidResponses != 0 {
		w.t.Errorf("%d answers broke a rule: %v %+v", r.InvalidResponses, r.Invalid, r.Samples)
	}
	if r.Wins < 100 || r.Impressions < 100 || r.Clicks < 1 {
		w.t.Errorf("too little happened to prove anything")
	}
	if n := r.InDoubtNanos(); n != 0 {
		w.t.Errorf("%v USD of billing notices never got a 2xx: the bill is in doubt", n)
	}
}

type payable struct {
	Exchange string     `json:"exchange"`
	Currency string     `json:"currency"`
	Owed     money.Wide `json:"owed_nanos"`
}

type horizon struct {
	Limit  money.Nanos `json:"limit_nanos"`
	Posted money.Nanos `json:"posted_nanos"`
	Held   money.Nanos `json:"held_nanos"`
}

type account struct {
	Level    string     `json:"level"`
	LineItem int64      `json:"line_item"`
	Campaign int64      `json:"campaign"`
	Today    horizon    `json:"today"`
	Lifetime horizon    `json:"lifetime"`
	Unbilled money.Wide `json:"house_unbilled_nanos"`
}

type ledger struct {
	Payables []payable `json:"payables"`
	Accounts []account `json:"accounts"`
}

type totals struct {
	Payables    []payable `json:"payables"`
	Impressions int64     `json:"impressions"`
	Clicks      int64     `json:"clicks"`
	Conversions int64     `json:"conversions"`
}

// owed adds up by currency, in nanos; what is 0 is not in it.
func owed(list []payable) map[string]string {
	sums := map[string]*big.Int{}
	for _, p := range list {
		if sums[p.Currency] == nil {
			sums[p.Currency] = new(big.Int)
		}
		sums[p.Currency].Add(sums[p.Currency], p.Owed.Big())
	}
	out := map[string]string{}
	for cur, n := range sums {
		if n.Sign() != 0 {
			out[cur] = n.String()
		}
	}
	return out
}

// checkReconciled waits until bill, ledger and report agree, to the nano, in
// every currency.
func (w *world) checkReconciled(r *loadtest.Result) {
	w.t.Helper()
	bill := map[string]string{}
	for cur, n := range r.Billed {
		if n != 0 {
			bill[cur] = fmt.Sprint(int64(n))
		}
	}
	var l ledger
	var rep totals
	for began := time.Now(); time.Since(began) < 30*time.Second; wait(w.t, 200*time.Millisecond) {
		w.get("/v1/ledger", &l)
		w.get("/v1/report-totals", &rep)
		if maps.Equal(owed(l.Payables), bill) && maps.Equal(owed(rep.Payables), bill) && rep.Impressions == r.Impressions && rep.Clicks == r.Clicks {
			w.t.Logf("bill = ledger = report = %v nanos; %d impressions, %d clicks, %d conversions attributed", bill, rep.Impressions, rep.Clicks, rep.Conversions)
			if r.Conversions > 0 && rep.Conversions != r.Conversions {
				w.t.Errorf("conversions: the exchange saw %d, the report %d", r.Conversions, rep.Conversions)
			}
			return
		}
	}
	w.t.Errorf("bill %v, ledger %v, report %v nanos; impressions %d and %d, clicks %d and %d: they do not agree",
		bill, owed(l.Payables), owed(rep.Payables), r.Impressions, rep.Impressions, r.Clicks, rep.Clicks)
}

func (w *world) checkBudgets() {
	w.t.Helper()
	var l ledger
	w.get("/v1/ledger", &l)
	levels := map[string]int{}
	for _, a := range l.Accounts {
		for name, h := range map[string]horizon{"day": a.Today, "lifetime": a.Lifetime} {
			if h.Limit == 0 {
				continue
			}
			levels[a.Level]++
			if h.Posted > h.Limit || h.Posted+h.Held > h.Limit {
				w.t.Errorf("%s (campaign %d, line item %d): %s budget %v, posted %v, held %v", a.Level, a.Campaign, a.LineItem, name, h.Limit, h.Posted, h.Held)
			}
		}
	}
	for _, level := range []string{"advertiser", "campaign", "line_item"} {
		if levels[level] == 0 {
			w.t.Errorf("no budget at level %s: nothing was checked there", level)
		}
	}
	w.t.Logf("budgets held: %v", levels)
}

// checkRepeatsCountedOnce looks for the repeats in the counters: they arrived,
// and the figures above agree without them.
func (w *world) checkRepeatsCountedOnce() {
	w.t.Helper()
	resp, err := http.Get("http://" + w.cfg.Listen.Operations + "/metrics")
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	for _, metric := range []string{`bidhawk_ledger_outcomes_total{outcome="duplicate"}`, `bidhawk_dedup_hits_total{kind="exposure"}`} {
		m := regexp.MustCompile(regexp.QuoteMeta(metric) + ` (\d+)`).FindSubmatch(b)
		if m == nil || string(m[1]) == "0" {
			w.t.Errorf("%s is missing or 0: no repeat was met since the last start", metric)
		} else {
			w.t.Logf("%s %s", metric, m[1])
		}
	}
}

func (w *world) audit() {
	w.t.Helper()
	cmd := exec.Command(w.bin, "audit", "--config", "configs/dev.yaml")
	cmd.Dir, cmd.Env = root, w.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("audit: %v\n%s", err, out)
	}
	w.t.Logf("audit:\n%s", out)
}

// checkNoRawIDs searches everything that was written for a user's raw id.
func (w *world) checkNoRawIDs() {
	w.t.Helper()
	var needles [][]byte
	for _, i := range []int{0, 1, 2, 3, 5, 8, 13} {
		needles = append(needles, []byte(loadtest.UserName(i)))
	}
	files := 0
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(filepath.Base(path), "load-") {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		files++
		for _, n := range needles {
			if bytes.Contains(b, n) {
				w.t.Errorf("%s holds the raw user id %s", strings.TrimPrefix(path, w.dir), n)
			}
		}
		return err
	})
	w.must(err)
	if files < 5 {
		w.t.Errorf("only %d files were searched", files)
	}
}

func (w *world) get(path string, out any) {
	w.t.Helper()
	key, err := os.ReadFile(w.cfg.OperatorKeyFile())
	w.must(err)
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.cfg.Listen.API+path, nil)
	w.must(err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	if resp.StatusCode != 200 {
		w.t.Fatalf("%s: %s: %s", path, resp.Status, b)
	}
	w.must(json.Unmarshal(b, out))
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.FailNow()
	case <-time.After(d):
	}
}
