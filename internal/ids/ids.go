package ids

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync/atomic"
)

// UserKey is a person's or device's 64-bit pseudonym, derived with a secret
// from an identifier; the identifier itself is never stored. 0 means unknown.
type UserKey uint64

// String prints the key as 16 hex digits.
func (k UserKey) String() string { return fmt.Sprintf("%016x", uint64(k)) }

// Kinds of identifier a UserKey is derived from. They keep equal raw values of
// different spaces apart.
const (
	KindBuyerUID  = 'b' // user.buyeruid or user.id of one exchange: space is the exchange
	KindIFA       = 'i' // device.ifa, lower case: space is empty
	KindEID       = 'e' // user.eids[].uids[].id: space is the source
	KindHousehold = 'h' // a home: space is the source, or "ip" for a day's network prefix
	KindList      = 'l' // an advertiser's own id in an uploaded list: space is its type
)

// User derives the key of the identifier raw within space. The secret is the
// keyring's newest key: rotating it makes new users of everybody, so profiles
// use a ring of their own.
func (r *Keyring) User(kind byte, space string, raw []byte) UserKey {
	if len(raw) == 0 {
		return 0
	}
	pool := r.keys[0]
	s := pool.pool.Get().(*macState)
	s.buf = append(append(append(s.buf[:0], space...), 0), raw...)
	t := s.tag(kind, s.buf)
	clear(s.buf) // no raw identifier stays in memory that is kept
	pool.pool.Put(s)
	k := binary.BigEndian.Uint64(t[:8])
	if k == 0 {
		k = 1
	}
	return UserKey(k)
}

// BidID names one bid: the random incarnation of the process that made it and
// a counter. It prints as 32 hex digits.
type BidID struct {
	Incarnation uint64
	Counter     uint64
}

// AppendHex appends the 32 hex digits of b.
func (b BidID) AppendHex(dst []byte) []byte {
	var raw [16]byte
	b.Put(raw[:])
	return hex.AppendEncode(dst, raw[:])
}

func (b BidID) String() string { return string(b.AppendHex(nil)) }

// Put writes b into the first 16 bytes of p.
func (b BidID) Put(p []byte) {
	binary.BigEndian.PutUint64(p, b.Incarnation)
	binary.BigEndian.PutUint64(p[8:], b.Counter)
}

// GetBidID reads what Put wrote.
func GetBidID(p []byte) BidID {
	return BidID{binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:])}
}

// ParseBidID reads 32 hex digits.
func ParseBidID(s string) (BidID, error) {
	var raw [16]byte
	if len(s) != 32 {
		return BidID{}, fmt.Errorf("bid id %.40q: got %d characters; want 32 hex digits", s, len(s))
	}
	if _, err := hex.Decode(raw[:], []byte(s)); err != nil {
		return BidID{}, fmt.Errorf("bid id %.40q: want 32 hex digits", s)
	}
	return GetBidID(raw[:]), nil
}

// MarshalText and UnmarshalText are the 32 hex digits.
func (b BidID) MarshalText() ([]byte, error) { return b.AppendHex(nil), nil }

// UnmarshalText is ParseBidID.
func (b *BidID) UnmarshalText(t []byte) error {
	v, err := ParseBidID(string(t))
	if err == nil {
		*b = v
	}
	return err
}

// BidIDs hands out the bid ids of one incarnation; it is safe for concurrent use.
type BidIDs struct {
	incarnation uint64
	counter     atomic.Uint64
}

// NewBidIDs starts a new random incarnation.
func NewBidIDs() (*BidIDs, error) {
	n, err := RandomUint64()
	if err != nil {
		return nil, err
	}
	return &BidIDs{incarnation: n}, nil
}

// Incarnation is the random number of this process's life.
func (g *BidIDs) Incarnation() uint64 { return g.incarnation }

// Next returns a new id.
func (g *BidIDs) Next() BidID { return BidID{g.incarnation, g.counter.Add(1)} }

// RandomUint64 returns 64 random bits, never 0.
func RandomUint64() (uint64, error) {
	var b [8]byte
	for {
		if _, err := rand.Read(b[:]); err != nil {
			return 0, fmt.Errorf("read random bytes: %w", err)
		}
		if n := binary.BigEndian.Uint64(b[:]); n != 0 {
			return n, nil
		}
	}
}

// ParseUserKey reads 16 hex digits.
func ParseUserKey(s string) (UserKey, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("user key: got %d characters; want 16 hex digits", len(s))
	}
	return UserKey(n), nil
}
