package loadtest

import (
	"fmt"
	"slices"
)

// together judges what offers[i] breaks only beside the offers before it that
// still stand: a second bid for one imp, and the rules of pods.
func together(offers []offer, i int) *breach {
	e := offers[i].exhibit
	if twice := bidTwice(offers[:i], e); twice != nil {
		return twice
	}
	pod := e.pod()
	if e.bid.SlotInPod != 0 && !e.dynamic() {
		return &breach{RuleSlotInPod, fmt.Sprintf("%d: imp %s is no dynamic portion of a pod", e.bid.SlotInPod, e.imp.id)}
	}
	if pod == "" {
		return nil
	}
	if broken := podRoom(offers[:i], e); broken != nil {
		return broken
	}
	for k := range offers[:i] {
		o := &offers[k]
		if o.loss != 0 || o.exhibit.pod() != pod || o.exhibit.imp == e.imp && !e.dynamic() {
			continue // two bids for one slot are never shown in one pod
		}
		if broken := separate(o.exhibit, e); broken != nil {
			return broken
		}
	}
	return nil
}

func (e *exhibit) dynamic() bool { return e.stream != nil && e.stream.dynamic() }

// pod names the pod that the bid is for, "" for none. A dynamic imp without a
// podid is a pod by itself.
func (e *exhibit) pod() string {
	switch {
	case e.stream == nil || !e.stream.inPod():
		return ""
	case e.stream.podID == "":
		return "imp " + e.imp.id
	}
	return "pod " + e.stream.podID
}

// bidTwice: several bids for one imp differ in their deal or seat, or share a
// dynamic pod.
func bidTwice(before []offer, e *exhibit) *breach {
	if e.dynamic() {
		return nil
	}
	for k := range before {
		o := before[k].exhibit
		if before[k].loss == 0 && o.imp == e.imp && o.bid.DealID == e.bid.DealID && o.seat == e.seat {
			return &breach{RuleTwice, fmt.Sprintf("imp %s: bid %.40s already is for seat %q and deal %q", e.imp.id, o.bid.ID, e.seat, e.bid.DealID)}
		}
	}
	return nil
}

// podRoom judges count and length of what a dynamic portion is offered.
func podRoom(before []offer, e *exhibit) *breach {
	if !e.dynamic() {
		return nil
	}
	count, seconds := 1, e.seconds
	for k := range before {
		if o := before[k].exhibit; before[k].loss == 0 && o.imp == e.imp && o.stream == e.stream {
			count++
			seconds += o.seconds
		}
	}
	if s := e.stream; s.maxSeq > 0 && count > s.maxSeq {
		return &breach{RulePodCount, fmt.Sprintf("%d bids for imp %s: want at most %d", count, e.imp.id, s.maxSeq)}
	}
	if s := e.stream; seconds > s.podDur {
		return &breach{RulePodDuration, fmt.Sprintf("%d s for imp %s: want at most %d", seconds, e.imp.id, s.podDur)}
	}
	return nil
}

// separate keeps repeated creatives and competitors apart.
func separate(a, b *exhibit) *breach {
	if a.bid.CRID == b.bid.CRID {
		return &breach{RulePodRepeat, fmt.Sprintf("crid %.40s: twice in %s", b.bid.CRID, b.pod())}
	}
	for _, d := range b.bid.ADomain {
		if slices.ContainsFunc(a.bid.ADomain, func(other string) bool { return within(d, other) || within(other, d) }) {
			return &breach{RulePodCompetitor, fmt.Sprintf("advertiser %s: twice in %s", d, b.pod())}
		}
	}
	if max(a.bid.CatTax, 1) != max(b.bid.CatTax, 1) {
		return nil
	}
	for _, c := range b.bid.Cat {
		if slices.Contains(a.bid.Cat, c) {
			return &breach{RulePodCompetitor, fmt.Sprintf("category %s: twice in %s", c, b.pod())}
		}
	}
	return nil
}
