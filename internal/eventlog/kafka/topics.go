package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	kafkago "github.com/segmentio/kafka-go"

	"bidhawk/internal/eventlog"
)

// EnsureTopics implements eventlog.Log. An existing topic keeps its
// configuration, which is the operator's; it is refused where it would lose
// records: another cleanup policy, or a retention on a topic kept for ever.
func (l *Log) EnsureTopics(ctx context.Context, topics ...eventlog.TopicConfig) error {
	ctx, cancel, err := l.during(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	names := make([]string, len(topics))
	for i, t := range topics {
		if err := l.checkConfig(t); err != nil {
			return fmt.Errorf("ensure topic %q: %w", t.Name, err)
		}
		names[i] = t.Name
	}
	return l.closedOr(l.ensure(ctx, topics, names))
}

func (l *Log) checkConfig(t eventlog.TopicConfig) error {
	if t.Name == "" || !topicName.MatchString(l.cfg.TopicPrefix+t.Name) {
		return fmt.Errorf("with prefix %q it is not a name that Kafka allows: 1 to 249 letters, digits, '.', '_' and '-'", l.cfg.TopicPrefix)
	}
	if t.Partitions < 1 || t.Retention < 0 {
		return fmt.Errorf("%d partitions, retention %v; want at least 1 and no negative retention", t.Partitions, t.Retention)
	}
	return nil
}

func (l *Log) ensure(ctx context.Context, topics []eventlog.TopicConfig, names []string) error {
	have, err := l.describe(ctx, names)
	if err != nil {
		return err
	}
	var missing []eventlog.TopicConfig
	for _, t := range topics {
		if have[t.Name] == 0 {
			missing = append(missing, t)
		}
	}
	if len(missing) > 0 {
		if err := l.create(ctx, missing); err != nil {
			return err
		}
		if have, err = l.appeared(ctx, names); err != nil {
			return err
		}
	}
	for _, t := range topics {
		if have[t.Name] != t.Partitions {
			return l.wrap(fmt.Sprintf("topic %q", l.cfg.TopicPrefix+t.Name),
				fmt.Errorf("it has %d partitions, want %d: %w", have[t.Name], t.Partitions, eventlog.ErrPartitionCount))
		}
	}
	return l.checkPolicies(ctx, topics)
}

// create makes topics; one that somebody else just made is fine.
func (l *Log) create(ctx context.Context, topics []eventlog.TopicConfig) error {
	req := &kafkago.CreateTopicsRequest{}
	for _, t := range topics {
		req.Topics = append(req.Topics, kafkago.TopicConfig{
			Topic:             l.cfg.TopicPrefix + t.Name,
			NumPartitions:     int(t.Partitions),
			ReplicationFactor: l.cfg.ReplicationFactor,
			ConfigEntries:     l.entries(t),
		})
	}
	return l.retry(ctx, fmt.Sprintf("create %d topics", len(topics)), func(ctx context.Context) error {
		res, err := l.client.CreateTopics(ctx, req)
		if err != nil {
			return err
		}
		for name, err := range res.Errors {
			if err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) {
				return fmt.Errorf("topic %q: %w", name, err)
			}
		}
		return nil
	})
}

// appeared waits until the cluster tells of every topic: making them is
// asynchronous, and so is our metadata.
func (l *Log) appeared(ctx context.Context, names []string) (map[string]int32, error) {
	var have map[string]int32
	err := l.retry(ctx, fmt.Sprintf("wait for topics %q", names), func(ctx context.Context) (err error) {
		have, err = l.describe(ctx, names)
		if err == nil && len(have) < len(names) {
			err = fmt.Errorf("%d of %d are known", len(have), len(names))
		}
		return err
	})
	return have, err
}

// maxBatchBytes is what Kafka takes in one batch, its own default.
const maxBatchBytes = 1048588

func (l *Log) entries(t eventlog.TopicConfig) []kafkago.ConfigEntry {
	policy, retention := "delete", int64(-1)
	if t.Compacted {
		policy = "compact"
	} else if t.Retention > 0 {
		retention = t.Retention.Milliseconds()
	}
	entries := []kafkago.ConfigEntry{
		{ConfigName: "cleanup.policy", ConfigValue: policy},
		{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(retention, 10)},
		{ConfigName: "retention.bytes", ConfigValue: "-1"},
		{ConfigName: "min.insync.replicas", ConfigValue: strconv.Itoa(l.cfg.minInsync())},
		{ConfigName: "unclean.leader.election.enable", ConfigValue: "false"},
		{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(maxBatchBytes)},
	}
	if t.Compacted {
		// Only closed segments are compacted; the default is to close one a week.
		entries = append(entries, kafkago.ConfigEntry{ConfigName: "segment.ms", ConfigValue: "3600000"})
	}
	return entries
}

// checkPolicies refuses topics whose configuration would lose our records.
func (l *Log) checkPolicies(ctx context.Context, topics []eventlog.TopicConfig) error {
	req := &kafkago.DescribeConfigsRequest{}
	for _, t := range topics {
		req.Resources = append(req.Resources, kafkago.DescribeConfigRequestResource{
			ResourceType: kafkago.ResourceTypeTopic,
			ResourceName: l.cfg.TopicPrefix + t.Name,
			ConfigNames:  []string{"cleanup.policy", "retention.ms", "retention.bytes"},
		})
	}
	return l.retry(ctx, "check the configuration of topics", func(ctx context.Context) error {
		res, err := l.client.DescribeConfigs(ctx, req)
		if err != nil {
			return err
		}
		got := make(map[string]kafkago.DescribeConfigResponseResource)
		for _, r := range res.Resources {
			if r.Error != nil {
				return fmt.Errorf("topic %q: %w", r.ResourceName, r.Error)
			}
			got[r.ResourceName] = r
		}
		for _, t := range topics {
			name := l.cfg.TopicPrefix + t.Name
			if err := checkPolicy(t, got[name].ConfigEntries); err != nil {
				return fmt.Errorf("topic %q: %w", name, err)
			}
		}
		return nil
	})
}

// errPolicy is permanent: only the operator can change it.
var errPolicy = errors.New("its configuration would lose records")

func checkPolicy(t eventlog.TopicConfig, entries []kafkago.DescribeConfigResponseConfigEntry) error {
	value := make(map[string]string, len(entries))
	for _, e := range entries {
		value[e.ConfigName] = e.ConfigValue
	}
	want := map[string]string{"cleanup.policy": "delete"}
	switch {
	case t.Compacted:
		want["cleanup.policy"] = "compact"
	case t.Retention == 0:
		want["retention.ms"], want["retention.bytes"] = "-1", "-1"
	}
	for name, w := range want {
		if value[name] != w {
			return fmt.Errorf("%s is %q, want %q: %w", name, value[name], w, errPolicy)
		}
	}
	return nil
}
