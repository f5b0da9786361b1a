// Package eventlog is the house's ordered, durable log of records: topics of
// partitions of offsets. Two backends keep the same contract: local (one
// directory, Pebble) and kafka. Everything a bid causes goes through it.
package eventlog

import (
	"context"
	"errors"
	"time"
)

// Message is a record on its way in.
type Message struct {
	Topic string
	Key   []byte // chooses the partition, and is the identity on a compacted topic; never empty
	Value []byte // nil deletes the key on a compacted topic (tombstone)
}

// Record is a record as it was read.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64     // dense on local; strictly increasing on kafka
	Time      time.Time // when it was appended, by the log's clock
	Key       []byte
	Value     []byte // nil: a tombstone
}

// TopicConfig describes a topic.
type TopicConfig struct {
	Name       string
	Partitions int32
	Compacted  bool          // keep the newest record of each key
	Retention  time.Duration // 0: forever; ignored on compacted topics
}

var (
	// ErrClosed reports a call on a closed log, reader or publisher.
	ErrClosed = errors.New("event log is closed")
	// ErrUnknownTopic names a topic that EnsureTopics never made.
	ErrUnknownTopic = errors.New("unknown topic")
	// ErrPartitionCount reports a topic that exists with another partition count.
	ErrPartitionCount = errors.New("partition count differs")
	// ErrOffsetOutOfRange reports a reader's offset that the log no longer, or not yet, holds.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrCorrupt reports stored bytes that cannot be read: trying again cannot help.
	ErrCorrupt = errors.New("stored bytes are corrupt")
	// ErrTooLarge reports a message above MaxMessageBytes.
	ErrTooLarge = errors.New("message too large")
	// ErrNoKey reports a message without a key.
	ErrNoKey = errors.New("message has no key")
)

// MaxMessageBytes bounds key plus value of one message.
const MaxMessageBytes = 900 << 10

// Log is a durable, ordered log. It is safe for concurrent use.
type Log interface {
	// EnsureTopics creates what is missing. A topic that exists with another
	// partition count is ErrPartitionCount, naming both.
	EnsureTopics(ctx context.Context, topics ...TopicConfig) error

	// Append returns nil only when every message is durable (fsync, or acks of
	// all in-sync replicas). On an error some messages may have been appended:
	// delivery is at least once, and every record carries an id of its own.
	// Messages of one key keep the order of the slice. Arguments are not retained.
	Append(ctx context.Context, msgs ...Message) error

	// Partitions returns the partition count of topic.
	Partitions(ctx context.Context, topic string) (int32, error)

	// Bounds returns the first offset held and the next to be written.
	Bounds(ctx context.Context, topic string, partition int32) (first, next int64, err error)

	// Read opens a reader at offset. FirstOffset starts at the oldest record
	// held; NextOffset only sees what is appended from now on.
	Read(ctx context.Context, topic string, partition int32, offset int64) (Reader, error)

	// Close flushes and releases everything; readers return ErrClosed.
	Close() error
}

// Special offsets of Log.Read.
const (
	FirstOffset int64 = -2
	NextOffset  int64 = -1
)

// Reader reads one partition in order. It is not safe for concurrent use.
type Reader interface {
	// Fetch blocks until at least one record can be read, ctx ends or the
	// reader is closed, then returns up to max records in offset order. On
	// compacted topics offsets have gaps. The records and their bytes belong to
	// the caller. After an error that is none of ErrClosed, ErrOffsetOutOfRange
	// and ErrCorrupt the reader goes on where it was.
	Fetch(ctx context.Context, max int) ([]Record, error)
	// Lag is how many offsets the reader was behind the end at its last Fetch.
	Lag() int64
	Close() error
}

// PartitionOf is the partition of key among n: Kafka's own default (murmur2),
// so that producers in any language agree.
func PartitionOf(key []byte, n int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % n
}

// murmur2 is the hash of org.apache.kafka.common.utils.Utils.murmur2.
func murmur2(b []byte) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(b))
	i := 0
	for ; i+4 <= len(b); i += 4 {
		k := uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
	}
	switch len(b) - i {
	case 3:
		h ^= uint32(b[i+2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[i+1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[i])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
