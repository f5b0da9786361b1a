package attribution

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"bidhawk/internal/ids"
)

// exposureType is what happened to a bid.
type exposureType int64

const (
	exposureWin exposureType = iota + 1
	exposureImpression
	exposureClick
	exposureViewable
	exposureStart
	exposureFirstQuartile
	exposureMidpoint
	exposureThirdQuartile
	exposureComplete
	exposureUncounted // of players, and of ourselves for the bidders' rates
	exposureGhost     // an assignment of an experiment
)

// exposureTypes are the types of the topic exposures.
var exposureTypes = map[string]exposureType{
	"win": exposureWin, "impression": exposureImpression, "click": exposureClick, "viewable": exposureViewable,
	"start": exposureStart, "firstQuartile": exposureFirstQuartile, "midpoint": exposureMidpoint,
	"thirdQuartile": exposureThirdQuartile, "complete": exposureComplete,
	"skip": exposureUncounted, "error": exposureUncounted, "creativeView": exposureUncounted, "acceptInvitation": exposureUncounted,
	"close": exposureUncounted, "engaged": exposureUncounted, "companionView": exposureUncounted, "conversion": exposureUncounted,
	"ghost": exposureGhost,
}

// metric is what an exposure counts as.
func (k exposureType) metric() int {
	return [...]int{
		exposureWin: nWins, exposureImpression: nImpressions, exposureClick: nClicks, exposureViewable: nViewable,
		exposureStart: nStarts, exposureFirstQuartile: nFirstQuartiles, exposureMidpoint: nMidpoints,
		exposureThirdQuartile: nThirdQuartiles, exposureComplete: nCompletes,
	}[k]
}

// The bids of one incarnation are numbered, so that which of them were counted
// is a bitmap: one row of the database for chunkBids bids, not one for each.
const chunkBids = 1024

type chunkKey struct {
	kind        exposureType
	incarnation uint64
	chunk       uint64
}

type chunk struct {
	bits  [chunkBids / 8]byte
	dirty bool
}

const (
	selectChunk = `SELECT bits FROM seen WHERE type = ? AND incarnation = ? AND chunk = ?`
	upsertChunk = `INSERT INTO seen (type, incarnation, chunk, day, bits) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (type, incarnation, chunk) DO UPDATE SET day = excluded.day, bits = excluded.bits`
)

// firstSeen marks bid as counted for kind; false: it was already.
func (b *batch) firstSeen(kind exposureType, bid ids.BidID) (bool, error) {
	key := chunkKey{kind, bid.Incarnation, bid.Counter / chunkBids}
	c := b.seen[key]
	if c == nil {
		var err error
		if c, err = b.loadChunk(key); err != nil {
			return false, err
		}
		b.seen[key] = c
	}
	i, mask := bid.Counter%chunkBids/8, byte(1)<<(bid.Counter%8)
	if c.bits[i]&mask != 0 {
		return false, nil
	}
	c.bits[i] |= mask
	c.dirty = true
	return true, nil
}

func (b *batch) loadChunk(key chunkKey) (*chunk, error) {
	c := new(chunk)
	var bits []byte
	err := b.row(selectChunk, int64(key.kind), int64(key.incarnation), int64(key.chunk)).Scan(&bits)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read seen bids: %w", err)
	}
	copy(c.bits[:], bits)
	return c, nil
}

func (b *batch) writeSeen() error {
	day := int64(dayOf(b.now, time.UTC))
	for key, c := range b.seen {
		if !c.dirty {
			continue
		}
		err := b.exec(upsertChunk, int64(key.kind), int64(key.incarnation), int64(key.chunk), day, c.bits[:])
		if err != nil {
			return fmt.Errorf("write seen bids: %w", err)
		}
	}
	return nil
}
