package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"bidhawk/internal/eventlog"
)

func onBoth(t *testing.T, f func(t *testing.T, brokers []string)) {
	t.Run("stand-in", func(t *testing.T) { f(t, standIn(t).ListenAddrs()) })
	t.Run("kafka", func(t *testing.T) { f(t, realBrokers(t)) })
}

// makeTopic makes a topic as an operator would, past EnsureTopics.
func makeTopic(t *testing.T, l *Log, topic string, config ...kafkago.ConfigEntry) {
	t.Helper()
	name := l.cfg.TopicPrefix + topic
	res, err := l.client.CreateTopics(t.Context(), &kafkago.CreateTopicsRequest{Topics: []kafkago.TopicConfig{
		{Topic: name, NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: config},
	}})
	if err == nil {
		err = res.Errors[name]
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A topic that somebody made by hand with Kafka's defaults would forget money
// after a week: it is refused.
func TestTopicsThatLoseRecordsAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		l := openLog(t, testConfig(brokers))
		f := func(name string, c eventlog.TopicConfig, want error, entries ...kafkago.ConfigEntry) {
			t.Helper()
			c.Name, c.Partitions = name, 1
			makeTopic(t, l, name, entries...)
			if err := l.EnsureTopics(t.Context(), c); !errors.Is(err, want) {
				t.Errorf("%s: %v; want %v", name, err, want)
			}
		}
		set := func(name, value string) kafkago.ConfigEntry {
			return kafkago.ConfigEntry{ConfigName: name, ConfigValue: value}
		}
		f("week", eventlog.TopicConfig{}, errPolicy, set("retention.ms", "604800000"))
		f("size", eventlog.TopicConfig{}, errPolicy, set("retention.ms", "-1"), set("retention.bytes", "1000000"))
		f("deleting", eventlog.TopicConfig{Compacted: true}, errPolicy, set("cleanup.policy", "delete"))
		f("compacting", eventlog.TopicConfig{}, errPolicy, set("cleanup.policy", "compact"))
		f("forever", eventlog.TopicConfig{}, nil, set("retention.ms", "-1"))
		f("shorter", eventlog.TopicConfig{Retention: time.Hour}, nil, set("retention.ms", "60000")) // the operator's choice
		f("compact", eventlog.TopicConfig{Compacted: true}, nil, set("cleanup.policy", "compact"))
	})
}

// On a compacted partition offsets have gaps; a reader that starts anywhere, in
// a gap as well, sees exactly the records that are left from there.
func TestReadingAcrossCompaction(t *testing.T) {
	l := openLog(t, testConfig(realBrokers(t)))
	makeTopic(t, l, "c", kafkago.ConfigEntry{ConfigName: "cleanup.policy", ConfigValue: "compact"},
		kafkago.ConfigEntry{ConfigName: "segment.ms", ConfigValue: "50"},
		kafkago.ConfigEntry{ConfigName: "min.cleanable.dirty.ratio", ConfigValue: "0.001"})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	n := int64(0)
	add := func(keys, count int) {
		var msgs []eventlog.Message
		for i := range count {
			msgs = append(msgs, eventlog.Message{Topic: "c", Key: fmt.Append(nil, i%keys), Value: fmt.Append(nil, n)})
			n++
		}
		if err := l.Append(ctx, msgs...); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		add(7, 40)
	}
	var left []eventlog.Record
	for len(left) == 0 || len(left) > 60 { // each append may close a segment
		if ctx.Err() != nil {
			t.Fatalf("after a minute the broker has not compacted: %d of %d records are left", len(left), n)
		}
		add(1, 1)
		left = readFrom(t, l, eventlog.FirstOffset, n)
	}
	for offset := range n {
		want := left
		for len(want) > 0 && want[0].Offset < offset {
			want = want[1:]
		}
		got := readFrom(t, l, offset, n)
		// The broker may have compacted further since: what we see now must be
		// among what we saw, and end the same.
		if len(got) == 0 || got[len(got)-1].Offset != n-1 || len(got) > len(want) {
			t.Fatalf("from offset %d: %d records; want at most %d, up to offset %d", offset, len(got), len(want), n-1)
		}
		newest := map[string]string{}
		for _, r := range got {
			newest[string(r.Key)] = string(r.Value)
		}
		for _, r := range want {
			if v, ok := newest[string(r.Key)]; !ok || len(v) < len(r.Value) || v < string(r.Value) && len(v) == len(r.Value) {
				t.Fatalf("from offset %d: key %s is %q; offset %d had %q", offset, r.Key, v, r.Offset, r.Value)
			}
		}
	}
}

// readFrom reads partition 0 of topic c from offset until offset end-1.
func readFrom(t *testing.T, l *Log, offset, end int64) []eventlog.Record {
	t.Helper()
	r, err := l.Read(t.Context(), "c", 0, offset)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []eventlog.Record
	for len(out) == 0 || out[len(out)-1].Offset < end-1 {
		more, err := r.Fetch(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, more...)
	}
	return out
}
