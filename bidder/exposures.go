package bidder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/goccy/go-json"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
	"bidhawk/scoring"
)

// ExposuresConfig is what a bidder needs to learn from exposures.
type ExposuresConfig struct {
	Log eventlog.Log
	Dir string // of its own: counts, what was seen, and offsets
	// Catalog knows the caps and zones of line items. It is nil until it has been
	// loaded, and nothing is counted until then: an impression of a line item
	// that is not known yet would escape its cap for good.
	Catalog   func() *campaigns.Catalog
	Frequency *frequency.Counter
	// Incarnation is that of this process's bids: their impressions end what they
	// had in flight here.
	Incarnation uint64
	Rates       *scoring.Rates
	Clock       func() time.Time
	Logger      *zap.Logger
	// DeadLetter gets the records that can't be read.
	DeadLetter func(r eventlog.Record, reason string)
}

// Exposures follows the exposures topic for frequency caps and click rates. Its
// counts, the ids it has seen and its offsets are committed together, so that a
// crash neither forgets nor repeats an impression.
type Exposures struct {
	cfg ExposuresConfig
	db  *pebble.DB
	lag []atomic.Int64
	// mu guards the batch in the making, the order of commits, and binding.
	mu      sync.Mutex
	binding binding
	noRoom  atomic.Uint64
}

// Keys: a letter, then fixed-width big-endian fields.
//
//	o partition                  -> next offset
//	d day type bid               -> seen
//	c level entity per window subject kind -> exposures (frequency.State)
//	r creative                   -> impressions, clicks
//	p creative placement         -> scoring.Seen; see exposures_rates.go
//	f (of before caps had windows: dropped)
const (
	keyOffset = 'o'
	keySeen   = 'd'
	keyCap    = 'c'
	keyPerDay = 'f'
	keyRate   = 'r'
	keyPlace  = 'p'
)

// keepDays is for how long ids are kept: repeats later than that are counted again
// here, and nowhere else. Counts stay for as long as their windows.
const keepDays = 3

// OpenExposures opens the state and restores the counts.
func OpenExposures(ctx context.Context, cfg ExposuresConfig) (*Exposures, error) {
	partitions, err := cfg.Log.Partitions(ctx, eventlog.TopicExposures)
	if err != nil {
		return nil, fmt.Errorf("follow exposures: %w", err)
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("open exposure counts in %s: %w", cfg.Dir, err)
	}
	db, err := pebble.Open(cfg.Dir, &pebble.Options{Logger: quiet{}})
	if err != nil {
		return nil, fmt.Errorf("open exposure counts in %s: %w", cfg.Dir, err)
	}
	e := &Exposures{cfg: cfg, db: db, lag: make([]atomic.Int64, partitions)}
	if err := errors.Join(e.forget(cfg.Clock()), e.restoreRates()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return e, nil
}

// quiet drops Pebble's own log; what goes wrong comes back as errors.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, a ...any) {
	panic(fmt.Sprintf("exposure counts: "+f, a...)) // Pebble's own contract: it can't go on
}

func (e *Exposures) restoreRates() error {
	rates := make(map[campaigns.ID]scoring.Observed)
	err := e.scan(keyRate, 9, 16, func(k, v []byte) {
		rates[campaigns.ID(binary.BigEndian.Uint64(k[1:]))] = scoring.Observed{
			Impressions: int64(binary.BigEndian.Uint64(v)), Clicks: int64(binary.BigEndian.Uint64(v[8:])),
		}
	})
	e.cfg.Rates.Restore(rates)
	return errors.Join(err, e.restorePlaces())
}

// scan calls f for each entry of a kind that has the lengths of one.
func (e *Exposures) scan(kind byte, keyLen, valueLen int, f func(k, v []byte)) error {
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		return fmt.Errorf("read exposure counts: %w", err)
	}
	for it.First(); it.Valid(); it.Next() {
		if k, v := it.Key(), it.Value(); len(k) == keyLen && len(v) == valueLen {
			f(k, v)
		}
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("read exposure counts: %w", err)
	}
	return nil
}

