package local

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"bidhawk/internal/eventlog"
)

// BenchmarkAppend: one operation is one durable append of a 300-byte message,
// on the disk of TMPDIR.
func BenchmarkAppend(b *testing.B) {
	for _, appenders := range []int{1, 64} {
		b.Run(fmt.Sprintf("appenders=%d", appenders), func(b *testing.B) {
			l := benchLog(b)
			b.ReportAllocs()
			b.SetBytes(300)
			work := make(chan struct{}, 1024)
			var wg sync.WaitGroup
			for a := range appenders {
				wg.Go(func() {
					m := benchMessage(uint64(a))
					for range work {
						if err := l.Append(context.Background(), m); err != nil {
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

// BenchmarkRead: one operation is one record of 300 bytes, fetched by the thousand.
func BenchmarkRead(b *testing.B) {
	const n = 100_000
	l := benchLog(b)
	msgs := make([]eventlog.Message, n)
	for i := range msgs {
		msgs[i] = benchMessage(uint64(i))
	}
	if err := l.Append(context.Background(), msgs...); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(300)
	var r eventlog.Reader
	left := 0
	for b.Loop() {
		if left > 0 {
			left--
			continue
		}
		if r == nil || r.(*reader).next == n {
			var err error
			if r, err = l.Read(context.Background(), "t", 0, eventlog.FirstOffset); err != nil {
				b.Fatal(err)
			}
		}
		rs, err := r.Fetch(context.Background(), 1000)
		if err != nil {
			b.Fatal(err)
		}
		left = len(rs) - 1
	}
}

func benchMessage(key uint64) eventlog.Message {
	return eventlog.Message{Topic: "t", Key: binary.BigEndian.AppendUint64(nil, key), Value: make([]byte, 292)}
}

func benchLog(b *testing.B) *Log {
	l, err := Open(Config{Dir: b.TempDir(), Clock: time.Now, MaintainEvery: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	if err := l.EnsureTopics(context.Background(), eventlog.TopicConfig{Name: "t", Partitions: 1}); err != nil {
		b.Fatal(err)
	}
	return l
}
