package local

import (
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config of a log.
type Config struct {
	// Dir holds the whole log. One process opens it at a time.
	Dir string
	// Clock stamps records and drives retention.
	Clock func() time.Time

	// MaintainEvery is the period of compaction and retention. 0 is a minute;
	// negative leaves them to explicit Compact calls.
	MaintainEvery time.Duration
	// TombstoneRetention is how long a compacted topic keeps a deletion, for
	// readers that are behind. 0 is 24 hours.
	TombstoneRetention time.Duration
	// OnMaintainError hears of background maintenance that failed; it is retried
	// at the next period. It may be nil.
	OnMaintainError func(error)

	// FS is the file system; nil is the real one.
	FS vfs.FS
	// CacheBytes is Pebble's block cache. 0 is 32 MiB.
	CacheBytes int64
}

// Validate names the first field that cannot be used.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("local event log: Dir is empty; it must name a directory")
	case c.Clock == nil:
		return fmt.Errorf("local event log: Clock is nil; it must tell the time")
	case c.TombstoneRetention < 0:
		return fmt.Errorf("local event log: TombstoneRetention is %v; it must not be negative", c.TombstoneRetention)
	case c.CacheBytes < 0:
		return fmt.Errorf("local event log: CacheBytes is %d; it must not be negative", c.CacheBytes)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.MaintainEvery == 0 {
		c.MaintainEvery = time.Minute
	}
	if c.TombstoneRetention == 0 {
		c.TombstoneRetention = 24 * time.Hour
	}
	if c.OnMaintainError == nil {
		c.OnMaintainError = func(error) {}
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 32 << 20
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	return c
}

// openStore opens Pebble for a log: sequential writes, range reads, and point
// reads of the compaction's index, which the bloom filters serve.
func openStore(c Config) (*pebble.DB, error) {
	opts := &pebble.Options{
		FS:                 c.FS,
		FormatMajorVersion: pebble.FormatNewest,
		CacheSize:          c.CacheBytes,
		MemTableSize:       16 << 20,
		Logger:             quiet{},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(c.Dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open event log %q: %w", c.Dir, err)
	}
	return db, nil
}

// quiet drops Pebble's chatter. What Pebble calls fatal (a write-ahead log that
// cannot be written) panics: after it nothing can be acknowledged any more, and
// the records acknowledged before are on disk.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("event log store: "+format, args...))
}
