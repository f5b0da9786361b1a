package profiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/internal/ids"
)

// The match table says which of our users an exchange's user is. Both are user
// keys: the exchange's id is hashed within the exchange's space before it gets
// here, so no raw identifier is ever stored.
const (
	prefixMatch     = 'm' // + exchange's user key, 8 bytes big endian: our user key, expiry in Unix seconds, 8 bytes each
	prefixUserMatch = 'u' // + our user key + exchange's user key, 8 bytes each: nothing; finds a user's matches
)

const (
	matchKeyLen     = 9
	matchValueLen   = 16
	userMatchKeyLen = 17
)

// Bounds of the match table: anybody's browser may ask for a match.
const (
	// MaxMatches bounds the table; it is about 1 GB on disk.
	MaxMatches = 10_000_000
	// MaxUserMatches bounds the matches of one user: beyond it the one that
	// expires first gives way.
	MaxUserMatches = 64
)

// ErrMatchesFull reports a match that was not stored because the table is full.
var ErrMatchesFull = errors.New("match table is full")

// matchTable is the state of the match table beside what is on disk.
type matchTable struct {
	filter *filter // knows the exchanges' users that certainly have no match
	cache  matchCache

	// write is held by the one call that changes matches.
	write struct {
		sync.Mutex
		count  int         // matches stored, expired ones included; too low until the start's scan is done
		most   int         // MaxMatches, or a test's
		cursor ids.UserKey // where the next sweep goes on
	}
}

// match is one row of the table; user is 0 where there is none.
type match struct {
	foreign, user ids.UserKey
	expires       int64 // Unix seconds
}

func (t *matchTable) init() {
	t.filter = newFilter(1 << 16) // grows
	t.write.most = MaxMatches
}

func appendMatchKey(dst []byte, foreign ids.UserKey) []byte {
	return binary.BigEndian.AppendUint64(append(dst, prefixMatch), uint64(foreign))
}

func appendUserMatchKey(dst []byte, user, foreign ids.UserKey) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, prefixUserMatch), uint64(user))
	return binary.BigEndian.AppendUint64(dst, uint64(foreign))
}

// Match returns our user for foreign, the key of an exchange's own user id
// within that exchange, unless the match has expired at now. A hit in memory
// does not allocate, and neither does an unknown id. What can't be read counts
// as unknown.
func (s *Store) Match(foreign ids.UserKey, now time.Time) (user ids.UserKey, ok bool) {
	t := &s.matches
	// Most strangers end here.
	if foreign == 0 || !t.filter.mayHold(foreign) {
		return 0, false
	}
	// Fast path: in memory.
	m, ticket := t.cache.get(foreign)
	if m.user == 0 {
		// Slow path.
		if m = s.readMatch(foreign); m.user != 0 {
			t.cache.insert(m, ticket)
		}
	}
	if m.user == 0 || now.Unix() >= m.expires {
		return 0, false
	}
	return m.user, true
}

func (s *Store) readMatch(foreign ids.UserKey) match {
	g := &s.gates[foreign%gateCount]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return match{}
	}
	m, err := s.getMatch(foreign)
	if err != nil {
		g.failed.Add(1)
	}
	return m
}

// getMatch reads a row from disk. The caller holds a gate.
func (s *Store) getMatch(foreign ids.UserKey) (match, error) {
	var buf [matchKeyLen]byte
	v, done, err := s.db.Get(appendMatchKey(buf[:0], foreign))
	if errors.Is(err, pebble.ErrNotFound) {
		return match{}, nil
	}
	if err != nil {
		return match{}, fmt.Errorf("read match: %w", err)
	}
	m, err := decodeMatch(foreign, v)
	return m, errors.Join(err, done.Close())
}

func decodeMatch(foreign ids.UserKey, v []byte) (match, error) {
	if len(v) != matchValueLen {
		return match{}, fmt.Errorf("match: got a value of %d bytes; want %d", len(v), matchValueLen)
	}
	return match{foreign, ids.UserKey(binary.BigEndian.Uint64(v)), int64(binary.BigEndian.Uint64(v[8:]))}, nil
}

