// Package ids makes the identifiers of the house: keyed 64-bit user keys, bid
// ids that are unique without coordination, and authentication tags for tokens.
package ids

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// TagSize is the length of an authentication tag in bytes.
const TagSize = 16

// ErrForged reports a tag that no current key made.
var ErrForged = errors.New("tag does not verify")

// Keyring signs with its first key and verifies with all of them, so that keys
// rotate without refusing what is in flight. It is safe for concurrent use.
type Keyring struct {
	keys []*macPool
}

// macPool keeps ready HMAC states: hmac.New hashes both pads each time, which
// costs more than the message.
type macPool struct{ pool sync.Pool }

// NewKeyring takes 1 to 8 secrets of at least 16 bytes each, newest first.
func NewKeyring(secrets ...[]byte) (*Keyring, error) {
	if len(secrets) == 0 || len(secrets) > 8 {
		return nil, fmt.Errorf("keyring: got %d keys; want 1 to 8", len(secrets))
	}
	r := &Keyring{}
	for i, s := range secrets {
		if len(s) < 16 {
			return nil, fmt.Errorf("keyring: key %d has %d bytes; want at least 16", i, len(s))
		}
		s := append([]byte(nil), s...)
		p := &macPool{}
		p.pool.New = func() any { return &macState{h: hmac.New(sha256.New, s)} }
		r.keys = append(r.keys, p)
	}
	return r, nil
}

type macState struct {
	h   hash.Hash
	sum [sha256.Size]byte
	buf []byte
}

func (p *macPool) tag(purpose byte, msg []byte) (t [TagSize]byte) {
	s := p.pool.Get().(*macState)
	t = s.tag(purpose, msg)
	p.pool.Put(s)
	return t
}

func (s *macState) tag(purpose byte, msg []byte) (t [TagSize]byte) {
	s.h.Reset()
	s.sum[0] = purpose
	s.h.Write(s.sum[:1])
	s.h.Write(msg)
	out := s.h.Sum(s.sum[:0])
	copy(t[:], out)
	return t
}

// Tag authenticates purpose and msg with the newest key.
func (r *Keyring) Tag(purpose byte, msg []byte) [TagSize]byte { return r.keys[0].tag(purpose, msg) }

// Verify returns ErrForged unless some key made tag for purpose and msg. It
// compares in constant time.
func (r *Keyring) Verify(purpose byte, msg, tag []byte) error {
	if len(tag) != TagSize {
		return ErrForged
	}
	for _, k := range r.keys {
		want := k.tag(purpose, msg)
		if hmac.Equal(want[:], tag) {
			return nil
		}
	}
	return ErrForged
}
