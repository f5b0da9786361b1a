package campaigns

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"bidhawk/campaigns/content"
)

// ClickMacro is where a creative's HTML takes the signed address of the click;
// ClickMacroEscaped takes it escaped for use within a URL.
const (
	ClickMacro        = "${CLICK_URL}"
	ClickMacroEscaped = "${CLICK_URL_ESC}"
)

// Validate implements Entity.
func (v *Creative) Validate(r *Refs) error {
	c := newChecker(KindCreative)
	c.entity(v, v.Name, r)
	c.parent("advertiser_id", v, r.Advertiser == nil, r)
	v.validateFormat(c)
	v.validateUploads(c, r.Assets)
	v.validateLanding(c, r.Advertiser)
	v.validateFacts(c, r.Categories)
	v.validateExchanges(c)
	c.caps(v.FrequencyCaps)
	return c.err()
}

func (v *Creative) validateFormat(c *checker) {
	c.codes("api", v.API, MaxAPIs, 9, "an AdCOM API framework")
	switch v.Format {
	case FormatBanner:
		v.mustNotHave(c, "vast", "native")
		v.validateBanner(c)
	case FormatVideo, FormatAudio:
		v.mustNotHave(c, "image_url", "html", "asset_id", "expdir", "native")
		v.validateStream(c)
	case FormatNative:
		v.mustNotHave(c, "w", "h", "image_url", "html", "asset_id", "expdir", "vast")
		v.validateNative(c)
	default:
		c.fail("format", v.Format, "must be banner, video, audio or native")
	}
}

// mustNotHave refuses fields that mean nothing in the creative's format: nobody
// shall believe that they are shown.
func (v *Creative) mustNotHave(c *checker, fields ...string) {
	given := map[string]bool{"w": v.W != 0, "h": v.H != 0, "image_url": v.ImageURL != "", "html": v.HTML != "",
		"asset_id": v.given(), "expdir": len(v.ExpDir) > 0, "vast": v.VAST != nil, "native": v.Native != nil}
	values := map[string]any{"w": v.W, "h": v.H, "image_url": v.ImageURL, "html": v.HTML, "asset_id": v.AssetID, "expdir": v.ExpDir, "vast": "{...}", "native": "{...}"}
	for _, f := range fields {
		c.check(!given[f], f, values[f], "must not be given where the format is "+string(v.Format))
	}
}

func (v *Creative) validateBanner(c *checker) {
	span(c, "w", v.W, 1, MaxPixels)
	span(c, "h", v.H, 1, MaxPixels)
	c.length("expdir", len(v.ExpDir), MaxExpDirs)
	for i, d := range v.ExpDir[:min(len(v.ExpDir), MaxExpDirs)] {
		c.check(d >= 1 && d <= 6, index("expdir", i), d, "must be an AdCOM expandable direction: 1 to 6")
	}
	switch {
	case v.given():
		const rule = "must be empty where asset_id is given: a banner has exactly one of them"
		c.check(v.ImageURL == "", "image_url", v.ImageURL, rule)
		c.check(v.HTML == "", "html", v.HTML, rule)
		c.check(len(v.ExpDir) == 0, "expdir", v.ExpDir, "must be empty for an uploaded file: it does not expand")
	case v.ImageURL == "" && v.HTML == "":
		c.fail("image_url", "", "must be given, or else html or asset_id: a banner has exactly one of them")
	case v.ImageURL != "" && v.HTML != "":
		c.fail("html", v.HTML, "must be empty where image_url is given: a banner has exactly one of them")
	case v.ImageURL != "":
		c.url("image_url", v.ImageURL)
		c.check(len(v.ExpDir) == 0, "expdir", v.ExpDir, "must be empty for an image: it does not expand")
	default:
		c.text("html", v.HTML, htmlRule)
	}
}

