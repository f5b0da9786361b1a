package profiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

// ErrStoreClosed reports a call on a closed store.
var ErrStoreClosed = errors.New("profile store is closed")

// StoreConfig says where and how large a store is.
type StoreConfig struct {
	Dir string // its own directory, created if missing
	// CacheBytes bounds the records kept in memory, their overhead included.
	// About 400 bytes each at 50 tags.
	CacheBytes int64
	// BlockCacheBytes bounds Pebble's cache of blocks read from disk.
	BlockCacheBytes int64
	// MemTableBytes is how much is written before it goes to a sorted file.
	MemTableBytes int64
	// ExpectedUsers sizes the filter that knows unknown users; it grows beyond.
	ExpectedUsers int
	// Logf, if set, is told what Pebble reports as an error.
	Logf func(format string, args ...any)

	fs vfs.FS // tests only; nil is the machine's
}

// DefaultStoreConfig suits a node of some hundred thousand profiles.
func DefaultStoreConfig(dir string) StoreConfig {
	return StoreConfig{
		Dir:             dir,
		CacheBytes:      128 << 20,
		BlockCacheBytes: 64 << 20,
		MemTableBytes:   32 << 20,
		ExpectedUsers:   1_000_000,
	}
}

// Validate names the field, the value and the rule that c breaks.
func (c StoreConfig) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("profiles: dir: got \"\"; want a directory")
	case c.CacheBytes < 1<<20:
		return fmt.Errorf("profiles: cache_bytes: got %d; want at least 1 MiB", c.CacheBytes)
	case c.BlockCacheBytes < 1<<20:
		return fmt.Errorf("profiles: block_cache_bytes: got %d; want at least 1 MiB", c.BlockCacheBytes)
	case c.MemTableBytes < 1<<20 || c.MemTableBytes > 1<<30:
		return fmt.Errorf("profiles: memtable_bytes: got %d; want 1 MiB to 1 GiB", c.MemTableBytes)
	case c.ExpectedUsers < 1 || c.ExpectedUsers > 1<<30:
		return fmt.Errorf("profiles: expected_users: got %d; want 1 to %d", c.ExpectedUsers, 1<<30)
	}
	return nil
}

// Store keeps the profiles of a node on disk, with the hot ones in memory, and
// the offsets of those who feed it. It is safe for concurrent use.
//
// A read that begins after Apply returned sees what was applied, and no reader
// ever sees a user go back to an older record. Lock order: write, then a gate,
// then a slot of the cache.
type Store struct {
	db     *pebble.DB
	hot    *hotCache
	filter *filter

	matches matchTable

	gates [gateCount]gate

	// write is held by the one Apply that runs; it guards scratch.
	write   sync.Mutex
	scratch applyScratch

	stopScan chan struct{}
	scanDone chan struct{}
	scanErr  atomic.Pointer[error]
}

// gate lets Close wait for readers and spreads their counters: one shared
// cache line would cost more than the look-up.
type gate struct {
	mu      sync.RWMutex
	closed  bool // guarded by mu
	hits    atomic.Uint64
	misses  atomic.Uint64
	unknown atomic.Uint64
	failed  atomic.Uint64
	_       [64]byte
}

const gateCount = 16

// Keys of the store: a prefix byte, then the rest.
const (
	prefixProfile = 'p' // + user key, 8 bytes big endian: a Record
	prefixOffset  = 'o' // + topic, 0, partition, 4 bytes big endian: next offset, 8 bytes
	prefixName    = 'n' // + tag number, 4 bytes big endian: a path
)

const profileKeyLen = 9

func appendProfileKey(dst []byte, user ids.UserKey) []byte {
	return binary.BigEndian.AppendUint64(append(dst, prefixProfile), uint64(user))
}

func appendOffsetKey(dst []byte, topic string, partition int32) []byte {
	dst = append(append(dst, prefixOffset), topic...)
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(partition))
}

