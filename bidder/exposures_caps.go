package bidder

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/pacing/frequency"
)

// This file keeps the counts of caps: each exposure is added to those of every cap
// that binds its line item and creative, in the store, and memory then learns what the
// store has.

// binding is what a catalogue's caps are, found once for each line item and creative.
type binding struct {
	catalog *campaigns.Catalog
	of      map[[2]campaigns.ID]bound
	zones   map[string]*time.Location
}

type bound struct {
	caps  frequency.Caps
	zone  *time.Location // nil: nothing is counted
	sites bool           // unknown users are counted by site
}

// boundBy is what binds a line item's bids with a creative. mu is held.
func (e *Exposures) boundBy(line, creative campaigns.ID) bound {
	cat := e.cfg.Catalog()
	if e.binding.catalog != cat {
		e.binding.catalog, e.binding.of = cat, make(map[[2]campaigns.ID]bound)
	}
	key := [2]campaigns.ID{line, creative}
	v, ok := e.binding.of[key]
	if ok {
		return v
	}
	if l, ok := cat.Lineage(line); ok {
		v = bound{frequency.CapsOf(l, cat.Creatives[creative]), e.zone(l.Advertiser.TimeZone), l.LineItem.UnknownUsers == campaigns.UnknownSite}
	}
	e.binding.of[key] = v
	return v
}

// zone is a time zone by name, nil where there is none; loading one reads a file, so
// it is kept. mu is held.
func (e *Exposures) zone(name string) *time.Location {
	z, ok := e.binding.zones[name]
	if !ok {
		if e.binding.zones == nil {
			e.binding.zones = make(map[string]*time.Location)
		}
		z, _ = time.LoadLocation(name)
		e.binding.zones[name] = z
	}
	return z
}

// countCaps adds x to the counts of its caps. mu is held.
func (e *Exposures) countCaps(b *pebble.Batch, x *exposureRecord, learned *[]func()) error {
	v := e.boundBy(x.LineItem, x.Creative)
	if v.zone == nil || !v.caps.Some() {
		return nil
	}
	at := x.BidAt.In(v.zone)
	for _, part := range [...]struct {
		caps []frequency.Cap
		u    frequency.Subject
	}{
		{v.caps.User, x.subject(frequency.User, x.User, v.sites)},
		{v.caps.Household, x.subject(frequency.Household, x.Household, v.sites)},
	} {
		if part.u.Kind == frequency.Nobody {
			continue
		}
		for i := range part.caps {
			if err := e.countCap(b, &part.caps[i], part.u, at, x.Bid.Incarnation == e.cfg.Incarnation, learned); err != nil {
				return err
			}
		}
	}
	return nil
}

// subject is whose exposure x is, as auction.subject says of its bid.
func (x *exposureRecord) subject(kind frequency.SubjectKind, text string, sites bool) frequency.Subject {
	if text == "" && sites {
		return siteSubject([]byte(x.Site), x.App)
	}
	key, err := ids.ParseUserKey(text)
	if err != nil {
		return frequency.Subject{}
	}
	return subjectOf(kind, key)
}

func (e *Exposures) countCap(b *pebble.Batch, c *frequency.Cap, u frequency.Subject, at time.Time, own bool, learned *[]func()) error {
	key := c.AppendKey([]byte{keyCap}, u)
	st, err := stateAt(b, key)
	if err != nil {
		return err
	}
	now := e.cfg.Clock()
	st.Add(c, at)
	if !st.Ended(now) { // else a late one, of a window that is over
		if err := b.Set(key, st.Append(nil), nil); err != nil {
			return fmt.Errorf("count exposures: %w", err)
		}
	}
	*learned = append(*learned, func() { e.put(c, u, st, own, now) })
	return nil
}

func (e *Exposures) put(c *frequency.Cap, u frequency.Subject, st frequency.State, own bool, now time.Time) {
	if !e.cfg.Frequency.Put(c, u, st, own, now) {
		e.noRoom.Add(1)
	}
}

func stateAt(b *pebble.Batch, key []byte) (st frequency.State, err error) {
	v, closer, err := b.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return st, nil
	}
	if err != nil {
		return st, fmt.Errorf("count exposures: %w", err)
	}
	st, err = frequency.ParseState(v)
	if err = errors.Join(err, closer.Close()); err != nil {
		return st, fmt.Errorf("count exposures: key %x: %w", key, err)
	}
	return st, nil
}

// reviewed is how many counts review looks at while exposures wait.
const reviewed = 10_000

// review reads every count: what is over, or of a cap that there is no more, leaves
// the store; memory learns the rest, which it may not have had room for.
func (e *Exposures) review(now time.Time) error {
	var live frequency.Live
	if cat := e.cfg.Catalog(); cat != nil {
		live = frequency.LiveOf(cat)
	}
	for from := []byte{keyCap}; from != nil; {
		var err error
		if from, err = e.reviewSome(from, live, now); err != nil {
			return fmt.Errorf("review exposure counts: %w", err)
		}
	}
	return nil
}

// reviewSome looks at the counts from a key on, and returns where to go on; nil: nowhere.
func (e *Exposures) reviewSome(from []byte, live frequency.Live, now time.Time) (next []byte, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.db.NewBatch()
	defer b.Close()
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{keyCap + 1}})
	if err != nil {
		return nil, err
	}
	n := 0
	for it.First(); it.Valid(); it.Next() {
		if n++; n > reviewed {
			next = append([]byte(nil), it.Key()...)
			break
		}
		c, u, keyErr := frequency.ParseKey(it.Key()[1:])
		st, stateErr := frequency.ParseState(it.Value())
		if keyErr != nil || stateErr != nil || st.Ended(now) || live != nil && !live.Has(&c) {
			if err := b.Delete(it.Key(), nil); err != nil {
				return nil, errors.Join(err, it.Close())
			}
			st = frequency.State{}
		}
		if keyErr != nil {
			continue
		}
		e.put(&c, u, st, false, now)
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	return next, b.Commit(pebble.NoSync)
}

// NoRoom is how many counts found no room in memory: an hour later at most they are
// tried again.
func (e *Exposures) NoRoom() uint64 { return e.noRoom.Load() }
