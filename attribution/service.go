package attribution

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bidhawk/attribution/rollup"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb"
)

// Service reads the log into the roll-ups and answers reports from them. Its
// methods are safe for concurrent use; Run may run once at a time.
type Service struct {
	cfg   Config
	deps  Deps
	store *store

	// The writer's alone.
	zones     zones
	open      openUsers
	forgot    Day // views of days before it are forgotten
	prunings  int
	parts     *rollup.Parts
	nextReach int64 // number of the next part of reach
	texts     texts
	shown     shownTexts

	// offers carries how far forgetting may go to the writer.
	offers chan time.Time
	// merges carries merged roll-ups to the writer.
	merges chan mergeOffer
	// outboxed wakes the emitter.
	outboxed chan struct{}

	mu struct {
		sync.Mutex
		positions map[partition]position // as committed
		stats     Stats
		changed   chan struct{} // closed and replaced by each commit
	}
}

// Stats counts what a Service did since it was opened.
type Stats struct {
	Records              int64 // read, whatever became of them
	Batches              int64 // committed
	DeadLetters          int64
	DuplicateExposures   int64
	DuplicatePostings    int64
	DuplicateAuctions    int64
	DuplicateConversions int64
	ForeignValues        int64 // conversions whose value is of another currency and was not added
	UnknownAdvertisers   int64 // batches and advertisers for which the catalogue had no zone
	Emitted              int64 // attributed records, and what they charge, made durable
	Charged              int64 // conversions handed to the ledger
	Pruned               int64 // rows forgotten
}

func (s *Stats) add(o Stats) {
	s.Records += o.Records
	s.Batches += o.Batches
	s.DeadLetters += o.DeadLetters
	s.DuplicateExposures += o.DuplicateExposures
	s.DuplicatePostings += o.DuplicatePostings
	s.DuplicateAuctions += o.DuplicateAuctions
	s.DuplicateConversions += o.DuplicateConversions
	s.ForeignValues += o.ForeignValues
	s.UnknownAdvertisers += o.UnknownAdvertisers
	s.Emitted += o.Emitted
	s.Pruned += o.Pruned
	s.Charged += o.Charged
}

// topics are what a Service reads.
var topics = [...]string{
	eventlog.TopicExposures, eventlog.TopicConversions, eventlog.TopicPostings, eventlog.TopicAuctions,
}

// Open opens or creates the database. Reports work at once; Run brings them up to date.
func Open(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg.withDefaults(), deps: deps, zones: make(zones), open: newOpenUsers(),
		offers: make(chan time.Time), merges: make(chan mergeOffer), shown: make(shownTexts), outboxed: make(chan struct{}, 1),
	}
	if s.deps.DeadLetter == nil {
		s.deps.DeadLetter = func(eventlog.Record, string) {}
	}
	if s.deps.Convert == nil {
		s.deps.Convert = func(money.Nanos, money.Currency, money.Currency) (money.Nanos, bool) { return 0, false }
	}
	if s.deps.Gap == nil {
		s.deps.Gap = func(string, int32, int64, int64) {}
	}
	if s.deps.Failed == nil {
		s.deps.Failed = func(error) {}
	}
	s.mu.changed = make(chan struct{})
	var err error
	if s.store, err = openStore(ctx, s.cfg.Database); err != nil {
		return nil, fmt.Errorf("attribution: %w", err)
	}
	if err := s.load(ctx); err != nil {
		s.store.close()
		return nil, fmt.Errorf("attribution: %w", err)
	}
	return s, nil
}

