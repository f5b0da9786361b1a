package local

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/internal/eventlog"
)

// stepRecords and stepBytes bound one step of maintenance: one batch, one fsync.
const (
	stepRecords = 1000
	stepBytes   = 4 << 20
)

// Compact brings every topic up to date: superseded records of compacted
// topics go, so do their old tombstones, and records past the retention of the
// others. It works in bounded steps, each one atomic batch, so a crash at any
// moment leaves either the state before a step or after it. Appends and reads
// go on meanwhile.
func (l *Log) Compact(ctx context.Context) error {
	l.maintain.Lock()
	defer l.maintain.Unlock()
	now := l.cfg.Clock()
	for _, j := range l.jobs(now) {
		if err := l.repeat(ctx, j.step); err != nil {
			return fmt.Errorf("compact topic %q partition %d: %w", j.part.topic.name, j.part.id, err)
		}
	}
	return nil
}

// job is a step to repeat on a partition until it has nothing left to do.
type job struct {
	part *partition
	step func(*pebble.DB) (more bool, err error)
}

func (l *Log) jobs(now time.Time) []job {
	l.topics.RLock()
	defer l.topics.RUnlock()
	var jobs []job
	for _, t := range l.topics.byName {
		for _, p := range t.partitions {
			switch {
			case t.stored.compacted:
				before := now.Add(-l.cfg.TombstoneRetention).UnixNano()
				jobs = append(jobs,
					job{p, p.compactStep},
					job{p, func(db *pebble.DB) (bool, error) { return p.dropTombstones(db, before) }})
			case t.stored.retention > 0:
				before := now.Add(-t.stored.retention).UnixNano()
				jobs = append(jobs, job{p, func(db *pebble.DB) (bool, error) { return false, p.expire(db, before) }})
			}
		}
	}
	return jobs
}

func (l *Log) repeat(ctx context.Context, step func(*pebble.DB) (bool, error)) error {
	for more := true; more; {
		select {
		case <-l.closed:
			return eventlog.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		db, release, err := l.hold()
		if err != nil {
			return err
		}
		more, err = step(db)
		release()
		if err != nil {
			return err
		}
	}
	return nil
}

// maintainLoop runs Compact every MaintainEvery until the log closes.
func (l *Log) maintainLoop() {
	tick := time.NewTicker(l.cfg.MaintainEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.closed:
			return
		case <-tick.C:
		}
		if err := l.Compact(context.Background()); err != nil && !errors.Is(err, eventlog.ErrClosed) {
			l.cfg.OnMaintainError(err)
		}
	}
}

// compactStep walks the next records above the clean mark and deletes, for
// each, the older record of the same key. A record is only ever deleted
// together with, and after, a durable newer one, so the newest cannot be lost.
// The work is proportional to what was appended, not to what is held.
func (p *partition) compactStep(db *pebble.DB) (more bool, err error) {
	m, err := p.readMarks(db)
	if err != nil {
		return false, err
	}
	_, end, _ := p.bounds()
	if m.clean >= end {
		return false, nil
	}
	s := compaction{part: p, db: db, batch: db.NewBatch(), newest: make(map[string]int64)}
	defer func() { err = errors.Join(err, s.batch.Close()) }()
	clean, err := s.walk(m.clean, end)
	if err != nil {
		return false, err
	}
	m.clean, m.next = clean, max(m.next, clean)
	if err := s.finish(m); err != nil {
		return false, err
	}
	return clean < end, s.batch.Commit(pebble.Sync)
}

// compaction is the state of one step.
type compaction struct {
	part   *partition
	db     *pebble.DB
	batch  *pebble.Batch
	newest map[string]int64 // keys seen in this step; the others are in K
}

// walk supersedes what [from, end) supersedes and returns where it stopped.
func (s *compaction) walk(from, end int64) (clean int64, err error) {
	span := s.part.span(kindRecord, from)
	span.UpperBound = offsetKey(kindRecord, s.part.topic.stored.id, s.part.id, end)
	it, err := s.db.NewIter(span)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	records, size := 0, 0
	for ok := it.First(); ok; ok = it.Next() {
		offset := keyOffset(it.Key())
		if records == stepRecords || size >= stepBytes {
			return offset, nil
		}
		r, err := parseRecord(it.Value())
		if err != nil {
			return 0, fmt.Errorf("offset %d: %w", offset, err)
		}
		if err := s.supersede(r, offset); err != nil {
			return 0, err
		}
		records, size = records+1, size+len(it.Value())
	}
	return end, it.Error()
}

