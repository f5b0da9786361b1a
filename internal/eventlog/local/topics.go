package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/internal/eventlog"
)

// maxPartitions bounds a topic: it is one machine.
const maxPartitions = 4096

// EnsureTopics implements eventlog.Log. A topic's retention may change; its
// partition count and whether it is compacted may not.
func (l *Log) EnsureTopics(ctx context.Context, topics ...eventlog.TopicConfig) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db, release, err := l.hold()
	if err != nil {
		return err
	}
	defer release()
	l.topics.Lock()
	defer l.topics.Unlock()
	for _, cfg := range topics {
		if err := l.ensureLocked(db, cfg); err != nil {
			return fmt.Errorf("ensure topic %q: %w", cfg.Name, err)
		}
	}
	return nil
}

func (l *Log) ensureLocked(db *pebble.DB, cfg eventlog.TopicConfig) error {
	if cfg.Name == "" || cfg.Partitions < 1 || cfg.Partitions > maxPartitions || cfg.Retention < 0 {
		return fmt.Errorf("name %q, %d partitions, retention %v; want a name, 1 to %d partitions and no negative retention",
			cfg.Name, cfg.Partitions, cfg.Retention, maxPartitions)
	}
	t := l.topics.byName[cfg.Name]
	if t == nil {
		return l.createLocked(db, cfg)
	}
	if int(cfg.Partitions) != len(t.partitions) {
		return fmt.Errorf("it has %d partitions, want %d: %w", len(t.partitions), cfg.Partitions, eventlog.ErrPartitionCount)
	}
	if cfg.Compacted != t.stored.compacted {
		return fmt.Errorf("it has compacted=%t, want %t", t.stored.compacted, cfg.Compacted)
	}
	if cfg.Retention == t.stored.retention {
		return nil
	}
	changed := t.stored
	changed.retention = cfg.Retention
	if err := db.Set(topicKey(cfg.Name), changed.encode(), pebble.Sync); err != nil {
		return err
	}
	t.stored.retention = cfg.Retention
	return nil
}

func (l *Log) createLocked(db *pebble.DB, cfg eventlog.TopicConfig) error {
	t := newTopic(cfg.Name, storedTopic{
		id:         l.topics.nextID,
		partitions: cfg.Partitions,
		compacted:  cfg.Compacted,
		retention:  cfg.Retention,
	})
	if err := db.Set(topicKey(cfg.Name), t.stored.encode(), pebble.Sync); err != nil {
		return err
	}
	l.topics.byName[cfg.Name] = t
	l.topics.nextID++
	return nil
}

func newTopic(name string, stored storedTopic) *topic {
	t := &topic{name: name, stored: stored, partitions: make([]*partition, stored.partitions)}
	for i := range t.partitions {
		p := &partition{topic: t, id: int32(i)}
		p.mu.grown = make(chan struct{})
		t.partitions[i] = p
	}
	return t
}

// load reads every topic and where its partitions begin and end.
func (l *Log) load(db *pebble.DB) (err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{kindTopic}, UpperBound: []byte{kindTopic + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		name := string(it.Key()[1:])
		stored, err := decodeTopic(it.Value())
		if err != nil {
			return fmt.Errorf("topic %q: %w", name, err)
		}
		t := newTopic(name, stored)
		for _, p := range t.partitions {
			if err := p.load(db); err != nil {
				return fmt.Errorf("topic %q partition %d: %w", name, p.id, err)
			}
		}
		l.topics.byName[name] = t
		l.topics.nextID = max(l.topics.nextID, stored.id+1)
	}
	return it.Error()
}

// load finds the partition's bounds: its marks, and its last record.
func (p *partition) load(db *pebble.DB) (err error) {
	m, err := p.readMarks(db)
	if err != nil {
		return err
	}
	it, err := db.NewIter(p.span(kindRecord, 0))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.first, p.mu.next = m.first, m.next
	if it.Last() {
		r, err := parseRecord(it.Value())
		if err != nil {
			return fmt.Errorf("offset %d: %w", keyOffset(it.Key()), err)
		}
		p.mu.next = max(m.next, keyOffset(it.Key())+1)
		p.mu.lastNanos = r.nanos
	}
	return it.Error()
}

// readMarks returns the partition's marks; a partition never maintained has none.
func (p *partition) readMarks(db *pebble.DB) (marks, error) {
	v, closer, err := db.Get(prefix(kindMarks, p.topic.stored.id, p.id))
	if errors.Is(err, pebble.ErrNotFound) {
		return marks{}, nil
	}
	if err != nil {
		return marks{}, err
	}
	m, err := decodeMarks(v)
	return m, errors.Join(err, closer.Close())
}

// span is the key range of kind R or D at and after offset.
func (p *partition) span(kind byte, offset int64) *pebble.IterOptions {
	return &pebble.IterOptions{
		LowerBound: offsetKey(kind, p.topic.stored.id, p.id, offset),
		UpperBound: prefix(kind, p.topic.stored.id, p.id+1),
	}
}
