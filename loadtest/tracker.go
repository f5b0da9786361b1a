package loadtest

import (
	"net/url"
	"slices"
	"strings"
)

// trackers are the bidder's URLs in a won ad's markup, macros replaced. Those
// of third parties are left alone: they are on other hosts.
type trackers struct {
	impression string
	click      string
	redirects  bool     // the click leads to the landing page; else it is called beside one
	landing    string   // where the click does not redirect
	clicked    string   // called beside the click
	events     []string // by quartile, as in quartiles
	viewable   string
	failed     string // an error of the player
}

// findTrackers looks where each medium has them. markup is what was sent, with
// its macros replaced; hosts are the bidder's own.
func (e *exhibit) findTrackers(markup string, hosts []string) trackers {
	own := func(urls ...string) string {
		for _, u := range urls {
			u = strings.TrimSpace(u)
			if h := hostOf(u); h != "" && slices.Contains(hosts, h) {
				return u
			}
		}
		return ""
	}
	switch {
	case e.vast != nil:
		doc, err := readVAST(markup)
		if err != nil {
			return trackers{} // a macro's value broke it: nobody can play it
		}
		return doc.trackers(own)
	case e.native != nil:
		ad, err := readNativeAd(markup)
		if err != nil {
			return trackers{}
		}
		return ad.trackers(own)
	}
	return trackers{impression: findURL(markup, impressionPath), click: findURL(markup, clickPath), redirects: true}
}

func (d *vastDoc) trackers(own func(...string) string) trackers {
	t := trackers{impression: own(d.ad.Impressions...), failed: own(d.ad.Errors...), viewable: own(d.ad.Viewable...)}
	l := d.linear()
	if l == nil {
		return t
	}
	for _, event := range quartiles {
		t.events = append(t.events, own(l.tracking(event)...))
	}
	t.clicked = own(l.Clicks.Tracking...)
	t.setLink(first(l.Clicks.Through), own)
	return t
}

func (n *nativeAd) trackers(own func(...string) string) trackers {
	t := trackers{impression: own(n.ImpTrackers...)}
	for _, e := range n.EventTrackers {
		if e.Method != methodImage {
			continue
		}
		switch e.Event {
		case eventImpression:
			if t.impression == "" {
				t.impression = own(e.URL)
			}
		case eventViewable50, eventViewable100, eventViewableVideo:
			if t.viewable == "" {
				t.viewable = own(e.URL)
			}
		}
	}
	if n.Link != nil {
		t.clicked = own(n.Link.ClickTrackers...)
		t.setLink(n.Link.URL, own)
	}
	return t
}

// setLink: a link to the bidder is a click that redirects; any other leads
// straight to the advertiser, and the tracker beside it is the click.
func (t *trackers) setLink(link string, own func(...string) string) {
	if u := own(link); strings.Contains(u, clickPath) {
		t.click, t.redirects = u, true
		return
	}
	if u := findURL(link, clickPath); u != "" {
		t.click, t.redirects = u, true // within a third party's own redirect
		return
	}
	// A wrapper has no link: that is in the ad inside.
	t.landing = link
	t.click, t.clicked = t.clicked, ""
}

// hostOf is the host and port of a plain http URL, "" of any other: the
// simulated people speak no TLS.
func hostOf(u string) string {
	if !strings.HasPrefix(u, "http://") {
		return ""
	}
	parsed, err := url.Parse(u)
	if err != nil {
		return ""
	}
	return parsed.Host
}

// hosts are those of the bid's notices and of the target.
func (x *exchange) hosts(b *bid) []string {
	hosts := []string{hostOf(x.cfg.Target)}
	for _, u := range []string{b.BURL, b.NURL, b.LURL} {
		if h := hostOf(u); h != "" {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// inPlayer replaces the macros that a player fills (IAB VAST 4.3, section 6).
func inPlayer(u, errorCode string) string {
	if !strings.ContainsRune(u, '[') {
		return u
	}
	return strings.NewReplacer("[ERRORCODE]", errorCode, "[CACHEBUSTING]", "12345678",
		"[TIMESTAMP]", "2026-01-01T00%3A00%3A00.000Z", "[CONTENTPLAYHEAD]", "00%3A00%3A00.000",
		"[ADPLAYHEAD]", "00%3A00%3A00.000", "[MEDIAPLAYHEAD]", "00%3A00%3A00.000", "[ASSETURI]", "").Replace(u)
}
