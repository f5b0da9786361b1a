package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"bidhawk/campaigns"
	"bidhawk/campaigns/taxonomy"
)

// ImportCampaigns writes a file of campaigns, all of it or none, into the state
// of a node that does not run.
func ImportCampaigns(ctx context.Context, c Config, tags *taxonomy.Taxonomy, r io.Reader) (s campaigns.ImportSummary, err error) {
	if err := os.MkdirAll(c.DataDir, 0o755); err != nil {
		return s, fmt.Errorf("import campaigns: %w", err)
	}
	store, err := OpenCampaigns(ctx, c)
	if err != nil {
		return s, fmt.Errorf("import campaigns: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return campaigns.ImportYAML(ctx, store, tags, r, Clock())
}
