package pacing

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// A snapshot is the state of a partition in Pebble: every account, lease and
// bid, with the offset that they stand at, written in one batch. Only what
// changed since the last one is written. Keys, after the partition (4 bytes):
//
//	m            the offset, the epoch and the nonce
//	n ADV KIND ID  a node (all big-endian)
//	p EXCH/CUR   a payable
//	l LEASE      a lease
//	b LEASE BID  a bid of it
//
// The whole state is in it, the dedup set too: it is loaded with one scan.
const (
	snapMeta  = 'm'
	snapNode  = 'n'
	snapPayee = 'p'
	snapLease = 'l'
	snapBid   = 'b'
)

// snapshotVersion guards against the state of another binary.
const snapshotVersion = 1

// ErrSnapshot reports a state directory that cannot be used. Removing it is
// safe: the state is rebuilt from the log.
var ErrSnapshot = errors.New("ledger snapshot cannot be used")

type snapMetaValue struct {
	Version    int   `json:"version"`
	Partitions int32 `json:"partitions"`
	Next       int64 `json:"next"`
	Epoch      int64 `json:"epoch"`
	Nonce      int64 `json:"nonce"`
}

type snapNodeValue struct {
	Terms  Terms   `json:"terms"`
	Charge account `json:"charge"`
	Media  account `json:"media"`
	Line   *line   `json:"line,omitempty"`
	Parent int64   `json:"parent,omitempty"` // a line item's campaign
	Day    Day     `json:"day,omitempty"`    // an advertiser's
}

type snapLeaseValue struct {
	Advertiser campaigns.ID    `json:"advertiser"`
	Bidder     string          `json:"bidder"`
	Day        Day             `json:"day"`
	WindowMS   int64           `json:"window_ms"`
	Closed     bool            `json:"closed"`
	ClosedAt   time.Time       `json:"closed_at,omitzero"`
	Returned   bool            `json:"returned"`
	Items      []snapLeaseItem `json:"items"`
}

type snapLeaseItem struct {
	ItemAmount
	Click money.Nanos `json:"click_nanos"`
}

var levelByte = map[Level]byte{LevelAdvertiser: 'a', LevelCampaign: 'c', LevelLineItem: 'l'}

func snapKey(partition int32, kind byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(partition)), kind)
}

func (l *ledger) bidKey(lease int64, id ids.BidID) []byte {
	k := binary.BigEndian.AppendUint64(snapKey(l.partition, snapBid), uint64(lease))
	k = binary.BigEndian.AppendUint64(k, id.Incarnation)
	return binary.BigEndian.AppendUint64(k, id.Counter)
}

// flush writes what changed since the last flush into w, and forgets it. An
// error leaves the ledger unusable.
func (l *ledger) flush(w snapWriter, partitions int32) error {
	set := func(key []byte, v any) error {
		value, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("snapshot of partition %d: %w", l.partition, err)
		}
		return w.Set(key, value)
	}
	for _, n := range l.dirtyNodes {
		n.dirty = false
		if err := set(l.nodeKey(n), n.snapshot()); err != nil {
			return err
		}
	}
	for _, ls := range l.dirtyLeases {
		ls.dirty = false
		if err := set(l.leaseKey(ls.id), ls.snapshot()); err != nil {
			return err
		}
	}
	var buf []byte
	for _, ref := range l.dirtyBids {
		buf = ref.lease.bids[ref.bid].append(buf[:0])
		if err := w.Set(l.bidKey(ref.lease.id, ref.bid), buf); err != nil {
			return err
		}
	}
	for _, ls := range l.ended {
		if err := w.Delete(l.leaseKey(ls.id)); err != nil {
			return err
		}
		if err := w.DeleteRange(l.bidKey(ls.id, ids.BidID{}), l.bidKey(ls.id+1, ids.BidID{})); err != nil {
			return err
		}
	}
	for to, sum := range l.payables { // a handful
		if err := set(append(snapKey(l.partition, snapPayee), to.currency.String()+to.exchange...), sum); err != nil {
			return err
		}
	}
	l.dirtyNodes, l.dirtyLeases, l.dirtyBids, l.ended = l.dirtyNodes[:0], l.dirtyLeases[:0], l.dirtyBids[:0], nil
	return set(snapKey(l.partition, snapMeta), snapMetaValue{snapshotVersion, partitions, l.next, l.epoch, l.nonce})
}

func (l *ledger) nodeKey(n *node) []byte {
	k := binary.BigEndian.AppendUint64(snapKey(l.partition, snapNode), uint64(n.owner.node.id))
	return binary.BigEndian.AppendUint64(append(k, levelByte[n.level]), uint64(n.id))
}

func (l *ledger) leaseKey(id int64) []byte {
	return binary.BigEndian.AppendUint64(snapKey(l.partition, snapLease), uint64(id))
}

func (n *node) snapshot() snapNodeValue {
	v := snapNodeValue{Terms: n.terms, Charge: n.charge, Media: n.media, Line: n.line}
	switch n.level {
	case LevelAdvertiser:
		v.Day = n.owner.day
	case LevelLineItem:
		v.Parent = n.parent.id
	}
	return v
}

