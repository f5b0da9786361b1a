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
	Rates     *scoring.Rates
	Clock     func() time.Time
	Logger    *zap.Logger
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
	// mu guards the batch in the making, the order of commits, and zones.
	mu    sync.Mutex
	zones map[string]*time.Location
}

// Keys: a letter, then fixed-width big-endian fields.
//
//	o partition                  -> next offset
//	d day type bid               -> seen
//	f day user line item         -> impressions shown
//	r creative                   -> impressions, clicks
const (
	keyOffset    = 'o'
	keySeen      = 'd'
	keyFrequency = 'f'
	keyRate      = 'r'
)

// keepDays is for how long ids and counts are kept: repeats later than that are
// counted again here, and nowhere else.
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
	e := &Exposures{cfg: cfg, db: db, zones: make(map[string]*time.Location), lag: make([]atomic.Int64, partitions)}
	if err := errors.Join(e.forget(cfg.Clock()), e.restore()); err != nil {
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

func (e *Exposures) restore() error {
	rates := make(map[campaigns.ID]scoring.Observed)
	err := errors.Join(
		e.scan(keyFrequency, 21, 8, func(k, v []byte) {
			e.cfg.Frequency.Restore(frequency.Key{
				Day:      pacing.Day(binary.BigEndian.Uint32(k[1:])),
				User:     ids.UserKey(binary.BigEndian.Uint64(k[5:])),
				LineItem: campaigns.ID(binary.BigEndian.Uint64(k[13:])),
			}, int(binary.BigEndian.Uint64(v)))
		}),
		e.scan(keyRate, 9, 16, func(k, v []byte) {
			rates[campaigns.ID(binary.BigEndian.Uint64(k[1:]))] = scoring.Observed{
				Impressions: int64(binary.BigEndian.Uint64(v)), Clicks: int64(binary.BigEndian.Uint64(v[8:])),
			}
		}),
	)
	e.cfg.Rates.Restore(rates)
	return err
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

// forget drops what is older than keepDays, here and in the counter.
func (e *Exposures) forget(now time.Time) error {
	old := oldest(now)
	e.cfg.Frequency.Forget(old)
	for _, kind := range []byte{keySeen, keyFrequency} {
		to := binary.BigEndian.AppendUint32([]byte{kind}, uint32(old))
		if err := e.db.DeleteRange([]byte{kind}, to, pebble.NoSync); err != nil {
			return fmt.Errorf("forget old exposure counts: %w", err)
		}
	}
	return nil
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
	case x.User != "":
		if _, err := ids.ParseUserKey(x.User); err != nil {
			return x, fmt.Errorf("exposure's user: %w", err)
		}
	}
	return x, nil
}

// count adds one exposure to the batch unless it was seen; what memory must
// learn is done after the commit.
func (e *Exposures) count(b *pebble.Batch, x exposureRecord, learned *[]func()) error {
	if x.Test || x.Type != "impression" && x.Type != "click" {
		return nil
	}
	seen := seenKey(&x)
	if ok, err := has(b, seen); err != nil || ok {
		return err
	}
	if err := b.Set(seen, nil, nil); err != nil {
		return fmt.Errorf("count exposures: %w", err)
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
	key, capped := e.frequencyKey(&x)
	if !capped || impressions == 0 {
		return nil
	}
	k := binary.BigEndian.AppendUint32([]byte{keyFrequency}, uint32(key.Day))
	k = binary.BigEndian.AppendUint64(k, uint64(key.User))
	k = binary.BigEndian.AppendUint64(k, uint64(key.LineItem))
	*learned = append(*learned, func() { e.cfg.Frequency.Shown(key) })
	return add(b, k, 1)
}

func seenKey(x *exposureRecord) []byte {
	k := binary.BigEndian.AppendUint32([]byte{keySeen}, uint32(pacing.DayOf(x.BidAt.UTC())))
	k = append(k, x.Type[0])
	k = append(k, make([]byte, 16)...)
	x.Bid.Put(k[len(k)-16:])
	return k
}

// frequencyKey is what x counts for; capped is false where nothing is kept: the
// line item has no cap, the user is not known, or the day is over for good.
func (e *Exposures) frequencyKey(x *exposureRecord) (k frequency.Key, capped bool) {
	l, ok := e.cfg.Catalog().Lineage(x.LineItem)
	if !ok || l.LineItem.FrequencyCap.PerDay == 0 || x.User == "" {
		return k, false
	}
	user, err := ids.ParseUserKey(x.User)
	if err != nil {
		return k, false
	}
	zone := e.zone(l.Advertiser.TimeZone)
	if zone == nil {
		return k, false
	}
	k = frequency.Key{User: user, LineItem: x.LineItem, Day: pacing.DayOf(x.BidAt.In(zone))}
	return k, k.Day >= oldest(e.cfg.Clock())
}

// zone is a time zone by name, nil where there is none; loading one reads a
// file, so it is kept. mu is held.
func (e *Exposures) zone(name string) *time.Location {
	z, ok := e.zones[name]
	if !ok {
		z, _ = time.LoadLocation(name)
		e.zones[name] = z
	}
	return z
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
