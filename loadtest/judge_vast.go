package loadtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// AdCOM lists: Linearity Modes, Delivery Methods, Companion Types; and the
// attribute of ads that have a skip button of their own.
const (
	linearInStream = 1
	linearOverlay  = 2

	deliverStreaming   = 1
	deliverProgressive = 2
	deliverDownload    = 3

	companionStatic = 1
	companionHTML   = 2
	companionIframe = 3

	attrSkippable = 16
)

// vast judges what only video and audio have.
func (j *judge) vast(e *exhibit) *breach {
	if e.vast == nil {
		return nil
	}
	for _, rule := range [...]func(*exhibit) *breach{
		(*exhibit).protocol, (*exhibit).linearity, (*exhibit).duration, (*exhibit).mediaFiles,
		(*exhibit).trackers, (*exhibit).skipping, (*exhibit).companions,
	} {
		if broken := rule(e); broken != nil {
			return broken
		}
	}
	return nil
}

func (e *exhibit) protocol() *breach {
	p := e.vast.protocol()
	if p == 0 {
		return &breach{RuleProtocol, fmt.Sprintf("VAST version %q: not known", e.vast.Version)}
	}
	if said := e.bid.Protocol; said != 0 && said != p {
		return &breach{RuleProtocol, fmt.Sprintf("protocol %d, and VAST %s is %d", said, e.vast.Version, p)}
	}
	if want := e.stream.protocols; len(want) > 0 && !slices.Contains(want, p) {
		return &breach{RuleProtocol, fmt.Sprintf("%d (VAST %s, wrapper %v): want one of %v", p, e.vast.Version, e.vast.wrapper, want)}
	}
	return nil
}

func (e *exhibit) linearity() *breach {
	linear := e.vast.linear() != nil
	if e.stream.linearity == linearInStream && !linear || e.stream.linearity == linearOverlay && linear {
		return &breach{RuleLinearity, fmt.Sprintf("linear %v: imp %s wants linearity %d", linear, e.imp.id, e.stream.linearity)}
	}
	return nil
}

// duration: a wrapper states none, and an overlay needs none; a bid for a share
// of a pod must say how long it is.
func (e *exhibit) duration() *breach {
	l, s := e.vast.linear(), e.stream
	if l != nil && !e.vast.wrapper {
		ms, ok := vastMillis(l.Duration)
		if !ok || ms == 0 {
			return &breach{RuleDuration, fmt.Sprintf("%.20q: want HH:MM:SS", l.Duration)}
		}
		if said := e.bid.Dur; said != 0 && said != e.vast.seconds() {
			return &breach{RuleDuration, fmt.Sprintf("dur %d s, and VAST says %s", said, l.Duration)}
		}
	}
	if s.dynamic() && e.bid.Dur <= 0 {
		return &breach{RuleDuration, "no dur: a dynamic pod wants one"}
	}
	if e.seconds > 0 && !s.allows(e.seconds) {
		return &breach{RuleDuration, fmt.Sprintf("%d s: want %d to %d s (%d more), or one of %v", e.seconds, s.minDur, s.maxDur, s.maxExtended, s.rqdDurs)}
	}
	return nil
}

// mediaFiles: a player takes the file that suits it, so one has to suit.
func (e *exhibit) mediaFiles() *breach {
	l := e.vast.linear()
	if l == nil || e.vast.wrapper {
		return nil
	}
	if len(l.Media) == 0 {
		return &breach{RuleMediaFile, "none"}
	}
	for _, m := range l.Media {
		if !m.complete(e.medium == mediumVideo) {
			return &breach{RuleMediaFile, fmt.Sprintf("%.80q: want a URL, delivery, type, width and height", m.URL)}
		}
	}
	fits := l.Media
	for _, step := range [...]struct {
		rule Rule
		ok   func(*streamFacts, *vastMedia) bool
		want string
	}{
		{RuleMIME, (*streamFacts).takesMIME, fmt.Sprint(e.stream.mimes)},
		{RuleDelivery, (*streamFacts).delivers, fmt.Sprint(e.stream.delivery)},
		{RuleBitrate, (*streamFacts).takesBitrate, fmt.Sprint(e.stream.minBitrate, " to ", e.stream.maxBitrate, " kbps")},
	} {
		before := fits
		fits = nil
		for i := range before {
			if step.ok(e.stream, &before[i]) {
				fits = append(fits, before[i])
			}
		}
		if len(fits) == 0 {
			return &breach{step.rule, fmt.Sprintf("%s, %s, %s kbps: want %s", before[0].Type, before[0].Delivery, before[0].Bitrate, step.want)}
		}
	}
	return nil
}

