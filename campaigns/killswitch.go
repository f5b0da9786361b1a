package campaigns

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The scopes of a kill switch. All but all and exchange are kinds of entities.
const (
	ScopeAll        = "all"
	ScopeExchange   = "exchange"
	ScopeAgency     = string(KindAgency)
	ScopeAdvertiser = string(KindAdvertiser)
	ScopeCampaign   = string(KindCampaign)
	ScopeLineItem   = string(KindLineItem)
	ScopeCreative   = string(KindCreative)
)

// KillScopes are the scopes, the widest first.
func KillScopes() []string {
	return []string{ScopeAll, ScopeExchange, ScopeAgency, ScopeAdvertiser, ScopeCampaign, ScopeLineItem, ScopeCreative}
}

// KillSwitch stops bids at once: all of them, those on an exchange, or those of
// an entity and what lies below it.
type KillSwitch struct {
	Scope string `json:"scope"`
	// Target is the entity's id; 0 where the scope is all or exchange.
	Target ID `json:"target,omitempty"`
	// Exchange is the exchange's name, where the scope is exchange.
	Exchange string    `json:"exchange,omitempty"`
	On       bool      `json:"on"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	// Revision grows by one with each change of this switch; the store assigns it.
	Revision int64 `json:"revision"`
}

// Name says which switch it is: "all", "exchange/demo" or "line_item/12". It has
// no revision: who sets the same switch again names it the same.
func (k *KillSwitch) Name() string {
	switch k.Scope {
	case ScopeAll:
		return ScopeAll
	case ScopeExchange:
		return ScopeExchange + "/" + k.Exchange
	}
	return k.Scope + "/" + strconv.FormatInt(int64(k.Target), 10)
}

// TopicKey is the key of the switch's records: "kill_switch/all" or "kill_switch/line_item/12".
func (k *KillSwitch) TopicKey() string { return string(KindKillSwitch) + "/" + k.Name() }

// ParseKillSwitch reads a Name. The error says what one looks like.
func ParseKillSwitch(name string) (k KillSwitch, err error) {
	scope, target, _ := strings.Cut(name, "/")
	switch k.Scope = scope; {
	case scope == ScopeAll:
	case scope == ScopeExchange && exchangeRule(target) == "":
		k.Exchange = target
	case slices.Contains(KillScopes(), scope):
		n, err := strconv.ParseInt(target, 10, 64)
		if err == nil && n > 0 {
			k.Target = ID(n)
		}
	}
	if k.Name() != name || k.Scope != ScopeAll && k.Target == 0 && k.Exchange == "" {
		return KillSwitch{}, fmt.Errorf("%.80q: want all, exchange/NAME, or SCOPE/ID where the scope is %s", name, strings.Join(KillScopes()[2:], ", "))
	}
	return k, nil
}

// Validate returns nil or a *ValidationError. exists says whether the entity
// Target does.
func (k *KillSwitch) Validate(exists bool) error {
	c := newChecker(KindKillSwitch)
	switch {
	case !slices.Contains(KillScopes(), k.Scope):
		c.fail("scope", k.Scope, "must be "+strings.Join(KillScopes()[:len(KillScopes())-1], ", ")+" or "+ScopeCreative)
	case k.Scope == ScopeAll || k.Scope == ScopeExchange:
		c.check(k.Target == 0, "target", k.Target, "must be absent where the scope is "+k.Scope)
	default:
		c.check(k.Target > 0 && exists, "target", k.Target, "must be an existing "+k.Scope)
	}
	if k.Scope == ScopeExchange {
		c.text("exchange", k.Exchange, exchangeRule)
	} else {
		c.check(k.Exchange == "", "exchange", k.Exchange, "must be absent unless the scope is exchange")
	}
	c.text("reason", k.Reason, reasonRule)
	c.text("by", k.By, nameRule)
	return c.err()
}

// KillState is the set of switches that are on. A nil one stops nothing.
type KillState struct {
	All         bool
	Exchanges   map[string]bool
	Agencies    map[ID]bool
	Advertisers map[ID]bool
	Campaigns   map[ID]bool
	LineItems   map[ID]bool
	Creatives   map[ID]bool
}

// StopsExchange says whether no bid may go to the exchange.
func (k *KillState) StopsExchange(name string) bool {
	return k != nil && (k.All || k.Exchanges[name])
}

// Stops says whether the line item of l may not bid: everything is stopped, or
// it, or a parent. A parent that l lacks stops nothing.
func (k *KillState) Stops(l Lineage) bool {
	switch {
	case k == nil:
		return false
	case k.All || l.LineItem != nil && k.LineItems[l.LineItem.ID]:
		return true
	}
	return l.Campaign != nil && k.Campaigns[l.Campaign.ID] || l.Advertiser != nil && k.Advertisers[l.Advertiser.ID] ||
		l.Agency != nil && k.Agencies[l.Agency.ID]
}

// StopsCreative says whether the creative itself is stopped.
func (k *KillState) StopsCreative(id ID) bool { return k != nil && k.Creatives[id] }

// KillsLineItem says whether line item id may not bid because of a switch.
func (c *Catalog) KillsLineItem(id ID) bool {
	if l, ok := c.Lineage(id); ok {
		return c.Kill.Stops(l)
	}
	return c.Kill.All || c.Kill.LineItems[id]
}

// add puts a switch that is on into the set.
func (k *KillState) add(s *KillSwitch) {
	set := func(m *map[ID]bool) {
		if *m == nil {
			*m = map[ID]bool{}
		}
		(*m)[s.Target] = true
	}
	switch s.Scope {
	case ScopeAll:
		k.All = true
	case ScopeExchange:
		if k.Exchanges == nil {
			k.Exchanges = map[string]bool{}
		}
		k.Exchanges[s.Exchange] = true
	case ScopeAgency:
		set(&k.Agencies)
	case ScopeAdvertiser:
		set(&k.Advertisers)
	case ScopeCampaign:
		set(&k.Campaigns)
	case ScopeLineItem:
		set(&k.LineItems)
	case ScopeCreative:
		set(&k.Creatives)
	}
}

// brakes is what is known of switches: as the topic has them, and those that
// hold here whatever it says.
type brakes struct {
	stored map[string]KillSwitch // by Name, as last set, on or off
	fixed  map[string]KillSwitch // by Name; all are on
}

// in puts the switches in force into c. The maps of c are new: earlier
// catalogues keep theirs.
func (b *brakes) in(c *Catalog) {
	c.Switches, c.Kill = maps.Clone(b.stored), KillState{LineItems: map[ID]bool{}}
	if c.Switches == nil {
		c.Switches = map[string]KillSwitch{}
	}
	maps.Copy(c.Switches, b.fixed)
	for _, k := range c.Switches {
		if k.On {
			c.Kill.add(&k)
		}
	}
}

// Brakes are the switches that are on, by Name.
func (c *Catalog) Brakes() []KillSwitch {
	var on []KillSwitch
	for _, name := range slices.Sorted(maps.Keys(c.Switches)) {
		if k := c.Switches[name]; k.On {
			on = append(on, k)
		}
	}
	return on
}