func (ls *lease) snapshot() snapLeaseValue {
	v := snapLeaseValue{Advertiser: campaigns.ID(ls.owner.node.id), Bidder: ls.bidder, Day: ls.day, WindowMS: ls.windowMS,
		Closed: ls.closed, ClosedAt: ls.closedAt, Returned: ls.returned}
	for _, it := range ls.items {
		v.Items = append(v.Items, snapLeaseItem{ItemAmount{LineItem: campaigns.ID(it.line.id), Amounts: it.held}, it.click})
	}
	return v
}

func (b bid) append(dst []byte) []byte {
	dst = append(dst, byte(b.flags))
	dst = binary.AppendVarint(dst, int64(b.media))
	return binary.AppendVarint(dst, int64(b.payable))
}

func parseBid(v []byte) (b bid, ok bool) {
	if len(v) < 3 {
		return b, false
	}
	b.flags = bidFlags(v[0])
	media, n := binary.Varint(v[1:])
	if n <= 0 {
		return b, false
	}
	payable, m := binary.Varint(v[1+n:])
	b.media, b.payable = money.Nanos(media), money.Nanos(payable)
	return b, m > 0 && 1+n+m == len(v)
}

// loadLedger reads the snapshot of a partition; without one it is the empty
// ledger at offset 0. Every error but the store's own is ErrSnapshot.
func loadLedger(store snapStore, partition, partitions int32) (*ledger, error) {
	l := newLedger(partition)
	raw, err := store.get(snapKey(partition, snapMeta))
	if err != nil {
		return nil, fmt.Errorf("read snapshot of partition %d: %w", partition, err)
	}
	if raw == nil {
		return l, nil
	}
	var m snapMetaValue
	err = json.Unmarshal(raw, &m)
	if err != nil || m.Version != snapshotVersion || m.Partitions != partitions {
		return nil, fmt.Errorf("%w: partition %d: version %d of %d partitions; want version %d of %d: %v", ErrSnapshot, partition, m.Version, m.Partitions, snapshotVersion, partitions, err)
	}
	l.next, l.epoch, l.nonce = m.Next, m.Epoch, m.Nonce
	for _, kind := range []struct {
		kind byte
		load func(key, value []byte) error
	}{{snapNode, l.loadNode}, {snapPayee, l.loadPayee}, {snapLease, l.loadLease}, {snapBid, l.loadBid}} {
		from := snapKey(partition, kind.kind)
		load := func(key, value []byte) error { return kind.load(key[len(from):], value) }
		if err := store.scan(from, snapKey(partition, kind.kind+1), load); err != nil {
			return nil, fmt.Errorf("%w: partition %d: %c: %w", ErrSnapshot, partition, kind.kind, err)
		}
	}
	return l, nil
}

var errSnapshotKey = errors.New("key or value cannot be read")

// loadNode relies on the keys' order: an advertiser, its campaigns, its line items.
func (l *ledger) loadNode(key, value []byte) error {
	var v snapNodeValue
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	if len(key) != 17 {
		return errSnapshotKey
	}
	advertiser, id := campaigns.ID(binary.BigEndian.Uint64(key)), campaigns.ID(binary.BigEndian.Uint64(key[9:]))
	var n *node
	bk := l.books[advertiser]
	switch {
	case key[8] == levelByte[LevelAdvertiser]:
		bk = l.addBook(advertiser)
		bk.day = v.Day
		n = &bk.node
	case key[8] == levelByte[LevelCampaign] && bk != nil:
		n = l.addCampaign(bk, id)
	case key[8] == levelByte[LevelLineItem] && l.campaigns[campaigns.ID(v.Parent)] != nil && v.Line != nil:
		n = l.addLine(l.campaigns[campaigns.ID(v.Parent)], id)
		n.line = v.Line
	default:
		return errSnapshotKey
	}
	n.terms, n.charge, n.media = v.Terms, v.Charge, v.Media
	return nil
}

func (l *ledger) loadPayee(key, value []byte) error {
	var sum money.Wide
	if err := json.Unmarshal(value, &sum); err != nil {
		return err
	}
	if len(key) < 3 {
		return errSnapshotKey
	}
	currency, err := money.ParseCurrency(string(key[:3]))
	l.payables[payee{string(key[3:]), currency}] = sum
	return err
}

func (l *ledger) loadLease(key, value []byte) error {
	var v snapLeaseValue
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	bk := l.books[v.Advertiser]
	if len(key) != 8 || bk == nil {
		return errSnapshotKey
	}
	ls := &lease{id: int64(binary.BigEndian.Uint64(key)), owner: bk, bidder: v.Bidder, day: v.Day, windowMS: v.WindowMS,
		closed: v.Closed, closedAt: v.ClosedAt, returned: v.Returned, bids: map[ids.BidID]bid{}}
	for _, it := range v.Items {
		li := l.lines[it.LineItem]
		if li == nil {
			return errSnapshotKey
		}
		ls.items = append(ls.items, leaseItem{line: li, held: it.Amounts, click: it.Click})
	}
	l.leases[ls.id] = ls
	bk.leased[ls.day]++
	return nil
}

func (l *ledger) loadBid(key, value []byte) error {
	b, ok := parseBid(value)
	if len(key) != 24 || !ok {
		return errSnapshotKey
	}
	ls := l.leases[int64(binary.BigEndian.Uint64(key))]
	if ls == nil {
		return errSnapshotKey
	}
	ls.bids[ids.GetBidID(key[8:])] = b
	return nil
}

// pathOf is the name of an account in Totals.
func pathOf(parts ...string) string { return strings.Join(parts, "/") }
