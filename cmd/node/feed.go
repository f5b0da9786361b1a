package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bidhawk/attribution/feed"
	"bidhawk/internal/sqldb"
)

// Feed is about the advertisers' raw events in files (docs/feed.md).
type Feed struct {
	Dir        string        `yaml:"dir"`         // empty: none are written
	CloseAfter time.Duration `yaml:"close_after"` // how long after its end an hour stays open
}

// openEventFeed opens the feed where one is configured. Its database is beside its
// files: one is of no use without the other.
func (n *Node) openEventFeed(ctx context.Context) (err error) {
	c := n.cfg.Feed
	if c.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return wrong("feed.dir", c.Dir, "a directory that can be made: "+err.Error())
	}
	n.events, err = feed.Open(ctx, feed.Config{
		Database: sqldb.Source{File: filepath.Join(c.Dir, "feed.db")}, CloseAfter: c.CloseAfter,
	}, feed.Deps{Log: n.log, Files: feed.Dir(c.Dir), Now: Clock, Failed: n.warn("the event feed waits; trying again")})
	if err != nil {
		return fmt.Errorf("open the event feed: %w", err)
	}
	n.onClose(n.events.Close)
	return nil
}

func (c *Config) checkFeed() error {
	if c.Feed.CloseAfter <= 0 || c.Feed.CloseAfter > 24*time.Hour {
		return wrong("feed.close_after", c.Feed.CloseAfter, "a duration up to 24h")
	}
	return nil
}
