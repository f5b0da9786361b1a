package traffic

import (
	"fmt"
	"math/bits"
	"time"
)

// Config says what is refused and how much memory judging takes.
type Config struct {
	// Refuse are the names of the verdicts that refuse a request; what is not
	// named is not looked for. DefaultRefuse is a careful choice.
	Refuse []string

	// CrawlersFile is a list of crawlers in the format of the built-in one, "" for
	// that one. CrawlersExcept are patterns of the list that people match too;
	// CrawlersExceptInApps those that they match inside apps, whose code calls
	// with the name of its HTTP library; CrawlersExtra are more patterns (RE2).
	CrawlersFile         string
	CrawlersExcept       []string
	CrawlersExceptInApps []string
	CrawlersExtra        []string
	// CachedAgents is how many user agents' judgements are kept, 8 B each; a
	// power of two.
	CachedAgents int

	// AddressesFile is a database of MaxMind's Anonymous IP kind; "" for none.
	AddressesFile string

	// Window is the span of the rates. More than UserMax requests of one user in
	// it are refused until they calm, and so for AddressMax of one IPv4 address
	// or IPv6 /64, and for NetworkMax of one IPv4 /24 or IPv6 /48 where the
	// exchange truncated the address.
	Window     time.Duration
	UserMax    int
	AddressMax int
	NetworkMax int
	// RateCells sizes the two counters (users, addresses), 32 B a cell each; a
	// power of two. Rates are overrated by at most 2.72 x R / RateCells, R being
	// the requests of two windows, for 98 of 100 keys, and never underrated by it.
	RateCells int
}

// DefaultConfig is fit for 20,000 requests a second; no database of addresses.
func DefaultConfig() Config {
	return Config{
		Refuse:               DefaultRefuse(),
		CrawlersExcept:       defaultExcept(),
		CrawlersExceptInApps: []string{`okhttp`, `^Apache-HttpClient`, `HttpUrlConnection`},
		CrawlersExtra:        []string{`Sogou [A-Za-z]+ ([a-z]+ )?[Ss]pider`},
		CachedAgents:         1 << 16,
		Window:               time.Minute,
		UserMax:              400,
		AddressMax:           10_000,
		NetworkMax:           100_000,
		RateCells:            1 << 17,
	}
}

// defaultExcept are patterns of the built-in list (version 1.67.0) that match
// user agents of people.
func defaultExcept() []string {
	return []string{
		`AP3A\.240617\.008`, // a build of Android 15: every phone that runs it
		`MetaIAB Facebook`,  // the browser inside the Facebook app
		`Fluid`,             // FluidApp: sites as Mac applications
		`Synapse`,           // SynapseWorkstation, an add-on of Internet Explorer in hospitals
		`Sogou`,             // SogouMobileBrowser; the spider is in CrawlersExtra
	}
}

// DefaultRefuse names what is refused with little doubt. VPNs, residential
// proxies and addresses of unnamed anonymity are mostly people's, and some
// exchanges send no device at all: those four are left out.
func DefaultRefuse() []string {
	var names []string
	for _, v := range Verdicts() {
		switch v {
		case DeviceUnknown, AnonymousVPN, ResidentialProxy, Anonymous:
		default:
			names = append(names, v.String())
		}
	}
	return names
}

const (
	maxRate = 1_000_000 // below what a cell can count
	maxList = 4096      // patterns of crawlers
)

// Validate names the first field that breaks its rule. What the files hold is
// checked as they are read.
func (c Config) Validate() error {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("traffic.%s: got %v; want %s", field, value, rule)
	}
	for i, name := range c.Refuse {
		if _, err := ParseVerdict(name); err != nil {
			return fmt.Errorf("traffic.refuse[%d]: %w", i, err)
		}
	}
	power := func(n int) bool { return bits.OnesCount(uint(n)) == 1 }
	rate := func(n int) bool { return n >= 1 && n <= maxRate }
	switch {
	case c.CachedAgents < 1<<12 || c.CachedAgents > 1<<24 || !power(c.CachedAgents):
		return f("cached_agents", c.CachedAgents, "a power of two of 4096 to 16777216")
	case c.Window < time.Second || c.Window > time.Hour:
		return f("window", c.Window, "1s to 1h")
	case !rate(c.UserMax):
		return f("user_max", c.UserMax, "1 to 1000000")
	case !rate(c.AddressMax):
		return f("address_max", c.AddressMax, "1 to 1000000")
	case !rate(c.NetworkMax):
		return f("network_max", c.NetworkMax, "1 to 1000000")
	case c.RateCells < 1<<10 || c.RateCells > 1<<24 || !power(c.RateCells):
		return f("rate_cells", c.RateCells, "a power of two of 1024 to 16777216")
	case len(c.CrawlersExtra) > maxList:
		return f("crawlers_extra", len(c.CrawlersExtra), "at most 4096 patterns")
	}
	return nil
}
