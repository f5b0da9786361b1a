package node

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"bidhawk/bidder"
	"bidhawk/bidder/consent"
	"bidhawk/bidder/exchanges"
	"bidhawk/bidder/identity"
	"bidhawk/bidder/rates"
	"bidhawk/bidder/traffic"
	"bidhawk/internal/money"
	"bidhawk/scoring"
)

// This file says the settings in the terms of the rooms that they are for.

// bidder is the settings in the bidder's terms.
func (c *Config) bidder() (bidder.Config, error) {
	b := c.Bidder
	policy, err := c.policy()
	return bidder.Config{
		MaxBodyBytes: b.MaxBodyBytes, MaxCandidates: b.MaxCandidates, MaxTries: b.MaxTries, PublicURL: c.PublicURL,
		FilesURL:   c.Creatives.PublicURL,
		PrivacyURL: b.PrivacyURL, Privacy: policy, ContextualWithoutBasis: b.ContextualWithoutBasis,
		CountsEvery: b.CountsEvery, MaxCountRows: b.MaxCountRows,
	}, err
}

func defaultPrivacy() Privacy {
	p := consent.DefaultPolicy(0)
	return Privacy{
		Needed: purposes(p.Needed), Consent: purposes(p.Consent), LegitimateInterest: []string{}, Flexible: []string{},
		PreciseGeo: p.PreciseGeo, GDPRCountries: p.GDPRCountries,
	}
}

// policy is what we may use, and need, of personal data.
func (c *Config) policy() (consent.Policy, error) {
	p := consent.DefaultPolicy(c.Privacy.VendorID)
	p.PreciseGeo, p.GDPRCountries = c.Privacy.PreciseGeo, c.Privacy.GDPRCountries
	for _, s := range []struct {
		setting string
		texts   []string
		to      *consent.PurposeSet
	}{
		{"privacy.needed", c.Privacy.Needed, &p.Needed}, {"privacy.consent", c.Privacy.Consent, &p.Consent},
		{"privacy.legitimate_interest", c.Privacy.LegitimateInterest, &p.LegitimateInterest},
		{"privacy.flexible", c.Privacy.Flexible, &p.Flexible},
	} {
		var numbers []int
		for _, text := range s.texts {
			n, _ := strconv.Atoi(text) // 0, which is none, for what is no number
			numbers = append(numbers, n)
		}
		set, err := consent.PurposesOf(numbers...)
		if err != nil {
			return p, wrong(s.setting, strings.Join(s.texts, ","), "numbers of TCF purposes, 1 to 11")
		}
		*s.to = set
	}
	return p, nil
}

// purposes lists the numbers of a set.
func purposes(s consent.PurposeSet) []string {
	if s == 0 {
		return []string{}
	}
	return strings.Split(s.String(), ",")
}

