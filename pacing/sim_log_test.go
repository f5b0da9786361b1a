package pacing

import (
	"bytes"
	"fmt"

	"bidhawk/internal/eventlog"
	"bidhawk/pacing/audit"
)

// simLog is the topic money: what was appended stays, in order. An append may
// take a part of its messages, or all of them and report an error.
type simLog struct {
	w     *simWorld
	parts []simPart
}

// simPart is a partition, with what the auditor says of each record.
type simPart struct {
	records   []eventlog.Record
	entries   []audit.Entry
	published []bool // a posting of the offset is on the topic postings
	auditor   *audit.Partition
	compared  int64 // balances were, up to here
	tallied   int64 // decisions are in the tally, up to here
}

func newSimLog(w *simWorld) *simLog {
	l := &simLog{w: w}
	for i := range w.shape.partitions {
		l.parts = append(l.parts, simPart{auditor: audit.NewPartition(int32(i))})
	}
	return l
}

// append writes one record, and the auditor reads it.
func (l *simLog) append(partition int32, m eventlog.Message) {
	p := &l.parts[partition]
	r := eventlog.Record{Topic: m.Topic, Partition: partition, Offset: int64(len(p.records)), Time: l.w.now, Key: m.Key, Value: m.Value}
	p.records = append(p.records, r)
	l.w.noteRecord(&r)
	if at := eventlog.PartitionOf(m.Key, int32(len(l.parts))); at != partition && !l.w.plant.byCampaign {
		l.w.fail(fmt.Errorf("partition %d offset %d: key %q belongs to partition %d", partition, r.Offset, m.Key, at))
	}
	e, err := p.auditor.Apply(r.Offset, knownType(m.Value))
	if err != nil {
		l.w.fail(fmt.Errorf("auditor: partition %d offset %d: %w", partition, r.Offset, err))
	}
	p.entries = append(p.entries, e)
	p.published = append(p.published, false)
}

// write appends msgs in order; false: it reported an error, after it took none,
// a part or all of them.
func (l *simLog) write(partition int32, msgs []eventlog.Message) bool {
	switch {
	case l.w.fault(faultAppendPartial, 60):
		msgs = msgs[:l.w.rng.IntN(len(msgs))]
	case l.w.fault(faultAppendTwice, 60):
	default:
		for i := range msgs {
			l.append(partition, msgs[i])
		}
		return true
	}
	for i := range msgs {
		l.append(partition, msgs[i])
	}
	return false
}

// A bidder of tomorrow writes bills under a type that the binaries of today do
// not know. A pacer that is upgraded knows it; the auditor too.
var futureType, billType = []byte(`{"v":1,"type":"bill2",`), []byte(`{"v":1,"type":"bill",`)

func unknownType(value []byte) []byte {
	return append(bytes.Clone(futureType), bytes.TrimPrefix(value, billType)...)
}

func knownType(value []byte) []byte {
	if rest, ok := bytes.CutPrefix(value, futureType); ok {
		return append(bytes.Clone(billType), rest...)
	}
	return value
}
