package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"bidhawk/internal/eventlog"
)

// BenchmarkAppend: one operation is one message of 300 bytes, acknowledged by
// the Kafka of BIDHAWK_KAFKA_BROKERS.
func BenchmarkAppend(b *testing.B) {
	for _, appenders := range []int{1, 64} {
		b.Run(fmt.Sprintf("appenders=%d", appenders), func(b *testing.B) {
			l := openLog(b, testConfig(realBrokers(b)))
			ctx := context.Background()
			if err := l.EnsureTopics(ctx, eventlog.TopicConfig{Name: topic, Partitions: 1}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(300)
			work := make(chan struct{}, 1024)
			var wg sync.WaitGroup
			for a := range appenders {
				wg.Go(func() {
					m := eventlog.Message{Topic: topic, Key: binary.BigEndian.AppendUint64(nil, uint64(a)), Value: make([]byte, 292)}
					for range work {
						if err := l.Append(ctx, m); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
		})
	}
}
