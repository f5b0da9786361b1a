// Package node wires the roles of Bidhawk into one process.
package node

import (
	"maps"
	"slices"
	"strings"
	"time"

	"bidhawk/bidder"
	"bidhawk/internal/money"
)

// Config is every setting of a node. A setting's name is its path in the
// configuration file ("event_log.backend"); the environment variable of the
// same setting is that in upper case (BIDHAWK_EVENT_LOG_BACKEND). A variable of
// a text holds just the text, of a list the texts between commas or in YAML, of
// a section YAML.
type Config struct {
	DataDir         string              `yaml:"data_dir"`
	Roles           []string            `yaml:"roles"`
	PublicURL       string              `yaml:"public_url"`
	ShutdownTimeout time.Duration       `yaml:"shutdown_timeout"`
	Listen          Listen              `yaml:"listen"`
	Log             LogConfig           `yaml:"log"`
	EventLog        EventLog            `yaml:"event_log"`
	Secrets         Secrets             `yaml:"secrets"`
	Campaigns       Campaigns           `yaml:"campaigns"`
	Bidder          Bidder              `yaml:"bidder"`
	Profiles        Profiles            `yaml:"profiles"`
	Pacing          Pacing              `yaml:"pacing"`
	Frequency       Frequency           `yaml:"frequency"`
	Scoring         Scoring             `yaml:"scoring"`
	Exchanges       map[string]Exchange `yaml:"exchanges"`
	Rates           map[string]string   `yaml:"rates"` // US dollars for one unit, decimal
}

// Listen is the addresses of the three listeners.
type Listen struct {
	Bids       string `yaml:"bids"`
	API        string `yaml:"api"`
	Operations string `yaml:"operations"`
}

// LogConfig is about the process's own log.
type LogConfig struct {
	Level string `yaml:"level"`
}

// EventLog chooses the log's backend.
type EventLog struct {
	Backend    string `yaml:"backend"` // local or kafka
	Partitions int    `yaml:"partitions"`
	Kafka      Kafka  `yaml:"kafka"`
}

// Kafka is where the brokers are.
type Kafka struct {
	Brokers           []string `yaml:"brokers"`
	TopicPrefix       string   `yaml:"topic_prefix"`
	ReplicationFactor int      `yaml:"replication_factor"`
}

// Secrets are files that hold keys; where a path is empty, a file in the data
// directory is made on the first start.
type Secrets struct {
	TokenKeysFile string `yaml:"token_keys_file"` // one hex key a line, newest first
	UserKeyFile   string `yaml:"user_key_file"`   // one hex key: changing it forgets every user
	OperatorFile  string `yaml:"operator_file"`   // where the first operator's API key is written
}

// Campaigns is about the advertiser's world.
type Campaigns struct {
	TaxonomyFile string `yaml:"taxonomy_file"`
}

// Bidder bounds the bidder.
type Bidder struct {
	MaxBodyBytes           int           `yaml:"max_body_bytes"`
	MaxCandidates          int           `yaml:"max_candidates"`
	MaxTries               int           `yaml:"max_tries"`
	MaxConnections         int           `yaml:"max_connections"`
	IdleTimeout            time.Duration `yaml:"idle_timeout"`
	ContextualWithoutBasis bool          `yaml:"contextual_without_basis"`
	CountsEvery            time.Duration `yaml:"counts_every"`
	MaxCountRows           int           `yaml:"max_count_rows"`
}

// Profiles is about the audience cache.
type Profiles struct {
	CacheBytes int64 `yaml:"cache_bytes"`
}

// Pacing is about leases.
type Pacing struct {
	LeaseWindow time.Duration `yaml:"lease_window"`
	CloseAfter  time.Duration `yaml:"close_after"`
	HardAfter   time.Duration `yaml:"hard_after"`
}

// Frequency bounds the memory of caps.
type Frequency struct {
	MaxKeys int           `yaml:"max_keys"`
	HoldFor time.Duration `yaml:"hold_for"`
}

// Scoring is about click rates.
type Scoring struct {
	PriorImpressions int `yaml:"prior_impressions"`
}

// Exchange is what is agreed with one exchange.
type Exchange struct {
	Seat           string        `yaml:"seat"`
	NetworkMargin  time.Duration `yaml:"network_margin"`
	DefaultTMax    time.Duration `yaml:"default_tmax"`
	Gzip           bool          `yaml:"gzip"`
	NoBidBody      bool          `yaml:"no_bid_body"`
	MaxAnswerBytes int           `yaml:"max_answer_bytes"`
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
			MaxBodyBytes: 256 << 10, MaxCandidates: 1000, MaxTries: 64, MaxConnections: 16_384, IdleTimeout: 5 * time.Minute,
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

// bidder is the settings in the bidder's terms.
func (c *Config) bidder() bidder.Config {
	b := c.Bidder
	return bidder.Config{
		MaxBodyBytes: b.MaxBodyBytes, MaxCandidates: b.MaxCandidates, MaxTries: b.MaxTries, PublicURL: c.PublicURL,
		ContextualWithoutBasis: b.ContextualWithoutBasis, CountsEvery: b.CountsEvery, MaxCountRows: b.MaxCountRows,
	}
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

// rates is the currency table; the US dollar is always in it.
func (c *Config) rates() (bidder.Rates, error) {
	out := bidder.Rates{money.USD: money.One}
	for _, code := range slices.Sorted(maps.Keys(c.Rates)) {
		text := c.Rates[code]
		cur, err := money.ParseCurrency(code)
		if err != nil {
			return nil, wrong("rates."+code, text, "a name of three upper-case letters (ISO 4217), such as EUR")
		}
		v, err := money.ParseNanos([]byte(text), money.RoundUp)
		if err != nil || v <= 0 || v > 1_000_000*int64(money.One) {
			return nil, wrong("rates."+code, text, "US dollars for one unit: a decimal above 0, at most 1000000, such as 1.08")
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
