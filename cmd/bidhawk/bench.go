package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"bidhawk/campaigns/taxonomy"
	"bidhawk/cmd/node"
	"bidhawk/loadtest"
)

// benchCommand measures a whole node over HTTP: requests per second against a
// bare server, and the handler's time at half the saturated rate.
type benchCommand struct {
	configFlag
	Lines       int           `help:"Line items." default:"1000"`
	Users       int           `help:"Profiles." default:"100000"`
	Duration    time.Duration `help:"Of the interleaved measurement, and again of the run at half the rate." default:"40s"`
	Pairs       int           `help:"Interleaved pairs." default:"7"`
	Connections int           `help:"Keep-alive connections." default:"64"`
	Seed        uint64        `default:"1"`
}

func (c *benchCommand) Run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "bidhawk-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	env := append(os.Environ(), "BIDHAWK_DATA_DIR="+filepath.Join(dir, "data"), "BIDHAWK_LOG_LEVEL=warn")
	cfg, err := node.Load(c.Config, env)
	if err != nil {
		return err
	}
	if err := c.prepare(ctx, cfg); err != nil {
		return err
	}
	s, err := startServer(c.Config, cfg, env, filepath.Join(dir, "server.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop(15*time.Second)) }()
	if err := waitReady(ctx, cfg.Listen.Operations, s.exited, 2*time.Minute); err != nil {
		return errors.Join(err, s.tail())
	}
	rps, err := c.floor(ctx, cfg)
	if err != nil {
		return err
	}
	return c.half(ctx, cfg, rps/2)
}

// load is what both measurements share: bid requests alone.
func (c *benchCommand) load(cfg node.Config) loadtest.Config {
	load := loadtest.Defaults()
	load.Target, load.Exchange = "http://"+cfg.Listen.Bids, "demo"
	load.Users, load.Seed, load.Connections, load.Duration, load.BidsOnly = c.Users, c.Seed, c.Connections, c.Duration, true
	load.Now = node.Clock
	return load
}

// floor runs the server and the bare one in turn, and returns the server's median rate.
func (c *benchCommand) floor(ctx context.Context, cfg node.Config) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	// The first leases take a moment: without them every bid is refused.
	warm := c.load(cfg)
	warm.Rate, warm.Duration = 500, 5*time.Second
	if _, err := loadtest.Run(ctx, warm, io.Discard); err != nil {
		return 0, err
	}
	load := c.load(cfg)
	load.Rate, load.Floor = 0, true
	load.FloorWith.Command, load.FloorWith.Pairs = []string{self, "floor-server"}, c.Pairs
	fmt.Printf("%d line items, %d profiles, closed loop, %d connections\n", c.Lines, c.Users, c.Connections)
	res, err := loadtest.Run(ctx, load, os.Stdout)
	if err != nil {
		return 0, err
	}
	return res.FloorReport.Target.RPS.Median, nil
}

