package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"

	"bidhawk/bidder"
	"bidhawk/cmd/node"
)

// explainCommand tells what the bidder does with a request, and why.
type explainCommand struct {
	configFlag
	File      string `arg:"" help:"A bid request; - reads it from standard input."`
	Exchange  string `help:"The exchange that sends it. Default: the first that the configuration names."`
	LineItem  int64  `help:"The line item to explain. Default: those that came nearest to a bid."`
	JSON      bool   `help:"Print the whole explanation as JSON."`
	Campaigns string `help:"Campaigns to explain with where no node is running." default:"configs/demo/campaigns.yaml" type:"path"`
}

func (c *explainCommand) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	body, err := readInput(c.File)
	if err != nil {
		return err
	}
	q := url.Values{"exchange": {c.Exchange}}
	if names := cfg.ExchangeNames(); c.Exchange == "" && len(names) > 0 {
		q.Set("exchange", names[0])
	}
	if c.LineItem > 0 {
		q.Set("line_item", strconv.FormatInt(c.LineItem, 10))
	}
	x, err := c.ask(ctx, cfg, "/v1/explain?"+q.Encode(), body)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(x)
	}
	return printExplanation(os.Stdout, x)
}

// maxRequestFile bounds what is read as a request.
const maxRequestFile = 4 << 20

func readInput(path string) ([]byte, error) {
	in, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, maxRequestFile))
}

// openInput opens a file that a command reads; - is standard input.
func openInput(path string) (io.ReadCloser, error) {
	if path == "-" {
		return os.Stdin, nil
	}
	return os.Open(path)
}

// ask asks the running node, or, where none runs, one of its own that lives for
// this question on an empty directory.
func (c *explainCommand) ask(ctx context.Context, cfg node.Config, path string, body []byte) (*bidder.Explanation, error) {
	conn, err := net.DialTimeout("tcp", cfg.Listen.API, time.Second)
	if err != nil {
		return c.askOwn(ctx, cfg, path, body)
	}
	_ = conn.Close() // it only told that somebody listens
	return explainAt(ctx, cfg, path, body)
}

func explainAt(ctx context.Context, cfg node.Config, path string, body []byte) (*bidder.Explanation, error) {
	api, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	x := &bidder.Explanation{}
	return x, api.do(ctx, "POST", path, bytes.NewReader(body), x)
}

func (c *explainCommand) askOwn(ctx context.Context, cfg node.Config, path string, body []byte) (x *bidder.Explanation, err error) {
	fmt.Fprintf(os.Stderr, "No node runs at %s: this is explained with the campaigns of %s, and no users.\n", cfg.Listen.API, c.Campaigns)
	dir, err := os.MkdirTemp("", "bidhawk-explain-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg.DataDir, cfg.EventLog.Backend = dir, "local"
	cfg.Secrets = node.Secrets{}
	cfg.Listen, cfg.Pacing.Listen = node.Listen{Bids: "127.0.0.1:0", API: "127.0.0.1:0", Operations: "127.0.0.1:0"}, "127.0.0.1:0"
	tags, err := node.OpenTaxonomy(cfg)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(c.Campaigns)
	if err != nil {
		return nil, err
	}
	_, err = node.ImportCampaigns(ctx, cfg, tags, f)
	_ = f.Close() // it was only read
	if err != nil {
		return nil, err
	}
	n, err := node.New(ctx, cfg, zap.NewNop())
	if err != nil {
		return nil, err
	}
	cfg.Listen = n.Addresses()
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- n.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-done)
	}()
	if err := waitReady(ctx, cfg.Listen.Operations, done, 30*time.Second); err != nil {
		return nil, err
	}
	return explainAt(ctx, cfg, path, body)
}

// printExplanation says in a page what the JSON says in full.
func printExplanation(w io.Writer, x *bidder.Explanation) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	outcome := "bids"
	if x.NoBid != "" {
		outcome = "no bid: " + x.NoBid
	}
	fmt.Fprintf(t, "exchange\t%s\noutcome\t%s\nanswer within\t%v\ncurrency\t%s\nuser\t%s\n", x.Exchange, outcome, x.Deadline, x.Currency, x.User)
	if len(x.Refused) > 0 {
		fmt.Fprintf(t, "refused\t%s\n", strings.Join(x.Refused, ", "))
	}
	for _, f := range x.Privacy {
		fmt.Fprintf(t, "privacy\t%s: %s: %s\n", f.Signal, f.Says, f.Follows)
	}
	if x.Traffic != "" {
		fmt.Fprintf(t, "traffic\t%s\n", x.Traffic)
	}
	if len(x.Supply) > 0 {
		fmt.Fprintf(t, "sellers\t%s\n", strings.Join(x.Supply, ", "))
	}
	for _, imp := range x.Imps {
		printImp(t, &imp)
	}
	if x.Cut {
		fmt.Fprintf(t, "\nThe time was over before all was explained.\n")
	}
	return t.Flush()
}

func printImp(w io.Writer, imp *bidder.ImpExplanation) {
	fmt.Fprintf(w, "\nimpression %s\t%s\n", imp.ID, strings.Join(imp.Offers, ", "))
	if imp.NoBid != "" {
		fmt.Fprintf(w, "  no bid\t%s\n", imp.NoBid)
	}
	for _, b := range imp.Bids {
		under := "in the open auction"
		if b.Deal != "" {
			under = "under deal " + b.Deal
		}
		fmt.Fprintf(w, "  bid\t%s %s %s: line item %d, creative %d\n", b.Price, b.Currency, under, b.LineItem, b.Creative)
	}
	names := make([]string, 0, len(imp.Reasons))
	for r := range imp.Reasons {
		names = append(names, r)
	}
	slices.Sort(names)
	for _, r := range names {
		fmt.Fprintf(w, "  line items\t%d %s\n", imp.Reasons[r], r)
	}
	for _, l := range imp.LineItems {
		fmt.Fprintf(w, "  %d %.40s\t%s\n", l.LineItem, l.Name, lineSummary(&l))
	}
}

// lineSummary is the first reason, what is behind it, and the rest.
func lineSummary(l *bidder.LineExplanation) string {
	s := l.First
	if len(l.Targeting) > 0 {
		var fields []string
		for _, r := range l.Targeting {
			fields = append(fields, string(r))
		}
		s += " (" + strings.Join(fields, ", ") + ")"
	}
	if len(l.Reasons) > 1 {
		s += "; also " + strings.Join(l.Reasons[1:], ", ")
	}
	for _, p := range l.Prices {
		s += fmt.Sprintf("; creative %d worth %s %s, floor %s %s", p.Creative, p.Value, p.Currency, p.Floor, p.FloorCur)
		if p.Deal != "" {
			s += " of deal " + p.Deal
		}
		if p.Bid != "" {
			s += fmt.Sprintf(", bid %s %s", p.Bid, p.BidCurrency)
		}
		if p.Cap != "" {
			s += ", capped by " + p.Cap
		}
	}
	return s
}
