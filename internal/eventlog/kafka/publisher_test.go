package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/spill"
)

// The brokers fall silent, then come back: what was published meanwhile was
// acknowledged in time by the spill, and ends up in the log, in order.
func TestPublisherOutlivesSilence(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RequestTimeout, c.FetchWait = 200*time.Millisecond, 50*time.Millisecond })
	q, err := spill.Open(spill.Config{Dir: "spill", MaxBytes: 1 << 20, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	p, err := eventlog.NewPublisher(eventlog.PublisherConfig{
		Topics: []string{topic}, SpillAfter: 100 * time.Millisecond, RetryMin: time.Millisecond, AppendTimeout: time.Second,
	}, r.log, q)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(r.ctx)
	n := 0
	publish := func(count int) {
		for range count {
			if err := p.Publish(r.ctx, numbered(fmt.Sprint("k", n%2), n/2)); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	publish(10)
	r.conns.silence(true)
	publish(10)
	if s := p.Stats(); s.Spilled == 0 || s.LastError == nil {
		t.Errorf("while the brokers are silent: stats %+v", s)
	}
	r.conns.silence(false)
	publish(10)
	if err := p.WaitDrained(r.ctx); err != nil {
		t.Fatal(err)
	}
	publish(10)
	r.wantNumbers("k0", n/2)
	r.wantNumbers("k1", n/2)
}
