package pacing

import (
	"context"
	"errors"
	"fmt"

	"bidhawk/internal/eventlog"
)

// Rebuilt says what Rebuild has read.
type Rebuilt struct {
	Records int64           // folded, of all partitions
	Next    map[int32]int64 // by partition, the offset after the last of them
}

// flushEvery bounds what a rebuild keeps for its next write.
const flushEvery = 100_000

// Rebuild folds the whole log of money into a new state directory. What it
// writes stands, as every snapshot, not after a record whose posting may be
// unpublished: a node that starts on it folds the rest, and publishes it. Records
// without which balances would be wrong must not be missing: the log has to
// begin at its first offset.
func Rebuild(ctx context.Context, dir string, log eventlog.Log) (out Rebuilt, err error) {
	partitions, err := log.Partitions(ctx, eventlog.TopicMoney)
	if err != nil {
		return out, err
	}
	store, err := openPebble(dir, false)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	out.Next = map[int32]int64{}
	for i := range partitions {
		n, next, err := rebuildPartition(ctx, store, log, i, partitions)
		if err != nil {
			return out, fmt.Errorf("rebuild: %w", err)
		}
		out.Records += n
		out.Next[i] = next
	}
	return out, nil
}

func rebuildPartition(ctx context.Context, store snapStore, log eventlog.Log, partition, partitions int32) (n, next int64, err error) {
	first, end, err := log.Bounds(ctx, eventlog.TopicMoney, partition)
	if err != nil {
		return 0, 0, err
	}
	if first > 0 {
		return 0, 0, fmt.Errorf("%s partition %d begins at offset %d: the records before it are missing", eventlog.TopicMoney, partition, first)
	}
	published, err := newestPosting(ctx, log, partition)
	if err != nil {
		return 0, 0, err
	}
	l := newLedger(partition)
	if end == 0 {
		return 0, 0, nil
	}
	r, err := log.Read(ctx, eventlog.TopicMoney, partition, 0)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	flush := func() error { return store.commit(func(w snapWriter) error { return l.flush(w, partitions) }) }
	for l.next < end {
		recs, err := r.Fetch(ctx, 4096)
		if err != nil {
			return n, l.next, err
		}
		for i := range recs {
			if _, err := l.apply(&recs[i]); err != nil {
				return n, l.next, err
			}
			n++
			if l.next == published+1 || l.next <= published && n%flushEvery == 0 {
				if err := flush(); err != nil {
					return n, l.next, err
				}
			}
		}
	}
	return n, l.next, nil
}
