package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Editor is the one way in which entities change: it normalises, checks every
// rule against the store within the same transaction, and stores. It is safe for
// concurrent use.
type Editor struct {
	store      Store
	tags       TagResolver
	categories Categories
	now        func() time.Time
}

// NewEditor returns an editor of store. tags may be nil: then only lists can be
// targeted; categories too: then creatives have none.
func NewEditor(store Store, tags TagResolver, categories Categories, now func() time.Time) *Editor {
	return &Editor{store: store, tags: tags, categories: categories, now: now}
}

// Create stores e as a new entity and sets its Meta. It returns a
// *ValidationError, changing nothing, where a rule is broken.
func (ed *Editor) Create(ctx context.Context, e Entity) error {
	e.Normalize()
	return ed.store.Write(ctx, func(tx Tx) error { return ed.create(ctx, tx, e) })
}

func (ed *Editor) create(ctx context.Context, tx Tx, e Entity) error {
	refs, owner, err := ed.refs(ctx, tx, e)
	if err != nil {
		return err
	}
	if err := e.Validate(refs); err != nil {
		return err
	}
	now := ed.now().UTC()
	*e.Head() = Meta{Revision: 1, CreatedAt: now, UpdatedAt: now, ExternalID: e.Head().ExternalID}
	if err := encodable(e); err != nil {
		return err
	}
	return tx.Insert(ctx, e, owner)
}

// Update stores e over the entity with its id. e.Revision is the revision that
// the caller has read and edited; ErrConflict says it is no longer the newest.
// The other errors are ErrNotFound and *ValidationError.
func (ed *Editor) Update(ctx context.Context, e Entity) error {
	e.Normalize()
	return ed.store.Write(ctx, func(tx Tx) error {
		before, err := newest(ctx, tx, e.Kind(), e.Head().ID, e.Head().Revision)
		if err != nil {
			return err
		}
		if c, ok := e.(*Creative); ok {
			old := *before.(*Creative)
			old.Normalize() // it may have been stored by an older version
			c.reviewAnew(&old)
		}
		refs, _, err := ed.refs(ctx, tx, e)
		if err != nil {
			return err
		}
		refs.Before = before
		if refs.Unbounded, err = unbounded(ctx, tx, before, e, refs); err != nil {
			return err
		}
		if err := e.Validate(refs); err != nil {
			return err
		}
		return ed.replace(ctx, tx, e, before)
	})
}

// SetStatus pauses, resumes or archives. A revision of 0 means whichever is
// newest. Pausing and archiving are brakes: no rule but the finality of archives
// can refuse them. Resuming checks everything.
func (ed *Editor) SetStatus(ctx context.Context, k Kind, id ID, revision int64, s Status) (e Entity, err error) {
	err = ed.store.Write(ctx, func(tx Tx) error {
		e, err = newest(ctx, tx, k, id, revision)
		switch {
		case err != nil || e.State() == s:
			return err
		case e.State() == StatusArchived:
			c := newChecker(k)
			c.fail("status", s, archivedRule)
			return c.err()
		}
		e.setState(s)
		if s == StatusActive {
			e.Normalize() // it may have been stored by an older version
			refs, _, err := ed.refs(ctx, tx, e)
			if err != nil {
				return err
			}
			if err := e.Validate(refs); err != nil {
				return err
			}
		}
		return ed.replace(ctx, tx, e, e)
	})
	return e, err
}

// SetKillSwitch stores k and sets its time and revision. The error is a *ValidationError.
func (ed *Editor) SetKillSwitch(ctx context.Context, k *KillSwitch) error {
	k.At = ed.now().UTC()
	return ed.store.Write(ctx, func(tx Tx) error {
		exists := false
		if NewEntity(Kind(k.Scope)) != nil {
			_, _, err := tx.Get(ctx, Kind(k.Scope), k.Target)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			exists = err == nil
		}
		if err := k.Validate(exists); err != nil {
			return err
		}
		return tx.PutKillSwitch(ctx, k)
	})
}

// newest reads the entity to be edited; revision 0 accepts any.
func newest(ctx context.Context, tx Tx, k Kind, id ID, revision int64) (Entity, error) {
	before, _, err := tx.Get(ctx, k, id)
	if err != nil {
		return nil, err
	}
	if got := before.Head().Revision; revision != 0 && got != revision {
		return nil, fmt.Errorf("%s %d: got revision %d; the newest is %d: %w", k, id, revision, got, ErrConflict)
	}
	return before, nil
}

func (ed *Editor) replace(ctx context.Context, tx Tx, e, before Entity) error {
	was := *before.Head()
	*e.Head() = Meta{ID: was.ID, Revision: was.Revision + 1, CreatedAt: was.CreatedAt, UpdatedAt: ed.now().UTC(), ExternalID: e.Head().ExternalID}
	if err := encodable(e); err != nil {
		return err
	}
	return tx.Replace(ctx, e)
}

// encodable refuses an entity that would not fit into one record of the log.
func encodable(e Entity) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode %s: %w", e.Kind(), err)
	}
	if len(b) <= MaxEntityBytes {
		return nil
	}
	return &ValidationError{[]Violation{{string(e.Kind()), fmt.Sprintf("%d bytes", len(b)),
		fmt.Sprintf("must be at most %d bytes of JSON in all", MaxEntityBytes)}}}
}
