package main

import (
	"context"
	"os"
	"time"

	"bidhawk/cmd/node"
	"bidhawk/loadtest"
)

type loadtestCommand struct {
	Target       string        `help:"Base URL of the server's bid listener." default:"http://127.0.0.1:8080"`
	Exchange     string        `help:"Exchange to be; several by comma." default:"demo"`
	Rate         float64       `help:"Requests per second; 0 is a closed loop." default:"500"`
	Arrivals     string        `help:"How an open loop spreads its requests." enum:"poisson,uniform" default:"poisson"`
	Duration     time.Duration `help:"How long to send." default:"30s"`
	Count        uint64        `help:"Stop after so many requests."`
	Connections  int           `help:"Keep-alive connections." default:"64"`
	Requests     string        `help:"Directory or file of requests to replay; none: generate." type:"path"`
	Auction      string        `help:"Price of the auction." enum:"first,second" default:"first"`
	Billing      string        `help:"What bills video and audio: the billing notice, or the VAST impression." enum:"burl,vast" default:"vast"`
	Formats      []string      `help:"Formats to send, each with an optional weight (video,native:2), or all; none: the plain banner workload." aliases:"mix"`
	Seat         string        `help:"The bidder's seat at the exchange: some requests and deals of --formats are for it." default:"bidhawk"`
	Domains      []string      `help:"Advertisers' domains that some deals of --formats are for." default:"acme-motors.example,blue-fjord.example"`
	TestShare    float64       `help:"Share of requests with test=1." default:"0"`
	PostShare    float64       `help:"Share of notices sent as POST." default:"0.1"`
	Users        int           `help:"Distinct users." default:"100000"`
	Seed         uint64        `help:"Seed of everything random." default:"1"`
	BidsOnly     bool          `help:"Send bid requests alone: no auction, no notices."`
	Retry        time.Duration `help:"How long a notice is retried until 2xx." default:"60s"`
	JSON         string        `help:"File for the result." type:"path"`
	Floor        bool          `help:"Measure a bare fasthttp server too, interleaved, and print the ratio."`
	FloorPairs   int           `help:"Interleaved pairs of --floor." default:"5"`
	Deals        []string      `help:"Deals to offer." default:"demo-deal-1,demo-deal-2,demo-deal-3,demo-deal-4,demo-deal-5"`
	StrictSecure bool          `help:"Want https of loopback URLs too."`
}

func (c *loadtestCommand) config() (loadtest.Config, error) {
	cfg := loadtest.Defaults()
	mix, err := loadtest.ParseMix(c.Formats)
	if err != nil {
		return cfg, err
	}
	cfg.Target, cfg.Exchange, cfg.Rate, cfg.Arrivals, cfg.Connections = c.Target, c.Exchange, c.Rate, c.Arrivals, c.Connections
	cfg.Duration, cfg.Count, cfg.Requests, cfg.Auction, cfg.Seed, cfg.JSON = c.Duration, c.Count, c.Requests, c.Auction, c.Seed, c.JSON
	cfg.BidsOnly, cfg.Users, cfg.StrictSecure, cfg.Floor, cfg.FloorWith.Pairs = c.BidsOnly, c.Users, c.StrictSecure, c.Floor, c.FloorPairs
	cfg.Billing, cfg.Generate.Mix, cfg.Generate.Seat, cfg.Generate.Domains = c.Billing, mix, c.Seat, c.Domains
	cfg.Generate.Deals, cfg.Generate.TestShare = c.Deals, c.TestShare
	cfg.Notices.RetryFor, cfg.Notices.PostShare = c.Retry, c.PostShare
	cfg.Now = node.Clock
	return cfg, nil
}

func (c *loadtestCommand) Run(ctx context.Context) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if cfg.Floor {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cfg.FloorWith.Command = []string{self, "floor-server"}
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	_, err = loadtest.Run(ctx, cfg, os.Stdout)
	return err
}

type floorServerCommand struct {
	Listen string `default:"127.0.0.1:0"`
}

func (c *floorServerCommand) Run(ctx context.Context) error {
	return loadtest.FloorServer(ctx, c.Listen, os.Stdout)
}
