// Package spill is a bounded first-in-first-out queue of byte records in one
// directory, on Pebble. What the event log cannot take at the moment waits
// here, durably, until it can.
package spill

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	// ErrFull reports an Add that would pass Config.MaxBytes.
	ErrFull = errors.New("spill is full")
	// ErrClosed reports a call on a closed queue.
	ErrClosed = errors.New("spill is closed")
)

// Config of a queue.
type Config struct {
	Dir      string // one process opens it at a time
	MaxBytes int64  // bound on the records held, without Pebble's own overhead
	FS       vfs.FS // nil is the real file system
}

// Validate names the first field that cannot be used.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("spill: Dir is empty; it must name a directory")
	}
	if c.MaxBytes <= 0 {
		return fmt.Errorf("spill: MaxBytes is %d; it must be positive", c.MaxBytes)
	}
	return nil
}

// Queue is safe for concurrent use. Invariant: the store holds exactly the
// records with first <= seq < next, and bytes is their total size; after a crash
// dropped records may come back, acknowledged ones are all there.
type Queue struct {
	cfg Config
	mu  struct {
		sync.Mutex
		db          *pebble.DB // nil once closed
		first, next uint64
		bytes       int64
	}
}

// Open opens or creates the queue in cfg.Dir.
func Open(cfg Config) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.FS == nil {
		cfg.FS = vfs.Default
	}
	db, err := pebble.Open(cfg.Dir, &pebble.Options{
		FS:                 cfg.FS,
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       8 << 20,
		Logger:             quiet{},
	})
	if err != nil {
		return nil, fmt.Errorf("open spill %q: %w", cfg.Dir, err)
	}
	q := &Queue{cfg: cfg}
	q.mu.db = db
	if err := q.count(); err != nil {
		return nil, errors.Join(fmt.Errorf("open spill %q: %w", cfg.Dir, err), db.Close())
	}
	return q, nil
}

// count finds what an earlier process left.
func (q *Queue) count() (err error) {
	it, err := q.mu.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		seq := binary.BigEndian.Uint64(it.Key())
		if q.mu.bytes == 0 && q.mu.next == 0 {
			q.mu.first = seq
		}
		q.mu.next = seq + 1
		q.mu.bytes += int64(len(it.Value()))
	}
	return it.Error()
}

// Add appends records, all or none, and returns once they are on disk. Beyond
// MaxBytes it is ErrFull and changes nothing. Records are not retained.
func (q *Queue) Add(records ...[]byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.db == nil {
		return ErrClosed
	}
	size := int64(0)
	for _, r := range records {
		size += int64(len(r))
	}
	if q.mu.bytes+size > q.cfg.MaxBytes {
		return fmt.Errorf("add %d bytes to %d of at most %d: %w", size, q.mu.bytes, q.cfg.MaxBytes, ErrFull)
	}
	b := q.mu.db.NewBatch()
	defer b.Close()
	for i, r := range records {
		if err := b.Set(key(q.mu.next+uint64(i)), r, nil); err != nil {
			return fmt.Errorf("add to spill: %w", err)
		}
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("add to spill: %w", err)
	}
	q.mu.next += uint64(len(records))
	q.mu.bytes += size
	return nil
}

// Batch is the oldest part of a queue.
type Batch struct {
	Records [][]byte // the caller's
	end     uint64   // sequence number after the last
	bytes   int64
}

// Head returns the oldest records, up to max of them, ending early once they
// reach maxBytes. It is empty only when the queue is.
func (q *Queue) Head(max int, maxBytes int64) (b Batch, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.db == nil {
		return Batch{}, ErrClosed
	}
	it, err := q.mu.db.NewIter(&pebble.IterOptions{LowerBound: key(q.mu.first)})
	if err != nil {
		return Batch{}, fmt.Errorf("read spill: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok && len(b.Records) < max && b.bytes < maxBytes; ok = it.Next() {
		b.Records = append(b.Records, bytes.Clone(it.Value()))
		b.end = binary.BigEndian.Uint64(it.Key()) + 1
		b.bytes += int64(len(it.Value()))
	}
	return b, it.Error()
}

// Drop forgets b, which must be the latest Head. It does not wait for the disk:
// a crash may bring b back, which at-least-once delivery allows. One goroutine
// calls Head and Drop.
func (q *Queue) Drop(b Batch) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.db == nil {
		return ErrClosed
	}
	if len(b.Records) == 0 || b.end <= q.mu.first {
		return nil
	}
	if err := q.mu.db.DeleteRange(key(q.mu.first), key(b.end), pebble.NoSync); err != nil {
		return fmt.Errorf("drop from spill: %w", err)
	}
	q.mu.first = b.end
	q.mu.bytes -= b.bytes
	return nil
}

// Depth returns how many records and bytes are waiting.
func (q *Queue) Depth() (records, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int64(q.mu.next - q.mu.first), q.mu.bytes
}

// Close releases the directory; what waits stays in it. A second Close returns nil.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.db == nil {
		return nil
	}
	err := q.mu.db.Close()
	q.mu.db = nil
	if err != nil {
		return fmt.Errorf("close spill %q: %w", q.cfg.Dir, err)
	}
	return nil
}

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// quiet drops Pebble's chatter; what Pebble calls fatal panics: nothing could
// be acknowledged after it.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("spill store: "+format, args...))
}
