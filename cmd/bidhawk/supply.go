package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"bidhawk/bidder/supply"
	"bidhawk/cmd/node"
)

type supplyCommand struct {
	Fetch supplyFetch `cmd:"" help:"Fetch ads.txt, app-ads.txt and sellers.json into the cache that nodes read."`
}

// supplyFetch fills the cache of who may sell.
type supplyFetch struct {
	configFlag
	Dir         string   `help:"The cache. Default: supply.cache_dir of the configuration."`
	Sites       []string `help:"Domains of sites, whose ads.txt is fetched."`
	Developers  []string `help:"Domains of app developers, whose app-ads.txt is fetched."`
	Systems     []string `help:"Domains of advertising systems, whose sellers.json is fetched."`
	SitesFile   string   `help:"A file with one site's domain a line; - reads standard input."`
	UserAgent   string   `help:"Who crawls and where to complain, as servers see it." default:"bidhawk-supply (+https://github.com/bidhawk/bidhawk)"`
	Concurrency int      `help:"Requests at once." default:"16"`
}

func (c *supplyFetch) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if c.Dir == "" {
		c.Dir = cfg.Supply.CacheDir
	}
	if c.Dir == "" {
		return &node.SettingError{Setting: "supply.cache_dir", Value: "", Want: "a directory, here or by --dir"}
	}
	want := supply.Wanted{Sites: c.Sites, Developers: c.Developers, AdSystems: c.Systems}
	if c.SitesFile != "" {
		more, err := readDomains(c.SitesFile)
		if err != nil {
			return err
		}
		want.Sites = append(want.Sites, more...)
	}
	if len(want.Sites)+len(want.Developers)+len(want.AdSystems) == 0 {
		return errors.New("nothing to fetch: want --sites, --sites-file, --developers or --systems")
	}
	r, err := supply.Fetch(ctx, supply.FetchConfig{Dir: c.Dir, Concurrency: c.Concurrency, UserAgent: c.UserAgent, Clock: node.Clock, Progress: os.Stderr}, want)
	fmt.Println(r)
	return err
}

// readDomains reads one domain a line; blank lines and those after # are none.
func readDomains(path string) (domains []string, err error) {
	in, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	s := bufio.NewScanner(in)
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			domains = append(domains, line)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return domains, nil
}
