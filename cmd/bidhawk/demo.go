package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bidhawk/cmd/node"
	"bidhawk/loadtest"
)

// demoCommand shows everything at once: a node on a fresh directory with the
// demo campaigns and simulated users, an exchange that drives it, and the
// reconciliation of the exchange's bill, the ledger and the report.
type demoCommand struct {
	configFlag
	Campaigns string        `help:"File of campaigns to start with." default:"configs/demo/campaigns.yaml" type:"path"`
	Duration  time.Duration `help:"How long the exchange sends requests." default:"60s"`
	Rate      float64       `help:"Requests per second." default:"400"`
	Users     int           `help:"Simulated users with profiles." default:"100000"`
	Formats   []string      `help:"Formats that the exchange offers, as in loadtest." default:"all"`
	Kafka     []string      `help:"Brokers of a Kafka to use instead of the local log."`
	Forever   bool          `help:"Keep server and exchange running until Ctrl-C."`
	Keep      bool          `help:"Keep the directory afterwards."`
	Seed      uint64        `help:"Seed of the simulated world." default:"1"`
}

func (c *demoCommand) Run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "bidhawk-demo-")
	if err != nil {
		return err
	}
	if !c.Keep {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	cfg, env, err := c.settings(dir)
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
	if err := waitReady(ctx, cfg.Listen.Operations, s.exited, time.Minute); err != nil {
		return errors.Join(err, s.tail())
	}
	api, err := newClient(cfg)
	if err != nil {
		return err
	}
	c.greet(cfg, api, dir)
	result, err := c.drive(ctx, cfg)
	if ctx.Err() != nil {
		fmt.Println("\nInterrupted: the server stops; without the exchange's last notices there is nothing to reconcile.")
		return nil
	}
	if err != nil {
		return err
	}
	if err := reconcile(ctx, api, result, os.Stdout); err != nil {
		return err
	}
	if err := s.stop(15 * time.Second); err != nil {
		return err
	}
	fmt.Println("\nThe server has stopped. The independent auditor reads the money log from its start:")
	return auditState(ctx, cfg, os.Stdout)
}

// settings are the configuration of the demo's node, and the environment that
// gives the same to its process.
func (c *demoCommand) settings(dir string) (node.Config, []string, error) {
	env := append(os.Environ(), "BIDHAWK_DATA_DIR="+filepath.Join(dir, "data"), "BIDHAWK_LOG_LEVEL=info")
	if len(c.Kafka) > 0 {
		env = append(env, "BIDHAWK_EVENT_LOG_BACKEND=kafka",
			"BIDHAWK_EVENT_LOG_KAFKA_BROKERS=["+strings.Join(c.Kafka, ",")+"]",
			"BIDHAWK_EVENT_LOG_KAFKA_TOPIC_PREFIX="+filepath.Base(dir)+".")
	}
	cfg, err := node.Load(c.Config, env)
	return cfg, env, err
}

// prepare writes the campaigns and feeds the users' profiles through the log.
func (c *demoCommand) prepare(ctx context.Context, cfg node.Config) error {
	tags, err := node.OpenTaxonomy(cfg)
	if err != nil {
		return err
	}
	f, err := os.Open(c.Campaigns)
	if err != nil {
		return err
	}
	defer f.Close()
	summary, err := node.ImportCampaigns(ctx, cfg, tags, f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Campaigns, err)
	}
	fmt.Printf("Campaigns: %v.\n", summary)
	began := node.Clock()
	if err := node.SeedUsers(ctx, cfg, tags, c.Users, loadtest.UserName, c.Seed); err != nil {
		return err
	}
	fmt.Printf("Audience: %d simulated users' profiles fed through the log in %v.\n", c.Users, node.Clock().Sub(began).Round(time.Millisecond))
	return nil
}

func (c *demoCommand) greet(cfg node.Config, api *client, dir string) {
	fmt.Printf(`
Bidhawk is up.
  console       http://%s/#key=%s
  live page     http://%s/live/#key=%s
  API           http://%s/openapi.json
  metrics       http://%s/metrics
  bid requests  POST %s/openrtb2/demo
  server's log  %s

An exchange now sends %g bid requests a second for %v.
`, cfg.Listen.API, api.key, cfg.Listen.API, api.key, cfg.Listen.API, cfg.Listen.Operations, cfg.PublicURL, filepath.Join(dir, "server.log"), c.Rate, c.Duration)
}

// drive is the exchange.
func (c *demoCommand) drive(ctx context.Context, cfg node.Config) (*loadtest.Result, error) {
	load := loadtest.Defaults()
	load.Target, load.Exchange, load.Rate, load.Duration = "http://"+cfg.Listen.Bids, "demo", c.Rate, c.Duration
	load.Users, load.Seed, load.Now = c.Users, c.Seed, node.Clock
	mix, err := loadtest.ParseMix(c.Formats)
	if err != nil {
		return nil, err
	}
	load.Generate.Deals, load.Generate.Mix, load.Generate.Domains = demoDeals, mix, demoDomains
	load.Generate.Seat, load.Billing = cfg.Exchanges["demo"].Seat, "vast"
	if c.Forever {
		load.Duration = 365 * 24 * time.Hour
	}
	rows := 0
	load.ProgressEvery = time.Second
	load.OnProgress = func(s loadtest.Snapshot) {
		if rows%20 == 0 {
			fmt.Println("\n" + loadtest.SnapshotHeader())
		}
		rows++
		fmt.Println(s)
	}
	return loadtest.Run(ctx, load, io.Discard)
}

var demoDomains = []string{"acme-motors.example", "blue-fjord.example"}

var demoDeals = []string{"demo-deal-1", "demo-deal-2", "demo-deal-3", "demo-deal-4", "demo-deal-5"}