func (s *compaction) supersede(r parsedRecord, offset int64) error {
	older, ok := s.newest[string(r.key)]
	if !ok {
		var err error
		if older, ok, err = s.part.newestOf(s.db, r.key); err != nil {
			return err
		}
	}
	t, p := s.part.topic.stored.id, s.part.id
	if ok {
		if err := s.batch.Delete(offsetKey(kindRecord, t, p, older), nil); err != nil {
			return err
		}
	}
	s.newest[string(r.key)] = offset
	if r.value == nil {
		return s.batch.Set(offsetKey(kindTombstone, t, p, offset), nil, nil)
	}
	return nil
}

// finish adds the step's index and marks to its batch.
func (s *compaction) finish(m marks) error {
	t, p := s.part.topic.stored.id, s.part.id
	for key, offset := range s.newest {
		k := append(prefix(kindNewest, t, p), key...)
		if err := s.batch.Set(k, binary.BigEndian.AppendUint64(nil, uint64(offset)), nil); err != nil {
			return err
		}
	}
	return s.batch.Set(prefix(kindMarks, t, p), m.encode(), nil)
}

// newestOf looks up the newest record of key below the clean mark.
func (p *partition) newestOf(db *pebble.DB, key []byte) (offset int64, ok bool, err error) {
	v, closer, err := db.Get(append(prefix(kindNewest, p.topic.stored.id, p.id), key...))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if len(v) != 8 {
		return 0, false, errors.Join(fmt.Errorf("index of key %x: %w", key, errCorrupt), closer.Close())
	}
	return int64(binary.BigEndian.Uint64(v)), true, closer.Close()
}

// dropTombstones removes the tombstones appended before the given time. The
// partition's next is kept by its marks.
func (p *partition) dropTombstones(db *pebble.DB, before int64) (more bool, err error) {
	it, err := db.NewIter(p.span(kindTombstone, 0))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	b := db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	n := 0
	for ok := it.First(); ok && n < stepRecords; ok = it.Next() {
		old, err := p.dropTombstone(db, b, keyOffset(it.Key()), before)
		if err != nil {
			return false, err
		}
		if !old { // so are all that follow: time does not run backwards
			break
		}
		n++
	}
	if err := it.Error(); err != nil || n == 0 {
		return false, err
	}
	return n == stepRecords, b.Commit(pebble.Sync)
}

// dropTombstone adds the end of the tombstone at offset to b, unless it is too
// young. One whose record is still there is the newest of its key: the step
// that supersedes a record also deletes it.
func (p *partition) dropTombstone(db *pebble.DB, b *pebble.Batch, offset, before int64) (old bool, err error) {
	t := p.topic.stored.id
	r, found, err := p.record(db, offset)
	if err != nil {
		return false, err
	}
	if found {
		if r.nanos >= before {
			return false, nil
		}
		if err := b.Delete(offsetKey(kindRecord, t, p.id, offset), nil); err != nil {
			return false, err
		}
		if err := b.Delete(append(prefix(kindNewest, t, p.id), r.key...), nil); err != nil {
			return false, err
		}
	}
	return true, b.Delete(offsetKey(kindTombstone, t, p.id, offset), nil)
}

// record reads one record; its bytes are the caller's.
func (p *partition) record(db *pebble.DB, offset int64) (r parsedRecord, found bool, err error) {
	v, closer, err := db.Get(offsetKey(kindRecord, p.topic.stored.id, p.id, offset))
	if errors.Is(err, pebble.ErrNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	r, err = parseRecord(append([]byte(nil), v...))
	return r, true, errors.Join(err, closer.Close())
}

// expire forgets the records appended before the given time. Offsets are dense
// and times ordered here, so a binary search finds the cut, and one range
// deletion and the new first offset are one batch.
func (p *partition) expire(db *pebble.DB, before int64) (err error) {
	first, next, _ := p.bounds()
	n := sort.Search(int(next-first), func(i int) bool {
		r, found, e := p.record(db, first+int64(i))
		if e == nil && !found {
			e = fmt.Errorf("offset %d is missing: %w", first+int64(i), errCorrupt)
		}
		err = errors.Join(err, e)
		return e != nil || r.nanos >= before
	})
	if err != nil || n == 0 {
		return err
	}
	cut := first + int64(n)
	m, err := p.readMarks(db)
	if err != nil {
		return err
	}
	m.first, m.next = cut, max(m.next, cut)
	b := db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	t := p.topic.stored.id
	if err := b.DeleteRange(offsetKey(kindRecord, t, p.id, first), offsetKey(kindRecord, t, p.id, cut), nil); err != nil {
		return err
	}
	if err := b.Set(prefix(kindMarks, t, p.id), m.encode(), nil); err != nil {
		return err
	}
	// Readers are told before the records go: one that finds nothing looks at the
	// bounds again and learns why.
	p.setFirst(cut)
	return b.Commit(pebble.Sync)
}

func (p *partition) setFirst(first int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.first = first
	p.wakeLocked()
}
