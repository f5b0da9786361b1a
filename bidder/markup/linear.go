package markup

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"bidhawk/campaigns"
)

// clock is seconds as VAST writes times.
func clock(seconds int) string {
	return fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// linear is an ad that plays by itself.
func (d *document) linear() *element {
	e := el("Linear")
	skippable := d.ad.SkipOffset > 0 && d.version >= VAST30 // 2.0 knows no skipping
	if skippable && d.ad.TagURL == "" {
		e.with("skipoffset", clock(d.ad.SkipOffset))
	}
	events := []Event{EventStart, EventFirstQuartile, EventMidpoint, EventThirdQuartile, EventComplete}
	if skippable {
		events = append(events, EventSkip)
	}
	duration, tracking := text("Duration", clock(d.ad.Duration)), d.tracking(events...)
	switch {
	case d.ad.TagURL != "":
		return e.add(tracking, el("VideoClicks", uri("ClickTracking", d.marks.at(slotClick))))
	case d.of4():
		return e.add(tracking, duration, d.mediaFiles(), d.clickThrough())
	}
	return e.add(duration, tracking, d.clickThrough(), d.mediaFiles())
}

// clickThrough is the way to the landing page; nil where there is none.
func (d *document) clickThrough() *element {
	if click := d.click("ClickThrough"); click != nil {
		return el("VideoClicks", click)
	}
	return nil
}

// click is an element that leads to the landing page; nil where there is none.
func (d *document) click(name string) *element {
	if d.creative.LandingURL == "" {
		return nil
	}
	return uri(name, d.marks.at(slotClick))
}

// tracking reports events of a player by their own names.
func (d *document) tracking(events ...Event) *element {
	e := el("TrackingEvents")
	for _, event := range events {
		e.add(uri("Tracking", d.eventURL(event)).with("event", string(event)))
	}
	return e
}

func (d *document) mediaFiles() *element {
	e := el("MediaFiles")
	for i, f := range d.ad.MediaFiles {
		file := uri("MediaFile", f.URL).number("id", i+1).with("delivery", "progressive").with("type", f.MIME)
		if f.Streaming {
			file.Attrs[1].Value = "streaming"
		}
		w, h := d.size(f)
		file.number("width", w).number("height", h)
		if f.Bitrate > 0 {
			file.number("bitrate", f.Bitrate)
		}
		if d.vpaid(f.MIME) {
			file.with("apiFramework", "VPAID")
		}
		e.add(file)
	}
	return e
}

// size is a file's, else the ad's; 0 of sounds, as the schemas have it.
func (d *document) size(f campaigns.MediaFile) (w, h int) {
	switch {
	case d.audio:
		return 0, 0
	case f.W > 0 && f.H > 0:
		return f.W, f.H
	}
	return d.creative.W, d.creative.H
}

// vpaid says that a file of type mime is the script of an ad that needs VPAID
// (AdCOM: 1 and 2).
func (d *document) vpaid(mime string) bool {
	needs := slices.ContainsFunc(d.creative.API, func(f int) bool { return f == 1 || f == 2 })
	return needs && isScript(strings.ToLower(mime))
}

// nonLinear is an overlay: pictures or a script.
func (d *document) nonLinear() *element {
	e := el("NonLinearAds", d.tracking(EventCreativeView, EventAccept, EventClose))
	if d.ad.TagURL != "" {
		if d.version >= VAST30 { // 2.0 has no place for it
			e.add(el("NonLinear", uri("NonLinearClickTracking", d.marks.at(slotClick))))
		}
		return e
	}
	for _, f := range d.ad.MediaFiles {
		resource := uri("StaticResource", f.URL).with("creativeType", f.MIME)
		// The schemas of 4.0 and 4.1 forgot the size; their texts require it.
		w, h := d.size(f)
		one := el("NonLinear", resource, d.click("NonLinearClickThrough")).number("width", w).number("height", h)
		if d.vpaid(f.MIME) {
			one.with("apiFramework", "VPAID")
		}
		e.add(one)
	}
	return e
}

// companions are pictures beside the player.
func (d *document) companions() *element {
	e := el("CompanionAds")
	for _, c := range d.ad.Companions {
		seen := el("TrackingEvents", uri("Tracking", d.eventURL(EventCompanion)).with("event", "creativeView"))
		one := el("Companion", uri("StaticResource", c.ImageURL).with("creativeType", imageMIME(c.ImageURL, "image/jpeg"))).
			number("width", c.W).number("height", c.H)
		if d.of4() {
			one.add(d.click("CompanionClickThrough"), seen)
		} else {
			one.add(seen, d.click("CompanionClickThrough"))
		}
		e.add(one)
	}
	return e
}

// imageMIME is the type of the picture at address, by its name; other where that
// does not say.
func imageMIME(address, other string) string {
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	switch strings.ToLower(path.Ext(address)) {
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".svg":
		return "image/svg+xml"
	}
	return other
}
