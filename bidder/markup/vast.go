package markup

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"bidhawk/campaigns"
)

// VAST compiles a video or audio ad as a document of version v: inline where it
// has media files of its own, else a wrapper around its tag. The order and the
// required elements are those of IAB Tech Lab's schemas (github.com/
// InteractiveAdvertisingBureau/vast: vast_2.0.1, vast3_draft, vast4, vast_4.1 and
// vast_4.2.xsd, as of 2024). The error says why the ad can't be of that version.
//
// A click counts once. An inline ad leads by way of our click address, which
// records the click, so that it has no ClickTracking beside it; a wrapper leaves
// the way to the ad inside and calls our address as ClickTracking.
func VAST(c *campaigns.Creative, o Options, v Version) (Template, error) {
	d := document{creative: c, ad: c.VAST, options: o, version: v, audio: c.Format == campaigns.FormatAudio}
	if err := d.check(); err != nil {
		return Template{}, fmt.Errorf("VAST %s of creative %d: %w", v, c.ID, err)
	}
	var b builder
	if err := d.compile(&b, func(s string) string { return s }); err != nil {
		return Template{}, fmt.Errorf("VAST %s of creative %d: %w", v, c.ID, err)
	}
	return b.template(), nil
}

// document is a VAST document as it is built.
type document struct {
	creative *campaigns.Creative
	ad       *campaigns.VAST
	options  Options
	version  Version
	audio    bool
	inNative bool // in a native ad, whose own trackers record the impression
	marks    *marks
}

// check says why the ad can't be served in the version; nil where it can.
func (d *document) check() error {
	a := d.ad
	switch {
	case a == nil:
		return fmt.Errorf("field vast: must be given")
	case a.TagURL == "" && len(a.MediaFiles) == 0:
		return fmt.Errorf("field vast.media_files: got none; want at least one, or a tag_url")
	case a.TagURL != "" && d.version.major() < a.TagVersion:
		// A player of an older version can't read what the tag answers; one of a
		// newer version reads older documents.
		return fmt.Errorf("field vast.tag_version: got %d; want at most the wrapper's", a.TagVersion)
	case a.NonLinear && d.audio:
		return fmt.Errorf("field vast.non_linear: got true; want false of audio (VAST 4.3 section 3.12)")
	case a.TagURL != "":
		return nil
	case a.NonLinear:
		return checkOverlay(a.MediaFiles)
	case a.Duration <= 0:
		return fmt.Errorf("field vast.duration_seconds: got %d; want more than 0", a.Duration)
	}
	return nil
}

// checkOverlay says which file is none that a non-linear ad can be made of (VAST
// 4.3 section 3.15).
func checkOverlay(files []campaigns.MediaFile) error {
	for i, f := range files {
		mime := strings.ToLower(f.MIME)
		if !strings.HasPrefix(mime, "image/") && !isScript(mime) {
			return fmt.Errorf("field vast.media_files[%d].mime: got %q; want a picture or a script of a non-linear ad", i, f.MIME)
		}
	}
	return nil
}

// isScript says whether mime, in lower case, is JavaScript by one of its names.
func isScript(mime string) bool { return strings.HasSuffix(mime, "javascript") }

func (d *document) compile(b *builder, f func(string) string) error {
	return compile(b, func(m *marks) *element {
		d.marks = m
		return d.root()
	}, f)
}

// of4 says that the document is of version 4.0 or later, whose order of elements
// is another.
func (d *document) of4() bool { return d.version >= VAST40 }

func (d *document) id() string { return strconv.FormatInt(int64(d.creative.ID), 10) }

func (d *document) root() *element {
	ad := el("Ad").with("id", d.id())
	if d.ad.TagURL != "" {
		ad.add(d.wrapper())
	} else {
		ad.add(d.inline())
	}
	if d.audio && d.version >= VAST41 {
		ad.with("adType", "audio")
	}
	root := el("VAST", ad).with("version", d.version.String())
	if d.of4() {
		root.with("xmlns", "http://www.iab.com/VAST")
	}
	return root
}

func (d *document) inline() *element {
	title := text("AdTitle", d.creative.Name)
	if !d.of4() {
		return el("InLine", d.adSystem(), title, d.advertiser(), d.errorURI(), d.impression(), d.creatives(), d.extensions())
	}
	e := el("InLine", d.adSystem(), d.errorURI(), d.extensions(), d.impression(), d.viewable())
	if d.version >= VAST41 {
		e.add(text("AdServingId", d.marks.at(slotBid)))
	}
	e.add(title, d.verifications(), d.advertiser())
	for _, cat := range d.creative.Cat {
		e.add(text("Category", cat).with("authority", "iabtechlab.com"))
	}
	return e.add(d.creatives())
}

