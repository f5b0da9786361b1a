//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

// command runs the binary on the world's configuration and wants its exit code.
func (w *world) command(code int, args ...string) string {
	w.t.Helper()
	return w.commandIn(w.env, code, args...)
}

func (w *world) commandIn(env []string, code int, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.bin, append(args, "--config", "configs/dev.yaml")...)
	cmd.Dir, cmd.Env = root, env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		w.t.Fatalf("bidhawk %s: %v; want exit code %d\n%s", strings.Join(args, " "), err, code, out)
	}
	return string(out)
}

// contains fails unless text has all of want.
func (w *world) contains(text string, want ...string) {
	w.t.Helper()
	for _, s := range want {
		if !strings.Contains(text, s) {
			w.t.Errorf("there is no %q in\n%s", s, text)
		}
	}
}

// stops waits until the item has no bid any more, and goes until it has one again;
// each returns how long that took.
func (w *world) stops(width int) time.Duration { return w.turns(width, false) }
func (w *world) goes(width int) time.Duration  { return w.turns(width, true) }

func (w *world) turns(width int, bids bool) time.Duration {
	w.t.Helper()
	began := time.Now()
	for {
		if _, ok := w.ask(width, "u0000001"); ok == bids {
			return time.Since(began)
		}
		if time.Since(began) > 5*time.Second {
			w.t.Fatalf("after 5 s bids are not %v", bids)
		}
		wait(w.t, 5*time.Millisecond)
	}
}