// PutMatch stores that the exchange's user foreign is our user until expires; it
// replaces what was known of foreign. It is not fsynced: a crash loses matches
// that the next sync makes again. It returns ErrMatchesFull where a new match
// has no room, and changes nothing then.
func (s *Store) PutMatch(foreign, user ids.UserKey, expires time.Time) error {
	if foreign == 0 || user == 0 || expires.Unix() <= 0 {
		return fmt.Errorf("put match: got foreign %t, user %t, expires %v; want both keys and a time after 1970", foreign != 0, user != 0, expires)
	}
	return s.changeMatches(pebble.NoSync, func(e *matchEdit) error {
		old, err := s.getMatch(foreign)
		if err != nil {
			return err
		}
		if old.user != user {
			if err := s.makeRoom(e, old, user); err != nil {
				return err
			}
			e.added++
		}
		return e.set(match{foreign, user, expires.Unix()})
	})
}

// makeRoom takes away what a new match of user, which replaces old, has no room for.
func (s *Store) makeRoom(e *matchEdit, old match, user ids.UserKey) error {
	if old.user != 0 {
		if err := e.delete(old); err != nil {
			return err
		}
	} else if s.matches.write.count >= s.matches.write.most {
		return ErrMatchesFull
	}
	var first match
	n := 0
	err := s.userMatches(user, func(m match) error {
		n++
		if first.user == 0 || m.expires < first.expires {
			first = m
		}
		return nil
	})
	if err != nil || n < MaxUserMatches {
		return err
	}
	return e.delete(first)
}

// EraseMatches removes every match of user, durably, and returns how many.
func (s *Store) EraseMatches(user ids.UserKey) (erased int, err error) {
	err = s.changeMatches(pebble.Sync, func(e *matchEdit) error {
		return s.userMatches(user, func(m match) error {
			erased++
			return e.delete(m)
		})
	})
	if err != nil {
		return 0, err
	}
	return erased, nil
}

// SweepMatches looks at up to most matches, from where the last sweep ended, and
// removes those that have expired at now. It is called every so often by the
// store's owner; a call of 10,000 takes milliseconds.
func (s *Store) SweepMatches(now time.Time, most int) (removed int, err error) {
	err = s.changeMatches(pebble.NoSync, func(e *matchEdit) error {
		w := &s.matches.write
		it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: appendMatchKey(nil, w.cursor), UpperBound: []byte{prefixMatch + 1}})
		if err != nil {
			return err
		}
		defer it.Close()
		seen := 0
		for ok := it.First(); ok && seen < most; ok = it.Next() {
			seen++
			m, err := matchAt(it)
			if err != nil {
				return err
			}
			w.cursor = m.foreign + 1
			if m.expires <= now.Unix() {
				removed++
				if err := e.delete(m); err != nil {
					return err
				}
			}
		}
		if seen < most { // the end: start again
			w.cursor = 0
		}
		return it.Error()
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func matchAt(it *pebble.Iterator) (match, error) {
	k := it.Key()
	if len(k) != matchKeyLen {
		return match{}, fmt.Errorf("match: got a key of %d bytes; want %d", len(k), matchKeyLen)
	}
	return decodeMatch(ids.UserKey(binary.BigEndian.Uint64(k[1:])), it.Value())
}

// userMatches calls f for each match of user, at most a few more than
// MaxUserMatches. The caller holds write and a gate.
func (s *Store) userMatches(user ids.UserKey, f func(match) error) error {
	lower := appendUserMatchKey(nil, user, 0)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: append(appendUserMatchKey(nil, user, ^ids.UserKey(0)), 0)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		k := it.Key()
		if len(k) != userMatchKeyLen {
			return fmt.Errorf("match of a user: got a key of %d bytes; want %d", len(k), userMatchKeyLen)
		}
		m, err := s.getMatch(ids.UserKey(binary.BigEndian.Uint64(k[9:])))
		if err != nil {
			return err
		}
		if m.user != user { // not ours to change: both rows of a match change in one batch
			continue
		}
		if err := f(m); err != nil {
			return err
		}
	}
	return it.Error()
}

