// Package node wires the roles of Bidhawk into one process.
package node

import (
	"slices"
	"time"
)

// Config is every setting of a node. A setting's name is its path in the
// configuration file ("event_log.backend"); the environment variable of the
// same setting is that in upper case (BIDHAWK_EVENT_LOG_BACKEND). A variable of
// a text holds just the text, of a list the texts between commas or in YAML, of
// a section YAML.
type Config struct {
	DataDir         string        `yaml:"data_dir"`
	Roles           []string      `yaml:"roles"`
	PublicURL       string        `yaml:"public_url"`
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout"`
	Listen          Listen        `yaml:"listen"`
	Log             LogConfig     `yaml:"log"`
	EventLog        EventLog      `yaml:"event_log"`
	Secrets         Secrets       `yaml:"secrets"`
	Campaigns       Campaigns     `yaml:"campaigns"`
	API             API           `yaml:"api"`
	Creatives       Creatives     `yaml:"creatives"`
	Bidder          Bidder        `yaml:"bidder"`
	Profiles        Profiles      `yaml:"profiles"`
	Pacing          Pacing        `yaml:"pacing"`
	Frequency       Frequency     `yaml:"frequency"`
	Scoring         Scoring       `yaml:"scoring"`
	Reports         Reports       `yaml:"reports"`
	Feed            Feed          `yaml:"feed"`
	Privacy         Privacy       `yaml:"privacy"`
	Identity        Identity      `yaml:"identity"`
	Supply          Supply        `yaml:"supply"`
	Traffic         Traffic       `yaml:"traffic"`
	Offers          Offers        `yaml:"offers"`
	Brakes          Brakes        `yaml:"brakes"`
	Breakers        Breakers      `yaml:"breakers"`
	ExchangesDir    string        `yaml:"exchanges_dir"` // one file an exchange, as in configs/exchanges
	// How often the files of exchanges_dir are looked at.
	ExchangesReloadEvery time.Duration       `yaml:"exchanges_reload_every"`
	Exchanges            map[string]Exchange `yaml:"exchanges"` // and those that follow OpenRTB to the letter
	Currency             Currency            `yaml:"currency"`
	Rates                map[string]string   `yaml:"rates"` // US dollars for one unit, decimal; where currency.rates_file is empty
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
	// Database is the URL of a Postgres, which several nodes may share; empty: an
	// SQLite file in the data directory. DatabaseFile is a file that holds the URL.
	Database     Secret `yaml:"database"`
	DatabaseFile string `yaml:"database_file"`
}

// API is about who calls the campaign API, and how often.
type API struct {
	RequestsPerSecond int           `yaml:"requests_per_second"` // of one caller, on average
	Burst             int           `yaml:"burst"`               // and at once
	SessionFor        time.Duration `yaml:"session_for"`         // how long a sign-in lasts
	PublicURL         string        `yaml:"public_url"`          // where browsers reach it; oidc needs it
	OIDC              OIDC          `yaml:"oidc"`
}

// OIDC is the OpenID provider that people may sign in at; without an issuer, none.
type OIDC struct {
	Issuer           string `yaml:"issuer"`
	ClientID         string `yaml:"client_id"`
	ClientSecretFile string `yaml:"client_secret_file"` // empty: a public client, by PKCE alone
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
	PrivacyURL             string        `yaml:"privacy_url"` // page on how we target, for ads that may link to one
}

// Privacy is what we are registered as with the IAB Europe's Global Vendor List.
// Purposes are numbers of the TCF.
type Privacy struct {
	VendorID           int      `yaml:"vendor_id"` // 0: not registered, so no personal data under the GDPR
	Needed             []string `yaml:"needed"`
	Consent            []string `yaml:"consent"`
	LegitimateInterest []string `yaml:"legitimate_interest"`
	Flexible           []string `yaml:"flexible"`
	PreciseGeo         bool     `yaml:"precise_geo"`
	GDPRCountries      []string `yaml:"gdpr_countries"`
}

