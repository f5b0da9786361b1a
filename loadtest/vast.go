package loadtest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// vastDoc is what a player reads of a VAST 2 to 4 document (IAB VAST 4.3,
// December 2022, section 3). Text is as in the document, with the space around it cut.
type vastDoc struct {
	XMLName xml.Name `xml:"VAST"`
	Version string   `xml:"version,attr"`
	Ads     []vastAd `xml:"Ad"`

	ad      *vastInside // of the one Ad
	wrapper bool
}

type vastAd struct {
	InLine  []vastInside `xml:"InLine"`
	Wrapper []vastInside `xml:"Wrapper"`
}

type vastInside struct {
	AdSystem    string         `xml:"AdSystem"`
	AdTitle     string         `xml:"AdTitle"`
	AdServingID string         `xml:"AdServingId"`
	TagURI      string         `xml:"VASTAdTagURI"`
	Impressions []string       `xml:"Impression"`
	Errors      []string       `xml:"Error"`
	Viewable    []string       `xml:"ViewableImpression>Viewable"`
	Creatives   []vastCreative `xml:"Creatives>Creative"`
}

type vastCreative struct {
	UniversalID []string        `xml:"UniversalAdId"`
	Linear      *vastLinear     `xml:"Linear"`
	NonLinear   *vastNonLinear  `xml:"NonLinearAds"`
	Companions  []vastCompanion `xml:"CompanionAds>Companion"`
}

type vastLinear struct {
	SkipOffset string         `xml:"skipoffset,attr"`
	Duration   string         `xml:"Duration"`
	Media      []vastMedia    `xml:"MediaFiles>MediaFile"`
	Tracking   []vastTracking `xml:"TrackingEvents>Tracking"`
	Clicks     vastClicks     `xml:"VideoClicks"`
}

type vastNonLinear struct {
	Tracking []vastTracking `xml:"TrackingEvents>Tracking"`
}

type vastTracking struct {
	Event string `xml:"event,attr"`
	URL   string `xml:",chardata"`
}

type vastClicks struct {
	Through  []string `xml:"ClickThrough"`
	Tracking []string `xml:"ClickTracking"`
}

// vastMedia's numbers are text: a document may hold anything there.
type vastMedia struct {
	Delivery     string `xml:"delivery,attr"`
	Type         string `xml:"type,attr"`
	Width        string `xml:"width,attr"`
	Height       string `xml:"height,attr"`
	Bitrate      string `xml:"bitrate,attr"`
	MinBitrate   string `xml:"minBitrate,attr"`
	MaxBitrate   string `xml:"maxBitrate,attr"`
	APIFramework string `xml:"apiFramework,attr"`
	URL          string `xml:",chardata"`
}

type vastCompanion struct {
	Width  string    `xml:"width,attr"`
	Height string    `xml:"height,attr"`
	Static *struct{} `xml:"StaticResource"`
	IFrame *struct{} `xml:"IFrameResource"`
	HTML   *struct{} `xml:"HTMLResource"`
}

// readVAST parses a document that holds exactly one ad. Its size is bounded by
// that of an answer; entities of its own are not expanded.
func readVAST(adm string) (*vastDoc, error) {
	d := &vastDoc{}
	dec := xml.NewDecoder(strings.NewReader(adm))
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("not well-formed: %w", err)
	}
	for {
		t, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("after the root: %w", err)
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
			continue
		case xml.CharData:
			if strings.TrimSpace(string(t)) == "" {
				continue
			}
		}
		return nil, errors.New("something follows the root")
	}
	return d, d.check()
}

