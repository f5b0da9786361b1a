package campaigns

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ClickMacro is where a creative's HTML takes the signed address of the click;
// ClickMacroEscaped takes it escaped for use within a URL.
const (
	ClickMacro        = "${CLICK_URL}"
	ClickMacroEscaped = "${CLICK_URL_ESC}"
)

func (v *Creative) validateMarkup(c *checker) {
	switch {
	case v.ImageURL == "" && v.HTML == "":
		c.fail("image_url", "", "must be given, or else html: a creative has exactly one of them")
	case v.ImageURL != "" && v.HTML != "":
		c.fail("html", v.HTML, "must be empty where image_url is given: a creative has exactly one of them")
	case v.ImageURL != "":
		_, rule := secureURL(v.ImageURL)
		c.check(rule == "", "image_url", v.ImageURL, rule)
	default:
		c.text("html", v.HTML, htmlRule)
	}
}

// htmlRule bounds a third-party tag. What it loads must be https: pages are,
// and they block the rest.
func htmlRule(s string) string {
	switch {
	case len(s) > MaxHTMLBytes:
		return fmt.Sprintf("must be at most %d bytes long", MaxHTMLBytes)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return "must be UTF-8 text"
	case loadsInsecurely(s):
		return "must load everything by https"
	}
	return ""
}

// loadsInsecurely looks for an http URL as an attribute's value or in CSS. A
// name space such as xmlns="http://www.w3.org/2000/svg" loads nothing.
func loadsInsecurely(s string) bool {
	const scheme, introBytes = "http://", 32
	s = strings.ToLower(s)
	for at := 0; ; at += len(scheme) {
		i := strings.Index(s[at:], scheme)
		if i < 0 {
			return false
		}
		at += i
		before := dropBlanksAndQuotes(s[max(0, at-introBytes):at])
		for _, intro := range []string{"src=", "href=", "action=", "data=", "srcset=", "poster=", "url("} {
			if strings.HasSuffix(before, intro) {
				return true
			}
		}
	}
}

func dropBlanksAndQuotes(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\"'", r) {
			return -1
		}
		return r
	}, s)
}

func (v *Creative) validateLanding(c *checker, owner *Advertiser) {
	if v.LandingURL == "" {
		clickable := v.ImageURL != "" || strings.Contains(v.HTML, ClickMacro) || strings.Contains(v.HTML, ClickMacroEscaped)
		c.check(!clickable, "landing_url", "", "must be given for an image, or html with "+ClickMacro)
		return
	}
	u, rule := secureURL(v.LandingURL)
	if rule != "" {
		c.fail("landing_url", v.LandingURL, rule)
		return
	}
	if owner != nil && !slices.Contains(owner.RedirectHosts, normalDomain(u.Host)) {
		c.fail("landing_url", v.LandingURL, "host must be one of the advertiser's redirect_hosts")
	}
}