// Identity is about who a user is.
type Identity struct {
	// EIDs are the sources of user.eids that are used, the preferred first: the
	// source, "=uid2" or "=euid" where its ids are tokens, and the agent types that
	// are taken, each after a slash: "uidapi.com=uid2/3".
	EIDs         []string      `yaml:"eids"`
	UID2KeysFile string        `yaml:"uid2_keys_file"`
	EUIDKeysFile string        `yaml:"euid_keys_file"`
	OptOutsFile  string        `yaml:"opt_outs_file"`
	ReloadEvery  time.Duration `yaml:"reload_every"`
	// HouseholdEIDs are the sources of user.eids whose ids name homes, the preferred
	// first; HouseholdIP tells homes without one by their network address, for a day.
	HouseholdEIDs []string      `yaml:"household_eids"`
	HouseholdIP   bool          `yaml:"household_ip"`
	CookieMaxAge  time.Duration `yaml:"cookie_max_age"`
	MatchTTL      time.Duration `yaml:"match_ttl"`
}

// Supply is about who may sell: the cache that "bidhawk supply fetch" fills.
type Supply struct {
	CacheDir    string        `yaml:"cache_dir"` // empty: nothing is known of sellers
	ReloadEvery time.Duration `yaml:"reload_every"`
}

// Traffic is about requests that no person is behind.
type Traffic struct {
	Refuse        []string      `yaml:"refuse"` // names of verdicts; empty: all traffic is taken
	CrawlersFile  string        `yaml:"crawlers_file"`
	AddressesFile string        `yaml:"addresses_file"`
	Window        time.Duration `yaml:"window"`
	UserMax       int           `yaml:"user_max"`
	AddressMax    int           `yaml:"address_max"`
	NetworkMax    int           `yaml:"network_max"`
	ReloadEvery   time.Duration `yaml:"reload_every"`
}

// Offers is about one impression that several exchanges offer.
type Offers struct {
	Window    time.Duration `yaml:"window"`     // of the same user and placement
	TIDWindow time.Duration `yaml:"tid_window"` // of the same source.tid
	Entries   int           `yaml:"entries"`    // remembered at once
}

// Currency is about the daily table of rates.
type Currency struct {
	RatesFile   string        `yaml:"rates_file"`
	WarnAfter   time.Duration `yaml:"warn_after"`
	RefuseAfter time.Duration `yaml:"refuse_after"`
	ReloadEvery time.Duration `yaml:"reload_every"`
}

// Profiles is about the audience cache.
type Profiles struct {
	CacheBytes int64 `yaml:"cache_bytes"`
}

// Pacing is about leases, and about the pacers of an installation.
type Pacing struct {
	LeaseWindow time.Duration `yaml:"lease_window"`
	CloseAfter  time.Duration `yaml:"close_after"`
	HardAfter   time.Duration `yaml:"hard_after"`
	// Listen is the address of the pacer's own API; the role pacer opens it.
	Listen string `yaml:"listen"`
	// Pacers are the URLs of all pacers, for bidders that ask them for leases;
	// empty beside a pacer that is the only one.
	Pacers    []string `yaml:"pacers"`
	TokenFile string   `yaml:"token_file"` // a secret that pacers and their callers share
	// TLS is the certificates that pacers and their callers know each other by.
	TLS PacingTLS `yaml:"tls"`
	// SessionTimeout is how long a pacer may be silent before its partitions go
	// to others; on kafka.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	// Standby has each pacer read along what others own, to take over at once.
	Standby bool `yaml:"standby"`
}

// Frequency bounds the memory of caps.
type Frequency struct {
	MaxKeys int           `yaml:"max_keys"`
	HoldFor time.Duration `yaml:"hold_for"`
}

// Scoring is about the rates of clicks, views, completions and conversions.
type Scoring struct {
	PriorImpressions int `yaml:"prior_impressions"` // how many impressions the expected click rate counts like
	PriorViews       int `yaml:"prior_views"`       // likewise the expected view or completion rate
	PriorClicks      int `yaml:"prior_clicks"`      // how many clicks the expected conversion rate counts like
	Places           int `yaml:"places"`            // creatives at placements that have rates of their own
}

