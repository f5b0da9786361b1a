package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"bidhawk/cmd/node"
	"bidhawk/pacing"
	"bidhawk/pacing/audit"
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
	log, err := node.OpenLog(ctx, cfg)
	if err != nil {
		return fmt.Errorf("audit (the server must be stopped): %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	totals, err := pacing.ReadSnapshotBalances(ctx, cfg.LedgerDir(), log)
	if err != nil {
		return err
	}
	res, err := audit.Run(ctx, log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts})
	if err != nil {
		return err
	}
	if _, err := res.WriteTo(os.Stdout); err != nil {
		return err
	}
	if !res.Clean() {
		return errNotClean
	}
	return nil
}
