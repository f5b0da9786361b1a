package profiles

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

// Change is a user's whole new record, or its erasure. The record is not
// retained.
type Change struct {
	User   ids.UserKey
	Record Record // nil erases
}

// Offset says that everything of a partition below Next has been applied.
type Offset struct {
	Topic     string
	Partition int32
	Next      int64
}

// name is a tag's path, kept by those who publish records again.
type name struct {
	number campaigns.TagNumber
	path   string
}

// applyScratch is what Apply reuses.
type applyScratch struct {
	newest map[ids.UserKey]int // the index of the change that wins so far
	users  []ids.UserKey
	key    []byte
}

// Apply writes changes, in their order, and offsets in one atomic batch. Of a
// user's records the highest version wins, and of equal versions the later,
// as in a compacted topic; an erasure always applies. It returns how many
// changes took effect and how many were stale: older than what there was, or
// the same. On an error nothing has been applied.
//
// The batch is not fsynced: a crash of the machine may lose the last ones whole,
// offsets included, and whoever feeds the store reads them again. A record that
// fails Check must not get here; the version of one that does is 0.
func (s *Store) Apply(changes []Change, offsets ...Offset) (applied, stale int, err error) {
	return s.apply(changes, nil, offsets)
}

func (s *Store) apply(changes []Change, names []name, offsets []Offset) (applied, stale int, err error) {
	s.write.Lock()
	defer s.write.Unlock()
	if s.gates[0].closed { // only Close sets it, and holds s.write too
		return 0, 0, ErrStoreClosed
	}
	if stale, err = s.pickNewest(changes); err != nil {
		return 0, 0, err
	}
	batch := s.db.NewBatch()
	if err := s.fill(batch, changes, names, offsets); err != nil {
		return 0, 0, fmt.Errorf("apply profiles: %w", err)
	}
	s.hot.beginWrite(s.scratch.users)
	err = batch.Commit(pebble.NoSync)
	s.hot.endWrite(s.scratch.users)
	if err != nil {
		return 0, 0, fmt.Errorf("apply profiles: %w", err)
	}
	return len(changes) - stale, stale, batch.Close()
}

// pickNewest sets scratch.newest and users to the changes that take effect and
// returns how many do not.
func (s *Store) pickNewest(changes []Change) (stale int, err error) {
	sc := &s.scratch
	clear(sc.newest)
	sc.users = sc.users[:0]
	for i := range changes {
		c := &changes[i]
		var older Record
		switch j, ok := sc.newest[c.User]; {
		case ok:
			older = changes[j].Record
		case c.Record == nil:
			sc.users = append(sc.users, c.User)
		default:
			newer, err := s.newer(c)
			if err != nil {
				return 0, err
			}
			if !newer {
				stale++
				continue
			}
			sc.users = append(sc.users, c.User)
		}
		if !supersedes(c.Record, older) {
			stale++
			continue
		}
		sc.newest[c.User] = i
	}
	return stale, nil
}

// newer compares a change with what is stored.
func (s *Store) newer(c *Change) (bool, error) {
	if !s.filter.mayHold(c.User) {
		return true, nil
	}
	rec, done, err := s.get(c.User)
	if err != nil || rec == nil {
		return err == nil, err
	}
	newer := supersedes(c.Record, rec)
	return newer, done.Close()
}

// supersedes is the rule of Apply; nil is an erasure, or nothing yet.
func supersedes(rec, older Record) bool {
	if rec == nil || older == nil {
		return true
	}
	v, o := rec.Version(), older.Version()
	return v > o || v == o && !bytes.Equal(rec, older)
}

func (s *Store) fill(batch *pebble.Batch, changes []Change, names []name, offsets []Offset) error {
	sc := &s.scratch
	for _, user := range sc.users {
		sc.key = appendProfileKey(sc.key[:0], user)
		rec := changes[sc.newest[user]].Record
		if rec == nil {
			if err := batch.Delete(sc.key, nil); err != nil {
				return err
			}
			continue
		}
		// Before the commit, so that nobody calls a stored user unknown.
		s.filter.add(user)
		if err := batch.Set(sc.key, rec, nil); err != nil {
			return err
		}
	}
	for _, n := range names {
		sc.key = binary.BigEndian.AppendUint32(append(sc.key[:0], prefixName), uint32(n.number))
		if err := batch.Set(sc.key, []byte(n.path), nil); err != nil {
			return err
		}
	}
	for _, o := range offsets {
		sc.key = appendOffsetKey(sc.key[:0], o.Topic, o.Partition)
		var next [8]byte
		binary.BigEndian.PutUint64(next[:], uint64(o.Next))
		if err := batch.Set(sc.key, next[:], nil); err != nil {
			return err
		}
	}
	return nil
}
