package campaigns

import (
	"context"
	"errors"
)

// refs reads what e refers to, and says whose it would be. What does not exist
// stays nil: the rules name it.
func (ed *Editor) refs(ctx context.Context, r Reader, e Entity) (*Refs, Owner, error) {
	refs := &Refs{Tags: ed.tags, Categories: ed.categories, Creatives: map[ID]*Creative{}}
	kind, id := e.Parent()
	owner := Owner{}
	for kind != "" {
		parent, o, err := r.Get(ctx, kind, id)
		if errors.Is(err, ErrNotFound) {
			break
		} else if err != nil {
			return nil, owner, err
		}
		if owner == (Owner{}) {
			owner = o
		}
		refs.setParent(parent)
		kind, id = parent.Parent()
	}
	if err := refs.sameExternalID(ctx, r, e, owner); err != nil {
		return nil, owner, err
	}
	if v, ok := e.(*Creative); ok {
		err := refs.readAssets(ctx, r, v)
		return refs, owner, err
	}
	if x, ok := e.(*Experiment); ok {
		return refs, owner, refs.setLineItems(ctx, r, x)
	}
	l, ok := e.(*LineItem)
	if !ok {
		return refs, owner, nil
	}
	for _, cid := range l.CreativeIDs[:min(len(l.CreativeIDs), MaxCreatives)] {
		c, err := Get[*Creative](ctx, r, cid)
		if err == nil {
			refs.Creatives[cid] = c
		} else if !errors.Is(err, ErrNotFound) {
			return nil, owner, err
		}
	}
	return refs, owner, nil
}

// setLineItems reads those that x names; what does not exist is left out.
func (r *Refs) setLineItems(ctx context.Context, rd Reader, x *Experiment) error {
	r.LineItems = map[ID]*LineItem{}
	for _, id := range x.LineItemIDs[:min(len(x.LineItemIDs), MaxExperimentItems)] {
		l, err := Get[*LineItem](ctx, rd, id)
		if err == nil {
			r.LineItems[id] = l
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// sameExternalID finds another entity that has e's external id already.
func (r *Refs) sameExternalID(ctx context.Context, rd Reader, e Entity, o Owner) error {
	if e.Head().ExternalID == "" {
		return nil
	}
	f := Filter{ExternalID: e.Head().ExternalID, Limit: 2}
	switch e.Kind() {
	case KindAgency:
	case KindAdvertiser:
		f.Agency = o.Agency
	default:
		f.Advertiser = o.Advertiser
	}
	found, err := rd.List(ctx, e.Kind(), f)
	for _, other := range found {
		if other.Head().ID != e.Head().ID {
			r.SameExternalID = other.Head().ID
		}
	}
	return err
}

func (r *Refs) setParent(e Entity) {
	switch v := e.(type) {
	case *Agency:
		r.Agency = v
	case *Advertiser:
		r.Advertiser = v
	case *Campaign:
		r.Campaign = v
	}
}

// unbounded finds a live line item that has no budget left once after replaces
// before: an edit must not free a line item of its last bound.
func unbounded(ctx context.Context, r Reader, before, after Entity, refs *Refs) (ID, error) {
	f := Filter{}
	switch now := after.(type) {
	case *Advertiser:
		if was := before.(*Advertiser); now.Budget.Bounded() || !was.Budget.Bounded() {
			return 0, nil
		}
		f.Advertiser = now.ID
	case *Campaign:
		was := before.(*Campaign)
		if now.Bounded() || !was.Bounded() || refs.Advertiser == nil || refs.Advertiser.Budget.Bounded() {
			return 0, nil
		}
		f.Campaign = now.ID
	default:
		return 0, nil
	}
	bounded := map[ID]bool{}
	for {
		page, err := List[*LineItem](ctx, r, f)
		if err != nil || len(page) == 0 {
			return 0, err
		}
		for _, l := range page {
			f.After = l.ID
			if l.Status == StatusArchived || l.Bounded() {
				continue
			}
			if after.Kind() == KindCampaign {
				return l.ID, nil
			}
			if b, known := bounded[l.CampaignID]; known && b {
				continue
			}
			p, err := Get[*Campaign](ctx, r, l.CampaignID)
			if err != nil {
				return 0, err
			}
			if bounded[p.ID] = p.Bounded(); !bounded[p.ID] {
				return l.ID, nil
			}
		}
	}
}
