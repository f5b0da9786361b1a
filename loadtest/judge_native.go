package loadtest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// native judges what only native ads have.
func (j *judge) native(e *exhibit) *breach {
	if e.native == nil {
		return nil
	}
	want := e.imp.native
	if !want.ok {
		return nil // its request could not be read: there is nothing to compare with
	}
	// Version 1.0 answers within "native", later ones do not; to a later request
	// that stands within it either is understood. Where imp.native alone says 1.0,
	// its request says 1.2 by default: either is understood too.
	wraps := want.before11()
	if ambiguous := wraps && !want.verSaid; e.native.wrapped != wraps && (wraps || !want.wrapped) && !ambiguous {
		return &breach{RuleNative, fmt.Sprintf("root \"native\" %v: version %s wants %v", e.native.wrapped, want.ver, wraps)}
	}
	if broken := e.assets(j); broken != nil {
		return broken
	}
	if e.native.Link == nil || strings.TrimSpace(e.native.Link.URL) == "" {
		return &breach{RuleNativeLink, "none"}
	}
	return e.nativeTrackers()
}

// assets judges each asset of the answer, then what is missing.
func (e *exhibit) assets(j *judge) *breach {
	want := e.imp.native
	filled := map[int]bool{}
	for i := range e.native.Assets {
		a := &e.native.Assets[i]
		asked := want.asset(a.ID)
		if asked == nil {
			return &breach{RuleNativeAsset, fmt.Sprintf("id %d: not asked for", a.ID)}
		}
		if _, twice := filled[a.ID]; twice {
			return &breach{RuleNativeAsset, fmt.Sprintf("id %d: twice", a.ID)}
		}
		if kind := a.kind(); kind != asked.kind {
			return &breach{RuleNativeAsset, fmt.Sprintf("id %d: %s: want %s", a.ID, kind, asked.kind)}
		}
		filled[a.ID] = a.filled()
		if broken := e.asset(j, a, asked); broken != nil {
			return broken
		}
	}
	for i := range want.assets {
		if a := &want.assets[i]; a.required && !filled[a.id] {
			return &breach{RuleNativeRequired, fmt.Sprintf("id %d (%s)", a.id, a.kind)}
		}
	}
	return nil
}

func (e *exhibit) asset(j *judge, a *nativeAsset, asked *assetFacts) *breach {
	switch asked.kind {
	case assetTitle:
		return tooLong(a.ID, a.Title.Text, asked.length)
	case assetData:
		return tooLong(a.ID, a.Data.Value, asked.length)
	case assetImage:
		if !asked.takesSize(a.Img.W, a.Img.H) {
			return &breach{RuleNativeImage, fmt.Sprintf("id %d: %dx%d: want %dx%d, at least %dx%d", a.ID, a.Img.W, a.Img.H, asked.w, asked.h, asked.wMin, asked.hMin)}
		}
		if m := imageType(a.Img.URL); len(asked.mimes) > 0 && m != "" && !takesType(asked.mimes, m) {
			return &breach{RuleMIME, fmt.Sprintf("id %d: %s: want one of %v", a.ID, m, asked.mimes)}
		}
	case assetVideo:
		return e.nativeVideo(j, a, asked)
	}
	return nil
}

func tooLong(id int, text string, limit int) *breach {
	if n := utf8.RuneCountInString(text); limit > 0 && n > limit {
		return &breach{RuleNativeLength, fmt.Sprintf("id %d: %d characters: want at most %d", id, n, limit)}
	}
	return nil
}

// takesSize: w and h are exact, wmin and hmin the least. An ad that does not
// say its size cannot be judged by it.
func (a *assetFacts) takesSize(w, h int) bool {
	side := func(got, exact, least int) bool {
		if got == 0 {
			return true
		}
		if exact > 0 && least == 0 {
			return got == exact
		}
		return got >= least
	}
	return side(w, a.w, a.wMin) && side(h, a.h, a.hMin)
}

// nativeVideo holds the asset's VAST to the rules of any VAST.
func (e *exhibit) nativeVideo(j *judge, a *nativeAsset, asked *assetFacts) *breach {
	tag := strings.TrimSpace(a.Video.VASTTag)
	if tag == "" {
		return nil // empty: of interest only where it is required
	}
	doc, err := readVAST(tag)
	if err != nil {
		return &breach{RuleVAST, fmt.Sprintf("asset %d: %v", a.ID, err)}
	}
	video := *e
	video.medium, video.vast, video.stream, video.seconds = mediumVideo, doc, asked.video, doc.seconds()
	b := *e.bid
	b.Dur, b.Protocol = 0, 0 // those are not the asset's
	video.bid = &b
	return j.vast(&video)
}

// nativeTrackers wants only events and methods that were offered. imptrackers
// need no offer; a script needs one since version 1.2.
func (e *exhibit) nativeTrackers() *breach {
	offered := e.imp.native.trackers
	for _, t := range e.native.EventTrackers {
		if !slices.Contains(offered[t.Event], t.Method) {
			return &breach{RuleNativeTracker, fmt.Sprintf("event %d by method %d: want of %v", t.Event, t.Method, offered)}
		}
		if strings.TrimSpace(t.URL) == "" {
			return &breach{RuleNativeTracker, fmt.Sprintf("event %d by method %d: no url", t.Event, t.Method)}
		}
	}
	script := e.native.JSTracker
	if script == "" {
		return nil
	}
	if !strings.Contains(script, "<script") {
		return &breach{RuleNativeTracker, fmt.Sprintf("jstracker %.40q: want a script element", script)}
	}
	if e.imp.native.since12() && !slices.Contains(offered[eventImpression], methodScript) {
		return &breach{RuleNativeTracker, "jstracker: scripts are not offered"}
	}
	return nil
}

// since12: from version 1.2 on, scripts are offered as a method of eventtrackers.
func (n *nativeFacts) since12() bool {
	return n.ver >= "1.2" || n.ver == ""
}