// matchEdit collects changes; later ones of the same row win.
type matchEdit struct {
	batch *pebble.Batch
	rows  []match // user 0: removed
	added int
}

func (e *matchEdit) set(m match) error {
	v := binary.BigEndian.AppendUint64(nil, uint64(m.user))
	v = binary.BigEndian.AppendUint64(v, uint64(m.expires))
	e.rows = append(e.rows, m)
	return errors.Join(e.batch.Set(appendMatchKey(nil, m.foreign), v, nil),
		e.batch.Set(appendUserMatchKey(nil, m.user, m.foreign), nil, nil))
}

func (e *matchEdit) delete(m match) error {
	e.rows = append(e.rows, match{foreign: m.foreign})
	e.added--
	return errors.Join(e.batch.Delete(appendMatchKey(nil, m.foreign), nil),
		e.batch.Delete(appendUserMatchKey(nil, m.user, m.foreign), nil))
}

// changeMatches commits what edit collects, in one batch, all or nothing.
func (s *Store) changeMatches(sync *pebble.WriteOptions, edit func(*matchEdit) error) (err error) {
	t := &s.matches
	t.write.Lock()
	defer t.write.Unlock()
	g := &s.gates[0]
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return ErrStoreClosed
	}
	e := &matchEdit{batch: s.db.NewBatch()}
	defer func() { err = errors.Join(err, e.batch.Close()) }()
	if err := edit(e); err != nil {
		return fmt.Errorf("change matches: %w", err)
	}
	if len(e.rows) == 0 {
		return nil
	}
	for _, m := range e.rows {
		if m.user != 0 {
			t.filter.add(m.foreign) // before the commit, so that nobody calls it unknown
		}
	}
	t.cache.beginWrite(e.rows)
	err = e.batch.Commit(sync)
	t.cache.endWrite(e.rows, err == nil)
	if err != nil {
		return fmt.Errorf("change matches: %w", err)
	}
	t.write.count += e.added
	return nil
}

// fillMatches tells the filter whose matches are stored, and counts them. Until
// it is done nobody is called unknown.
func (s *Store) fillMatches() {
	n := 0
	it, err := s.iterMatches()
	if err == nil {
		err = s.walk(it, func(key, _ []byte) error {
			if len(key) == matchKeyLen {
				n++
				s.matches.filter.add(ids.UserKey(binary.BigEndian.Uint64(key[1:])))
			}
			return nil
		})
	}
	switch err {
	case nil:
		s.matches.write.Lock()
		s.matches.write.count += n
		s.matches.write.Unlock()
		s.matches.filter.ready.Store(true)
	case ErrStoreClosed:
	default:
		s.scanErr.Store(&err)
	}
}

// iterMatches sees the table as it is now, and restarts the count of what
// changes from now on.
func (s *Store) iterMatches() (*pebble.Iterator, error) {
	s.matches.write.Lock()
	defer s.matches.write.Unlock()
	s.matches.write.count = 0
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixMatch}, UpperBound: []byte{prefixMatch + 1}})
	if err != nil {
		return nil, fmt.Errorf("scan matches: %w", err)
	}
	return it, nil
}

// MatchStats is the match table's state for metrics.
type MatchStats struct {
	Matches int // how many are stored, expired ones not yet swept included; too few until Stats says FilterReady
	Hits    uint64
	Misses  uint64 // look-ups that went to disk
}

// MatchStats reads the counters.
func (s *Store) MatchStats() MatchStats {
	t := &s.matches
	t.write.Lock()
	st := MatchStats{Matches: t.write.count}
	t.write.Unlock()
	st.Hits, st.Misses = t.cache.counts()
	return st
}
