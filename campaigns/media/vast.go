package media

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inspectVAST reads a VAST document (IAB Tech Lab VAST 2.0 to 4.3): one ad, inline or
// a wrapper, whose every address is https.
func inspectVAST(src Source, _ Limits, f *Found) error {
	const what = "a VAST document"
	b, err := read(src)
	if err != nil {
		return err
	}
	v := vastWalk{calls: map[string]bool{}}
	if err := walkXML(b, v.start, v.text); err != nil {
		return xmlError(what, err)
	}
	switch {
	case v.version < 2 || v.version > 4:
		return refuse("asset.vast_version", clip(v.said), "must be 2.0 to 4.3, in the attribute version of VAST")
	case v.ads != 1:
		return refuse("asset.vast.Ad", fmt.Sprint(v.ads), "must be exactly one")
	case v.media == 0 && v.tags == 0:
		return refuse("asset.vast", "no MediaFile and no VASTAdTagURI", "must hold a MediaFile, or the address of another document")
	case v.media > 0 && v.duration == 0:
		return refuse("asset.vast.Duration", "none", "must be given beside media files")
	}
	f.VASTVersion, f.Duration = v.version, v.duration.Milliseconds()
	for host := range v.calls {
		f.Calls = append(f.Calls, host)
	}
	slices.Sort(f.Calls)
	return nil
}

type vastWalk struct {
	said             string
	version          int
	ads, media, tags int
	duration         time.Duration
	calls            map[string]bool
	pending          string // text of the element so far
	elements         int
}

func (v *vastWalk) start(path []string, e xml.StartElement) error {
	v.pending = ""
	if v.elements++; v.elements == 1 {
		if e.Name.Local != "VAST" {
			return refuse("asset.vast", "<"+e.Name.Local+">", "must be a VAST document")
		}
		for _, a := range e.Attr {
			if a.Name.Local == "version" {
				v.said = a.Value
				major, _, _ := strings.Cut(a.Value, ".")
				v.version, _ = strconv.Atoi(major) // 0 is refused
			}
		}
	}
	switch e.Name.Local {
	case "Ad":
		v.ads++
	case "MediaFile":
		v.media++
	case "VASTAdTagURI":
		v.tags++
	}
	return nil
}

// vastAddresses are elements whose text is an address.
var vastAddresses = map[string]bool{"MediaFile": true, "VASTAdTagURI": true, "Impression": true, "Tracking": true, "ClickThrough": true, "ClickTracking": true,
	"CustomClick": true, "Error": true, "StaticResource": true, "IFrameResource": true, "JavaScriptResource": true, "Viewable": true, "NotViewable": true,
	"ViewUndetermined": true, "CompanionClickThrough": true, "CompanionClickTracking": true, "NonLinearClickThrough": true, "NonLinearClickTracking": true,
	"IconClickThrough": true, "IconClickTracking": true, "IconViewTracking": true, "Survey": true, "InteractiveCreativeFile": true, "Mezzanine": true}

func (v *vastWalk) text(path []string, s string) error {
	if len(path) == 0 {
		return nil
	}
	name := path[len(path)-1]
	s = strings.TrimSpace(s)
	switch {
	case s == "":
	case vastAddresses[name]:
		return v.address(name, s)
	case name == "Duration" && v.duration == 0:
		d, ok := clock(s)
		if !ok {
			return refuse("asset.vast.Duration", s, "must be HH:MM:SS or HH:MM:SS.mmm, more than 0")
		}
		v.duration = d
	case name == "HTMLResource" && strings.Contains(strings.ToLower(s), "http://"):
		return refuse("asset.vast.HTMLResource", s, "must load everything by https")
	}
	return nil
}

// address takes https alone; the macros of VAST may stand in it.
func (v *vastWalk) address(name, s string) error {
	macros := strings.NewReplacer("[", "", "]", "", "${", "", "{", "", "}", "", "|", "")
	u, err := url.Parse(macros.Replace(s))
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return refuse("asset.vast."+name, s, "must be an https address")
	}
	v.calls[strings.ToLower(u.Hostname())] = true
	return nil
}

// clock reads HH:MM:SS with or without milliseconds.
func clock(s string) (time.Duration, bool) {
	whole, milli, has := strings.Cut(s, ".")
	parts := strings.Split(whole, ":")
	if len(parts) != 3 || has && len(milli) != 3 {
		return 0, false
	}
	total := 0
	for i, p := range append(parts, milli) {
		if i == 3 && !has {
			p = "0"
		}
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || i > 0 && i < 3 && n > 59 || n > 999 {
			return 0, false
		}
		total = total*[...]int{1, 60, 60, 1000}[i] + n
	}
	return time.Duration(total) * time.Millisecond, total > 0
}