// half measures the handler at a fixed rate, by the server's own histogram.
func (c *benchCommand) half(ctx context.Context, cfg node.Config, rate float64) error {
	load := c.load(cfg)
	load.Rate = rate
	before, err := scrapeHandler(ctx, cfg)
	if err != nil {
		return err
	}
	res, err := loadtest.Run(ctx, load, io.Discard)
	if err != nil {
		return err
	}
	after, err := scrapeHandler(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Printf("\nat half the saturated rate, open loop of %.0f requests/s for %v: %d sent, %.1f%% with a bid\n",
		rate, c.Duration, res.Sent, 100*float64(res.Bids)/float64(max(res.Sent, 1)))
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tp50\tp99\tp99.9\t")
	fmt.Fprintf(t, "handler (body read to answer built), at most\t%v\t%v\t%v\t\n", after.quantile(before, 0.5), after.quantile(before, 0.99), after.quantile(before, 0.999))
	l := res.LatencyUS
	fmt.Fprintf(t, "answer, from the scheduled instant\t%d µs\t%d µs\t%d µs\t\n", l.P50, l.P99, l.P999)
	return t.Flush()
}

func (c *benchCommand) prepare(ctx context.Context, cfg node.Config) error {
	tags, err := node.OpenTaxonomy(cfg)
	if err != nil {
		return err
	}
	if _, err := node.ImportCampaigns(ctx, cfg, tags, bytes.NewReader(benchWorld(c.Lines, c.Seed, tags))); err != nil {
		return fmt.Errorf("the bench's campaigns: %w", err)
	}
	return node.SeedUsers(ctx, cfg, tags, c.Users, loadtest.UserName, c.Seed)
}

// benchWorld is a file of campaigns: ten advertisers with lines line items
// between them, each with several targeted dimensions, and budgets that never bind.
func benchWorld(lines int, seed uint64, tags *taxonomy.Taxonomy) []byte {
	r := rand.New(rand.NewPCG(seed, 42))
	var paths []string
	for _, t := range tags.Tags() {
		paths = append(paths, t.Path)
	}
	var b bytes.Buffer
	const advertisers = 10
	sizes := [][2]int{{300, 250}, {728, 90}, {320, 50}, {160, 600}, {970, 250}, {336, 280}}
	section := func(name string) { fmt.Fprintf(&b, "%s:\n", name) }
	section("agencies")
	b.WriteString("  - {key: a, name: Bench, platform_fee_ppm: 100000}\n")
	section("advertisers")
	for i := range advertisers {
		fmt.Fprintf(&b, "  - {key: v%d, agency: a, name: Advertiser %d, currency: USD, time_zone: America/New_York, domain: brand%d.example, redirect_hosts: [www.brand%d.example]}\n", i, i, i, i)
	}
	section("campaigns")
	for i := range advertisers {
		fmt.Fprintf(&b, "  - {key: c%d, advertiser: v%d, name: Campaign %d, start: now, end: +300d, budget: {lifetime_nanos: 900000000000000000}}\n", i, i, i)
	}
	section("creatives")
	for i := range advertisers {
		for _, s := range sizes {
			fmt.Fprintf(&b, "  - {key: v%d-%dx%d, advertiser: v%d, name: Ad, w: %d, h: %d, image_url: \"https://cdn.example/%d/%dx%d.jpg\", landing_url: \"https://www.brand%d.example/\", cat: [IAB%d]}\n",
				i, s[0], s[1], i, s[0], s[1], i, s[0], s[1], i, 1+i)
		}
	}
	section("line_items")
	for i := range lines {
		v := i % advertisers
		fmt.Fprintf(&b, "  - key: l%d\n    campaign: c%d\n    name: Line %d\n    pricing: cpm\n    pacing: asap\n    price_micros: %d\n    max_bid_micros: %d\n    budget: {lifetime_nanos: 400000000000000000}\n",
			i, v, i, 1_000_000+r.IntN(9_000_000), 10_000_000)
		var keys []string
		for _, s := range sizes {
			keys = append(keys, fmt.Sprintf("v%d-%dx%d", v, s[0], s[1]))
		}
		fmt.Fprintf(&b, "    creatives: [%s]\n    targeting:\n", strings.Join(keys, ", "))
		writeBenchTargeting(&b, r, paths)
	}
	return b.Bytes()
}

func writeBenchTargeting(b *bytes.Buffer, r *rand.Rand, paths []string) {
	pick := func(from []string, n int) string {
		var out []string
		for _, i := range r.Perm(len(from))[:min(n, len(from))] {
			out = append(out, from[i])
		}
		return strings.Join(out, ", ")
	}
	countries := []string{"USA", "CAN", "GBR", "DEU", "FRA", "JPN", "CHN", "BRA", "IND", "AUS"}
	fmt.Fprintf(b, "      countries: {include: [%s]}\n", pick(countries, 1+r.IntN(4)))
	if r.IntN(2) == 0 {
		fmt.Fprintf(b, "      device_types: [%s]\n", pick([]string{"1", "2", "4", "5"}, 1+r.IntN(3)))
	}
	if r.IntN(3) == 0 {
		fmt.Fprintf(b, "      os: [%s]\n", pick([]string{"ios", "android", "windows", "macos"}, 1+r.IntN(3)))
	}
	var hours []string
	for h := range 168 {
		if r.IntN(4) > 0 {
			hours = append(hours, fmt.Sprint(h))
		}
	}
	if r.IntN(3) == 0 {
		fmt.Fprintf(b, "      hours_of_week: [%s]\n", strings.Join(hours, ", "))
	}
	var domains []string
	for range 20 {
		domains = append(domains, loadtest.SiteDomain(r.IntN(200)))
	}
	fmt.Fprintf(b, "      domains: {exclude: [%s]}\n", pick(unique(domains), 10))
	if r.IntN(2) == 0 {
		fmt.Fprintf(b, "      categories: {exclude: [IAB%d, IAB%d]}\n", 23+r.IntN(2), 25+r.IntN(2))
	}
	if r.IntN(3) > 0 {
		fmt.Fprintf(b, "      tags: {any_of: [[%s]], none_of: [%s]}\n", pick(paths, 1+r.IntN(8)), pick(paths, 1))
	}
}

func unique(list []string) (out []string) {
	seen := make(map[string]bool)
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
