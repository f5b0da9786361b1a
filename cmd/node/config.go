// Package node wires the roles of Bidhawk into one process.
package node

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"bidhawk/bidder"
	"bidhawk/internal/money"
)

// Config is every setting of a node. A setting's name is its path in the
// configuration file ("event_log.backend"); the environment variable of the
// same setting is that in upper case (BIDHAWK_EVENT_LOG_BACKEND).
type Config struct {
	DataDir         string              `koanf:"data_dir"`
	Roles           []string            `koanf:"roles"`
	PublicURL       string              `koanf:"public_url"`
	ShutdownTimeout time.Duration       `koanf:"shutdown_timeout"`
	Listen          Listen              `koanf:"listen"`
	Log             LogConfig           `koanf:"log"`
	EventLog        EventLog            `koanf:"event_log"`
	Secrets         Secrets             `koanf:"secrets"`
	Campaigns       Campaigns           `koanf:"campaigns"`
	Bidder          Bidder              `koanf:"bidder"`
	Profiles        Profiles            `koanf:"profiles"`
	Pacing          Pacing              `koanf:"pacing"`
	Frequency       Frequency           `koanf:"frequency"`
	Scoring         Scoring             `koanf:"scoring"`
	Exchanges       map[string]Exchange `koanf:"exchanges"`
	Rates           map[string]string   `koanf:"rates"` // US dollars for one unit, decimal
}

// Listen is the addresses of the three listeners.
type Listen struct {
	Bids       string `koanf:"bids"`
	API        string `koanf:"api"`
	Operations string `koanf:"operations"`
}

// LogConfig is about the process's own log.
type LogConfig struct {
	Level string `koanf:"level"`
}

// EventLog chooses the log's backend.
type EventLog struct {
	Backend    string `koanf:"backend"` // local or kafka
	Partitions int    `koanf:"partitions"`
	Kafka      Kafka  `koanf:"kafka"`
}

// Kafka is where the brokers are.
type Kafka struct {
	Brokers           []string `koanf:"brokers"`
	TopicPrefix       string   `koanf:"topic_prefix"`
	ReplicationFactor int      `koanf:"replication_factor"`
}

// Secrets are files that hold keys; where a path is empty, a file in the data
// directory is made on the first start.
type Secrets struct {
	TokenKeysFile string `koanf:"token_keys_file"` // one hex key a line, newest first
	UserKeyFile   string `koanf:"user_key_file"`   // one hex key: changing it forgets every user
	OperatorFile  string `koanf:"operator_file"`   // where the first operator's API key is written
}

// Campaigns is about the advertiser's world.
type Campaigns struct {
	TaxonomyFile string `koanf:"taxonomy_file"`
}

// Bidder bounds the bidder.
type Bidder struct {
	MaxBodyBytes           int           `koanf:"max_body_bytes"`
	MaxCandidates          int           `koanf:"max_candidates"`
	MaxTries               int           `koanf:"max_tries"`
	MaxConnections         int           `koanf:"max_connections"`
	IdleTimeout            time.Duration `koanf:"idle_timeout"`
	ContextualWithoutBasis bool          `koanf:"contextual_without_basis"`
	CountsEvery            time.Duration `koanf:"counts_every"`
	MaxCountRows           int           `koanf:"max_count_rows"`
}

// Profiles is about the audience cache.
type Profiles struct {
	CacheBytes int64 `koanf:"cache_bytes"`
}

// Pacing is about leases.
type Pacing struct {
	LeaseWindow time.Duration `koanf:"lease_window"`
	CloseAfter  time.Duration `koanf:"close_after"`
	HardAfter   time.Duration `koanf:"hard_after"`
}

// Frequency bounds the memory of caps.
type Frequency struct {
	MaxKeys int           `koanf:"max_keys"`
	HoldFor time.Duration `koanf:"hold_for"`
}

// Scoring is about click rates.
type Scoring struct {
	PriorImpressions int `koanf:"prior_impressions"`
}

