package campaigns

import (
	"context"
	"errors"
	"slices"
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
	var err error
	if refs.Creatives, err = named[*Creative](ctx, r, l.CreativeIDs, MaxCreatives); err != nil {
		return nil, owner, err
	}
	if refs.Segments, err = named[*Segment](ctx, r, l.Targeting.Segments, MaxSegments); err != nil {
		return nil, owner, err
	}
	lists := slices.Concat(l.Targeting.Lists.Include, l.Targeting.Lists.Exclude)
	if refs.Lists, err = named[*SiteList](ctx, r, lists, 2*MaxLists); err != nil {
		return nil, owner, err
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

// named reads those of ids that exist, up to bound.
func named[E Entity](ctx context.Context, r Reader, ids []ID, bound int) (map[ID]E, error) {
	out := map[ID]E{}
	for _, id := range ids[:min(len(ids), bound)] {
		e, err := Get[E](ctx, r, id)
		if err == nil {
			out[id] = e
		} else if !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	return out, nil
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
	case *LineItem:
		r.LineItem = v
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