// OpenStore opens or creates the store in cfg.Dir. The caller must Close it.
func OpenStore(cfg StoreConfig) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	hot, err := newHotCache(cfg.CacheBytes)
	if err != nil {
		return nil, err
	}
	db, err := openPebble(cfg)
	if err != nil {
		hot.close()
		return nil, err
	}
	s := &Store{
		db:       db,
		hot:      hot,
		filter:   newFilter(cfg.ExpectedUsers),
		stopScan: make(chan struct{}),
		scanDone: make(chan struct{}),
	}
	s.scratch.newest = make(map[ids.UserKey]int)
	s.matches.init()
	go s.fillFilter()
	return s, nil
}

// AppendTags appends the keys of user's live tags at now, in ascending order,
// and says whether user has a profile. A hit allocates only when dst must grow.
// A user whose record cannot be read counts as unknown and in Stats.ReadErrors.
func (s *Store) AppendTags(dst []campaigns.TagKey, user ids.UserKey, now time.Time) ([]campaigns.TagKey, bool) {
	g := &s.gates[user%gateCount]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed || user == 0 {
		return dst, false
	}
	// Fast path: in memory.
	if rec, ok := s.hot.get(user); ok {
		g.hits.Add(1)
		return rec.AppendLive(dst, now), true
	}
	// Most strangers end here.
	if !s.filter.mayHold(user) {
		g.unknown.Add(1)
		return dst, false
	}
	// Slow path.
	return s.readThrough(g, dst, user, now)
}

func (s *Store) readThrough(g *gate, dst []campaigns.TagKey, user ids.UserKey, now time.Time) ([]campaigns.TagKey, bool) {
	ticket := s.hot.ticket(user)
	rec, done, err := s.get(user)
	if err != nil {
		g.failed.Add(1)
		return dst, false
	}
	if rec == nil {
		g.unknown.Add(1)
		return dst, false
	}
	g.misses.Add(1)
	s.hot.insert(user, ticket, rec)
	dst = rec.AppendLive(dst, now)
	if done.Close() != nil {
		g.failed.Add(1)
	}
	return dst, true
}

// get reads user's record from disk. nil means there is none; else the record
// is valid until done is closed.
func (s *Store) get(user ids.UserKey) (rec Record, done io.Closer, err error) {
	var buf [profileKeyLen]byte
	v, done, err := s.db.Get(appendProfileKey(buf[:0], user))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read profile %s: %w", user, err)
	}
	return v, done, nil
}

// Lookup appends a copy of user's stored record to dst, expired tags included;
// false means there is none. It is for tools and tests: bids use AppendTags.
func (s *Store) Lookup(dst []byte, user ids.UserKey) (Record, bool, error) {
	g := &s.gates[user%gateCount]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return dst, false, ErrStoreClosed
	}
	rec, done, err := s.get(user)
	if err != nil || rec == nil {
		return dst, false, err
	}
	dst = append(dst, rec...)
	return dst, true, done.Close()
}

// Offset is the next offset of the partition to be applied, as the last Apply
// that named it left it; false when none did.
func (s *Store) Offset(topic string, partition int32) (next int64, ok bool, err error) {
	g := &s.gates[0]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return 0, false, ErrStoreClosed
	}
	v, done, err := s.db.Get(appendOffsetKey(nil, topic, partition))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read offset of %s/%d: %w", topic, partition, err)
	}
	if len(v) != 8 {
		return 0, false, errors.Join(fmt.Errorf("offset of %s/%d: got %d bytes; want 8", topic, partition, len(v)), done.Close())
	}
	return int64(binary.BigEndian.Uint64(v)), true, done.Close()
}

// Close waits for calls under way, makes everything durable and releases it.
// Later calls find no profile, or ErrStoreClosed.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	for i := range s.gates {
		g := &s.gates[i]
		g.mu.Lock()
		was := g.closed
		g.closed = true
		g.mu.Unlock()
		if was {
			return ErrStoreClosed
		}
	}
	close(s.stopScan)
	<-s.scanDone
	s.hot.close()
	// What Apply wrote without fsync must not be lost by an orderly stop.
	return errors.Join(s.db.LogData(nil, pebble.Sync), s.db.Close())
}
