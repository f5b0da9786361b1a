package markup

import (
	"html"
	"slices"
	"strconv"
	"strings"

	"bidhawk/campaigns"
)

// Banner compiles a banner: its image in a link, or its own tag, and the pixel of
// our impression. In a tag, ${CLICK_URL} and ${CLICK_URL_ESC} are ours; OpenRTB's
// macros (${AUCTION_...}) stay for the exchange.
//
// A tag that needs MRAID gets the script element by which ads ask for it (MRAID
// 3.0, IAB Tech Lab, June 2018; also 1.0 and 2.0) where it lacks one. Its clicks
// stay its own: it calls mraid.open, as MRAID wants it, with ${CLICK_URL}; nobody
// but the tag knows which of its parts lead away.
func Banner(c *campaigns.Creative, o Options) Template {
	b := bannerBuilder(c)
	return b.template()
}

// MeasuredBanner is Banner with the script by which it tells that it was viewable
// (package bidder/viewability). The script knows the ad's size, its medium and its
// token from the address's fragment, which no server is sent.
func MeasuredBanner(c *campaigns.Creative, o Options) Template {
	b := bannerBuilder(c)
	medium := ""
	if slices.ContainsFunc(c.Attr, func(a int) bool { return a == 6 || a == 7 }) { // AdCOM: in-banner video
		medium = "v"
	}
	b.add(`<script src="` + html.EscapeString(o.PublicURL) + ViewScriptPath + "#" + medium + strconv.Itoa(c.W) + "x" + strconv.Itoa(c.H) + "!")
	b.slot(slotEvent)
	b.add(`" async=""></script>`)
	return b.template()
}

// ViewScriptPath is where the script is served.
const ViewScriptPath = "/t/view.js"

func bannerBuilder(c *campaigns.Creative) *builder {
	b := &builder{}
	if c.HTML != "" {
		b.tag(withMRAID(c))
	} else {
		b.add(`<a href="`)
		b.slot(slotClick)
		b.add(`" target="_blank" rel="noopener"><img src="` + html.EscapeString(c.ImageURL))
		b.add(`" width="` + strconv.Itoa(c.W) + `" height="` + strconv.Itoa(c.H) + `" alt="` + html.EscapeString(c.Name))
		b.add(`" border="0"></a>`)
	}
	b.add(`<img src="`)
	b.slot(slotImpression)
	b.add(`" width="1" height="1" style="display:none" alt="">`)
	return b
}

// tag adds a tag with our macros as slots.
func (b *builder) tag(text string) {
	for {
		i := strings.Index(text, "${CLICK_URL")
		if i < 0 {
			b.add(text)
			return
		}
		b.add(text[:i])
		text = text[i:]
		if rest, ok := strings.CutPrefix(text, campaigns.ClickMacro); ok {
			b.slot(slotClick)
			text = rest
		} else if rest, ok := strings.CutPrefix(text, campaigns.ClickMacroEscaped); ok {
			b.slot(slotClickEscaped)
			text = rest
		} else {
			b.add(text[:1])
			text = text[1:]
		}
	}
}

const mraidScript = `<script src="mraid.js"></script>`

// withMRAID is c's tag, announced as MRAID where it needs to be: first of all,
// or first in its head, since a document's type must stay before everything.
func withMRAID(c *campaigns.Creative) string {
	needs := c.MRAID()
	lower := strings.ToLower(c.HTML)
	if !needs || strings.Contains(lower, "mraid.js") {
		return c.HTML
	}
	at := 0
	if i := strings.Index(lower, "<head"); i >= 0 && len(lower) == len(c.HTML) {
		rest := lower[i+len("<head"):]
		if end := strings.IndexByte(rest, '>'); end >= 0 && strings.ContainsRune("> \t\r\n", rune(rest[0])) {
			at = i + len("<head") + end + 1
		}
	}
	return c.HTML[:at] + mraidScript + c.HTML[at:]
}