// Exchange is what is agreed with one exchange.
type Exchange struct {
	Seat           string        `koanf:"seat"`
	NetworkMargin  time.Duration `koanf:"network_margin"`
	DefaultTMax    time.Duration `koanf:"default_tmax"`
	Gzip           bool          `koanf:"gzip"`
	NoBidBody      bool          `koanf:"no_bid_body"`
	MaxAnswerBytes int           `koanf:"max_answer_bytes"`
}

// Roles of a node.
const (
	RoleBidder     = "bidder"
	RolePacer      = "pacer"
	RoleProfiler   = "profiler"
	RoleAttributor = "attributor"
	RoleAPI        = "api"
)

// AllRoles is what a node does unless told otherwise.
var AllRoles = []string{RoleBidder, RolePacer, RoleProfiler, RoleAttributor, RoleAPI}

// Default is a node on one machine, with all its state in ./data.
func Default() Config {
	return Config{
		DataDir:         "./data",
		Roles:           slices.Clone(AllRoles),
		PublicURL:       "http://127.0.0.1:8080",
		ShutdownTimeout: 10 * time.Second,
		Listen:          Listen{Bids: "127.0.0.1:8080", API: "127.0.0.1:8081", Operations: "127.0.0.1:8082"},
		Log:             LogConfig{Level: "info"},
		EventLog:        EventLog{Backend: "local", Partitions: 4, Kafka: Kafka{Brokers: []string{}, ReplicationFactor: 1}},
		Campaigns:       Campaigns{TaxonomyFile: "configs/taxonomy.yaml"},
		Bidder: Bidder{
			MaxBodyBytes: 256 << 10, MaxCandidates: 1000, MaxTries: 32, MaxConnections: 16_384, IdleTimeout: 5 * time.Minute,
			ContextualWithoutBasis: true, CountsEvery: 2 * time.Second, MaxCountRows: 5_000,
		},
		Profiles:  Profiles{CacheBytes: 256 << 20},
		Pacing:    Pacing{LeaseWindow: 10 * time.Second, CloseAfter: 5 * time.Minute, HardAfter: 48 * time.Hour},
		Frequency: Frequency{MaxKeys: 5_000_000, HoldFor: 5 * time.Second},
		Scoring:   Scoring{PriorImpressions: 2000},
		Exchanges: map[string]Exchange{},
		Rates:     map[string]string{},
	}
}

// defaultExchange is what an exchange's entry need not say.
func defaultExchange() Exchange {
	return Exchange{NetworkMargin: 5 * time.Millisecond, DefaultTMax: 100 * time.Millisecond, Gzip: true, MaxAnswerBytes: 6 << 10}
}

// SettingError is a setting that breaks its rule.
type SettingError struct {
	Setting string
	Value   any
	Want    string
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("setting %s: got %v; want %s", e.Setting, quote(e.Value), e.Want)
}

func quote(v any) string {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(v)
}

