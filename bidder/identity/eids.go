package identity

import (
	"bytes"
	"slices"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// maxTokens bounds the tokens that are decrypted for one request.
const maxTokens = 4

// eid returns the user of the preferred usable id in user.eids, 0 where there is
// none; the source is SourceOptedOut where it says that its user opted out.
func (v *Resolver) eid(r *openrtb.BidRequest, now time.Time) (ids.UserKey, Source) {
	if r.User == nil || len(v.rules) == 0 {
		return 0, SourceNone
	}
	var first [maxEIDRules]*openrtb.EID // the first object of each rule's source
	for i := range r.User.EIDs {
		e := &r.User.EIDs[i]
		if rank, ok := v.rank(e.Source); ok && first[rank] == nil && permits(v.rules[rank].MMs, e.MM) {
			first[rank] = e
		}
	}
	tokens := 0
	for rank := range v.rules {
		rule, e := &v.rules[rank], first[rank]
		if e == nil {
			continue
		}
		for i := range e.UIDs {
			if !permits(rule.ATypes, e.UIDs[i].AType) || !usable(e.UIDs[i].ID) {
				continue
			}
			if rule.Token != ScopeNone {
				if tokens++; tokens > maxTokens {
					return 0, SourceNone
				}
			}
			if user, source := v.uid(r, rule, e.UIDs[i].ID, now); source != SourceNone {
				return user, source
			}
		}
	}
	return 0, SourceNone
}

func (v *Resolver) uid(r *openrtb.BidRequest, rule *EIDRule, id []byte, now time.Time) (ids.UserKey, Source) {
	if bytes.EqualFold(id, optOutID) {
		return 0, SourceOptedOut
	}
	if rule.Token == ScopeNone {
		return v.deps.Keys.User(ids.KindEID, rule.Source, id), SourceEID
	}
	t := v.tokens(rule.Token)
	if t == nil {
		return 0, SourceNone
	}
	place, app := placeOf(r)
	var buf [rawTextLen]byte
	switch raw, result := t.Decode(buf[:0], id, place, app, now); result {
	case TokenUsed:
		return v.deps.Keys.User(ids.KindEID, rule.Source, raw), SourceEID
	case TokenOptedOut:
		return 0, SourceOptedOut
	default:
		return 0, SourceNone
	}
}

func (v *Resolver) tokens(s Scope) *Tokens {
	if s == ScopeEUID {
		return v.deps.EUID
	}
	return v.deps.UID2
}

// placeOf is the domain or the app that the request is of.
func placeOf(r *openrtb.BidRequest) (place []byte, app bool) {
	switch {
	case r.Site != nil:
		return r.Site.Domain, false
	case r.App != nil:
		return r.App.Bundle, true
	}
	return nil, false
}

// rank is the place of source among the rules; domains come in any case.
func (v *Resolver) rank(source []byte) (int, bool) {
	// Fast path: lower case already.
	if i, ok := v.ranks[string(source)]; ok {
		return i, true
	}
	// Slow path.
	var low [64]byte
	if len(source) > len(low) {
		return 0, false
	}
	i, ok := v.ranks[string(appendLower(low[:0], source))]
	return i, ok
}

func permits(list []int, v int) bool { return len(list) == 0 || slices.Contains(list, v) }
