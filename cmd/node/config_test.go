package node

import (
	"errors"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

// valid is the defaults with what has none.
func valid() Config {
	c := Default()
	c.Exchanges["demo"] = defaultExchange()
	return c
}

func TestDefaultsKeepTheRules(t *testing.T) {
	c := valid()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestDefaultsAreNotShared(t *testing.T) {
	a := Default()
	a.Roles[0] = "x"
	a.Exchanges["x"] = Exchange{}
	a.Rates["x"] = "1"
	if b := Default(); b.Roles[0] == "x" || len(b.Exchanges) > 0 || len(b.Rates) > 0 || AllRoles[0] == "x" {
		t.Errorf("a change of one default changed another: %+v", b)
	}
}

func TestValidateNamesTheSetting(t *testing.T) {
	f := func(setting string, change func(*Config)) {
		t.Helper()
		c := valid()
		change(&c)
		err := c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "setting "+setting+": ") || !strings.Contains(err.Error(), "want ") {
			t.Errorf("got %v; want an error of setting %s", err, setting)
		}
	}
	exchange := func(change func(*Exchange)) func(*Config) {
		return func(c *Config) { e := defaultExchange(); change(&e); c.Exchanges["demo"] = e }
	}
	f("data_dir", func(c *Config) { c.DataDir = "" })
	f("campaigns.taxonomy_file", func(c *Config) { c.Campaigns.TaxonomyFile = "" })
	f("log.level", func(c *Config) { c.Log.Level = "INFO" })
	for _, u := range []string{"", "dsp.example", "ftp://x", "http://", "http://x/path", "http://x?a=b", "http://u@x", "http://a b", ":"} {
		f("public_url", func(c *Config) { c.PublicURL = u })
	}
	for _, a := range []string{"", "x", "x:", ":http", "1.2.3.4:65536", "::1:80", "x:-1"} {
		f("listen.bids", func(c *Config) { c.Listen.Bids = a })
		f("listen.api", func(c *Config) { c.Listen.API = a })
		f("listen.operations", func(c *Config) { c.Listen.Operations = a })
	}
	f("listen.operations", func(c *Config) { c.Listen.Operations = c.Listen.API })
	f("roles", func(c *Config) { c.Roles = nil })
	f("roles", func(c *Config) { c.Roles = []string{"bidder"} }) // on the local log
	apart := func(change func(*Config), roles ...string) func(*Config) {
		return func(c *Config) {
			c.Roles, c.EventLog.Backend, c.EventLog.Kafka.Brokers = roles, "kafka", []string{"k:9092"}
			c.Secrets.TokenKeysFile, c.Secrets.UserKeyFile, c.Pacing.Pacers = "t", "u", []string{"http://127.0.0.1:8083"}
			if change != nil {
				change(c)
			}
		}
	}
	for _, roles := range [][]string{{"pacer"}, {"bidder"}, {"bidder", "pacer"}, {"bidder", "api"}, {"api", "attributor"}, {"profiler"}} {
		c := Default()
		e := defaultExchange()
		e.Seat = "1"
		c.Exchanges["demo"] = e
		if apart(nil, roles...)(&c); c.Validate() != nil {
			t.Errorf("roles %v on kafka: %v", roles, c.Validate())
		}
	}
	for _, roles := range []string{"pacer", "bidder", "api,attributor", "profiler"} { // the sample, beside its systemd unit
		if _, err := Load(root+"configs/fleet.yaml", []string{"BIDHAWK_ROLES=" + roles}); err != nil {
			t.Errorf("configs/fleet.yaml with the roles %s: %v", roles, err)
		}
	}
	f("roles", apart(nil, "attributor"))
	f("pacing.pacers", apart(func(c *Config) { c.Pacing.Pacers = nil }, "bidder"))
	f("pacing.pacers", apart(func(c *Config) { c.Pacing.Pacers = []string{"10.0.0.7:8083"} }, "bidder"))
	f("pacing.pacers", apart(func(c *Config) { c.Pacing.Pacers = []string{"http://10.0.0.7:8083/x"} }, "bidder"))
	f("pacing.token_file", apart(func(c *Config) { c.Pacing.Pacers = []string{"http://10.0.0.7:8083"} }, "bidder"))
	f("pacing.token_file", apart(func(c *Config) { c.Pacing.Listen = ":8083" }, "pacer"))
	f("pacing.token_file", apart(func(c *Config) { c.Pacing.Listen = "10.0.0.7:8083" }, "pacer"))
	f("pacing.listen", func(c *Config) { c.Pacing.Listen = c.Listen.API })
	f("pacing.listen", func(c *Config) { c.Pacing.Listen = "8083" })
	f("pacing.session_timeout", func(c *Config) { c.Pacing.SessionTimeout = time.Millisecond })
	f("secrets.token_keys_file", apart(func(c *Config) { c.Secrets.TokenKeysFile = "" }, "bidder"))
	f("secrets.user_key_file", apart(func(c *Config) { c.Secrets.UserKeyFile = "" }, "api"))
	f("roles", func(c *Config) { c.Roles = append(c.Roles, "x") })
	f("event_log.backend", func(c *Config) { c.EventLog.Backend = "redis" })
	f("event_log.partitions", func(c *Config) { c.EventLog.Partitions = 1025 })
	f("event_log.kafka.brokers", func(c *Config) { c.EventLog.Backend = "kafka" })
	f("event_log.kafka.brokers", func(c *Config) { c.EventLog.Kafka.Brokers = []string{":9092"} })
	f("event_log.kafka.brokers", func(c *Config) { c.EventLog.Kafka.Brokers = []string{"a:9092", "b"} })
	f("event_log.kafka.replication_factor", func(c *Config) { c.EventLog.Kafka.ReplicationFactor = 0 })
	f("shutdown_timeout", func(c *Config) { c.ShutdownTimeout = 0 })
	f("bidder.max_body_bytes", func(c *Config) { c.Bidder.MaxBodyBytes = 0 })
	f("bidder.max_candidates", func(c *Config) { c.Bidder.MaxCandidates = 0 })
	f("bidder.max_tries", func(c *Config) { c.Bidder.MaxTries = -1 })
	f("bidder.max_connections", func(c *Config) { c.Bidder.MaxConnections = 0 })
	f("bidder.idle_timeout", func(c *Config) { c.Bidder.IdleTimeout = -1 })
	f("bidder.counts_every", func(c *Config) { c.Bidder.CountsEvery = time.Hour })
	f("bidder.max_count_rows", func(c *Config) { c.Bidder.MaxCountRows = 0 })
	f("profiles.cache_bytes", func(c *Config) { c.Profiles.CacheBytes = 1 })
	f("pacing.lease_window", func(c *Config) { c.Pacing.LeaseWindow = time.Hour })
	f("pacing.close_after", func(c *Config) { c.Pacing.CloseAfter = 0 })
	f("pacing.hard_after", func(c *Config) { c.Pacing.HardAfter = 0 })
	f("frequency.max_keys", func(c *Config) { c.Frequency.MaxKeys = 1 })
	f("frequency.hold_for", func(c *Config) { c.Frequency.HoldFor = time.Hour })
	f("scoring.prior_impressions", func(c *Config) { c.Scoring.PriorImpressions = 0 })
	f("scoring.prior_views", func(c *Config) { c.Scoring.PriorViews = 0 })
	f("scoring.prior_clicks", func(c *Config) { c.Scoring.PriorClicks = 1_000_001 })
	f("scoring.places", func(c *Config) { c.Scoring.Places = 0 })
	f("reports.settle", func(c *Config) { c.Reports.Settle = 25 * time.Hour })
	f("reports.clearings_for", func(c *Config) { c.Reports.ClearingsFor = 31 * 24 * time.Hour })
	f("reports.clock_skew", func(c *Config) { c.Reports.ClockSkew = 0 })
	f("exchanges", func(c *Config) { c.Exchanges = nil })
	f("exchanges.Upper.name", func(c *Config) { c.Exchanges["Upper"] = defaultExchange() })
	f("exchanges.demo.default_tmax", exchange(func(e *Exchange) { e.DefaultTMax = 0 }))
	f("exchanges.demo.network_margin", exchange(func(e *Exchange) { e.NetworkMargin = -1 }))
	f("exchanges.demo.network_margin", exchange(func(e *Exchange) { e.NetworkMargin = e.DefaultTMax }))
	f("exchanges.demo.max_answer_bytes", exchange(func(e *Exchange) { e.MaxAnswerBytes = 10 }))
	for _, v := range []string{"", "0", "-1", "x", "1,08", "1000001", "9999999999999999999999"} {
		f("rates.EUR", func(c *Config) { c.Rates["EUR"] = v })
	}
	f("rates.EURO", func(c *Config) { c.Rates["EURO"] = "1" })
	f("rates.USD", func(c *Config) { c.Rates["USD"] = "1.01" })
}

// The smallest rates are kept to the nano.
func TestRates(t *testing.T) {
	c := valid()
	c.Rates = map[string]string{"EUR": "1.08", "IDR": "0.000061", "USD": "1.0"}
	r, err := c.fixedRates()
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]money.Rate{"EUR": 1_080_000_000, "IDR": 61_000, "USD": money.One} {
		cur, err := money.ParseCurrency(code)
		if got := r[cur]; err != nil || got != want {
			t.Errorf("%s: got %d; want %d", code, got, want)
		}
	}
}

func TestSettingErrorShowsOneBoundedLine(t *testing.T) {
	err := wrong("a.b", strings.Repeat("x\n", 10_000), "a text")
	if n := len(err.Error()); n > 700 || strings.Contains(err.Error(), "\n") {
		t.Errorf("%d bytes: %.300s", n, err)
	}
	var s *SettingError
	if !errors.As(err, &s) || s.Setting != "a.b" {
		t.Errorf("got %v", err)
	}
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := shortDuration(d); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	f(48*time.Hour, "48h")
	f(5*time.Minute, "5m")
	f(10*time.Minute+10*time.Second, "10m10s")
	f(90*time.Minute, "1h30m")
	f(0, "0s")
	f(20*time.Second, "20s")
	f(time.Hour+time.Second, "1h0m1s")
}
