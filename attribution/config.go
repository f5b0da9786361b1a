package attribution

import (
	"errors"
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb"
)

// Config sizes a Service. The zero value of a field takes its default.
type Config struct {
	// Database is where reports are kept, by default the file reports.db.
	Database sqldb.Source
	// Settle is how much later than a conversion a touch may reach the log and
	// still be considered for it: 10 minutes.
	Settle time.Duration
	// Skew is how far the clocks of log and service may differ: a minute. What has
	// settled is taken for settled so much later.
	Skew time.Duration
	// LateAfter is how long after its bid an impression or click still counts in
	// the bid's day, and how old a conversion may be when it is reported: 48 h.
	LateAfter time.Duration
	// FinalAfter is how long after its end a day can still change: 72 h. It
	// covers the ledger's hard deadline for billing notices.
	FinalAfter time.Duration
	// ClearingsFor is how long what happened on exchanges by the quarter of an hour is
	// kept, for comparison with their reports: 400 days. The books are kept for good.
	ClearingsFor time.Duration
	// BatchRecords bounds the records of one transaction: 20,000.
	BatchRecords int
	// FetchRecords bounds what a partition's reader hands over at once: 5,000.
	FetchRecords int
	// Linger is how long a batch waits for more records: 20 ms. Negative: not at all.
	Linger time.Duration
	// PruneEvery is the pause between two steps of forgetting: 1 s.
	PruneEvery time.Duration
	// PruneRows bounds the rows that one step forgets of each table: 5,000.
	PruneRows int
}

// Deps is what a Service works with. Log, Catalog and Now are required.
type Deps struct {
	Log eventlog.Log
	// Catalog returns the current catalogue, never nil. It must know the
	// advertisers before Run starts: windows, zones and currencies come from it.
	Catalog func() *campaigns.Catalog
	Now     func() time.Time
	// DeadLetter is told of each record that cannot be used, before the batch
	// commits; after a crash it may be told again. It must not block.
	DeadLetter func(rec eventlog.Record, reason string)
	// Gap is told of records that retention deleted before they were read.
	Gap func(topic string, partition int32, from, to int64)
	// Counted, where it is not nil, is told what each batch has counted, once it is
	// committed. It must not block.
	Counted func([]Count)
	// Convert turns an amount into another currency, by the rates in force; false:
	// there is no rate. Where it is nil, only the advertiser's own currency has a
	// value that a share can be charged of.
	Convert func(amount money.Nanos, from, to money.Currency) (money.Nanos, bool)
	// Failed is told of errors of the log that are being retried.
	Failed func(error)
}

func (c Config) withDefaults() Config {
	if c.Database == (sqldb.Source{}) {
		c.Database.File = "reports.db"
	}
	setDefault(&c.Settle, 10*time.Minute)
	setDefault(&c.Skew, time.Minute)
	setDefault(&c.LateAfter, 48*time.Hour)
	setDefault(&c.FinalAfter, 72*time.Hour)
	setDefault(&c.ClearingsFor, 400*24*time.Hour)
	setDefault(&c.BatchRecords, 20_000)
	setDefault(&c.FetchRecords, 5_000)
	setDefault(&c.Linger, 20*time.Millisecond)
	setDefault(&c.PruneEvery, time.Second)
	setDefault(&c.PruneRows, 5_000)
	return c
}

// minClearings is longer than an exchange takes to send a month's report.
const minClearings = 32 * 24 * time.Hour

func setDefault[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}

// Validate names the first setting that breaks a rule. Zero values are defaults.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case c.Settle < 0 || c.Settle > 24*time.Hour:
		return fmt.Errorf("attribution: Settle is %v; want 0 to 24h", c.Settle)
	case c.Skew < 0 || c.Skew > time.Hour:
		return fmt.Errorf("attribution: Skew is %v; want 0 to 1h", c.Skew)
	case c.LateAfter < 0:
		return fmt.Errorf("attribution: LateAfter is %v; want a positive duration", c.LateAfter)
	case c.FinalAfter < c.LateAfter+c.Settle:
		return fmt.Errorf("attribution: FinalAfter is %v; want at least LateAfter + Settle, %v", c.FinalAfter, c.LateAfter+c.Settle)
	case c.ClearingsFor < minClearings:
		return fmt.Errorf("attribution: ClearingsFor is %v; want at least %v", c.ClearingsFor, minClearings)
	case c.BatchRecords < 1 || c.BatchRecords > 1_000_000:
		return fmt.Errorf("attribution: BatchRecords is %d; want 1 to 1000000", c.BatchRecords)
	case c.FetchRecords < 1 || c.FetchRecords > c.BatchRecords:
		return fmt.Errorf("attribution: FetchRecords is %d; want 1 to BatchRecords, %d", c.FetchRecords, c.BatchRecords)
	case c.PruneRows < 1:
		return fmt.Errorf("attribution: PruneRows is %d; want at least 1", c.PruneRows)
	case c.PruneEvery < 0:
		return fmt.Errorf("attribution: PruneEvery is %v; want a positive duration", c.PruneEvery)
	}
	return nil
}

func (d Deps) validate() error {
	if d.Log == nil || d.Catalog == nil || d.Now == nil {
		return errors.New("attribution: Deps.Log, Catalog and Now are required")
	}
	return nil
}

// Windows of attribution where the advertiser names none.
const (
	defaultClickWindow = 30 * 24 * time.Hour
	defaultViewWindow  = 24 * time.Hour
)

// windows are an advertiser's windows of attribution.
func windows(a *campaigns.Advertiser) (click, view time.Duration) {
	click, view = defaultClickWindow, defaultViewWindow
	if a != nil && a.ClickWindowHours > 0 {
		click = time.Duration(a.ClickWindowHours) * time.Hour
	}
	if a != nil && a.ViewWindowHours > 0 {
		view = time.Duration(a.ViewWindowHours) * time.Hour
	}
	return click, view
}
