package bidder

import (
	"bytes"
	"slices"

	"bidhawk/internal/openrtb"
)

// Ad pods (OpenRTB 2.6 section 7.6). In a structured pod each impression is one
// slot; a dynamic one, or the dynamic portion of a hybrid one, is an impression
// with poddur that takes several bids. Impressions of one podid are one break.

// maxPodBids bounds the bids on one dynamic pod.
const maxPodBids = 16

// dynamicPod is the stream of an impression that takes several bids; nil for any
// other impression.
func dynamicPod(imp *openrtb.Imp) *openrtb.Stream {
	for _, m := range [...]medium{mediumVideo, mediumAudio} {
		if s := streamOf(imp, m); s != nil && s.PodDur > 0 {
			return s
		}
	}
	return nil
}

// podBids is how many ads can be in a dynamic pod.
func podBids(s *openrtb.Stream) int {
	n := maxPodBids
	if s.MaxSeq > 0 {
		n = min(n, s.MaxSeq)
	}
	shortest := max(s.MinDuration, 1)
	if len(s.RqdDurs) > 0 {
		shortest = max(slices.Min(s.RqdDurs), 1)
	}
	return max(1, min(n, s.PodDur/shortest))
}

// podRefusal says why the bid c on impression i can't be in one break with those
// that were placed: the break has no time left, or it would hold an ad, an
// advertiser or a competitor twice. An exchange may compose a pod of any of our
// bids, so that each two of them must go together, but for bids on one slot, of
// which it takes one.
func (a *auction) podRefusal(i int, c candidate) NoBid {
	x := a.ad(&c)
	s := streamOf(&a.req.Imp[i], x.medium)
	if s == nil || s.PodDur == 0 && len(s.PodID) == 0 {
		if dynamicPod(&a.req.Imp[i]) != nil && a.fills(i, x.medium) {
			return NoBidPodFull // in place of the break goes one ad, not as many
		}
		return NoBidNone
	}
	left := s.PodDur
	for k := range a.bids {
		p := &a.bids[k]
		y := a.ad(&p.candidate)
		o := streamOf(&a.req.Imp[p.imp], y.medium)
		switch {
		case o == nil, p.imp == i && s.PodDur == 0: // a banner in place of the break; a bid on the same slot
			continue
		case p.imp == i:
			left -= y.duration
		case !samePod(s, o):
			continue
		}
		if x.competes(y) {
			return NoBidPodSeparation
		}
	}
	if s.PodDur > 0 && x.duration > left {
		return NoBidPodFull
	}
	return NoBidNone
}

// fills says whether a bid of medium m was placed on impression i.
func (a *auction) fills(i int, m medium) bool {
	return slices.ContainsFunc(a.bids, func(p placed) bool { return p.imp == i && a.ad(&p.candidate).medium == m })
}

func samePod(s, o *openrtb.Stream) bool {
	return len(s.PodID) > 0 && bytes.Equal(s.PodID, o.PodID)
}

// competes says whether two ads may not be in one break: the same creative, the
// same advertiser, or the same category (or one that includes the other's).
func (ad *ad) competes(o *ad) bool {
	if ad.creative.ID == o.creative.ID {
		return true
	}
	for _, d := range ad.adomain {
		if containsFold(o.adomain, d) {
			return true
		}
	}
	for i := range ad.claims {
		for j := range o.claims {
			if x, y := &ad.claims[i], &o.claims[j]; x.within(y) || y.within(x) {
				return true
			}
		}
	}
	return false
}

// within says whether c is the category o or below it.
func (c *claim) within(o *claim) bool { return slices.Contains(c.in[o.tax], o.own) }
