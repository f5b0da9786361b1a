package loadtest

import (
	"html"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"bidhawk/internal/money"
)

// errandKind is what a GET tells the server.
type errandKind uint8

const (
	errandWin        errandKind = iota // nurl
	errandBill                         // burl
	errandLoss                         // lurl
	errandImpression                   // the tracker in the markup
	errandClick
	errandConversion
	errandStart // of a video or audio ad; its quartiles follow in order
	errandFirstQuartile
	errandMidpoint
	errandThirdQuartile
	errandComplete
	errandViewable
	errandError        // the player could not show the ad
	errandClickTracker // beside the click itself
	errandKinds        = 14
)

func (k errandKind) String() string {
	return [errandKinds]string{
		"win", "billing", "loss", "impression", "click", "conversion",
		"start", "first_quartile", "midpoint", "third_quartile", "complete", "viewable", "error", "click_tracker",
	}[k]
}

// notice: the exchange calls it, not a person's device.
func (k errandKind) notice() bool { return k <= errandLoss }

// doubt is what is known of a notice that was given up.
type doubt uint8

const (
	neverArrived doubt = iota // no attempt was written
	inDoubt                   // an attempt was written and not answered, or answered 5xx
	refused                   // answered 4xx: the server has spoken
)

// cleared is a bid whose auction has ended. Its errands share it: each kind of
// event is counted once, whichever copy is acknowledged first.
type cleared struct {
	seq           uint64
	key           uint64 // of draws: the request and the imp
	user          int
	id, cid, crid string
	currency      string
	format        Format
	price         money.CPM // clearing
	multiplier    money.PPM // people before the screen; 0 is one
	vastBills     bool      // the VAST impression bills, not burl
	headers       string    // of trackers that a server calls
	landed        [errandKinds]atomic.Bool
	pending       atomic.Int32 // errands not yet done; the last one frees the place in the courier
}

// amount is what the bid costs once it is billed: price / 1000 x multiplier.
func (c *cleared) amount() money.Nanos {
	n := c.price.PerImpression()
	if c.multiplier == 0 || c.multiplier == onePerson {
		return n
	}
	// It fits: prices and multipliers are bounded by 1e12 each.
	n, _ = c.multiplier.Of(n)
	return n
}

// bills says whether the bid enters the bill when k is acknowledged.
func (c *cleared) bills(k errandKind) bool {
	if c.vastBills {
		return k == errandImpression
	}
	return k == errandBill
}

// errand is one call to be delivered, and where it stands.
type errand struct {
	kind     errandKind
	url      string
	bid      *cleared
	due      time.Time
	giveUp   time.Time
	attempts int
	repeat   bool // a copy on purpose
	written  bool // an attempt may have arrived
	post     bool // as a POST without content

	redirects  bool        // of a click: it is done when it leads on
	landing    string      // of a click that does not
	order      string      // of a conversion
	orderValue money.Nanos // of a conversion
}

// Paths by which the server's trackers are known in markup.
const (
	impressionPath = "/t/imp/"
	clickPath      = "/t/click/"
	conversionPath = "/t/conv"
	clickParameter = "bh_click"
)

// findURL returns the first http URL in markup whose path has part: the text
// between the delimiters around it, with HTML entities resolved. A URL that
// stands escaped within another's query (a third-party tag's click macro) is
// found where there is no plain one.
func findURL(markup, part string) string {
	if u := around(markup, part, "http", urlEnds); u != "" {
		return html.UnescapeString(u)
	}
	escaped := around(markup, url.QueryEscape(part), "http", urlEnds+"&;")
	u, err := url.QueryUnescape(escaped)
	if err != nil {
		return ""
	}
	return u
}

// around returns the text around the first part: from the last start before
// it to the first of ends after it, none of which may stand between.
func around(s, part, start, ends string) string {
	at := strings.Index(s, part)
	if at < 0 {
		return ""
	}
	from := strings.LastIndex(s[:at], start)
	if from < 0 || strings.ContainsAny(s[from:at], ends) {
		return ""
	}
	if n := strings.IndexAny(s[from:], ends); n >= 0 {
		return s[from : from+n]
	}
	return s[from:]
}

const urlEnds = "\"'<>() \t\r\n\\"

// clickID is the click's name in the landing URL, "" where there is none.
func clickID(landing string) string {
	u, err := url.Parse(landing)
	if err != nil {
		return ""
	}
	return u.Query().Get(clickParameter)
}

// call is one GET, or POST without content.
type call struct {
	url     string
	post    bool
	headers string // whole lines, each ended
}

// call is what is sent for the errand. Where a server plays the ads, it calls
// the trackers and says for whom; clicks come from people's own devices.
func (e *errand) call() call {
	c := call{url: e.url, post: e.post}
	if e.kind == errandImpression || e.kind >= errandStart && e.kind != errandClickTracker {
		c.headers = e.bid.headers
	}
	return c
}

// appendCall appends the whole request for an http URL and returns the address
// to send it to; ok is false for a URL that cannot be fetched.
func appendCall(dst []byte, c call) (request []byte, addr string, ok bool) {
	rest, ok := strings.CutPrefix(c.url, "http://")
	if !ok || strings.ContainsAny(rest, " \r\n") {
		return dst, "", false
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if host == "" {
		return dst, "", false
	}
	path, _, _ = strings.Cut(path, "#")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	addr = host
	if !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") {
		addr += ":80"
	}
	method, length := "GET ", ""
	if c.post {
		method, length = "POST ", "Content-Length: 0\r\n"
	}
	dst = append(dst, method...)
	dst = append(dst, path...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\nUser-Agent: bidhawk-loadtest\r\n"...)
	dst = append(dst, length...)
	dst = append(dst, c.headers...)
	dst = append(dst, "\r\n"...)
	return dst, addr, true
}