// exchanges is the configured exchanges, by name: those of the directory, and
// those that the configuration itself names. One of the directory that is not
// ready to bid on, for want of a seat or of keys, is left out and told.
func (c *Config) exchanges(leftOut func(name string, why error)) (list []exchanges.Exchange, err error) {
	list = c.inline()
	if c.ExchangesDir == "" {
		return list, nil
	}
	files, err := exchanges.Load(c.ExchangesDir)
	if err != nil {
		return nil, fmt.Errorf("setting exchanges_dir: %w", err)
	}
	for _, e := range files {
		if _, twice := c.Exchanges[e.Name]; twice {
			return nil, wrong("exchanges."+e.Name, unquoted("it here and in "+c.ExchangesDir), "it once")
		}
		if err := e.Ready(); err != nil {
			leftOut(e.Name, err)
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b exchanges.Exchange) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// inline is the exchanges that the configuration itself names.
func (c *Config) inline() (list []exchanges.Exchange) {
	for _, name := range slices.Sorted(maps.Keys(c.Exchanges)) {
		list = append(list, c.exchange(name))
	}
	return list
}

// exchange is one that the configuration itself names.
func (c *Config) exchange(name string) exchanges.Exchange {
	s, e := c.Exchanges[name], exchanges.Default(name)
	e.Seat, e.NetworkMargin, e.DefaultTMax, e.MaxQPS = s.Seat, s.NetworkMargin, s.DefaultTMax, s.MaxQPS
	e.Gzip, e.MaxAnswerBytes = s.Gzip, s.MaxAnswerBytes
	if s.NoBidBody {
		e.NoBid = exchanges.NoBidBody
	}
	return e
}

// ExchangeNames lists the exchanges that the configuration itself names.
func (c *Config) ExchangeNames() (names []string) {
	for _, e := range c.inline() {
		names = append(names, e.Name)
	}
	return names
}

// rates is the currency table; the US dollar is always in it.
func (c *Config) rates() (*rates.Source, error) {
	if c.Currency.RatesFile != "" {
		limits := rates.DefaultLimits()
		limits.WarnAfter, limits.RefuseAfter = c.Currency.WarnAfter, c.Currency.RefuseAfter
		s, err := rates.New(c.Currency.RatesFile, limits, Clock)
		if err != nil {
			return nil, fmt.Errorf("setting currency.rates_file: %w", err)
		}
		return s, nil
	}
	table, err := c.fixedRates()
	return rates.NewFixed(rates.Fixed(table)), err
}

func (c *Config) fixedRates() (map[money.Currency]money.Rate, error) {
	out := map[money.Currency]money.Rate{money.USD: money.One}
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

// scoring is how rates are smoothed.
func (c *Config) scoring() scoring.Config {
	s := c.Scoring
	return scoring.Config{Click: s.PriorImpressions, View: s.PriorViews, Completion: s.PriorViews, Conversion: s.PriorClicks, Places: s.Places}
}

func defaultTraffic() Traffic {
	d := traffic.DefaultConfig()
	return Traffic{
		Refuse: d.Refuse, Window: d.Window, UserMax: d.UserMax, AddressMax: d.AddressMax, NetworkMax: d.NetworkMax,
		ReloadEvery: 5 * time.Minute,
	}
}

// traffic is what is refused as no person's.
func (c *Config) traffic() traffic.Config {
	t := traffic.DefaultConfig()
	s := c.Traffic
	t.Refuse, t.CrawlersFile, t.AddressesFile = s.Refuse, s.CrawlersFile, s.AddressesFile
	t.Window, t.UserMax, t.AddressMax, t.NetworkMax = s.Window, s.UserMax, s.AddressMax, s.NetworkMax
	return t
}

// eidRules reads the sources of user.eids.
func (c *Config) eidRules() (rules []identity.EIDRule, err error) {
	for _, text := range c.Identity.EIDs {
		head, types, _ := strings.Cut(text, "/")
		rule := identity.EIDRule{}
		source, token, _ := strings.Cut(head, "=")
		rule.Source = source
		switch token {
		case "":
		case "uid2":
			rule.Token = identity.ScopeUID2
		case "euid":
			rule.Token = identity.ScopeEUID
		default:
			return nil, wrong("identity.eids", text, "SOURCE, SOURCE=uid2 or SOURCE=euid")
		}
		for t := range strings.SplitSeq(types, "/") {
			if t == "" {
				continue
			}
			n, err := strconv.Atoi(t)
			if err != nil {
				return nil, wrong("identity.eids", text, "agent types as numbers, each after a slash, such as uidapi.com=uid2/3")
			}
			rule.ATypes = append(rule.ATypes, n)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// sync is how ids are exchanged.
// identity is how users and homes are told apart.
func (c *Config) identity(rules []identity.EIDRule) identity.Config {
	return identity.Config{
		Order: identity.DefaultOrder(), EIDs: rules, HouseholdEIDs: c.Identity.HouseholdEIDs, HouseholdIP: c.Identity.HouseholdIP,
	}
}

func (c *Config) sync(list []exchanges.Exchange) identity.SyncConfig {
	s := identity.DefaultSyncConfig()
	s.CookieMaxAge, s.MatchTTL = c.Identity.CookieMaxAge, c.Identity.MatchTTL
	for _, e := range list {
		s.Exchanges = append(s.Exchanges, identity.SyncExchange{Name: e.Name, MatchURL: e.SyncURL})
	}
	return s
}

// CheckFiles reads every file that the settings name, as a start would, and tells
// of exchanges that can't be bid on yet.
func (c Config) CheckFiles(note func(string)) error {
	list, err := c.exchanges(func(name string, why error) { note("exchange " + name + " is left out: " + why.Error()) })
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return wrong("exchanges_dir", c.ExchangesDir, "at least one exchange that is ready")
	}
	fx, err := c.rates()
	if err != nil {
		return err
	}
	if state, now := fx.State(Clock()), Clock(); state != rates.Fresh {
		note(fmt.Sprintf("the currency table is %v: it is of %s, %v ago", state, fx.Current().Date().Format(time.DateOnly),
			fx.Current().Age(now).Round(time.Hour)))
	}
	if _, err := traffic.New(c.traffic(), 1); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	return c.Pacing.TLS.checkFiles()
}
