package profiles

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

// openPebble tunes for point reads of small values and a steady stream of
// updates in no order.
func openPebble(cfg StoreConfig) (*pebble.DB, error) {
	cache := pebble.NewCache(cfg.BlockCacheBytes)
	defer cache.Unref() // the database keeps a reference of its own
	opts := &pebble.Options{
		FS:                          cfg.fs,
		Cache:                       cache,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                uint64(cfg.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       20,
		LBaseMaxBytes:               64 << 20,
		// Rewriting what was updated competes with bids for the CPU: two at
		// most, and a second one only when the first falls behind.
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
		Logger:                     pebbleLogger{cfg.Logf},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(cfg.Dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open profile store %q: %w", cfg.Dir, err)
	}
	return db, nil
}

// pebbleLogger passes errors on and drops the rest.
type pebbleLogger struct {
	logf func(format string, args ...any)
}

func (pebbleLogger) Infof(string, ...any) {}

func (l pebbleLogger) Errorf(format string, args ...any) {
	if l.logf != nil {
		l.logf(format, args...)
	}
}

// Fatalf must not return: Pebble calls it when it cannot keep its promises (a
// write-ahead log that cannot be written). A restart recovers from the log.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	panic(fmt.Sprintf("profile store: "+format, args...))
}

// fillFilter tells the filter who is stored. Until it is done nobody is called
// unknown, which is slower but right; after an error it stays so.
func (s *Store) fillFilter() {
	defer close(s.scanDone)
	defer s.fillMatches()
	err := s.scan(prefixProfile, func(key, _ []byte) error {
		if len(key) == profileKeyLen {
			s.filter.add(ids.UserKey(binary.BigEndian.Uint64(key[1:])))
		}
		return nil
	})
	switch err {
	case nil:
		s.filter.ready.Store(true)
	case ErrStoreClosed:
	default:
		s.scanErr.Store(&err)
	}
}

// scan calls f for every key of a prefix, in order; the bytes are valid during
// the call only. It ends early with ErrStoreClosed when the store closes.
func (s *Store) scan(prefix byte, f func(key, value []byte) error) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return fmt.Errorf("scan profile store: %w", err)
	}
	return s.walk(it, f)
}

// walk is scan over what it sees, and closes it.
func (s *Store) walk(it *pebble.Iterator, f func(key, value []byte) error) error {
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		select {
		case <-s.stopScan:
			return ErrStoreClosed
		default:
		}
		if err := f(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Error()
}

// names reads the paths kept by apply.
func (s *Store) names(f func(number campaigns.TagNumber, path string)) error {
	return s.scan(prefixName, func(key, value []byte) error {
		if len(key) != 5 {
			return fmt.Errorf("profile store: name key of %d bytes; want 5", len(key))
		}
		f(campaigns.TagNumber(binary.BigEndian.Uint32(key[1:])), string(value))
		return nil
	})
}
