package pacing

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"bidhawk/internal/eventlog"
)

// A standby reads along without a claim: its state is the fold of the same log,
// so that a takeover is a claim and no more. What differs is who publishes what
// the fold decides. The owner publishes postings in the order of the log and
// before any snapshot stands after them; so what is published is always all up
// to some offset. A standby keeps its postings until it has seen a later one
// published, and takes them with it into ownership.

// decision is a posting on its way to the log.
type decision struct {
	offset int64 // of its money record
	msg    eventlog.Message
}

const (
	maxPending   = 100_000         // a standby with more waits for the owner to publish
	trimEvery    = time.Second     // how often a standby looks what is published
	trimTimeout  = 2 * time.Second // of one look
	holdAtMost   = time.Second     // how long a standby waits with folding so that a snapshot can be written
	standbySaves = 5               // a standby writes a snapshot this many times more rarely
)

// keep remembers what was decided until it is published.
func (r *runner) keep(offset int64, msg eventlog.Message) {
	if !r.claimed && offset <= r.upTo {
		return
	}
	r.mu.pending = append(r.mu.pending, decision{offset, msg})
}

// publish appends what waits, in order.
func (r *runner) publish(ctx context.Context) error {
	msgs := make([]eventlog.Message, len(r.mu.pending))
	for i := range r.mu.pending {
		msgs[i] = r.mu.pending[i].msg
	}
	if err := r.append(ctx, msgs); err != nil {
		return err
	}
	r.mu.Lock()
	r.mu.pending = nil
	r.mu.Unlock()
	return nil
}

// trim drops what the owner has published. An error is no reason to stop: what
// waits is published by whoever owns the partition next.
func (r *runner) trim(ctx context.Context) {
	r.trimmed = r.p.deps.Clock()
	ctx, cancel := context.WithTimeout(ctx, trimTimeout)
	defer cancel()
	upTo, err := r.published(ctx)
	if err != nil {
		r.log.Debug("cannot see what is published", zap.Error(err))
		return
	}
	r.upTo = max(r.upTo, upTo)
	r.mu.Lock()
	defer r.mu.Unlock()
	first := slices.IndexFunc(r.mu.pending, func(d decision) bool { return d.offset > upTo })
	if first < 0 {
		r.mu.pending = nil
		return
	}
	r.mu.pending = slices.Clone(r.mu.pending[first:]) // let go of the others
}

// published is the offset of the money record that the newest posting is of; -1:
// there is none. Postings lie in the partition of their money: both have the
// advertiser as their key, and the same count.
func (r *runner) published(ctx context.Context) (int64, error) {
	return newestPosting(ctx, r.p.deps.Log, r.partition)
}

func newestPosting(ctx context.Context, log eventlog.Log, partition int32) (_ int64, err error) {
	first, next, err := log.Bounds(ctx, eventlog.TopicPostings, partition)
	if err != nil || next == first {
		return -1, err
	}
	reader, err := log.Read(ctx, eventlog.TopicPostings, partition, next-1)
	if err != nil {
		return -1, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	recs, err := reader.Fetch(ctx, 1)
	if err != nil {
		return -1, err
	}
	var p struct {
		Partition int32 `json:"money_partition"`
		Offset    int64 `json:"money_offset"`
	}
	if err := json.Unmarshal(recs[0].Value, &p); err != nil || p.Partition != partition {
		return -1, fmt.Errorf("%s partition %d offset %d is no posting of it: %w", eventlog.TopicPostings, partition, recs[0].Offset, err)
	}
	return p.Offset, nil
}

// rest ends the shard's ownership: nothing is granted, and who waits hears so.
func (s *shard) rest() {
	for _, rq := range s.open {
		rq.done(ErrNotReady)
	}
	clear(s.open)
	clear(s.seen)
	s.epoch, s.unread, s.synced = -1, 0, -1
	s.timers, s.unclaimed = nil, nil
}

// A process that starts again on its own state may go on at once where nobody
// has claimed the partition since: the group, which must first miss the process
// that died, need not be waited for. The snapshot tells the epoch that was ours.

// snapOwned is the kind of the key whose value is the last epoch of our own.
const snapOwned = 'o'

func writeOwned(w snapWriter, partition int32, epoch int64) error {
	return w.Set(snapKey(partition, snapOwned), binary.BigEndian.AppendUint64(nil, uint64(epoch)))
}

// readOwned is -1 where no epoch was ours.
func readOwned(store snapStore, partition int32) (int64, error) {
	v, err := store.get(snapKey(partition, snapOwned))
	if err != nil || v == nil {
		return -1, err
	}
	if len(v) != 8 {
		return -1, fmt.Errorf("%w: partition %d: %c: %d bytes; want 8", ErrSnapshot, partition, snapOwned, len(v))
	}
	return int64(binary.BigEndian.Uint64(v)), nil
}

// resume claims a partition that was this process's in its last life and that
// nobody has claimed since, without waiting for a proposal.
func (r *runner) resume(ctx context.Context) error {
	r.warm.Store(true)
	if r.claimed || r.p.joined.Load() || r.p.deps.Ownership == nil || r.owned < 0 || r.mu.shard.ledger.epoch != r.owned {
		return nil
	}
	if r.resumed.Store(true); r.p.joined.Load() { // a proposal came meanwhile: it is right
		r.resumed.Store(false)
		return nil
	}
	r.log.Info("nobody has claimed the partition since this process's last life: it goes on")
	return r.turn(ctx)
}

// standbyTick looks what is published, and whether a claim is due again.
func (r *runner) standbyTick(ctx context.Context) error {
	now := r.p.deps.Clock()
	if waits := len(r.mu.pending); waits > 0 && (waits > maxPending || now.Sub(r.trimmed) >= trimEvery) {
		r.trim(ctx)
	}
	if !r.reclaim.IsZero() && !now.Before(r.reclaim) {
		r.reclaim = time.Time{}
		return r.turn(ctx)
	}
	return nil
}