// validateStream checks a video or audio ad; w and h are of a video's player.
func (v *Creative) validateStream(c *checker) {
	if v.Format == FormatAudio {
		v.mustNotHave(c, "w", "h")
	} else if v.W != 0 || v.H != 0 {
		span(c, "w", v.W, 1, MaxPixels)
		span(c, "h", v.H, 1, MaxPixels)
	}
	if v.VAST == nil {
		c.fail("vast", "", "must be given where the format is "+string(v.Format))
		return
	}
	v.VAST.validate(c, "vast", media{audio: v.Format == FormatAudio, vpaid: v.runsVPAID()})
}

func (v *Creative) runsVPAID() bool { return slices.Contains(v.API, 1) || slices.Contains(v.API, 2) }

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
		clickable := v.ImageURL != "" || v.given() || strings.Contains(v.HTML, ClickMacro) || strings.Contains(v.HTML, ClickMacroEscaped)
		c.check(v.Format == FormatNative || !clickable, "landing_url", "", "must be given for an image, or html with "+ClickMacro)
		c.check(v.Format != FormatNative, "landing_url", "", "must be given for a native ad")
		return
	}
	u, rule := secureURL(v.LandingURL)
	if rule != "" {
		c.fail("landing_url", v.LandingURL, rule)
		return
	}
	if owner != nil && !slices.Contains(owner.RedirectHosts, normalDomain(u.Host)) {
		c.fail("landing_url", v.LandingURL, "host must be one of the advertiser's redirect_hosts")
		return
	}
	if _, secure := RedirectHosts(v.LandingURL); !secure {
		c.fail("landing_url", v.LandingURL, "must lead on by https alone")
	} else if owner != nil {
		if h := owner.leadsElsewhere(v.LandingURL); h != "" {
			c.fail("landing_url", v.LandingURL, "must lead on to the advertiser's redirect_hosts alone: it names "+h)
		}
	}
}

// validateFacts checks what block lists and the fit of a placement look at.
func (v *Creative) validateFacts(c *checker, known Categories) {
	c.texts("adomain", v.ADomain, MaxADomains, domainRule)
	if v.Bundle != "" {
		c.text("bundle", v.Bundle, bundleRule)
	}
	if slices.Contains(content.CatTaxes(), v.CatTax) {
		c.texts("cat", v.Cat, MaxCreativeCats, categoryOf(v.CatTax, known))
	} else {
		c.fail("cattax", v.CatTax, "must be an IAB content taxonomy of AdCOM: 1, 2, 5, 6, 7 or 9")
	}
	c.codes("attr", v.Attr, MaxAttrs, 18, "an AdCOM creative attribute")
	c.text("language", v.Language, languageRule)
}

// categoryOf takes the ids of one taxonomy.
func categoryOf(cattax int, known Categories) func(string) string {
	return func(id string) string {
		if known == nil || !known.Known(cattax, id) {
			return fmt.Sprintf("must be a category of the IAB content taxonomy that cattax %d names", cattax)
		}
		return ""
	}
}

func (v *Creative) validateExchanges(c *checker) {
	c.length("exchanges", len(v.Exchanges), MaxExchanges)
	for i, name := range slices.Sorted(maps.Keys(v.Exchanges)) {
		if i == MaxExchanges {
			return
		}
		if rule := exchangeRule(name); rule != "" {
			c.fail("exchanges", name, rule)
			continue
		}
		r, field := v.Exchanges[name], "exchanges."+name
		switch r.Status {
		case RegistrationPending, RegistrationApproved, RegistrationRejected:
		default:
			c.fail(field+".status", r.Status, "must be pending, approved or rejected")
		}
		if r.ID != "" {
			c.text(field+".id", r.ID, registrationIDRule)
		}
		if r.Reason != "" {
			c.text(field+".reason", r.Reason, func(s string) string { return textRule(s, 1, MaxReasonBytes) })
			c.check(r.Status == RegistrationRejected, field+".reason", r.Reason, "must be empty where the status is not rejected")
		}
	}
}
