// Package local is the event log in one directory, on Pebble. Appends of
// concurrent callers share one fsync; compacted topics keep the newest record
// of each key; the others forget by age.
//
// Locks, in order: life (held shared by everything that touches the store),
// topics, then a partition's. Only the committer advances a partition's next;
// only maintenance advances its first.
package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/group"
)

// Log implements eventlog.Log. It is safe for concurrent use.
type Log struct {
	cfg     Config
	commits *group.Committer[[]entry]
	closed  chan struct{} // closed first: wakes readers and stops maintenance
	once    sync.Once
	stopped sync.WaitGroup // the maintenance goroutine

	// life: everybody who touches db holds it shared; Close holds it alone.
	life struct {
		sync.RWMutex
		db *pebble.DB // nil once closed
	}
	topics struct {
		sync.RWMutex
		byName map[string]*topic
		nextID uint32
	}
	maintain sync.Mutex // one maintenance run at a time
}

var _ eventlog.Log = (*Log)(nil)

type topic struct {
	name       string
	stored     storedTopic // retention may change under topics' lock
	partitions []*partition
}

// partition is the state of one partition in memory. Invariant: every offset
// in [first, next) that still has a record is durable, and no other is visible.
type partition struct {
	topic *topic
	id    int32

	mu struct {
		sync.Mutex
		first, next int64
		lastNanos   int64         // time never runs backwards within a partition
		grown       chan struct{} // closed and replaced when next or first advances
	}
}

// entry is one message on its way to the committer.
type entry struct {
	part   *partition
	record []byte
}

// limits of one commit.
const (
	commitMaxCalls = 4096
	commitMaxBytes = 8 << 20
)

// Open opens or creates the log in cfg.Dir.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	db, err := openStore(cfg)
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, closed: make(chan struct{})}
	l.life.db = db
	l.topics.byName = make(map[string]*topic)
	if err := l.load(db); err != nil {
		return nil, errors.Join(fmt.Errorf("open event log %q: %w", cfg.Dir, err), db.Close())
	}
	l.commits = group.New(group.Config[[]entry]{
		Commit:   l.commit,
		Size:     entriesSize,
		MaxItems: commitMaxCalls,
		MaxBytes: commitMaxBytes,
	})
	if cfg.MaintainEvery > 0 {
		l.stopped.Go(l.maintainLoop)
	}
	return l, nil
}

func entriesSize(es []entry) int {
	n := 0
	for _, e := range es {
		n += len(e.record)
	}
	return n
}

// Append implements eventlog.Log.
func (l *Log) Append(ctx context.Context, msgs ...eventlog.Message) error {
	if len(msgs) == 0 {
		return ctx.Err()
	}
	entries, err := l.encode(msgs)
	if err != nil {
		return err
	}
	err = l.commits.Do(ctx, entries)
	if errors.Is(err, group.ErrClosed) {
		return fmt.Errorf("append to topic %q: %w", msgs[0].Topic, eventlog.ErrClosed)
	}
	return err
}

// encode checks msgs and copies them into records, all in one buffer.
func (l *Log) encode(msgs []eventlog.Message) ([]entry, error) {
	size := 0
	for i := range msgs {
		if err := eventlog.Check(&msgs[i]); err != nil {
			return nil, err
		}
		size += recordSize(&msgs[i])
	}
	l.topics.RLock()
	defer l.topics.RUnlock()
	entries := make([]entry, len(msgs))
	buf := make([]byte, 0, size)
	for i := range msgs {
		m := &msgs[i]
		t := l.topics.byName[m.Topic]
		if t == nil {
			return nil, fmt.Errorf("append to topic %q: %w", m.Topic, eventlog.ErrUnknownTopic)
		}
		start := len(buf)
		buf = appendRecord(buf, m)
		entries[i] = entry{
			part:   t.partitions[eventlog.PartitionOf(m.Key, int32(len(t.partitions)))],
			record: buf[start:len(buf):len(buf)],
		}
	}
	return entries, nil
}

