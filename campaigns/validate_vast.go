package campaigns

import (
	"fmt"
	"strings"
)

// media says what a VAST ad may hold.
type media struct {
	audio bool // sound alone
	vpaid bool // the ad may be a script
}

func (a *VAST) validate(c *checker, field string, m media) {
	a.validateSource(c, field)
	span(c, field+".duration_seconds", a.Duration, 1, MaxDuration)
	if m.audio {
		c.check(!a.NonLinear, field+".non_linear", a.NonLinear, "must be false for audio: it has no picture to lie over")
	}
	if a.NonLinear {
		c.check(a.SkipOffset == 0, field+".skip_offset_seconds", a.SkipOffset, "must be 0 for an overlay: it is closed, not skipped")
	} else {
		c.check(a.SkipOffset >= 0 && a.SkipOffset < max(a.Duration, 1), field+".skip_offset_seconds", a.SkipOffset,
			"must be 0, or less than duration_seconds")
	}
	c.length(field+".media_files", len(a.MediaFiles), MaxMediaFiles)
	for i := range a.MediaFiles[:min(len(a.MediaFiles), MaxMediaFiles)] {
		a.MediaFiles[i].validate(c, index(field+".media_files", i), m, a.NonLinear)
	}
	c.length(field+".companions", len(a.Companions), MaxCompanions)
	for i, p := range a.Companions[:min(len(a.Companions), MaxCompanions)] {
		c.image(index(field+".companions", i), "image_url", p.ImageURL, p.Upload, p.W, p.H)
	}
	c.length(field+".verification", len(a.Verification), MaxVerifications)
	for i, v := range a.Verification[:min(len(a.Verification), MaxVerifications)] {
		v.validate(c, index(field+".verification", i))
	}
}

// validateSource makes sure that the ad is our own or another server's.
func (a *VAST) validateSource(c *checker, field string) {
	const both = "an ad has exactly one of them"
	switch {
	case a.given():
		c.check(len(a.MediaFiles) == 0, field+".media_files", len(a.MediaFiles), "must be empty where asset_id is given: "+both)
		c.check(a.TagURL == "", field+".tag_url", a.TagURL, "must be empty where asset_id is given: "+both)
	case len(a.MediaFiles) == 0 && a.TagURL == "":
		c.fail(field+".media_files", "[]", "must be given, or else tag_url or asset_id: "+both)
	case len(a.MediaFiles) > 0 && a.TagURL != "":
		c.fail(field+".tag_url", a.TagURL, "must be empty where media_files are given: "+both)
	case a.TagURL != "":
		c.url(field+".tag_url", a.TagURL)
		span(c, field+".tag_version", a.TagVersion, 2, 4)
	default:
		c.check(a.TagVersion == 0, field+".tag_version", a.TagVersion, "must not be given without tag_url")
	}
}

func (f *MediaFile) validate(c *checker, field string, m media, overlay bool) {
	c.address(field+".url", f.URL, f.Upload)
	if rule := f.mimeRule(m, overlay); rule != "" {
		c.fail(field+".mime", f.MIME, rule)
	}
	if m.audio {
		c.check(f.W == 0, field+".w", f.W, "must not be given for audio")
		c.check(f.H == 0, field+".h", f.H, "must not be given for audio")
	} else {
		span(c, field+".w", f.W, 1, MaxPixels)
		span(c, field+".h", f.H, 1, MaxPixels)
	}
	span(c, field+".bitrate_kbps", f.Bitrate, 0, MaxBitrate)
	if isManifest(f.MIME) {
		c.check(f.Streaming, field+".streaming", f.Streaming, "must be true for HLS and DASH")
	}
}

// mimeRule wants what players of the ad's medium take: files of that medium, the
// manifest of a stream, or a script where a framework runs it.
func (f *MediaFile) mimeRule(m media, overlay bool) string {
	if rule := mimeRule(f.MIME); rule != "" {
		return rule
	}
	kind := "video"
	switch {
	case m.audio:
		kind = "audio"
	case overlay:
		kind = "image"
	}
	ok := strings.HasPrefix(f.MIME, kind+"/") || !overlay && isManifest(f.MIME) ||
		f.MIME == "application/javascript" && m.vpaid && !m.audio
	if !ok {
		return fmt.Sprintf("must be a type of %s here (HLS and DASH but for images; application/javascript where api names VPAID)", kind)
	}
	return ""
}

func isManifest(mime string) bool {
	switch mime {
	case "application/vnd.apple.mpegurl", "application/x-mpegurl", "application/dash+xml":
		return true
	}
	return false
}

func (v *Verification) validate(c *checker, field string) {
	c.text(field+".vendor", v.Vendor, vendorRule)
	c.url(field+".script_url", v.ScriptURL)
	if v.Parameters != "" {
		c.text(field+".parameters", v.Parameters, func(s string) string { return textRule(s, 1, MaxParametersBytes) })
	}
}
