package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"bidhawk/cmd/node"
)

type exposuresCommand struct {
	Fetch exposuresFetch `cmd:"" help:"Start this node's counts of frequency caps from those of a running node; before its first start."`
}

// exposuresFetch runs before a node's first start.
type exposuresFetch struct {
	configFlag
	From string `help:"Address of the running node's API, such as http://10.0.0.7:8081; BIDHAWK_API_KEY is an operator's key there." required:""`
}

func (c *exposuresFetch) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.From, "/")+"/v1/exposures/snapshot", nil)
	if err != nil {
		return fmt.Errorf("from %q: want the address of an API: %w", c.From, err)
	}
	api, err := newClient(cfg)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+api.key)
	resp, err := api.http.Do(req)
	if err != nil {
		return fmt.Errorf("from %q: %w", c.From, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if err != nil {
			return fmt.Errorf("from %q: %w", c.From, err)
		}
		return problem(req.Method, req.URL.Path, resp.Status, b)
	}
	if err := node.RestoreExposures(cfg, resp.Body); err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "The counts of %s are in %s.\n", c.From, cfg.DataDir)
	return nil
}