// Reports is about attribution.
type Reports struct {
	// Settle is how much later than a conversion its click may reach the log; the
	// conversion is charged ClockSkew after that.
	Settle time.Duration `yaml:"settle"`
	// ClockSkew is how far the clocks of this node and of the log may differ.
	ClockSkew time.Duration `yaml:"clock_skew"`
	// ClearingsFor is how long what exchanges' reports are compared with is kept.
	ClearingsFor time.Duration `yaml:"clearings_for"`
	// Database and DatabaseFile are as those of campaigns.
	Database     Secret `yaml:"database"`
	DatabaseFile string `yaml:"database_file"`
}

// Exchange is what is agreed with one exchange.
type Exchange struct {
	Seat           string        `yaml:"seat"`
	NetworkMargin  time.Duration `yaml:"network_margin"`
	DefaultTMax    time.Duration `yaml:"default_tmax"`
	Gzip           bool          `yaml:"gzip"`
	NoBidBody      bool          `yaml:"no_bid_body"`
	MaxAnswerBytes int           `yaml:"max_answer_bytes"`
	MaxQPS         int           `yaml:"max_qps"`
}

// Roles of a node.
const (
	RoleBidder     = "bidder"
	RolePacer      = "pacer"
	RoleProfiler   = "profiler"
	RoleAttributor = "attributor"
	RoleAPI        = "api"
)

func defaultPacing() Pacing {
	return Pacing{
		LeaseWindow: 10 * time.Second, CloseAfter: 5 * time.Minute, HardAfter: 48 * time.Hour,
		Listen: "127.0.0.1:8083", Pacers: []string{}, SessionTimeout: 10 * time.Second, Standby: true,
	}
}

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
		API:             API{RequestsPerSecond: 200, Burst: 1_000, SessionFor: 12 * time.Hour},
		Creatives:       defaultCreatives(),
		Bidder: Bidder{
			MaxBodyBytes: 256 << 10, MaxCandidates: 1000, MaxTries: 64, MaxConnections: 16_384, IdleTimeout: 5 * time.Minute,
			ContextualWithoutBasis: true, CountsEvery: 2 * time.Second, MaxCountRows: 5_000,
		},
		Profiles:             Profiles{CacheBytes: 256 << 20},
		Pacing:               defaultPacing(),
		Frequency:            Frequency{MaxKeys: 5_000_000, HoldFor: 5 * time.Second},
		Scoring:              Scoring{PriorImpressions: 2000, PriorViews: 100, PriorClicks: 100, Places: 1 << 16},
		Reports:              Reports{Settle: 10 * time.Minute, ClockSkew: time.Minute, ClearingsFor: 400 * 24 * time.Hour},
		Feed:                 Feed{CloseAfter: 15 * time.Minute},
		Privacy:              defaultPrivacy(),
		Identity:             Identity{EIDs: []string{}, HouseholdEIDs: []string{}, HouseholdIP: true, ReloadEvery: time.Minute, CookieMaxAge: 390 * 24 * time.Hour, MatchTTL: 90 * 24 * time.Hour},
		Supply:               Supply{ReloadEvery: 5 * time.Minute},
		Traffic:              defaultTraffic(),
		Breakers:             defaultBreakers(),
		Brakes:               Brakes{Stop: map[string]string{}, ReloadEvery: time.Second},
		Offers:               Offers{Window: 2 * time.Second, TIDWindow: 10 * time.Second, Entries: 1 << 18},
		ExchangesReloadEvery: 10 * time.Second,
		Exchanges:            map[string]Exchange{},
		Currency:             Currency{WarnAfter: 36 * time.Hour, RefuseAfter: 96 * time.Hour, ReloadEvery: time.Minute},
		Rates:                map[string]string{},
	}
}

// defaultExchange is what an exchange's entry need not say.
func defaultExchange() Exchange {
	return Exchange{NetworkMargin: 5 * time.Millisecond, DefaultTMax: 100 * time.Millisecond, Gzip: true, MaxAnswerBytes: 6 << 10}
}
