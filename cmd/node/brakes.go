package node

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"bidhawk/bidder/exchanges"
	"bidhawk/campaigns"
	"bidhawk/internal/yamldoc"
)

// Brakes is about what stops bidding.
type Brakes struct {
	// Stop is the kill switches that are on whatever the campaign store says, each
	// with its reason: {exchange/demo: "bills twice, ticket 4411"}.
	Stop map[string]string `yaml:"stop"`
	// File holds more of them in the same form; it is read again while the node runs.
	File        string        `yaml:"file"`
	ReloadEvery time.Duration `yaml:"reload_every"`
}

// Who set a switch, where no person did through the API.
const (
	byConfiguration = "configuration (brakes.stop)"
	byBrakesFile    = "configuration (brakes.file)"
)

const maxBrakesFile = 1 << 20

// switches reads names and reasons as kill switches; setting names where they are from.
func switches(stop map[string]string, setting, by string, at time.Time) ([]campaigns.KillSwitch, error) {
	var list []campaigns.KillSwitch
	for _, name := range slices.Sorted(maps.Keys(stop)) {
		k, err := campaigns.ParseKillSwitch(name)
		if err != nil {
			return nil, wrong(setting, name, err.Error())
		}
		k.On, k.Reason, k.By, k.At = true, stop[name], by, at
		// Whether the target exists is not known here: a switch of none stops nothing.
		if err := k.Validate(true); err != nil {
			return nil, wrong(setting+"."+name, stop[name], err.Error())
		}
		list = append(list, k)
	}
	return list, nil
}

// readBrakesFile reads brakes.file.
func readBrakesFile(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, wrong("brakes.file", path, "a file that can be read: "+err.Error())
	}
	defer f.Close()
	root, err := yamldoc.Read(path, f, maxBrakesFile, "kill switches, such as {exchange/demo: reason}; {} for none")
	if err != nil {
		return nil, fmt.Errorf("setting brakes.file: %w", err)
	}
	stop := map[string]string{}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("setting brakes.file: %s:%d: want kill switches, such as {exchange/demo: reason}; {} for none", path, root.Line)
	}
	if err := root.Decode(&stop); err != nil {
		return nil, fmt.Errorf("setting brakes.file: %s: %w", path, err)
	}
	return stop, nil
}

func (c *Config) checkBrakes() error {
	_, err := switches(c.Brakes.Stop, "brakes.stop", byConfiguration, time.Time{})
	return err
}

// openBrakes puts the configuration's switches in force before anything bids.
func (n *Node) openBrakes(context.Context) error { return n.reloadBrakes() }

// reloadBrakes reads brakes.file anew. A file that breaks a rule, or has gone,
// leaves the switches as they were: to release one, leave it out of the file.
func (n *Node) reloadBrakes() error {
	now := Clock().UTC()
	list, err := switches(n.cfg.Brakes.Stop, "brakes.stop", byConfiguration, now)
	if err != nil {
		return err
	}
	if path := n.cfg.Brakes.File; path != "" {
		stop, err := readBrakesFile(path)
		if err != nil {
			return err
		}
		more, err := switches(stop, "brakes.file", byBrakesFile, now)
		if err != nil {
			return err
		}
		list = append(list, more...)
	}
	if len(list) == 0 && len(n.fixed) == 0 {
		return nil
	}
	held := make(map[string]campaigns.KillSwitch)
	for _, k := range list {
		if old, on := n.fixed[k.Name()]; on && old.Reason == k.Reason && old.By == k.By {
			k.At = old.At
		} else {
			n.logger.Warn("the configuration stops bidding", zap.String("switch", k.Name()), zap.String("reason", k.Reason), zap.String("by", k.By))
		}
		held[k.Name()] = k
	}
	for name := range n.fixed {
		if _, on := held[name]; !on {
			n.logger.Warn("the configuration stops bidding no more", zap.String("switch", name))
		}
	}
	if !maps.Equal(held, n.fixed) {
		n.feed.Fix(slices.Collect(maps.Values(held)))
	}
	n.fixed = held
	return nil
}

// followBrakesFile reads brakes.file again and again until ctx ends.
func (n *Node) followBrakesFile(ctx context.Context) error {
	if n.cfg.Brakes.File == "" {
		return nil
	}
	for pause(ctx, n.cfg.Brakes.ReloadEvery) == nil {
		if err := n.reloadBrakes(); err != nil {
			n.logger.Error("a file can't be used; the last good one stays in use", zap.String("of", "brakes"), zap.Error(err))
		}
	}
	return nil
}