// load reads what the service keeps in memory of the database.
func (s *Service) load(ctx context.Context) error {
	positions, err := readPositions(ctx, s.store.r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.mu.positions = positions
	s.mu.Unlock()
	if s.parts, err = rollup.Open(ctx, s.store.w, rollupSums); err != nil {
		return err
	}
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	if err := s.store.r.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) + 1 FROM reach`).Scan(&s.nextReach); err != nil {
		return fmt.Errorf("read reach: %w", err)
	}
	if err := s.store.r.QueryRowContext(ctx, `SELECT coalesce(min(day), 0) FROM touches`).Scan(&s.forgot); err != nil {
		return fmt.Errorf("read touches: %w", err)
	}
	return s.refillOpen(ctx)
}

func readPositions(ctx context.Context, db *sql.DB) (map[partition]position, error) {
	rows, err := db.QueryContext(ctx, `SELECT topic, partition, next, read_to FROM offsets`)
	if err != nil {
		return nil, fmt.Errorf("read offsets: %w", err)
	}
	defer rows.Close()
	positions := make(map[partition]position)
	for rows.Next() {
		var p partition
		var next, readTo int64
		if err := rows.Scan(&p.topic, &p.n, &next, &readTo); err != nil {
			return nil, fmt.Errorf("read offsets: %w", err)
		}
		pos := position{next: next}
		if readTo != 0 {
			pos.readTo = time.Unix(0, readTo).UTC()
		}
		positions[p] = pos
	}
	return positions, rows.Err()
}

// Close releases the database. Run must have returned.
func (s *Service) Close() error { return s.store.close() }

// Stats returns the counts so far.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.stats
}

// Run reads the log until ctx ends, then returns nil. It returns an error when
// the database fails, when another process has opened it since, or when the log
// holds less than was read from it: then the two do not belong together, and going
// on would count twice. Errors of reading the log are retried, and so is a lost
// connection to the database.
func (s *Service) Run(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := s.run(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if !sqldb.ConnectionLost(err) {
			return fmt.Errorf("attribution: %w", err)
		}
		// Whether the last commit happened or not, the database says where to go on:
		// offsets and counts are of one transaction.
		for ; sqldb.ConnectionLost(err); err = s.load(ctx) {
			s.deps.Failed(fmt.Errorf("the reports' database: %w", err))
			if !wait(ctx, pause) {
				return nil
			}
		}
		if err != nil {
			return fmt.Errorf("attribution: %w", err)
		}
	}
}

func (s *Service) run(ctx context.Context) error {
	partitions, err := s.assign(ctx)
	if err != nil {
		return err
	}
	in := make(chan fetch)
	g, ctx := errgroup.WithContext(ctx)
	for p, pos := range partitions {
		g.Go(func() error { return s.read(ctx, p, pos.next, in) })
	}
	g.Go(func() error { return s.writeBatches(ctx, in) })
	g.Go(func() error { return s.offerHorizons(ctx) })
	g.Go(func() error { return s.emit(ctx) })
	g.Go(func() error { return s.merge(ctx) })
	return g.Wait()
}

// assign lists every partition and where to go on reading it.
func (s *Service) assign(ctx context.Context) (map[partition]position, error) {
	s.mu.Lock()
	positions := clonePositions(s.mu.positions)
	s.mu.Unlock()
	for _, topic := range topics {
		n, err := s.deps.Log.Partitions(ctx, topic)
		if err != nil {
			return nil, fmt.Errorf("partitions of %s: %w", topic, err)
		}
		for i := range n {
			p := partition{topic, i}
			if positions[p], err = s.resume(ctx, p, positions[p]); err != nil {
				return nil, err
			}
		}
	}
	s.mu.Lock()
	s.mu.positions = clonePositions(positions)
	s.mu.Unlock()
	return positions, nil
}

// resume checks pos against what the log holds of p.
func (s *Service) resume(ctx context.Context, p partition, pos position) (position, error) {
	first, end, err := s.deps.Log.Bounds(ctx, p.topic, p.n)
	if err != nil {
		return pos, fmt.Errorf("bounds of %s/%d: %w", p.topic, p.n, err)
	}
	if pos.next > end {
		return pos, fmt.Errorf("%s/%d: %s has read to offset %d, but the log ends at %d: another log, or an older copy",
			p.topic, p.n, s.cfg.Database, pos.next, end)
	}
	if pos.next < first {
		if pos.next > 0 {
			s.deps.Gap(p.topic, p.n, pos.next, first)
		}
		pos.next = first
	}
	return pos, nil
}

func clonePositions(m map[partition]position) map[partition]position {
	out := make(map[partition]position, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