// Validate names the first setting that breaks its rule, as a SettingError.
func (c *Config) Validate() error {
	checks := []func() error{c.checkListen, c.checkRoles, c.checkEventLog, c.checkBounds, c.checkExchanges, c.checkRates}
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

func (c *Config) checkListen() error {
	for _, l := range []struct{ name, addr string }{
		{"listen.bids", c.Listen.Bids}, {"listen.api", c.Listen.API}, {"listen.operations", c.Listen.Operations},
	} {
		if _, _, err := net.SplitHostPort(l.addr); err != nil {
			return wrong(l.name, l.addr, "host:port, such as 127.0.0.1:8080")
		}
	}
	return nil
}

func (c *Config) checkRoles() error {
	if len(c.Roles) == 0 {
		return wrong("roles", c.Roles, "at least one of "+strings.Join(AllRoles, ", "))
	}
	for _, r := range c.Roles {
		if !slices.Contains(AllRoles, r) {
			return wrong("roles", r, "one of "+strings.Join(AllRoles, ", "))
		}
	}
	// Leases and catalogue travel in memory so far: what needs them is one process.
	for _, r := range AllRoles {
		if !slices.Contains(c.Roles, r) {
			return wrong("roles", strings.Join(c.Roles, ","), "all roles: "+strings.Join(AllRoles, ",")+" (separate processes are not there yet)")
		}
	}
	return nil
}

func (c *Config) checkEventLog() error {
	e := c.EventLog
	switch {
	case e.Backend != "local" && e.Backend != "kafka":
		return wrong("event_log.backend", e.Backend, "local or kafka")
	case e.Partitions < 1 || e.Partitions > 1024:
		return wrong("event_log.partitions", e.Partitions, "1 to 1024")
	case e.Backend == "kafka" && len(e.Kafka.Brokers) == 0:
		return wrong("event_log.kafka.brokers", "", "at least one host:port")
	case e.Kafka.ReplicationFactor < 1 || e.Kafka.ReplicationFactor > 9:
		return wrong("event_log.kafka.replication_factor", e.Kafka.ReplicationFactor, "1 to 9")
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
		n("bidder.max_connections", c.Bidder.MaxConnections, 1, 1<<20),
		d("bidder.idle_timeout", c.Bidder.IdleTimeout, time.Second, time.Hour),
		n("profiles.cache_bytes", int(c.Profiles.CacheBytes), 1<<20, 1<<40),
		d("pacing.lease_window", c.Pacing.LeaseWindow, time.Second, 5*time.Minute),
		d("pacing.close_after", c.Pacing.CloseAfter, time.Second, 24*time.Hour),
		d("pacing.hard_after", c.Pacing.HardAfter, time.Minute, 30*24*time.Hour),
		n("frequency.max_keys", c.Frequency.MaxKeys, 1000, 1<<31),
		d("frequency.hold_for", c.Frequency.HoldFor, 100*time.Millisecond, time.Minute),
		n("scoring.prior_impressions", c.Scoring.PriorImpressions, 1, 1_000_000),
	} {
		if b.value >= b.least && b.value <= b.top {
			continue
		}
		if b.duration {
			return wrong(b.setting, time.Duration(b.value), fmt.Sprintf("%v to %v", time.Duration(b.least), time.Duration(b.top)))
		}
		return wrong(b.setting, b.value, fmt.Sprintf("%d to %d", b.least, b.top))
	}
	return nil
}

func (c *Config) checkExchanges() error {
	if len(c.Exchanges) == 0 {
		return wrong("exchanges", "{}", "at least one exchange, such as {demo: {seat: \"1\"}}")
	}
	for _, e := range c.exchanges() {
		if err := e.Validate(); err != nil {
			return fmt.Errorf("setting %w", err)
		}
	}
	return nil
}

// exchanges is the configured exchanges in the bidder's terms, by name.
func (c *Config) exchanges() []bidder.Exchange {
	var out []bidder.Exchange
	for name, e := range c.Exchanges {
		out = append(out, bidder.Exchange{
			Name: name, Seat: e.Seat, NetworkMargin: e.NetworkMargin, DefaultTMax: e.DefaultTMax,
			Gzip: e.Gzip, NoBidBody: e.NoBidBody, MaxAnswerBytes: e.MaxAnswerBytes,
		})
	}
	slices.SortFunc(out, func(a, b bidder.Exchange) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (c *Config) checkRates() error {
	_, err := c.rates()
	return err
}

// rates is the currency table; the US dollar is always in it.
func (c *Config) rates() (bidder.Rates, error) {
	out := bidder.Rates{money.USD: money.One}
	for code, text := range c.Rates {
		cur, err := money.ParseCurrency(strings.ToUpper(code))
		if err != nil {
			return nil, wrong("rates", code, "three letters of ISO 4217")
		}
		v, err := money.ParseNanos([]byte(text), money.RoundUp)
		if err != nil || v <= 0 || v > 1_000_000*int64(money.One) {
			return nil, wrong("rates."+code, text, "a positive decimal: US dollars for one unit")
		}
		if cur == money.USD && v != int64(money.One) {
			return nil, wrong("rates."+code, text, "1")
		}
		out[cur] = money.Rate(v)
	}
	return out, nil
}

// ExchangeNames lists the configured exchanges.
func (c *Config) ExchangeNames() (names []string) {
	for _, e := range c.exchanges() {
		names = append(names, e.Name)
	}
	return names
}
