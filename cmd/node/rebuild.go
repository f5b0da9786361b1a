package node

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/pacing"
	"bidhawk/pacing/audit"
)

// Rebuild is what a rebuild did.
type Rebuild struct {
	pacing.Rebuilt
	Aside string // where the old directory is now; empty: there was none
	Audit *audit.Result
}

// RebuildLedger restores the ledger's directory of a node that does not run from
// the log, moves the old one aside, and audits what it made. The old one stays
// in its place until the new one is whole.
func RebuildLedger(ctx context.Context, c Config) (out Rebuild, err error) {
	lock, err := vfs.Default.Lock(c.path("lock"))
	if err != nil {
		return out, wrong("data_dir", c.DataDir, "the directory of a node that does not run: stop it first: "+err.Error())
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	log, err := OpenLog(ctx, c)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	made := c.LedgerDir() + ".rebuild"
	if err := os.RemoveAll(made); err != nil { // of a rebuild that was cut off
		return out, err
	}
	if out.Rebuilt, err = pacing.Rebuild(ctx, made, log); err != nil {
		return out, err
	}
	if _, err := os.Stat(c.LedgerDir()); err == nil {
		out.Aside = c.LedgerDir() + ".aside-" + Clock().Format("20060102T150405.000000000")
		if err := os.Rename(c.LedgerDir(), out.Aside); err != nil {
			return out, err
		}
	}
	if err := os.Rename(made, c.LedgerDir()); err != nil {
		return out, err
	}
	totals, err := pacing.ReadSnapshotBalances(ctx, c.LedgerDir(), log)
	if err != nil {
		return out, err
	}
	out.Audit, err = audit.Run(ctx, log, &audit.Expected{Next: totals.Next, Accounts: totals.Accounts})
	if err != nil {
		return out, fmt.Errorf("audit what was rebuilt: %w", err)
	}
	return out, nil
}