func (m *vastMedia) complete(sized bool) bool {
	if strings.TrimSpace(m.URL) == "" || m.Type == "" || m.Delivery != "progressive" && m.Delivery != "streaming" {
		return false
	}
	if !sized {
		return true
	}
	w, errW := strconv.ParseUint(m.Width, 10, 16)
	h, errH := strconv.ParseUint(m.Height, 10, 16)
	return errW == nil && errH == nil && w > 0 && h > 0
}

func (s *streamFacts) takesMIME(m *vastMedia) bool {
	return len(s.mimes) == 0 || takesType(s.mimes, m.Type)
}

func (s *streamFacts) delivers(m *vastMedia) bool {
	if len(s.delivery) == 0 {
		return true
	}
	if m.Delivery == "streaming" {
		return slices.Contains(s.delivery, deliverStreaming)
	}
	return slices.Contains(s.delivery, deliverProgressive) || slices.Contains(s.delivery, deliverDownload)
}

// takesBitrate: a file that says no bitrate cannot be judged by it.
func (s *streamFacts) takesBitrate(m *vastMedia) bool {
	low, lowSaid := kbps(m.MinBitrate)
	high, highSaid := kbps(m.MaxBitrate)
	if rate, said := kbps(m.Bitrate); said {
		low, high, lowSaid, highSaid = rate, rate, true, true
	}
	return !(lowSaid && low < s.minBitrate) && !(highSaid && s.maxBitrate > 0 && high > s.maxBitrate)
}

var quartiles = [...]string{"start", "firstQuartile", "midpoint", "thirdQuartile", "complete"}

func (e *exhibit) trackers() *breach {
	if first(e.vast.ad.Impressions) == "" {
		return &breach{RuleImpression, "none"}
	}
	if first(e.vast.ad.Errors) == "" {
		return &breach{RuleErrorTracker, "none"}
	}
	l := e.vast.linear()
	if l == nil {
		return nil
	}
	for _, event := range quartiles {
		if len(l.tracking(event)) == 0 {
			return &breach{RuleTracking, event + ": no tracker"}
		}
	}
	return nil
}

// tracking returns the URLs of one event.
func (l *vastLinear) tracking(event string) (urls []string) {
	for _, t := range l.Tracking {
		if u := strings.TrimSpace(t.URL); t.Event == event && u != "" {
			urls = append(urls, u)
		}
	}
	return urls
}

// first returns the first text that is not empty.
func first(texts []string) string {
	for _, s := range texts {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

func (e *exhibit) skipping() *breach {
	l := e.vast.linear()
	if l != nil && l.SkipOffset != "" && e.stream.noSkip && !slices.Contains(e.bid.Attr, attrSkippable) {
		return &breach{RuleSkip, fmt.Sprintf("skipoffset %s where skip=0: want attr %d", l.SkipOffset, attrSkippable)}
	}
	return nil
}

func (e *exhibit) companions() *breach {
	s := e.stream
	for i := range e.vast.ad.Creatives {
		for _, c := range e.vast.ad.Creatives[i].Companions {
			w, _ := strconv.Atoi(c.Width) // 0 where it is none: no offered size
			h, _ := strconv.Atoi(c.Height)
			if len(s.companions) > 0 && !slices.ContainsFunc(s.companions, func(f format) bool { return f.allows(w, h) }) {
				return &breach{RuleCompanion, fmt.Sprintf("%sx%s: want one of %v", c.Width, c.Height, s.companions)}
			}
			if len(s.companionTypes) > 0 && !slices.ContainsFunc(s.companionTypes, c.is) {
				return &breach{RuleCompanion, fmt.Sprintf("%sx%s: want one of companiontype %v", c.Width, c.Height, s.companionTypes)}
			}
		}
	}
	return nil
}

func (c *vastCompanion) is(kind int) bool {
	return kind == companionStatic && c.Static != nil || kind == companionHTML && c.HTML != nil ||
		kind == companionIframe && c.IFrame != nil
}