// commit runs on the committer's goroutine: offsets are given in the order of
// calls, one fsync makes them all durable, then readers see them.
func (l *Log) commit(calls [][]entry) error {
	db, release, err := l.hold()
	if err != nil {
		return err
	}
	defer release()
	b := db.NewBatch()
	defer b.Close()
	now := l.cfg.Clock().UnixNano()
	grown := make(map[*partition]*growth)
	for _, entries := range calls {
		for _, e := range entries {
			g := grown[e.part]
			if g == nil {
				g = e.part.growth(now)
				grown[e.part] = g
			}
			stamp(e.record, g.nanos)
			key := offsetKey(kindRecord, e.part.topic.stored.id, e.part.id, g.next)
			if err := b.Set(key, e.record, nil); err != nil {
				return fmt.Errorf("append to topic %q: %w", e.part.topic.name, err)
			}
			g.next++
		}
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("append %d calls: %w", len(calls), err)
	}
	for p, g := range grown {
		p.grow(*g)
	}
	return nil
}

// growth is what a commit adds to a partition.
type growth struct {
	next  int64
	nanos int64
}

func (p *partition) growth(now int64) *growth {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &growth{next: p.mu.next, nanos: max(now, p.mu.lastNanos)}
}

func (p *partition) grow(g growth) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.next, p.mu.lastNanos = g.next, g.nanos
	p.wakeLocked()
}

func (p *partition) wakeLocked() {
	close(p.mu.grown)
	p.mu.grown = make(chan struct{})
}

// bounds returns the offsets held and a channel closed when they change.
func (p *partition) bounds() (first, next int64, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.first, p.mu.next, p.mu.grown
}

// hold keeps the store open until release, or returns ErrClosed.
func (l *Log) hold() (db *pebble.DB, release func(), err error) {
	l.life.RLock()
	if l.life.db == nil {
		l.life.RUnlock()
		return nil, nil, eventlog.ErrClosed
	}
	return l.life.db, l.life.RUnlock, nil
}

// Partitions implements eventlog.Log.
func (l *Log) Partitions(ctx context.Context, name string) (int32, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	_, release, err := l.hold()
	if err != nil {
		return 0, err
	}
	defer release()
	t, err := l.topic(name)
	if err != nil {
		return 0, err
	}
	return int32(len(t.partitions)), nil
}

// Bounds implements eventlog.Log.
func (l *Log) Bounds(ctx context.Context, name string, id int32) (first, next int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	_, release, err := l.hold()
	if err != nil {
		return 0, 0, err
	}
	defer release()
	p, err := l.partition(name, id)
	if err != nil {
		return 0, 0, err
	}
	first, next, _ = p.bounds()
	return first, next, nil
}

func (l *Log) topic(name string) (*topic, error) {
	l.topics.RLock()
	defer l.topics.RUnlock()
	t := l.topics.byName[name]
	if t == nil {
		return nil, fmt.Errorf("topic %q: %w", name, eventlog.ErrUnknownTopic)
	}
	return t, nil
}

func (l *Log) partition(name string, id int32) (*partition, error) {
	t, err := l.topic(name)
	if err != nil {
		return nil, err
	}
	if id < 0 || int(id) >= len(t.partitions) {
		return nil, fmt.Errorf("topic %q partition %d; it has %d: %w", name, id, len(t.partitions), eventlog.ErrUnknownTopic)
	}
	return t.partitions[id], nil
}

// Close implements eventlog.Log. Appends that were accepted are answered first.
// A second Close returns nil.
func (l *Log) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		l.commits.Close()
		l.stopped.Wait()
		l.life.Lock()
		defer l.life.Unlock()
		err = l.life.db.Close()
		l.life.db = nil
	})
	if err != nil {
		return fmt.Errorf("close event log %q: %w", l.cfg.Dir, err)
	}
	return nil
}

// nanosTime is a record's time.
func nanosTime(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }
