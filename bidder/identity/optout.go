package identity

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"bidhawk/internal/ids"
)

// OptOuts are the users who opted out: those of a file, which is replaced whole,
// and those who told us. It is safe for concurrent use; Has does not allocate.
type OptOuts struct {
	file   atomic.Pointer[map[ids.UserKey]struct{}]
	added  atomic.Int64
	shards [optOutShards]optOutShard
}

type optOutShard struct {
	mu    sync.RWMutex
	users map[ids.UserKey]struct{}
}

const optOutShards = 16

// Bounds of the opt-outs, 40 bytes of memory each.
const (
	maxOptOutsFile  = 20_000_000
	maxOptOutsAdded = 2_000_000
)

// ErrOptOutsFull reports an opt-out that has no room in memory.
var ErrOptOutsFull = errors.New("set of opt-outs is full")

// NewOptOuts returns an empty set.
func NewOptOuts() *OptOuts {
	o := &OptOuts{}
	o.file.Store(&map[ids.UserKey]struct{}{})
	for i := range o.shards {
		o.shards[i].users = make(map[ids.UserKey]struct{})
	}
	return o
}

// Has says whether user opted out.
func (o *OptOuts) Has(user ids.UserKey) bool {
	if _, ok := (*o.file.Load())[user]; ok {
		return true
	}
	// Fast path: nobody told us.
	if o.added.Load() == 0 {
		return false
	}
	s := &o.shards[user%optOutShards]
	s.mu.RLock()
	_, ok := s.users[user]
	s.mu.RUnlock()
	return ok
}

// Add adds one user, for as long as the process lives: what must outlive it is
// kept by the profile store.
func (o *OptOuts) Add(user ids.UserKey) error {
	s := &o.shards[user%optOutShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.users[user]; ok {
		return nil
	}
	if o.added.Load() >= maxOptOutsAdded {
		return ErrOptOutsFull
	}
	o.added.Add(1)
	s.users[user] = struct{}{}
	return nil
}

// Load replaces the file's users by those in r: a user key of 16 hex digits a
// line, as HashOptOuts writes it; blank lines and those that begin with # are
// skipped. On an error nothing changes.
func (o *OptOuts) Load(r io.Reader) error {
	users := make(map[ids.UserKey]struct{})
	err := lines(r, func(n int, text []byte) error {
		key, err := ids.ParseUserKey(string(text))
		if err != nil {
			return fmt.Errorf("opt-outs: line %d: %w", n, err)
		}
		if len(users) >= maxOptOutsFile {
			return fmt.Errorf("opt-outs: line %d: want at most %d users", n, maxOptOutsFile)
		}
		users[key] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	o.file.Store(&users)
	return nil
}

// HashOptOuts turns raw ids of an eids source, one a line, into what Load reads:
// for UID2 and EUID the raw UID2s of their opt-out webhook or POST /optout/status.
// It returns how many it wrote.
func HashOptOuts(w io.Writer, r io.Reader, keys *ids.Keyring, rule EIDRule) (written int, err error) {
	out := bufio.NewWriter(w)
	err = lines(r, func(n int, text []byte) error {
		if rule.Token != ScopeNone {
			raw, ok := appendRaw(nil, text, rule.Token)
			if !ok {
				return fmt.Errorf("opt-outs: line %d: got %d characters; want a raw id of %s", n, len(text), rule.Token)
			}
			text = raw
		}
		written++
		_, err := fmt.Fprintln(out, keys.User(ids.KindEID, rule.Source, text))
		return err
	})
	if err != nil {
		return 0, err
	}
	return written, out.Flush()
}

// lines calls f for each line that is neither blank nor a comment.
func lines(r io.Reader, f func(n int, text []byte) error) error {
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		if text := s.Bytes(); len(text) > 0 && text[0] != '#' {
			if err := f(n, text); err != nil {
				return err
			}
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("opt-outs: %w", err)
	}
	return nil
}

// appendRaw appends the canonical text of a raw UID2 or EUID, standard base64
// with padding, as advertisers' lists have it.
func appendRaw(dst, text []byte, scope Scope) ([]byte, bool) {
	var raw [maxRawBytes + 3]byte
	n, ok := decodeBase64(raw[:], text)
	if !ok || !validRaw(raw[:n], scope) {
		return dst, false
	}
	return base64.StdEncoding.AppendEncode(dst, raw[:n]), true
}
