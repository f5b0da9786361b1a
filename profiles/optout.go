package profiles

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/internal/ids"
)

// prefixOptOut + user key, 8 bytes big endian: until when, Unix seconds, 8 bytes.
const prefixOptOut = 'x'

const optOutKeyLen = 9

// PutOptOut remembers, durably, that user opted out with us. After until no
// exchange can still send an id of ours that old, and it is forgotten.
func (s *Store) PutOptOut(user ids.UserKey, until time.Time) error {
	g := &s.gates[0]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return ErrStoreClosed
	}
	v := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	if err := s.db.Set(binary.BigEndian.AppendUint64([]byte{prefixOptOut}, uint64(user)), v, pebble.Sync); err != nil {
		return fmt.Errorf("put opt-out: %w", err)
	}
	return nil
}

// OptOuts calls f for every user who opted out, and forgets those whose time is
// over at now. It is for the start.
func (s *Store) OptOuts(now time.Time, f func(user ids.UserKey)) error {
	g := &s.gates[0]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return ErrStoreClosed
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	err := s.scan(prefixOptOut, func(key, value []byte) error {
		if len(key) != optOutKeyLen || len(value) != 8 {
			return fmt.Errorf("opt-out: got a key of %d bytes and a value of %d; want %d and 8", len(key), len(value), optOutKeyLen)
		}
		if int64(binary.BigEndian.Uint64(value)) <= now.Unix() {
			return batch.Delete(key, nil)
		}
		f(ids.UserKey(binary.BigEndian.Uint64(key[1:])))
		return nil
	})
	if err != nil {
		return fmt.Errorf("read opt-outs: %w", err)
	}
	return batch.Commit(pebble.NoSync)
}
