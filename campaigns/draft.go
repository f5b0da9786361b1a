package campaigns

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"bidhawk/internal/eventlog"
)

func newCatalog() *Catalog {
	return &Catalog{
		Agencies:              map[ID]*Agency{},
		Advertisers:           map[ID]*Advertiser{},
		Campaigns:             map[ID]*Campaign{},
		LineItems:             map[ID]*LineItem{},
		Creatives:             map[ID]*Creative{},
		Segments:              map[ID]*Segment{},
		Lists:                 map[ID]*SiteList{},
		BidModifiers:          map[ID]*BidModifier{},
		ConversionDefinitions: map[ID]*ConversionDefinition{},
		Experiments:           map[ID]*Experiment{},
		Kill:                  KillState{LineItems: map[ID]bool{}},
		Switches:              map[string]KillSwitch{},
	}
}

// draft is the next catalogue in the making. It copies a map when it first
// changes, so that a burst of edits costs one copy of each map it touches.
type draft struct {
	next    Catalog
	copied  map[Kind]bool
	changes int64
	// brakes belongs to the feed and outlives the draft.
	brakes *brakes
}

func newDraft(base *Catalog, b *brakes) *draft {
	return &draft{next: *base, copied: map[Kind]bool{}, brakes: b}
}

func (d *draft) changed() bool { return d.changes > 0 }

// catalog ends the draft.
func (d *draft) catalog() *Catalog {
	d.next.Generation += d.changes
	if d.copied[KindKillSwitch] {
		d.brakes.in(&d.next)
	}
	return &d.next
}

// apply applies one record of the campaigns topic. An error says why it cannot
// be read; the draft is then as it was. A repeat, or an older revision than the
// one held, changes nothing.
func (d *draft) apply(rec eventlog.Record) error {
	kind, rest, found := strings.Cut(string(rec.Key), "/")
	if !found {
		return fmt.Errorf("key %.80q: want kind/id", rec.Key)
	}
	if Kind(kind) == KindKillSwitch {
		return d.applyKill(string(rec.Key), rest, rec.Value)
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	if err != nil || n <= 0 {
		return fmt.Errorf("key %.80q: want kind/id with a positive id", rec.Key)
	}
	spec, known := specOf(Kind(kind))
	switch {
	case !known:
		return fmt.Errorf("key %.80q: unknown kind", rec.Key)
	case spec.apply == nil:
		return nil
	}
	return spec.apply(d, ID(n), rec.Value)
}

// applyEntity puts the entity of value into *m, or deletes it for a tombstone.
func applyEntity[T any, E interface {
	*T
	Entity
}](d *draft, m *map[ID]E, id ID, value []byte) error {
	held, exists := (*m)[id]
	var zero E
	if value == nil {
		if exists {
			own(d, zero.Kind(), m)
			delete(*m, id)
			d.changes++
		}
		return nil
	}
	e := E(new(T))
	if err := json.Unmarshal(value, e); err != nil {
		return fmt.Errorf("%s %d: %w", zero.Kind(), id, err)
	}
	if v, ok := any(e).(*Creative); ok {
		v.setDefaults()
	}
	if got := e.Head().ID; got != id {
		return fmt.Errorf("%s %d: value has the id %d", zero.Kind(), id, got)
	}
	if exists && repeats(e.Head(), held.Head()) {
		return nil
	}
	own(d, zero.Kind(), m)
	(*m)[id] = e
	d.changes++
	return nil
}

// repeats says whether e is held already, or older. A later creation under the
// same id is another entity: somebody began with an empty store on this log, and
// its edits must not wait for the revisions of the old one.
func repeats(e, held *Meta) bool {
	return e.Revision <= held.Revision && !e.CreatedAt.After(held.CreatedAt)
}

// own copies *m unless this draft already did: the base catalogue is in use.
func own[K comparable, V any](d *draft, k Kind, m *map[K]V) {
	if !d.copied[k] {
		*m = maps.Clone(*m)
		d.copied[k] = true
	}
}

// applyKill applies a switch; a tombstone switches off.
func (d *draft) applyKill(key, name string, value []byte) error {
	k, err := ParseKillSwitch(name)
	if err != nil {
		return fmt.Errorf("key %.80q: %w", key, err)
	}
	if value != nil {
		if err := json.Unmarshal(value, &k); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if k.Name() != name {
			return fmt.Errorf("key %.80q: value is of %q", key, k.TopicKey())
		}
		// As for entities; At tells an empty store's first revisions from repeats.
		if held, set := d.brakes.stored[name]; set && k.Revision <= held.Revision && !k.At.After(held.At) {
			return nil
		}
	}
	d.brakes.stored[name] = k
	d.copied[KindKillSwitch] = true
	d.changes++
	return nil
}
