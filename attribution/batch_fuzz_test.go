package attribution

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"bidhawk/internal/eventlog"
)

// FuzzRecord feeds any bytes to any topic: each is counted or a dead letter,
// none stops the consumer.
func FuzzRecord(f *testing.F) {
	l := newMemLog(1)
	someEvents(l)
	for i, topic := range topics {
		for _, rec := range l.logs[partition{topic, 0}] {
			f.Add(i, rec.Value)
		}
	}
	f.Add(0, []byte(`{"v":1,"type":"win","at":"9999-12-31T23:59:59Z","bid":"00000000000000070000000000000001","advertiser":9223372036854775807,"line_item":1}`))
	s := open(f, filepath.Join(f.TempDir(), "r.db"), Config{}, testDeps(newMemLog(1)))
	f.Cleanup(func() { s.Close() })
	if _, err := s.assign(context.Background()); err != nil {
		f.Fatal(err)
	}
	offset := int64(0)
	f.Fuzz(func(t *testing.T, topic int, value []byte) {
		if topic < 0 || topic >= len(topics) {
			return
		}
		offset++
		rec := eventlog.Record{Topic: topics[topic], Offset: offset, Time: t0.Add(time.Duration(offset)), Key: []byte("k"), Value: value}
		if err := s.apply(context.Background(), []fetch{{partition{topics[topic], 0}, []eventlog.Record{rec}}}); err != nil {
			t.Fatalf("%s %q stops the consumer: %v", topics[topic], value, err)
		}
	})
}
