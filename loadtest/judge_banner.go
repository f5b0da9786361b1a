package loadtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// AdCOM lists: Banner Ad Types, Creative Attributes, Expandable Directions.
const (
	bannerText   = 1
	bannerImage  = 2
	bannerScript = 3
	bannerIframe = 4

	expandFullScreen = 5
)

var (
	attrsExpandable = []int{3, 4, 5}       // by itself, by a click, by a roll over
	directions      = []int{1, 2, 3, 4, 5} // left, right, up, down, full screen
)

// banner judges what only banners have: size, kind, expansion and image types.
func (j *judge) banner(e *exhibit) *breach {
	if e.medium != mediumBanner {
		return nil
	}
	i, b := e.imp.banner, e.bid
	if !allowsSize(i.formats, b) {
		return &breach{RuleSize, fmt.Sprintf("%dx%d: want one of %v", b.W, b.H, i.formats)}
	}
	if kind := bannerKind(b.AdM); slices.Contains(i.btype, kind) {
		return &breach{RuleBannerType, fmt.Sprintf("%d: blocked by btype %v", kind, i.btype)}
	}
	if i.expdir != nil && !e.expandsWithin(i.expdir) {
		return &breach{RuleExpandsWhere, fmt.Sprintf("attr %v: want to expand within %v", b.Attr, i.expdir)}
	}
	if len(i.mimes) > 0 {
		for _, src := range attributes(b.AdM, "<img", "src") {
			if m := imageType(src); m != "" && !strings.Contains(src, impressionPath) && !takesType(i.mimes, m) {
				return &breach{RuleMIME, fmt.Sprintf("%s of %.60s: want one of %v", m, src, i.mimes)}
			}
		}
	}
	return nil
}

func allowsSize(formats []format, b *bid) bool {
	if len(formats) == 0 || len(formats) == 1 && b.W == 0 && b.H == 0 {
		return true
	}
	return slices.ContainsFunc(formats, func(f format) bool { return f.allows(b.W, b.H) })
}

// bannerKind is what a scanner of creatives would call the markup.
func bannerKind(adm string) int {
	lower := strings.ToLower(adm)
	switch {
	case strings.Contains(lower, "<script"):
		return bannerScript
	case strings.Contains(lower, "<iframe"):
		return bannerIframe
	case strings.Contains(lower, "<img"):
		return bannerImage
	}
	return bannerText
}

// expandsWithin: a bid does not say where it expands to, so one direction has
// to be allowed; MRAID's expand covers the screen.
func (e *exhibit) expandsWithin(expdir []int) bool {
	if strings.Contains(e.bid.AdM, "mraid.expand(") && !slices.Contains(expdir, expandFullScreen) {
		return false
	}
	expands := slices.ContainsFunc(e.bid.Attr, func(a int) bool { return slices.Contains(attrsExpandable, a) })
	return !expands || slices.ContainsFunc(expdir, func(d int) bool { return slices.Contains(directions, d) })
}

// attributes returns the values of one attribute in all of a tag's openings.
// It is no HTML parser: an exchange's scanner neither.
func attributes(markup, tag, name string) (values []string) {
	for {
		at := strings.Index(markup, tag)
		if at < 0 {
			return values
		}
		markup = markup[at+len(tag):]
		opening, _, _ := strings.Cut(markup, ">")
		_, after, found := strings.Cut(opening, " "+name+"=")
		if !found || after == "" {
			continue
		}
		if after[0] == '"' || after[0] == '\'' {
			v, _, _ := strings.Cut(after[1:], after[:1])
			values = append(values, v)
		}
	}
}

// imageType is the type that a URL's ending promises, "" where it promises none.
func imageType(u string) string {
	u, _, _ = strings.Cut(u, "?")
	switch strings.ToLower(path.Ext(u)) {
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}

// takesType compares types; image/jpg is a common misspelling.
func takesType(allowed []string, t string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		a = strings.ToLower(strings.TrimSpace(a))
		return a == strings.ToLower(t) || a == "image/jpg" && t == "image/jpeg"
	})
}
