package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bidhawk/campaigns/sqlstore"
	"bidhawk/campaigns/taxonomy"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/kafka"
	"bidhawk/internal/eventlog/local"
)

// Clock is the one clock of a process: only cmd reads the real one. Its times
// are in UTC, as records give them, wherever the machine stands.
func Clock() time.Time { return time.Now().UTC() }

// OpenLog opens the configured event log and makes its topics.
func OpenLog(ctx context.Context, c Config) (eventlog.Log, error) {
	var log eventlog.Log
	var err error
	if c.EventLog.Backend == "kafka" {
		log, err = kafka.Open(kafka.Config{
			Brokers: c.EventLog.Kafka.Brokers, Clock: Clock, TopicPrefix: c.EventLog.Kafka.TopicPrefix,
			ReplicationFactor: c.EventLog.Kafka.ReplicationFactor,
		})
	} else {
		log, err = local.Open(local.Config{Dir: filepath.Join(c.DataDir, "log"), Clock: Clock})
	}
	if err != nil {
		return nil, fmt.Errorf("open the event log (%s): %w", c.EventLog.Backend, err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = log.EnsureTopics(ctx, eventlog.Topics(int32(c.EventLog.Partitions))...)
	if errors.Is(err, eventlog.ErrPartitionCount) {
		err = wrong("event_log.partitions", c.EventLog.Partitions, "the count that the installation began with: "+err.Error())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make topics (%s): %w", c.EventLog.Backend, err), log.Close())
	}
	return log, nil
}

// OpenTaxonomy reads the audience taxonomy.
func OpenTaxonomy(c Config) (*taxonomy.Taxonomy, error) {
	f, err := os.Open(c.Campaigns.TaxonomyFile)
	if err != nil {
		return nil, wrong("campaigns.taxonomy_file", c.Campaigns.TaxonomyFile, "a file that can be read: "+err.Error())
	}
	defer f.Close()
	t, err := taxonomy.Load(f)
	if err != nil {
		return nil, fmt.Errorf("setting campaigns.taxonomy_file: %s: %w", c.Campaigns.TaxonomyFile, err)
	}
	return t, nil
}

// path is a file or directory of the node's own state.
func (c Config) path(name string) string { return filepath.Join(c.DataDir, name) }

// OpenCampaigns opens the store of the advertisers' world.
func OpenCampaigns(ctx context.Context, c Config) (*sqlstore.Store, error) {
	source, err := c.CampaignsDatabase()
	if err != nil {
		return nil, err
	}
	return sqlstore.Open(ctx, source, Clock)
}

// LedgerDir is where the pacer keeps its snapshots.
func (c Config) LedgerDir() string { return c.path("ledger") }

// OperatorKeyFile is where the first operator's API key is written.
func (c Config) OperatorKeyFile() string {
	if c.Secrets.OperatorFile != "" {
		return c.Secrets.OperatorFile
	}
	return filepath.Join(c.DataDir, "secrets", "operator.key")
}
