package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"bidhawk/campaigns"
	"bidhawk/cmd/node"
)

// switchFlags name a kill switch of a running node, and why it is set.
type switchFlags struct {
	configFlag
	Scope  string `arg:"" help:"What is stopped: ${scopes}."`
	Target string `arg:"" optional:"" help:"The exchange's name, or the entity's id; none where the scope is all."`
	Reason string `help:"Why, for the log and the next shift." required:""`
}

type killCommand struct{ switchFlags }

func (c *killCommand) Run(ctx context.Context) error { return c.set(ctx, os.Stdout, true) }

type releaseCommand struct{ switchFlags }

func (c *releaseCommand) Run(ctx context.Context) error { return c.set(ctx, os.Stdout, false) }

// set switches through the API of the node that the configuration names.
func (c *switchFlags) set(ctx context.Context, w io.Writer, on bool) error {
	name := c.Scope
	if c.Target != "" {
		name += "/" + c.Target
	}
	k, err := campaigns.ParseKillSwitch(name)
	if err != nil {
		return fmt.Errorf("kill switch %w", err)
	}
	k.On, k.Reason = on, c.Reason
	api, err := c.client()
	if err != nil {
		return err
	}
	return putSwitch(ctx, api, w, k)
}

func putSwitch(ctx context.Context, api *client, w io.Writer, k campaigns.KillSwitch) error {
	body, err := json.Marshal(struct {
		Scope    string       `json:"scope"`
		Target   campaigns.ID `json:"target,omitempty"`
		Exchange string       `json:"exchange,omitempty"`
		On       bool         `json:"on"`
		Reason   string       `json:"reason"`
	}{k.Scope, k.Target, k.Exchange, k.On, k.Reason})
	if err != nil {
		return err
	}
	var set campaigns.KillSwitch
	if err := api.do(ctx, "PUT", "/v1/kill-switches", bytes.NewReader(body), &set); err != nil {
		return err
	}
	what := "bids go on"
	if set.On {
		what = "bidding is stopped"
	}
	_, err = fmt.Fprintf(w, "%s: %s (%s, by %s, %s)\n", set.Name(), what, set.Reason, set.By, set.At.Format(time.RFC3339))
	return err
}

// brakesCommand lists what stops bidding.
type brakesCommand struct {
	configFlag
	JSON bool `help:"Print them as JSON."`
}

func (c *brakesCommand) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return listBrakes(ctx, api, os.Stdout, c.JSON)
}

func listBrakes(ctx context.Context, api *client, w io.Writer, asJSON bool) error {
	var page node.BrakesPage
	if err := api.get(ctx, "/v1/brakes", &page); err != nil {
		return err
	}
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(page)
	}
	if len(page.Items) == 0 {
		_, err := fmt.Fprintln(w, "No kill switch is on: nothing stops bidding.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range page.Items {
		fmt.Fprintf(t, "%s\t%s\n", b.Switch, b.Name)
		fmt.Fprintf(t, "  since\t%s\n  by\t%s\n  reason\t%s\n  release\t%s\n", b.At.Format(time.RFC3339), b.By, b.Reason, b.Release)
	}
	return t.Flush()
}