// check wants one Ad with one InLine or Wrapper, and what both require.
func (d *vastDoc) check() error {
	if len(d.Ads) != 1 {
		return fmt.Errorf("%d Ad: want one", len(d.Ads))
	}
	a := &d.Ads[0]
	if len(a.InLine)+len(a.Wrapper) != 1 {
		return fmt.Errorf("%d InLine and %d Wrapper: want one of them", len(a.InLine), len(a.Wrapper))
	}
	if d.wrapper = len(a.Wrapper) == 1; d.wrapper {
		d.ad = &a.Wrapper[0]
		if strings.TrimSpace(d.ad.TagURI) == "" {
			return errors.New("a Wrapper without VASTAdTagURI")
		}
	} else {
		d.ad = &a.InLine[0]
		if strings.TrimSpace(d.ad.AdTitle) == "" {
			return errors.New("an InLine without AdTitle")
		}
	}
	if strings.TrimSpace(d.ad.AdSystem) == "" {
		return errors.New("no AdSystem")
	}
	if err := d.checkIDs(); err != nil {
		return err
	}
	for _, c := range d.ad.Creatives {
		if c.Linear != nil || c.NonLinear != nil {
			return nil
		}
	}
	return errors.New("no Linear and no NonLinearAds")
}

// checkIDs: an InLine names its creatives since 4.0 (section 3.7.1), and its
// serving since 4.1 (section 3.4.3).
func (d *vastDoc) checkIDs() error {
	v := strings.TrimSpace(d.Version)
	if d.wrapper || !strings.HasPrefix(v, "4") {
		return nil
	}
	if v >= "4.1" && strings.TrimSpace(d.ad.AdServingID) == "" {
		return errors.New("no AdServingId, which 4.1 requires")
	}
	for _, c := range d.ad.Creatives {
		if first(c.UniversalID) == "" {
			return errors.New("a Creative without UniversalAdId, which 4.0 requires")
		}
	}
	return nil
}

// linear is the ad's linear creative, nil where there is none.
func (d *vastDoc) linear() *vastLinear {
	for i := range d.ad.Creatives {
		if l := d.ad.Creatives[i].Linear; l != nil {
			return l
		}
	}
	return nil
}

// protocol is the AdCOM creative subtype of the document, 0 for a version that
// has none.
func (d *vastDoc) protocol() int {
	inline, wrapper := 0, 0
	switch v := strings.TrimSpace(d.Version); {
	case v == "1.0", v == "1":
		inline, wrapper = 1, 4
	case v == "2.0", v == "2", strings.HasPrefix(v, "2.0."):
		inline, wrapper = 2, 5
	case v == "3.0", v == "3":
		inline, wrapper = 3, 6
	case v == "4.0", v == "4":
		inline, wrapper = 7, 8
	case v == "4.1":
		inline, wrapper = 11, 12
	case v == "4.2":
		inline, wrapper = 13, 14
	case v == "4.3":
		inline, wrapper = 15, 16
	}
	if d.wrapper {
		return wrapper
	}
	return inline
}

// seconds is the linear creative's duration, rounded to the nearest second; 0
// where there is none.
func (d *vastDoc) seconds() int {
	l := d.linear()
	if l == nil {
		return 0
	}
	ms, ok := vastMillis(l.Duration)
	if !ok {
		return 0
	}
	return (ms + 500) / 1000
}

// vastMillis reads HH:MM:SS or HH:MM:SS.mmm.
func vastMillis(s string) (ms int, ok bool) {
	s, fraction, fractional := strings.Cut(strings.TrimSpace(s), ".")
	parts := strings.Split(s, ":")
	if len(parts) != 3 || fractional && len(fraction) != 3 {
		return 0, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil || len(p) != 2 || i > 0 && n > 59 {
			return 0, false
		}
		ms = ms*60 + int(n)
	}
	ms *= 1000
	if fractional {
		n, err := strconv.ParseUint(fraction, 10, 16)
		if err != nil {
			return 0, false
		}
		ms += int(n)
	}
	return ms, true
}

// onlyVPAID: no media file plays without the framework.
func (d *vastDoc) onlyVPAID() bool {
	l := d.linear()
	if l == nil || len(l.Media) == 0 {
		return false
	}
	for _, m := range l.Media {
		if !strings.EqualFold(m.APIFramework, "VPAID") {
			return false
		}
	}
	return true
}

// kbps reads a bitrate; ok is false where the attribute says none.
func kbps(s string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	return int(n), err == nil && n > 0
}
