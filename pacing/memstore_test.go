package pacing

import (
	"maps"
	"slices"
	"sync"
)

// memStore is a snapStore in memory: Pebble's goroutines and pools do not live
// in synctest's bubbles. Closing it keeps what it holds.
type memStore struct {
	mu sync.Mutex
	kv map[string]string
}

func (s *memStore) get(key []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.kv[string(key)]
	if !ok {
		return nil, nil
	}
	return []byte(v), nil
}

func (s *memStore) scan(from, to []byte, f func(key, value []byte) error) error {
	s.mu.Lock()
	kv := maps.Clone(s.kv)
	s.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(kv)) {
		if k >= string(from) && k < string(to) {
			if err := f([]byte(k), []byte(kv[k])); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *memStore) commit(f func(w snapWriter) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := memWriter(maps.Clone(s.kv))
	if next == nil {
		next = memWriter{}
	}
	if err := f(next); err != nil {
		return err
	}
	s.kv = next
	return nil
}

func (s *memStore) Close() error { return nil }

type memWriter map[string]string

func (w memWriter) Set(key, value []byte) error { w[string(key)] = string(value); return nil }
func (w memWriter) Delete(key []byte) error     { delete(w, string(key)); return nil }
func (w memWriter) DeleteRange(from, to []byte) error {
	maps.DeleteFunc(w, func(k, _ string) bool { return k >= string(from) && k < string(to) })
	return nil
}
