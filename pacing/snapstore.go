package pacing

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// snapStore keeps snapshots: Pebble, or a map in tests that run in virtual time.
type snapStore interface {
	// get returns the value of key, nil where there is none. It is the caller's.
	get(key []byte) ([]byte, error)
	// scan hands the pairs of [from, to) to f in order; they are valid until f returns.
	scan(from, to []byte, f func(key, value []byte) error) error
	// commit writes what f sets and deletes durably, all of it or nothing.
	commit(f func(w snapWriter) error) error
	Close() error
}

type snapWriter interface {
	Set(key, value []byte) error
	Delete(key []byte) error
	DeleteRange(from, to []byte) error
}

// pebbleStore is a snapStore in a directory.
type pebbleStore struct{ db *pebble.DB }

func openPebble(dir string, readOnly bool) (*pebbleStore, error) {
	db, err := pebble.Open(dir, &pebble.Options{
		ReadOnly: readOnly, Logger: quiet{},
		// The reading that meets a corrupt table gets an error with its file and offset: the
		// shard stops. Pebble's own answer is to end the process.
		EventListener: &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}},
	})
	if err != nil {
		return nil, fmt.Errorf("open ledger snapshots %s: %w", dir, err)
	}
	return &pebbleStore{db}, nil
}

// quiet drops Pebble's chatter; its errors come back from its calls.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("pebble: "+format, args...)) // Pebble must not go on after it
}

func (s *pebbleStore) get(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	out := append([]byte{}, v...)
	return out, closer.Close()
}

func (s *pebbleStore) scan(from, to []byte, f func(key, value []byte) error) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		v, err := it.ValueAndErr()
		if err == nil {
			err = f(it.Key(), v)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("key %x: %w", it.Key(), err), it.Close())
		}
	}
	return errors.Join(it.Error(), it.Close())
}

func (s *pebbleStore) commit(f func(w snapWriter) error) error {
	b := s.db.NewBatch()
	defer b.Close()
	if err := f(pebbleWriter{b}); err != nil {
		return err
	}
	return b.Commit(pebble.Sync)
}

func (s *pebbleStore) Close() error { return s.db.Close() }

type pebbleWriter struct{ b *pebble.Batch }

func (w pebbleWriter) Set(key, value []byte) error       { return w.b.Set(key, value, nil) }
func (w pebbleWriter) Delete(key []byte) error           { return w.b.Delete(key, nil) }
func (w pebbleWriter) DeleteRange(from, to []byte) error { return w.b.DeleteRange(from, to, nil) }
