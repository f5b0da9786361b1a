package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Editor is the one way in which entities change: it normalises, checks every
// rule against the store within the same transaction, and stores the change with
// its history. It is safe for concurrent use.
type Editor struct {
	store      Store
	tags       TagResolver
	categories Categories
	now        func() time.Time
	rehearses  bool
}

// NewEditor returns an editor of store. tags may be nil: then only lists can be
// targeted; categories too: then creatives have none.
func NewEditor(store Store, tags TagResolver, categories Categories, now func() time.Time) *Editor {
	return &Editor{store: store, tags: tags, categories: categories, now: now}
}

// Rehearsal is an editor that does everything but keep it: every rule is checked
// against the store, and nothing is stored. What it creates has the id 0.
func (ed *Editor) Rehearsal() *Editor {
	r := *ed
	r.rehearses = true
	return &r
}

// errRehearsed takes a rehearsed transaction back.
var errRehearsed = errors.New("rehearsed")

// Do runs f in one transaction: all of its edits are stored, or none. f must end
// at the first error that is no *ValidationError; those leave the transaction as it was.
func (ed *Editor) Do(ctx context.Context, f func(*Edit) error) error {
	x := &Edit{ed: ed}
	err := ed.store.Write(ctx, func(tx Tx) error {
		x.tx, x.created = tx, nil
		if err := f(x); err != nil {
			return err
		}
		if ed.rehearses {
			return errRehearsed
		}
		return nil
	})
	if ed.rehearses && errors.Is(err, errRehearsed) {
		for _, e := range x.created {
			e.Head().ID = 0 // the next one gets it
		}
		return nil
	}
	return err
}

// Create stores e as a new entity and sets its Meta. It returns a
// *ValidationError, changing nothing, where a rule is broken.
func (ed *Editor) Create(ctx context.Context, e Entity) error {
	return ed.Do(ctx, func(x *Edit) error { return x.Create(ctx, e) })
}

// Update stores e over the entity with its id. e.Revision is the revision that
// the caller has read and edited; ErrConflict says it is no longer the newest.
// The other errors are ErrNotFound and *ValidationError.
func (ed *Editor) Update(ctx context.Context, e Entity) error {
	return ed.Do(ctx, func(x *Edit) error { return x.Update(ctx, e) })
}

// SetStatus pauses, resumes or archives. A revision of 0 means whichever is
// newest. Pausing and archiving are brakes: no rule but the finality of archives
// can refuse them. Resuming checks everything.
func (ed *Editor) SetStatus(ctx context.Context, k Kind, id ID, revision int64, s Status) (e Entity, err error) {
	err = ed.Do(ctx, func(x *Edit) error {
		e, err = x.SetStatus(ctx, k, id, revision, s)
		return err
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

// Edit is one transaction of an editor, for one goroutine, within Do.
type Edit struct {
	ed      *Editor
	tx      Tx
	created []Entity
}

// Tx is the transaction itself, for what is to be stored with the edits.
func (x *Edit) Tx() Tx { return x.tx }

// Create is Editor.Create within the transaction.
func (x *Edit) Create(ctx context.Context, e Entity) error {
	e.Normalize()
	refs, owner, err := x.ed.refs(ctx, x.tx, e)
	if err != nil {
		return err
	}
	if err := e.Validate(refs); err != nil {
		return err
	}
	now := x.ed.now().UTC()
	*e.Head() = Meta{Revision: 1, CreatedAt: now, UpdatedAt: now, ExternalID: e.Head().ExternalID}
	if err := encodable(e); err != nil {
		return err
	}
	if err := x.tx.Insert(ctx, e, owner); err != nil {
		return err
	}
	x.created = append(x.created, e)
	return x.record(ctx, nil, e, ActionCreate, 0)
}

// Update is Editor.Update within the transaction.
func (x *Edit) Update(ctx context.Context, e Entity) error {
	return x.update(ctx, e, ActionUpdate, 0)
}

// Undo is Update by an entity whose fields were taken back to before change.
func (x *Edit) Undo(ctx context.Context, e Entity, change ID) error {
	return x.update(ctx, e, ActionUndo, change)
}

func (x *Edit) update(ctx context.Context, e Entity, a Action, undoes ID) error {
	e.Normalize()
	before, err := newest(ctx, x.tx, e.Kind(), e.Head().ID, e.Head().Revision)
	if err != nil {
		return err
	}
	refs, _, err := x.ed.refs(ctx, x.tx, e)
	if err != nil {
		return err
	}
	refs.Before = before
	if c, ok := e.(*Creative); ok {
		old := *before.(*Creative)
		old.Normalize() // it may have been stored by an older version
		c.reviewAnew(&old)
	}
	if refs.Unbounded, err = unbounded(ctx, x.tx, before, e, refs); err != nil {
		return err
	}
	if err := e.Validate(refs); err != nil {
		return err
	}
	if err := x.replace(ctx, e, before); err != nil {
		return err
	}
	return x.record(ctx, before, e, a, undoes)
}

// SetStatus is Editor.SetStatus within the transaction.
func (x *Edit) SetStatus(ctx context.Context, k Kind, id ID, revision int64, s Status) (Entity, error) {
	e, err := newest(ctx, x.tx, k, id, revision)
	switch {
	case err != nil || e.State() == s:
		return e, err
	case e.State() == StatusArchived:
		c := newChecker(k)
		c.fail("status", s, archivedRule)
		return nil, c.err()
	}
	before, err := newest(ctx, x.tx, k, id, revision) // a copy of its own, for the history
	if err != nil {
		return nil, err
	}
	e.setState(s)
	if s == StatusActive {
		e.Normalize() // it may have been stored by an older version
		refs, _, err := x.ed.refs(ctx, x.tx, e)
		if err != nil {
			return nil, err
		}
		if err := e.Validate(refs); err != nil {
			return nil, err
		}
	}
	if err := x.replace(ctx, e, before); err != nil {
		return nil, err
	}
	return e, x.record(ctx, before, e, statusAction(s), 0)
}

// newest reads the entity to be edited; revision 0 accepts any.
func newest(ctx context.Context, r Reader, k Kind, id ID, revision int64) (Entity, error) {
	before, _, err := r.Get(ctx, k, id)
	if err != nil {
		return nil, err
	}
	if got := before.Head().Revision; revision != 0 && got != revision {
		return nil, fmt.Errorf("%s %d: got revision %d; the newest is %d: %w", k, id, revision, got, ErrConflict)
	}
	return before, nil
}

func (x *Edit) replace(ctx context.Context, e, before Entity) error {
	was := *before.Head()
	*e.Head() = Meta{ID: was.ID, Revision: was.Revision + 1, CreatedAt: was.CreatedAt, UpdatedAt: x.ed.now().UTC(), ExternalID: e.Head().ExternalID}
	if err := encodable(e); err != nil {
		return err
	}
	return x.tx.Replace(ctx, e)
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
