package pacing

import (
	"errors"
	"maps"
	"slices"
)

// simDisk is a snapStore in memory that fails as a disk may: a commit in flight
// is there whole or not at all after a crash, and an operator can bring back an
// older state. Keys live in buckets by their first bytes, so that a lease's bids
// are dropped at once.
type simDisk struct {
	buckets map[string]map[string]string
	undo    [][]simUndo // of the last commits, oldest first
	// cut says whether the next commit is cut off by a crash, and whether it is there after it.
	cut, kept bool
}

type simUndo struct {
	key, value string
	had        bool
}

const (
	simBucket  = 13 // partition, kind and lease
	simUndoMax = 24
)

var errDiskCrash = errors.New("the process dies while it writes its snapshot")

func (d *simDisk) bucket(key string) string { return key[:min(len(key), simBucket)] }

func (d *simDisk) get(key []byte) ([]byte, error) {
	v, ok := d.buckets[d.bucket(string(key))][string(key)]
	if !ok {
		return nil, nil
	}
	return []byte(v), nil
}

func (d *simDisk) scan(from, to []byte, f func(key, value []byte) error) error {
	var keys []string
	for _, b := range d.buckets {
		for k := range b {
			if k >= string(from) && k < string(to) {
				keys = append(keys, k)
			}
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if err := f([]byte(k), []byte(d.buckets[d.bucket(k)][k])); err != nil {
			return err
		}
	}
	return nil
}

// commit applies all that f writes or nothing.
func (d *simDisk) commit(f func(w snapWriter) error) error {
	if d.buckets == nil {
		d.buckets = map[string]map[string]string{}
	}
	b := &simBatch{d: d}
	err := f(b)
	if err == nil && d.cut {
		d.cut, err = false, errDiskCrash
		if d.kept {
			b.keep()
			return err
		}
	}
	if err != nil {
		b.rollback()
		return err
	}
	b.keep()
	return nil
}

func (d *simDisk) Close() error { return nil }

// older takes back the last n commits.
func (d *simDisk) older(n int) {
	for ; n > 0 && len(d.undo) > 0; n-- {
		last := len(d.undo) - 1
		d.revert(d.undo[last])
		d.undo = d.undo[:last]
	}
}

func (d *simDisk) revert(undo []simUndo) {
	for _, u := range slices.Backward(undo) {
		if u.had {
			d.put(u.key, u.value)
		} else {
			delete(d.buckets[d.bucket(u.key)], u.key)
		}
	}
}

func (d *simDisk) put(key, value string) {
	name := d.bucket(key)
	if d.buckets[name] == nil {
		d.buckets[name] = map[string]string{}
	}
	d.buckets[name][key] = value
}

// simBatch writes through and keeps what it replaced.
type simBatch struct {
	d    *simDisk
	undo []simUndo
}

func (b *simBatch) remember(key string) {
	v, ok := b.d.buckets[b.d.bucket(key)][key]
	b.undo = append(b.undo, simUndo{key, v, ok})
}

func (b *simBatch) Set(key, value []byte) error {
	b.remember(string(key))
	b.d.put(string(key), string(value))
	return nil
}

func (b *simBatch) Delete(key []byte) error {
	b.remember(string(key))
	delete(b.d.buckets[b.d.bucket(string(key))], string(key))
	return nil
}

func (b *simBatch) DeleteRange(from, to []byte) error {
	lo, hi := string(from), string(to)
	for name, bucket := range b.d.buckets {
		if name > hi || name < lo[:min(len(lo), simBucket)] {
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(bucket)) {
			if k >= lo && k < hi {
				b.remember(k)
				delete(bucket, k)
			}
		}
		if len(bucket) == 0 {
			delete(b.d.buckets, name)
		}
	}
	return nil
}

func (b *simBatch) keep() {
	if b.d.undo = append(b.d.undo, b.undo); len(b.d.undo) > simUndoMax {
		b.d.undo = b.d.undo[1:]
	}
}

func (b *simBatch) rollback() { b.d.revert(b.undo) }