// forget drops ids that are older than keepDays, and counts that are over.
func (e *Exposures) forget(now time.Time) error {
	for _, r := range [][2][]byte{
		{{keySeen}, binary.BigEndian.AppendUint32([]byte{keySeen}, uint32(oldest(now)))},
		{{keyPerDay}, {keyPerDay + 1}},
	} {
		if err := e.db.DeleteRange(r[0], r[1], pebble.NoSync); err != nil {
			return fmt.Errorf("forget old exposure counts: %w", err)
		}
	}
	return errors.Join(e.review(now), e.forgetPlaces(now))
}

// oldest is the first day that is kept.
func oldest(now time.Time) pacing.Day { return pacing.DayOf(now.UTC().AddDate(0, 0, -keepDays)) }

// Lag is how many records the slowest partition is behind.
func (e *Exposures) Lag() (n int64) {
	for i := range e.lag {
		n = max(n, e.lag[i].Load())
	}
	return n
}

// Close releases the state; Run must have returned.
func (e *Exposures) Close() error { return e.db.Close() }

// Run follows every partition until ctx ends.
func (e *Exposures) Run(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	for p := range int32(len(e.lag)) {
		g.Go(func() error { return e.follow(gctx, p) })
	}
	g.Go(func() error { return e.forgetDaily(gctx) })
	return g.Wait()
}

func (e *Exposures) forgetDaily(ctx context.Context) error {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := e.forget(e.cfg.Clock()); err != nil {
				return err
			}
		}
	}
}

// follow applies one partition until ctx ends. A log that can't be read is
// tried again: caps and rates then stand still, and bids go on.
func (e *Exposures) follow(ctx context.Context, partition int32) error {
	for e.cfg.Catalog() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(awaitCatalog):
		}
	}
	for {
		err := e.read(ctx, partition)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errState) {
			return err
		}
		e.cfg.Logger.Warn("exposures can't be read; trying again", zap.Int32("partition", partition), zap.Error(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryRead):
		}
	}
}

const (
	retryRead    = 500 * time.Millisecond
	awaitCatalog = 20 * time.Millisecond
)

// errState marks failures of the node's own store: there is no going on.
var errState = errors.New("exposure counts")

func (e *Exposures) read(ctx context.Context, partition int32) error {
	from, err := e.offset(partition)
	if err != nil {
		return errors.Join(errState, err)
	}
	r, err := e.cfg.Log.Read(ctx, eventlog.TopicExposures, partition, from)
	if errors.Is(err, eventlog.ErrOffsetOutOfRange) { // retention has passed us
		r, err = e.cfg.Log.Read(ctx, eventlog.TopicExposures, partition, eventlog.FirstOffset)
	}
	if err != nil {
		return fmt.Errorf("read exposures %d from %d: %w", partition, from, err)
	}
	defer r.Close()
	for {
		records, err := r.Fetch(ctx, 1000)
		if err != nil {
			return fmt.Errorf("read exposures %d: %w", partition, err)
		}
		if err := e.apply(partition, records); err != nil {
			return errors.Join(errState, err)
		}
		e.lag[partition].Store(r.Lag())
	}
}

func (e *Exposures) offset(partition int32) (int64, error) {
	v, closer, err := e.db.Get(offsetKey(partition))
	if errors.Is(err, pebble.ErrNotFound) {
		return eventlog.FirstOffset, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the offset of exposures %d: %w", partition, err)
	}
	defer closer.Close()
	return int64(binary.BigEndian.Uint64(v)), nil
}

func offsetKey(partition int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{keyOffset}, uint32(partition))
}