// followBrakes puts each change of the kill switches in force at once, beside
// the compilation of the line items, which may take longer.
func (n *Node) followBrakes(ctx context.Context) error {
	changed := n.feed.Subscribe()
	for {
		n.bidder.SetBrakes(n.feed.Catalog())
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// knowsExchange says whether an exchange is agreed with under that name.
func (n *Node) knowsExchange(name string) bool {
	if n.bidder != nil {
		return n.bidder.Knows(name)
	}
	list, err := n.cfg.exchanges(func(string, error) {})
	return err == nil && slices.ContainsFunc(list, func(e exchanges.Exchange) bool { return e.Name == name })
}

// BrakeView is a kill switch that is on, and how to release it.
type BrakeView struct {
	campaigns.KillSwitch
	Switch  string `json:"switch" doc:"what bidhawk release takes"`
	Name    string `json:"name,omitempty" doc:"of the entity"`
	Release string `json:"release" doc:"how to let bids go on"`
}

type brakesOutput struct{ Body BrakesPage }

// BrakesPage is the answer of GET /v1/brakes.
type BrakesPage struct {
	Items []BrakeView `json:"items"`
}

func (n *Node) registerBrakes(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "list-brakes", Method: http.MethodGet, Path: "/v1/brakes", Tags: []string{"kill-switches"},
		Summary: "What stops bidding now, of people, breakers and configuration (operators only)",
		Errors:  []int{http.StatusUnauthorized, http.StatusForbidden},
	}, func(ctx context.Context, _ *struct{}) (*brakesOutput, error) {
		if err := operator(ctx); err != nil {
			return nil, err
		}
		return &brakesOutput{BrakesPage{n.brakes()}}, nil
	})
}

// brakes are the switches in force on this node, by name.
func (n *Node) brakes() []BrakeView {
	cat := n.feed.Catalog()
	out := []BrakeView{}
	for _, k := range cat.Brakes() {
		v := BrakeView{KillSwitch: k, Switch: k.Name(), Name: nameOf(cat, &k), Release: releaseOf(&k)}
		out = append(out, v)
	}
	return out
}

// releaseOf says how to let bids go on.
func releaseOf(k *campaigns.KillSwitch) string {
	switch k.By {
	case byConfiguration:
		return "take " + k.Name() + " out of brakes.stop in the configuration of each node, and restart it"
	case byBrakesFile:
		return "take " + k.Name() + " out of the file of brakes.file on each node"
	}
	target := k.Exchange
	if k.Target > 0 {
		target = fmt.Sprint(k.Target)
	}
	command := "bidhawk release " + k.Scope
	if target != "" {
		command += " " + target
	}
	return command + " --reason R, or PUT /v1/kill-switches with on: false"
}

// nameOf is the entity's name; empty where the switch is of none.
func nameOf(c *campaigns.Catalog, k *campaigns.KillSwitch) string {
	switch k.Scope {
	case campaigns.ScopeAgency:
		if e := c.Agencies[k.Target]; e != nil {
			return e.Name
		}
	case campaigns.ScopeAdvertiser:
		if e := c.Advertisers[k.Target]; e != nil {
			return e.Name
		}
	case campaigns.ScopeCampaign:
		if e := c.Campaigns[k.Target]; e != nil {
			return e.Name
		}
	case campaigns.ScopeLineItem:
		if e := c.LineItems[k.Target]; e != nil {
			return e.Name
		}
	case campaigns.ScopeCreative:
		if e := c.Creatives[k.Target]; e != nil {
			return e.Name
		}
	}
	return ""
}

// writeBrakeMetrics counts the switches that are on, by scope and by who set
// them: a person, a breaker or the configuration.
func (n *Node) writeBrakeMetrics(w io.Writer) {
	type series struct{ scope, by string }
	count := map[series]int{}
	for _, k := range n.feed.Catalog().Brakes() {
		by := "operator"
		if strings.HasPrefix(k.By, byBreaker) {
			by = k.By
		} else if k.By == byConfiguration || k.By == byBrakesFile {
			by = "configuration"
		}
		count[series{k.Scope, by}]++
	}
	for _, scope := range campaigns.KillScopes() {
		count[series{scope, "operator"}] += 0 // an alert needs a series to compare
	}
	n.writeBreakerMetrics(w)
	for _, s := range slices.SortedFunc(maps.Keys(count), func(a, b series) int { return cmp.Or(strings.Compare(a.scope, b.scope), strings.Compare(a.by, b.by)) }) {
		fmt.Fprintf(w, "bidhawk_kill_switches_on{scope=%q,by=%q} %d\n", s.scope, s.by, count[s])
	}
}

// byBreaker begins the name of what set a switch by itself.
const byBreaker = "breaker/"