func (d *document) wrapper() *element {
	tag := uri("VASTAdTagURI", d.ad.TagURL)
	if !d.of4() {
		return el("Wrapper", d.adSystem(), tag, d.errorURI(), d.impression(), d.creatives(), d.extensions())
	}
	return el("Wrapper", d.adSystem(), d.errorURI(), d.extensions(), d.impression(), d.viewable(), d.verifications(), d.creatives(), tag).
		with("followAdditionalWrappers", "true")
}

func (d *document) adSystem() *element { return text("AdSystem", "Bidhawk").with("version", "1") }

// advertiser is who advertises, by domain as OpenRTB has it; nil where not known,
// or where the version has no place for it.
func (d *document) advertiser() *element {
	if d.version < VAST30 || len(d.creative.ADomain) == 0 {
		return nil
	}
	return text("Advertiser", d.creative.ADomain[0])
}

// eventURL is where a player reports event.
func (d *document) eventURL(event Event) string {
	return d.options.PublicURL + eventPath + string(event) + "/" + d.marks.at(slotEvent)
}

func (d *document) errorURI() *element {
	return uri("Error", d.eventURL(EventError)+"?code=[ERRORCODE]")
}

func (d *document) impression() *element {
	if d.inNative {
		// The element is required; this is its placeholder (vast_4.2.xsd).
		return uri("Impression", "about:blank")
	}
	return uri("Impression", d.marks.at(slotImpression))
}

// viewable reports that the ad was seen; a sound is not.
func (d *document) viewable() *element {
	if d.audio {
		return nil
	}
	return el("ViewableImpression", uri("Viewable", d.eventURL(EventViewable)))
}

// verifications is the vendors' scripts where the version has the element as they
// know it, from 4.1 on.
func (d *document) verifications() *element {
	if d.version < VAST41 {
		return nil
	}
	return d.adVerifications()
}

// extensions carries the vendors' scripts before 4.1, as Open Measurement has it
// (IAB Tech Lab, OM SDK onboarding guide; VAST CTV Addendum 2024).
func (d *document) extensions() *element {
	if d.version >= VAST41 || len(d.ad.Verification) == 0 {
		return nil
	}
	return el("Extensions", el("Extension", d.adVerifications()).with("type", "AdVerifications"))
}

func (d *document) adVerifications() *element {
	if len(d.ad.Verification) == 0 {
		return nil
	}
	e := el("AdVerifications")
	for _, v := range d.ad.Verification {
		one := el("Verification", uri("JavaScriptResource", v.ScriptURL).with("apiFramework", "omid")).with("vendor", v.Vendor)
		if v.Parameters != "" {
			one.add(uri("VerificationParameters", v.Parameters))
		}
		e.add(one)
	}
	return e
}

// creatives is the ad itself and, in an element of its own as all versions
// allow, its companions.
func (d *document) creatives() *element {
	e := el("Creatives")
	if d.ad.NonLinear {
		e.add(d.creativeOf(d.id(), d.nonLinear()))
	} else {
		e.add(d.creativeOf(d.id(), d.linear()))
	}
	if len(d.ad.Companions) > 0 && !d.inNative {
		e.add(d.creativeOf(d.id()+"-companion", d.companions()))
	}
	return e
}

// creativeOf wraps one part of the ad, under an id of its own. From 4.0 on an
// inline ad says what it is called across systems. Our ids are of no common
// registry: the registry is the domain that hands them out (VAST CTV Addendum
// 2024), so that servers which cache ads by this id never mix two.
func (d *document) creativeOf(id string, part *element) *element {
	if !d.of4() {
		return el("Creative", part).with("id", id).with("AdID", id)
	}
	e := el("Creative").with("id", id).with("adId", id)
	if d.ad.TagURL != "" {
		return e.add(part)
	}
	universal := text("UniversalAdId", id).with("idRegistry", d.registry())
	if d.version < VAST42 {
		universal.with("idValue", id) // its schemas still require it
	}
	return e.add(universal, part)
}

func (d *document) registry() string {
	if u, err := url.Parse(d.options.PublicURL); err == nil && u.Hostname() != "" {
		return strings.ToLower(u.Hostname())
	}
	return "unknown"
}
