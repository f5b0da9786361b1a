// Package feed writes each advertiser's raw events into files by the hour: NDJSON,
// gzipped, one event a line (docs/feed.md).
//
// A Feed reads the log from offsets of its own into a database, each event once by
// its id, offsets and events in one transaction. An hour closes once everything
// appended to the log within it and CloseAfter behind it has been read: its file is
// then final. What comes later goes to files of their own ("late"). A part's events
// are decided in a transaction before its file is written, and the file's bytes
// follow from them alone, so that a crash at any moment leads to the same file.
package feed

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config sizes a Feed. The zero value of a field takes its default.
type Config struct {
	// Database keeps what is not in files yet, and what was already seen. It belongs
	// to the files: one is of no use with others.
	Database sqldb.Source
	// CloseAfter is how long after its end an hour stays open: 15 minutes.
	CloseAfter time.Duration
	// KeepIDs is how long events may be late, and repeats are known: 35 days.
	KeepIDs time.Duration
	// Every is the pause between two looks at the log: 5 s.
	Every time.Duration
}

// Deps is what a Feed works with; all are required but Failed.
type Deps struct {
	Log    eventlog.Log
	Files  Files
	Now    func() time.Time
	Failed func(error) // of what is tried again
}

// Feed is safe for concurrent use, but Run, which may run once at a time.
type Feed struct {
	cfg  Config
	deps Deps
	db   *sqldb.DB
}

// topics are what a Feed reads.
var topics = [...]string{eventlog.TopicExposures, eventlog.TopicMoney, eventlog.TopicConversions}

// Open opens or creates the database. The caller must Close it.
func Open(ctx context.Context, cfg Config, deps Deps) (*Feed, error) {
	if deps.Log == nil || deps.Files == nil || deps.Now == nil {
		return nil, errors.New("feed: Deps.Log, Files and Now are required")
	}
	if cfg.CloseAfter == 0 {
		cfg.CloseAfter = 15 * time.Minute
	}
	if cfg.KeepIDs == 0 {
		cfg.KeepIDs = 35 * 24 * time.Hour
	}
	if cfg.Every == 0 {
		cfg.Every = 5 * time.Second
	}
	if cfg.CloseAfter < 0 || cfg.KeepIDs < cfg.CloseAfter+time.Hour || cfg.Every < 0 {
		return nil, fmt.Errorf("feed: CloseAfter %v, KeepIDs %v, Every %v: want positive durations, KeepIDs at least an hour above CloseAfter",
			cfg.CloseAfter, cfg.KeepIDs, cfg.Every)
	}
	if deps.Failed == nil {
		deps.Failed = func(error) {}
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.Open(ctx, sqldb.Config{
		Source: cfg.Database, Migrations: files, Schema: "bidhawk_feed", WritePragmas: []string{"synchronous(FULL)"},
	})
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return &Feed{cfg: cfg, deps: deps, db: db}, nil
}

// Close releases the database. Run must have returned.
func (f *Feed) Close() error { return f.db.Close() }

// Run reads and writes until ctx ends. Whatever fails is tried again: the database
// says where to go on.
func (f *Feed) Run(ctx context.Context) error {
	for {
		if err := f.Step(ctx); err != nil && ctx.Err() == nil {
			f.deps.Failed(fmt.Errorf("feed: %w", err))
		}
		t := time.NewTimer(f.cfg.Every)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// Step reads what the log has, closes the hours that are due and writes their files.
func (f *Feed) Step(ctx context.Context) error {
	readTo := f.deps.Now() // what is appended later belongs to the next step
	for _, topic := range topics {
		n, err := f.deps.Log.Partitions(ctx, topic)
		if err != nil {
			return fmt.Errorf("partitions of %s: %w", topic, err)
		}
		for p := range n {
			if err := f.readPartition(ctx, topic, p); err != nil {
				return fmt.Errorf("read %s/%d: %w", topic, p, err)
			}
		}
	}
	if err := f.closeHours(ctx, readTo.Add(-f.cfg.CloseAfter-time.Hour)); err != nil {
		return err
	}
	if err := f.writeParts(ctx); err != nil {
		return err
	}
	return f.forget(ctx, readTo.Add(-f.cfg.KeepIDs))
}

// forget drops the ids of events that are too old to come again.
func (f *Feed) forget(ctx context.Context, before time.Time) error {
	_, err := f.db.Write.ExecContext(ctx, "DELETE FROM events WHERE hour < ? AND line IS NULL", before.Unix())
	if err != nil {
		return fmt.Errorf("forget old ids: %w", err)
	}
	return nil
}
