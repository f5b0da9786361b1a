package bidder

import (
	"bidhawk/bidder/identity"
	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/pacing/frequency"
)

// household is the home that a request comes from, which is looked for where a cap
// asks.
type household struct {
	key   ids.UserKey
	known bool // key is what was found, 0 for none
}

// capsOfAds are the caps of a bid with each of l's ads. Ads without caps of their own
// share the line's.
func capsOfAds(l *line) []frequency.Caps {
	lineage := campaigns.Lineage{LineItem: l.item, Campaign: l.campaign, Advertiser: l.advertiser, Agency: l.agency}
	shared := frequency.CapsOf(lineage, nil)
	out := make([]frequency.Caps, len(l.ads))
	for i, ad := range l.ads {
		if out[i] = shared; len(ad.creative.FrequencyCaps) > 0 {
			out[i] = frequency.CapsOf(lineage, ad.creative)
		}
	}
	return out
}

// who is whose exposure a bid under caps would be. missing is a cap that can't be
// kept, because that is not known and the line item's policy is not to bid then.
func (b *Bidder) who(a *auction, l *line, caps *frequency.Caps) (w frequency.Who, missing *frequency.Cap) {
	if len(caps.User) > 0 {
		if w.User = a.subject(l, frequency.User, a.user); w.User.Kind == frequency.Nobody && l.item.UnknownUsers != campaigns.UnknownBid {
			return w, &caps.User[0]
		}
	}
	if len(caps.Household) > 0 {
		if !a.home.known {
			a.home = household{b.household(a), true}
		}
		if w.Household = a.subject(l, frequency.Household, a.home.key); w.Household.Kind == frequency.Nobody && l.item.UnknownUsers != campaigns.UnknownBid {
			return w, &caps.Household[0]
		}
	}
	return w, nil
}

// subject is the one of a key; without one all of the site, where that is the policy.
func (a *auction) subject(l *line, kind frequency.SubjectKind, key ids.UserKey) frequency.Subject {
	if key == 0 && l.item.UnknownUsers == campaigns.UnknownSite {
		return siteSubject(a.site, a.app)
	}
	return subjectOf(kind, key)
}

func subjectOf(kind frequency.SubjectKind, key ids.UserKey) frequency.Subject {
	if key == 0 {
		return frequency.Subject{}
	}
	return frequency.Subject{Kind: kind, Key: uint64(key)}
}

// siteSubject is all users without an id of a site or app, as far as a token names it.
func siteSubject(site []byte, app bool) frequency.Subject {
	if len(site) == 0 {
		return frequency.Subject{}
	}
	key := foldHash(site[:min(len(site), maxTokenField)])
	if app {
		key = ^key
	}
	return frequency.Subject{Kind: frequency.Site, Key: key}
}

// household asks only where personal data may be used, and the user did not opt out.
func (b *Bidder) household(a *auction) ids.UserKey {
	if !a.privacy.Personal || a.userFrom == identity.SourceOptedOut {
		return 0
	}
	return b.deps.Users.Household(&a.req, a.now)
}

// homeOf is the household that the notices of a bid with an ad must know.
func (a *auction) homeOf(l *line, ad int32) ids.UserKey {
	if len(l.caps[ad].Household) == 0 {
		return 0
	}
	return a.home.key
}

// takeCaps counts a bid towards its caps, or refuses it. again says that the very
// same impression was bid for before: it is counted already.
func (b *Bidder) takeCaps(a *auction, l *line, caps *frequency.Caps, again bool) (w frequency.Who, r NoBid) {
	if !caps.Some() { // Fast path.
		return w, NoBidNone
	}
	w, missing := b.who(a, l, caps)
	if missing != nil {
		b.metrics.capped(missing, capNoID)
		return w, NoBidFrequency
	}
	if again {
		return w, NoBidNone
	}
	if refused := b.deps.Frequency.Take(caps, w, a.now); refused.Cap != nil {
		b.metrics.refusedByCap(refused)
		return w, NoBidFrequency
	}
	return w, NoBidNone
}

// capped looks whether caps would refuse a bid, and takes nothing.
func (b *Bidder) capped(a *auction, l *line, caps *frequency.Caps) NoBid {
	w, missing := b.who(a, l, caps)
	if missing != nil {
		if !a.dry {
			b.metrics.capped(missing, capNoID)
		}
		return NoBidFrequency
	}
	if refusing := b.deps.Frequency.Allows(caps, w, a.now); refusing != nil {
		if !a.dry {
			b.metrics.refusedByCap(frequency.Refusal{Cap: refusing})
		}
		return NoBidFrequency
	}
	return NoBidNone
}

// refusingCap is the first cap that refuses a bid; nil where none does. For
// explanations.
func (b *Bidder) refusingCap(a *auction, l *line, caps *frequency.Caps) *frequency.Cap {
	w, missing := b.who(a, l, caps)
	if missing != nil {
		return missing
	}
	return b.deps.Frequency.Allows(caps, w, a.now)
}

// capReason is why a cap refused a bid.
type capReason uint8

const (
	capReached capReason = iota
	capRecency
	capNoID // nobody knows whose exposure it would be
	capMemory
	capReasons
)

func (r capReason) String() string {
	return [...]string{"reached", "recency", "unknown_user", "memory_full"}[r]
}

func (m *Metrics) capped(c *frequency.Cap, r capReason) { m.caps[r][c.Level].Add(1) }

func (m *Metrics) refusedByCap(r frequency.Refusal) {
	why := capReached
	switch {
	case r.Full:
		why = capMemory
	case r.Cap.Gap:
		why = capRecency
	}
	m.capped(r.Cap, why)
}
