package node

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bidhawk/bidder/exchanges"
)

// SettingError is a setting that breaks its rule.
type SettingError struct {
	Setting string
	Value   any
	Want    string
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("setting %s: got %v; want %s", e.Setting, quote(e.Value), e.Want)
}

// unquoted is a text that stands for a value and is none.
type unquoted string

// maxShownValue bounds what of a value an error shows.
const maxShownValue = 200

func quote(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > maxShownValue {
			return fmt.Sprintf("%.*q... (%d bytes)", maxShownValue, v, len(v))
		}
		return fmt.Sprintf("%q", v)
	case Secret:
		return v.shown()
	case time.Duration:
		return shortDuration(v)
	}
	return fmt.Sprint(v)
}

// shortDuration leaves out the zeros at the end of 5m0s and 48h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// Validate names the first setting that breaks its rule, as a SettingError.
func (c *Config) Validate() error {
	checks := []func() error{
		c.checkTexts, c.checkDatabases, c.checkFeed, c.checkListen, c.checkRoles, c.checkEventLog, c.checkBounds, c.checkBidder, c.checkExchanges, c.checkRates, c.checkBrakes, c.checkBreakers, c.checkCreatives,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func wrong(setting string, value any, want string) error {
	return &SettingError{Setting: setting, Value: value, Want: want}
}

func (c *Config) checkTexts() error {
	if c.DataDir == "" {
		return wrong("data_dir", c.DataDir, "a directory, such as ./data")
	}
	if c.Campaigns.TaxonomyFile == "" {
		return wrong("campaigns.taxonomy_file", c.Campaigns.TaxonomyFile, "a file, such as configs/taxonomy.yaml")
	}
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, c.Log.Level) {
		return wrong("log.level", c.Log.Level, "debug, info, warn or error")
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return wrong("public_url", c.PublicURL, "scheme and host, such as https://dsp.example")
	}
	return nil
}

func (c *Config) checkListen() error {
	taken := make(map[string]string)
	for _, l := range c.listeners() {
		if !hostPort(l.addr) {
			return wrong(l.name, l.addr, "host:port, such as 127.0.0.1:8080")
		}
		if l.role != "" && !c.has(l.role) {
			continue
		}
		if other, ok := taken[l.addr]; ok && !strings.HasSuffix(l.addr, ":0") {
			return wrong(l.name, l.addr, "another address than "+other)
		}
		taken[l.addr] = l.name
	}
	return nil
}

// hostPort says whether addr is a host, which may be empty or an IPv6 address
// in brackets, and a port's number.
func hostPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func (c *Config) checkRoles() error {
	if len(c.Roles) == 0 {
		return wrong("roles", unquoted("none"), "at least one of "+strings.Join(AllRoles, ", "))
	}
	for _, r := range c.Roles {
		if !slices.Contains(AllRoles, r) {
			return wrong("roles", r, "one of "+strings.Join(AllRoles, ", "))
		}
	}
	return c.checkTogether()
}

func (c *Config) checkEventLog() error {
	e := c.EventLog
	switch {
	case e.Backend != "local" && e.Backend != "kafka":
		return wrong("event_log.backend", e.Backend, "local or kafka")
	case e.Partitions < 1 || e.Partitions > 1024:
		return wrong("event_log.partitions", e.Partitions, "1 to 1024")
	case e.Backend == "kafka" && len(e.Kafka.Brokers) == 0:
		return wrong("event_log.kafka.brokers", unquoted("none"), "at least one host:port")
	case e.Kafka.ReplicationFactor < 1 || e.Kafka.ReplicationFactor > 9:
		return wrong("event_log.kafka.replication_factor", e.Kafka.ReplicationFactor, "1 to 9")
	}
	for _, b := range e.Kafka.Brokers {
		if host, _, _ := net.SplitHostPort(b); !hostPort(b) || host == "" {
			return wrong("event_log.kafka.brokers", b, "host:port, such as kafka-1:9092")
		}
	}
	return nil
}

func (c *Config) checkBounds() error {
	type bound struct {
		setting    string
		value      int64
		least, top int64
		duration   bool
	}
	d := func(name string, v, least, top time.Duration) bound {
		return bound{name, int64(v), int64(least), int64(top), true}
	}
	n := func(name string, v int, least, top int64) bound { return bound{name, int64(v), least, top, false} }
	for _, b := range []bound{
		d("shutdown_timeout", c.ShutdownTimeout, time.Second, time.Minute),
		n("api.requests_per_second", c.API.RequestsPerSecond, 1, 1_000_000),
		n("api.burst", c.API.Burst, 1, 1_000_000),
		d("api.session_for", c.API.SessionFor, time.Minute, 30*24*time.Hour),
		n("bidder.max_connections", c.Bidder.MaxConnections, 1, 1<<20),
		d("bidder.idle_timeout", c.Bidder.IdleTimeout, time.Second, time.Hour),
		n("profiles.cache_bytes", int(c.Profiles.CacheBytes), 1<<20, 1<<40),
		d("pacing.lease_window", c.Pacing.LeaseWindow, time.Second, 5*time.Minute),
		d("pacing.close_after", c.Pacing.CloseAfter, time.Second, 24*time.Hour),
		d("pacing.session_timeout", c.Pacing.SessionTimeout, time.Second, 5*time.Minute),
		d("pacing.hard_after", c.Pacing.HardAfter, time.Minute, 30*24*time.Hour),
		n("frequency.max_keys", c.Frequency.MaxKeys, 1000, 1<<31),
		d("frequency.hold_for", c.Frequency.HoldFor, 100*time.Millisecond, time.Minute),
		n("scoring.prior_impressions", c.Scoring.PriorImpressions, 1, 1_000_000),
		n("scoring.prior_views", c.Scoring.PriorViews, 1, 1_000_000),
		n("scoring.prior_clicks", c.Scoring.PriorClicks, 1, 1_000_000),
		n("scoring.places", c.Scoring.Places, 1, 1<<24),
		d("reports.settle", c.Reports.Settle, time.Second, 24*time.Hour),
		d("reports.clearings_for", c.Reports.ClearingsFor, 32*24*time.Hour, 10*366*24*time.Hour),
		d("reports.clock_skew", c.Reports.ClockSkew, time.Second, time.Hour),
		d("identity.reload_every", c.Identity.ReloadEvery, time.Second, 24*time.Hour),
		d("exchanges_reload_every", c.ExchangesReloadEvery, time.Second, 24*time.Hour),
		d("supply.reload_every", c.Supply.ReloadEvery, time.Second, 24*time.Hour),
		d("traffic.reload_every", c.Traffic.ReloadEvery, time.Second, 24*time.Hour),
		d("currency.reload_every", c.Currency.ReloadEvery, time.Second, 24*time.Hour),
		d("brakes.reload_every", c.Brakes.ReloadEvery, 100*time.Millisecond, time.Hour),
		d("breakers.every", c.Breakers.Every, time.Second, time.Minute),
		d("offers.window", c.Offers.Window, 100*time.Millisecond, time.Minute),
		d("offers.tid_window", c.Offers.TIDWindow, 100*time.Millisecond, 10*time.Minute),
		n("offers.entries", c.Offers.Entries, 1<<10, 1<<26),
	} {
		if b.value >= b.least && b.value <= b.top {
			continue
		}
		if b.duration {
			return wrong(b.setting, time.Duration(b.value), shortDuration(time.Duration(b.least))+" to "+shortDuration(time.Duration(b.top)))
		}
		return wrong(b.setting, b.value, fmt.Sprintf("%d to %d", b.least, b.top))
	}
	return nil
}

func (c *Config) checkBidder() error {
	b, err := c.bidder()
	if err != nil {
		return err
	}
	if err := b.Validate(); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	return nil
}

func (c *Config) checkExchanges() error {
	list := c.inline()
	if len(list) == 0 && c.ExchangesDir == "" {
		return wrong("exchanges", unquoted("none"), "at least one exchange, such as {demo: {seat: \"1\"}}, or an exchanges_dir")
	}
	for i := range list {
		e := &list[i]
		err := e.Validate()
		if rule, ok := errors.AsType[*exchanges.RuleError](err); ok {
			return wrong("exchanges."+e.Name+"."+rule.Field, unquoted(rule.Value), rule.Rule)
		}
		if err != nil {
			return fmt.Errorf("setting exchanges.%s: %w", e.Name, err)
		}
	}
	return c.checkUsers(list)
}

// checkUsers checks what is known of users and of who is none.
func (c *Config) checkUsers(list []exchanges.Exchange) error {
	rules, err := c.eidRules()
	if err != nil {
		return err
	}
	if err := c.identity(rules).Validate(); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	if err := c.sync(list).Validate(); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	t := c.traffic()
	if err := t.Validate(); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	return nil
}

func (c *Config) checkRates() error {
	_, err := c.fixedRates()
	return err
}
