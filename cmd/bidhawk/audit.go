package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// auditCommand runs on a stopped server's state: the local log has one owner.
type auditCommand struct{ configFlag }

func (c *auditCommand) Run(ctx context.Context) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.LedgerDir()); err != nil {
		return fmt.Errorf("audit: data_dir %q has no ledger: %w", cfg.DataDir, err)
	}
	return auditState(ctx, cfg, os.Stdout)
}

var errNotClean = errors.New("the audit found violations")
