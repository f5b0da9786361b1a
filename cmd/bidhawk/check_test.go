package main

import (
	"bytes"
	"strings"
	"testing"
)

const devConfig = "../../configs/dev.yaml"

func TestCheckShowsWhatIsInForce(t *testing.T) {
	var out bytes.Buffer
	env := []string{"BIDHAWK_CAMPAIGNS_TAXONOMY_FILE=../../configs/taxonomy.yaml", "BIDHAWK_PACING_LEASE_WINDOW=20s", "BIDHAWK_RATES={NOK: 0.09}"}
	if err := check(&out, devConfig, env); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.HasPrefix(lines[0], devConfig+": good") {
		t.Errorf("first line: %q", lines[0])
	}
	f := func(setting, value string) {
		t.Helper()
		for _, l := range lines {
			if name, rest, ok := strings.Cut(strings.TrimSpace(l), " "); ok && name == setting {
				if got := strings.TrimSpace(rest); got != value {
					t.Errorf("%s: got %s; want %s", setting, got, value)
				}
				return
			}
		}
		t.Errorf("%s is not shown in\n%s", setting, out.String())
	}
	f("data_dir", `"./data"`)
	f("listen.bids", `"127.0.0.1:8080"`)
	f("roles", "[bidder, pacer, profiler, attributor, api]")
	f("pacing.lease_window", "20s")
	f("pacing.hard_after", "48h")
	f("bidder.contextual_without_basis", "true")
	f("event_log.kafka.brokers", "[]")
	f("exchanges.demo.network_margin", "5ms")
	f("rates.NOK", `"0.09"`)
}

func TestCheckFailsWithOneLine(t *testing.T) {
	f := func(env, want string) {
		t.Helper()
		var out bytes.Buffer
		err := check(&out, devConfig, []string{env})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(oneLine(err), "\n") {
			t.Errorf("%s: got %v; want %s", env, err, want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: printed %q too", env, out.String())
		}
	}
	f("BIDHAWK_SCORING_PRIOR_IMPRESSIONS=0", "setting scoring.prior_impressions: got 0; want 1 to 1000000 (BIDHAWK_SCORING_PRIOR_IMPRESSIONS)")
	f("BIDHAWK_CAMPAIGNS_TAXONOMY_FILE=/none", `setting campaigns.taxonomy_file: got "/none"; want a file that can be read`)
	f("BIDHAWK_CAMPAIGNS_TAXONOMY_FILE="+devConfig, "setting campaigns.taxonomy_file: ")
}
