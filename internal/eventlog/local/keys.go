package local

import (
	"encoding/binary"
	"fmt"
	"time"

	"bidhawk/internal/eventlog"
)

// The keys of the store. A partition's prefix is 9 bytes: kind, topic id and
// partition, big endian, so that Pebble's order is the log's order.
//
//	T name                      -> topic: id, partitions, compacted, retention
//	R topic partition offset    -> record: time, key, value
//	P topic partition           -> marks: first, next, clean
//	K topic partition key       -> offset of the key's newest record below clean (compacted topics)
//	D topic partition offset    -> nothing: a tombstone below clean, to be dropped later
const (
	kindTopic     = 'T'
	kindRecord    = 'R'
	kindMarks     = 'P'
	kindNewest    = 'K'
	kindTombstone = 'D'
)

var errCorrupt = eventlog.ErrCorrupt

func topicKey(name string) []byte { return append([]byte{kindTopic}, name...) }

func prefix(kind byte, topic uint32, partition int32) []byte {
	b := make([]byte, 0, 64)
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, topic)
	return binary.BigEndian.AppendUint32(b, uint32(partition))
}

// offsetKey is R or D of an offset.
func offsetKey(kind byte, topic uint32, partition int32, offset int64) []byte {
	return binary.BigEndian.AppendUint64(prefix(kind, topic, partition), uint64(offset))
}

// keyOffset is the offset at the end of an R or D key.
func keyOffset(k []byte) int64 { return int64(binary.BigEndian.Uint64(k[len(k)-8:])) }

// marks are what maintenance remembers of a partition. next is only a lower
// bound: the records themselves may reach further.
type marks struct {
	first int64 // oldest offset that retention left
	next  int64 // the log reached at least here, even where its last records are gone
	clean int64 // compaction has seen everything below
}

func (m marks) encode() []byte {
	b := make([]byte, 0, 24)
	b = binary.BigEndian.AppendUint64(b, uint64(m.first))
	b = binary.BigEndian.AppendUint64(b, uint64(m.next))
	return binary.BigEndian.AppendUint64(b, uint64(m.clean))
}

func decodeMarks(b []byte) (marks, error) {
	if len(b) != 24 {
		return marks{}, fmt.Errorf("marks of %d bytes, want 24: %w", len(b), errCorrupt)
	}
	u := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[i:])) }
	return marks{first: u(0), next: u(8), clean: u(16)}, nil
}

// storedTopic is the T record.
type storedTopic struct {
	id         uint32
	partitions int32
	compacted  bool
	retention  time.Duration
}

func (s storedTopic) encode() []byte {
	b := make([]byte, 0, 17)
	b = binary.BigEndian.AppendUint32(b, s.id)
	b = binary.BigEndian.AppendUint32(b, uint32(s.partitions))
	b = binary.BigEndian.AppendUint64(b, uint64(s.retention))
	if s.compacted {
		return append(b, 1)
	}
	return append(b, 0)
}

func decodeTopic(b []byte) (storedTopic, error) {
	if len(b) != 17 {
		return storedTopic{}, fmt.Errorf("topic of %d bytes, want 17: %w", len(b), errCorrupt)
	}
	return storedTopic{
		id:         binary.BigEndian.Uint32(b),
		partitions: int32(binary.BigEndian.Uint32(b[4:])),
		retention:  time.Duration(binary.BigEndian.Uint64(b[8:])),
		compacted:  b[16] == 1,
	}, nil
}

// A record is its time (8 bytes, Unix nanos), 0 for a tombstone or 1, the key's
// length, the key and the value.
const recordHead = 9

// appendRecord appends m's record with its time still zero: the committer
// knows it, see stamp.
func appendRecord(dst []byte, m *eventlog.Message) []byte {
	dst = append(dst, make([]byte, recordHead)...)
	if m.Value != nil {
		dst[len(dst)-1] = 1
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.Key)))
	dst = append(dst, m.Key...)
	return append(dst, m.Value...)
}

func recordSize(m *eventlog.Message) int {
	return recordHead + binary.MaxVarintLen32 + len(m.Key) + len(m.Value)
}

func stamp(record []byte, nanos int64) { binary.BigEndian.PutUint64(record, uint64(nanos)) }

// parsedRecord points into the bytes it was parsed from.
type parsedRecord struct {
	nanos int64
	key   []byte
	value []byte // nil: tombstone
}

func parseRecord(b []byte) (parsedRecord, error) {
	if len(b) < recordHead || b[8] > 1 {
		return parsedRecord{}, fmt.Errorf("record head: %w", errCorrupt)
	}
	r := parsedRecord{nanos: int64(binary.BigEndian.Uint64(b))}
	n, w := binary.Uvarint(b[recordHead:])
	body := b[min(len(b), recordHead+max(w, 0)):]
	if w <= 0 || n > uint64(len(body)) {
		return parsedRecord{}, fmt.Errorf("record key length: %w", errCorrupt)
	}
	r.key = body[:n:n]
	switch rest := body[n:]; {
	case b[8] == 1:
		r.value = rest
	case len(rest) > 0:
		return parsedRecord{}, fmt.Errorf("tombstone with %d bytes of value: %w", len(rest), errCorrupt)
	}
	return r, nil
}