// The commands of an operator's night, each against the running binary: a breaker
// that trips on real spend, what stops bidding and how to release it, the books, an
// exchange's report, a new node's counts, and the ledger restored from the log.
func TestOperatorsCommands(t *testing.T) {
	w := newWorld(t, "BIDHAWK_BREAKERS_EVERY=1s")
	w.prepare()
	s := w.start()
	acme := fmt.Sprint(w.advertiser("Acme Motors"))

	// A flat day at 0.01 that costs 0.0012 an impression: the media of its first 60
	// dearest impressions is far above three times its price.
	const width = 113
	item := w.lineItem(width, `"pricing":"cpd","price_micros":10000,"max_bid_micros":1500000,"budget":{"daily_nanos":5000000000},"media_cap":{"daily_nanos":5000000000}`)
	name := fmt.Sprintf("line_item %d", item)
	w.bid(width, "u0000001")
	spent := money.Nanos(0)
	billed := 0
	began := time.Now()
	for time.Since(began) < 30*time.Second {
		o, ok := w.ask(width, "u0000001")
		if !ok {
			if strings.Contains(w.command(0, "brakes"), "breaker/spend") {
				break
			}
			continue
		}
		if got := w.fetch(o.BURL, "1.2"); got != 204 {
			t.Fatalf("bill: %d", got)
		}
		spent += 1_200_000
		billed++
	}
	text := w.command(0, "brakes")
	w.contains(text, "breaker/spend", "times the day's price of 0.01 (limit: 300%)", "bidhawk release "+name+" --reason R", "ours 113")
	t.Logf("a real spend trip after %d bills, %v, %v:\n%s", billed, spent, time.Since(began).Round(time.Millisecond), text)
	// From the sample of 60 dearest on, within the breaker's step and a second.
	if least := 60 * money.Nanos(1_500_000); spent < least {
		t.Errorf("it tripped at %v; the smallest sample is %v", spent, least)
	}
	w.contains(w.command(0, "release", "line_item", fmt.Sprint(item), "--reason", "the price was a typo"), "bids go on (the price was a typo")
	t.Logf("released, and bids are back after %v", w.goes(width).Round(time.Millisecond))

	for _, scope := range [][]string{{"line_item", fmt.Sprint(item)}, {"exchange", "demo"}, {"all"}} {
		w.contains(w.command(0, append(append([]string{"kill"}, scope...), "--reason", "a test of the night")...), strings.Join(scope, "/"), "bidding is stopped (a test of the night")
		stopped := w.stops(width)
		w.contains(w.command(0, "brakes", "--json"), `"switch": "`+strings.Join(scope, "/")+`"`, `"reason": "a test of the night"`)
		w.command(0, append(append([]string{"release"}, scope...), "--reason", "a test of the night")...)
		t.Logf("%v: no bid %v after the command, a bid %v after its release", scope, stopped.Round(time.Millisecond), w.goes(width).Round(time.Millisecond))
	}
	w.contains(w.command(0, "brakes"), "No kill switch is on")
	w.contains(w.command(1, "kill", "line_item", "999999", "--reason", "why"), "422", "999999")
	w.contains(w.command(1, "kill", "planet", "3", "--reason", "why"), "planet")

	// The books.
	w.contains(w.command(0, "ledger", "pay", "--advertiser", acme, "--id", "bank-1", "--currency", "USD", "--amount", "500.25"), "payment bank-1: posted", "payment 500.25")
	w.command(0, "ledger", "pay", "--advertiser", acme, "--id", "bank-1", "--currency", "USD", "--amount", "500.25") // a repeat
	w.contains(w.command(1, "ledger", "pay", "--advertiser", acme, "--id", "bank-1", "--currency", "USD", "--amount", "1"), "409")
	w.contains(w.command(0, "ledger", "adjust", "--advertiser", acme, "--id", "ivt-1", "--currency", "USD", "--line-item", fmt.Sprint(item),
		"--media=-0.0012", "--exchange", "demo", "--payable=-0.0012", "--payable-currency", "USD", "--cause", "invalid_traffic", "--reason", "a bot"),
		"adjustment ivt-1: adjusted", "media -0.0012")
	day := time.Now().In(mustZone(t, "America/New_York")).Format(time.DateOnly)
	var statement string
	for began := time.Now(); time.Since(began) < 10*time.Second && !strings.Contains(statement, "adjust"); wait(t, 100*time.Millisecond) {
		statement = w.command(0, "ledger", "statement", "--advertiser", acme, "--from", day, "--to", day)
	}
	w.contains(statement, "Advertiser "+acme, "500.25", "adjust", "-0.0012", "Paid 500.25, charged 0.01 of all days")
	w.contains(w.command(0, "ledger", "statement", "--advertiser", acme, "--from", day, "--to", day, "--csv"), "500.25")
	w.contains(w.command(0, "ledger", "balance", "--advertiser", acme), "Paid 500.25, charged 0.01 USD")
	w.contains(w.command(1, "ledger", "statement", "--advertiser", "999999"), "404")

	// The exchange's report: what it bills, first all of it, then one impression more.
	report := filepath.Join(w.dir, "report.csv")
	utc := time.Now().UTC().Format(time.DateOnly)
	rows := func(impressions int, spend money.Nanos) {
		w.must(os.WriteFile(report, fmt.Appendf(nil, "day,currency,impressions,spend,invalid\n%s,USD,%d,%v,0.0012\n", utc, impressions, spend-1_200_000), 0o600))
	}
	rows(billed, spent)
	w.contains(w.command(0, "reconcile", "--exchange", "demo", report), "demo", utc)
	rows(2*billed, 2*spent)
	w.contains(w.command(3, "reconcile", "--exchange", "demo", report), "ALERT", "unexplained")

	// A new node's counts of caps, from this one.
	fresh := append(append([]string{}, w.env...), "BIDHAWK_DATA_DIR="+filepath.Join(w.dir, "new"))
	key, err := os.ReadFile(w.cfg.OperatorKeyFile())
	w.must(err)
	fresh = append(fresh, "BIDHAWK_API_KEY="+strings.TrimSpace(string(key)))
	w.contains(w.commandIn(fresh, 0, "exposures", "fetch", "--from", "http://"+w.cfg.Listen.API), "The counts of http://"+w.cfg.Listen.API)
	w.contains(w.commandIn(append(fresh, "BIDHAWK_API_KEY=wrong"), 1, "exposures", "fetch", "--from", "http://"+w.cfg.Listen.API), "401")

	w.contains(w.command(1, "ledger", "rebuild"), "data_dir") // the node runs
	s.stop()
	w.audit()
	w.contains(w.command(0, "ledger", "rebuild"), "records folded", "the old directory is", "charged over budget: 0", "the ledger agrees to the nano")
	s = w.start()
	w.contains(w.command(0, "ledger", "balance", "--advertiser", acme), "Paid 500.25, charged 0.01 USD")
	s.stop()
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