// apply commits the counts of one batch with its offset.
func (e *Exposures) apply(partition int32, records []eventlog.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.db.NewIndexedBatch()
	defer b.Close()
	var learned []func()
	for _, r := range records {
		x, err := parseExposure(r.Value)
		if err != nil {
			e.cfg.DeadLetter(r, err.Error())
			continue
		}
		if err := e.count(b, x, &learned); err != nil {
			return err
		}
	}
	next := records[len(records)-1].Offset + 1
	if err := b.Set(offsetKey(partition), binary.BigEndian.AppendUint64(nil, uint64(next)), nil); err != nil {
		return fmt.Errorf("count exposures: %w", err)
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("commit exposure counts: %w", err)
	}
	for _, f := range learned {
		f()
	}
	return nil
}

func parseExposure(v []byte) (x exposureRecord, err error) {
	if err := json.Unmarshal(v, &x); err != nil {
		return x, fmt.Errorf("not an exposure: %w", err)
	}
	switch {
	case x.V != 1:
		return x, fmt.Errorf("exposure version %d: want 1", x.V)
	case x.Bid == ids.BidID{}:
		return x, errors.New("exposure without a bid id")
	case x.BidAt.IsZero():
		return x, errors.New("exposure without bid_at")
	}
	for _, k := range [...]struct{ of, text string }{{"user", x.User}, {"household", x.Household}} {
		if k.text == "" {
			continue
		}
		if _, err := ids.ParseUserKey(k.text); err != nil {
			return x, fmt.Errorf("exposure's %s: %w", k.of, err)
		}
	}
	return x, nil
}

// count adds one exposure to the batch unless it was seen; what memory must
// learn is done after the commit.
func (e *Exposures) count(b *pebble.Batch, x exposureRecord, learned *[]func()) error {
	if x.Test || x.Type != "impression" && x.Type != "click" && !x.rated() {
		return nil
	}
	seen := seenKey(&x)
	if ok, err := has(b, seen); err != nil || ok {
		return err
	}
	if err := b.Set(seen, nil, nil); err != nil {
		return fmt.Errorf("count exposures: %w", err)
	}
	if err := e.countPlaces(b, &x, learned); err != nil {
		return err
	}
	if x.Type != "impression" && x.Type != "click" {
		return nil
	}
	impressions, clicks := int64(1), int64(0)
	if x.Type == "click" {
		impressions, clicks = 0, 1
	}
	rate := binary.BigEndian.AppendUint64([]byte{keyRate}, uint64(x.Creative))
	if err := add(b, rate, impressions, clicks); err != nil {
		return err
	}
	*learned = append(*learned, func() { e.cfg.Rates.Observe(x.Creative, impressions, clicks) })
	if impressions == 0 {
		return nil
	}
	return e.countCaps(b, &x, learned)
}

func seenKey(x *exposureRecord) []byte {
	k := binary.BigEndian.AppendUint32([]byte{keySeen}, uint32(pacing.DayOf(x.BidAt.UTC())))
	k = append(k, x.seenLetter())
	k = append(k, make([]byte, 16)...)
	x.Bid.Put(k[len(k)-16:])
	return k
}

func has(b *pebble.Batch, k []byte) (bool, error) {
	_, closer, err := b.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("count exposures: %w", err)
	}
	return true, closer.Close()
}

// add adds deltas to the big-endian counters at k.
func add(b *pebble.Batch, k []byte, deltas ...int64) error {
	sums := make([]byte, 0, 16)
	old, closer, err := b.Get(k)
	if err != nil && !errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("count exposures: %w", err)
	}
	for i, d := range deltas {
		n := int64(0)
		if len(old) >= (i+1)*8 {
			n = int64(binary.BigEndian.Uint64(old[i*8:]))
		}
		sums = binary.BigEndian.AppendUint64(sums, uint64(n+d))
	}
	if closer != nil {
		if err := closer.Close(); err != nil {
			return fmt.Errorf("count exposures: %w", err)
		}
	}
	if err := b.Set(k, sums, nil); err != nil {
		return fmt.Errorf("count exposures: %w", err)
	}
	return nil
}
