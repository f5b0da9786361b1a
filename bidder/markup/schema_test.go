package markup

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The schemas below are written from IAB Tech Lab's own (github.com/
// InteractiveAdvertisingBureau/vast, read in November 2026: vast_2.0.1.xsd,
// vast3_draft.xsd, vast4.xsd (4.0.6), vast_4.1.xsd, vast_4.2.xsd), as far as our
// documents go. A line is a type:
//
//	Type [attribute! attribute] = content
//
// where ! is required, and content is a regular expression over children, each
// Name or Name:Type. & before it allows any order (xs:all), "text" is text alone,
// "any" whatever there is.
const (
	schema2 = `
VAST [version!] = Ad*
Ad [id!] = (InLine | Wrapper)
InLine [] = AdSystem AdTitle:Text Description:Text? Survey:Text? Error:Text? Impression+ Creatives Extensions?
Wrapper [] = AdSystem VASTAdTagURI:Text Error:Text? Impression:Text+ Creatives:WrapperCreatives Extensions?
AdSystem [version] = text
Text [] = text
Impression [id] = text
Creatives [] = Creative+
Creative [id sequence AdID] = (Linear | CompanionAds | NonLinearAds)
Linear [] = Duration:Time TrackingEvents? AdParameters:Text? VideoClicks? MediaFiles?
Time [] = text
TrackingEvents [] = Tracking*
Tracking [event!] = text
VideoClicks [] = ClickThrough:Link? ClickTracking:Link* CustomClick:Link*
Link [id] = text
MediaFiles [] = MediaFile+
MediaFile [id delivery! type! bitrate width! height! scalable maintainAspectRatio apiFramework] = text
CompanionAds [] = Companion*
Companion [id width! height! expandedWidth expandedHeight apiFramework] = (StaticResource | IFrameResource:Text | HTMLResource:Text) TrackingEvents? CompanionClickThrough:Text? AltText:Text? AdParameters:Text?
StaticResource [creativeType!] = text
NonLinearAds [] = TrackingEvents? NonLinear+
NonLinear [id width! height! expandedWidth expandedHeight scalable maintainAspectRatio minSuggestedDuration apiFramework] = (StaticResource | IFrameResource:Text | HTMLResource:Text) NonLinearClickThrough:Text? AdParameters:Text?
Extensions [] = Extension*
Extension [type] = any
WrapperCreatives [] = Creative:WrapperCreative*
WrapperCreative [id sequence AdID] = (Linear:WrapperLinear | CompanionAds | NonLinearAds:WrapperNonLinearAds)
WrapperLinear [] = TrackingEvents? VideoClicks:WrapperClicks?
WrapperClicks [] = ClickTracking:Link*
WrapperNonLinearAds [] = TrackingEvents? NonLinear*
`
	schema3 = `
VAST [version!] = Ad*
Ad [id sequence] = (InLine | Wrapper)
InLine [] = AdSystem AdTitle:Text Description:Text? Advertiser:Text? Pricing:Text? Survey:Text? Error:Text? Impression+ Creatives Extensions?
Wrapper [] = AdSystem VASTAdTagURI:Text Error:Text? Impression:Text+ Creatives:WrapperCreatives Extensions?
AdSystem [version] = text
Text [] = text
Impression [id] = text
Creatives [] = Creative+
Creative [id sequence AdID] = (Linear | CompanionAds | NonLinearAds)
Linear [skipoffset] = Icons:Any? CreativeExtensions:Any? Duration:Time TrackingEvents? AdParameters:Text? VideoClicks? MediaFiles?
Any [] = any
Time [] = text
TrackingEvents [] = Tracking*
Tracking [event! offset] = text
VideoClicks [] = ClickThrough:Link? ClickTracking:Link* CustomClick:Link*
Link [id] = text
MediaFiles [] = MediaFile+
MediaFile [id delivery! type! bitrate minBitrate maxBitrate width! height! scalable maintainAspectRatio apiFramework codec] = text
CompanionAds [required] = Companion*
Companion [id width! height! assetWidth assetHeight expandedWidth expandedHeight apiFramework adSlotId] = (StaticResource | IFrameResource:Text | HTMLResource:Text) CreativeExtensions:Any? TrackingEvents? CompanionClickThrough:Text? AltText:Text? AdParameters:Text?
StaticResource [creativeType!] = text
NonLinearAds [] = TrackingEvents? NonLinear+
NonLinear [id width! height! expandedWidth expandedHeight scalable maintainAspectRatio minSuggestedDuration apiFramework] = (StaticResource | IFrameResource:Text | HTMLResource:Text) CreativeExtensions:Any? NonLinearClickTracking:Text* NonLinearClickThrough:Text? AdParameters:Text?
Extensions [] = Extension*
Extension [type] = any
WrapperCreatives [] = Creative:WrapperCreative*
WrapperCreative [id sequence AdID] = (Linear:WrapperLinear | CompanionAds:WrapperCompanions | NonLinearAds:WrapperNonLinearAds)
WrapperLinear [] = CreativeExtensions:Any? Icons:Any? TrackingEvents? VideoClicks:WrapperClicks?
WrapperClicks [] = ClickTracking:Link* CustomClick:Link*
WrapperCompanions [] = Companion:WrapperCompanion*
WrapperCompanion [id width! height! assetWidth assetHeight expandedWidth expandedHeight apiFramework adSlotId] = (StaticResource | IFrameResource:Text | HTMLResource:Text)? CreativeExtensions:Any? TrackingEvents? CompanionClickThrough:Text? CompanionClickTracking:Text* AltText:Text? AdParameters:Text?
WrapperNonLinearAds [] = TrackingEvents? NonLinear:WrapperNonLinear*
WrapperNonLinear [id width height] = CreativeExtensions:Any? NonLinearClickTracking:Text*
`
	// The base of 4.x; lines that come later replace these.
	schema40 = `
VAST [version!] = (Ad* | Error:Text*)
Ad [id sequence conditionalAd] = (InLine | Wrapper)
InLine [] = AdSystem Error:Text* Extensions? Impression+ Pricing:Text? ViewableImpression? AdTitle:Text AdVerifications? Advertiser:Text? Category* Creatives Description:Text? Survey:Text?
Wrapper [followAdditionalWrappers allowMultipleAds fallbackOnNoAd] = AdSystem Error:Text* Extensions? Impression+ Pricing:Text? ViewableImpression? AdVerifications:WrapperVerifications? Creatives:WrapperCreatives? VASTAdTagURI:Text
AdSystem [version] = text
Text [] = text
Impression [id] = text
ViewableImpression [id] = Viewable:Text* NotViewable:Text* ViewUndetermined:Text*
AdVerifications [] = Verification*
Verification [vendor] = FlashResource:Text* JavaScriptResource* ViewableImpression:Text?
WrapperVerifications [] = Verification:WrapperVerification*
WrapperVerification [vendor] = ViewableImpression:Text?
JavaScriptResource [apiFramework] = text
Category [authority!] = text
Creatives [] = Creative+
Creative [sequence apiFramework id adId] = & CompanionAds? CreativeExtensions:Any? Linear? NonLinearAds? UniversalAdId
UniversalAdId [idRegistry! idValue!] = text
Linear [skipoffset] = Icons:Any? TrackingEvents? AdParameters:Text? Duration:Time MediaFiles VideoClicks?
Any [] = any
Time [] = text
TrackingEvents [] = Tracking*
Tracking [event! offset] = text
VideoClicks [] = ClickTracking:Link* CustomClick:Link* ClickThrough:Link?
Link [id] = text
MediaFiles [] = MediaFile+ Mezzanine:Text? InteractiveCreativeFile:Text*
MediaFile [id delivery! type! width! height! codec bitrate minBitrate maxBitrate scalable maintainAspectRatio apiFramework] = text
CompanionAds [required] = Companion*
Companion [id width! height! assetWidth assetHeight expandedWidth expandedHeight apiFramework adSlotID pxratio] = HTMLResource:Text* IFrameResource:Text* StaticResource* AdParameters:Text? AltText:Text? CompanionClickThrough:Text? CompanionClickTracking:Text* CreativeExtensions:Any? TrackingEvents?
StaticResource [creativeType!] = text
NonLinearAds [] = TrackingEvents? NonLinear*
NonLinear [width! height! apiFramework] = HTMLResource:Text* IFrameResource:Text* StaticResource* AdParameters:Text? NonLinearClickThrough:Text? NonLinearClickTracking:Link*
Extensions [] = Extension*
Extension [type] = any
WrapperCreatives [] = Creative:WrapperCreative+
WrapperCreative [sequence apiFramework id adId] = CompanionAds? Linear:WrapperLinear? NonLinearAds:WrapperNonLinearAds?
WrapperLinear [skipoffset] = Icons:Any? TrackingEvents? VideoClicks:WrapperClicks?
WrapperClicks [] = ClickTracking:Link* CustomClick:Link*
WrapperNonLinearAds [] = TrackingEvents? NonLinear:WrapperNonLinear*
WrapperNonLinear [] = NonLinearClickTracking:Link?
`
	schema41 = schema40 + `
Ad [id sequence conditionalAd adType] = (InLine | Wrapper)
InLine [] = AdSystem Error:Text* Extensions? Impression+ Pricing:Text? ViewableImpression? AdServingId:Text AdTitle:Text AdVerifications? Advertiser:Text? Category* Creatives Description:Text? Expires:Text* Survey:Text?
Wrapper [followAdditionalWrappers allowMultipleAds fallbackOnNoAd] = AdSystem Error:Text* Extensions? Impression+ Pricing:Text? ViewableImpression? AdVerifications? BlockedAdCategories:Text* Creatives:WrapperCreatives? VASTAdTagURI:Text
Verification [vendor] = ExecutableResource:Text* JavaScriptResource* TrackingEvents? VerificationParameters:Text?
`
	schema42 = schema41 + `
UniversalAdId [idRegistry!] = text
Creative [sequence apiFramework id adId] = & CompanionAds? CreativeExtensions:Any? Linear? NonLinearAds? UniversalAdId+
JavaScriptResource [apiFramework browserOptional] = text
NonLinear [id width! height! expandedWidth expandedHeight scalable maintainAspectRatio minSuggestedDuration apiFramework] = HTMLResource:Text* IFrameResource:Text* StaticResource* AdParameters:Text? NonLinearClickThrough:Text? NonLinearClickTracking:Link*
`
)

// events are the values of Tracking's event that we use, by version.
const (
	events2  = "creativeView start midpoint firstQuartile thirdQuartile complete acceptInvitation close"
	events3  = events2 + " skip"
	events40 = events3
)

type schema struct {
	types  map[string]schemaType
	events []string
}

type schemaType struct {
	required, optional []string
	kinds              map[string]string // type of a child by its name
	content            *regexp.Regexp    // of the names of the children, each with ';'
	counts             map[string]string // of content in any order: "?", "+" or ""
	text, any          bool
}

var (
	lineForm  = regexp.MustCompile(`^(\w+) \[([^\]]*)\] = (.*)$`)
	childForm = regexp.MustCompile(`(\w+)(?::(\w+))?([?*+]?)`)
)

func newSchema(t testing.TB, text, events string) *schema {
	t.Helper()
	s := &schema{types: map[string]schemaType{}, events: strings.Fields(events)}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		m := lineForm.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no line of a schema: %q", line)
		}
		s.types[m[1]] = newSchemaType(m[2], m[3])
	}
	return s
}

func newSchemaType(attrs, content string) schemaType {
	st := schemaType{kinds: map[string]string{}, text: content == "text", any: content == "any"}
	for a := range strings.FieldsSeq(attrs) {
		if name, ok := strings.CutSuffix(a, "!"); ok {
			st.required = append(st.required, name)
		} else {
			st.optional = append(st.optional, a)
		}
	}
	if st.text || st.any {
		return st
	}
	list, unordered := strings.CutPrefix(content, "& ")
	for _, c := range childForm.FindAllStringSubmatch(list, -1) {
		st.kinds[c[1]] = c[1]
		if c[2] != "" {
			st.kinds[c[1]] = c[2]
		}
		if unordered {
			if st.counts == nil {
				st.counts = map[string]string{}
			}
			st.counts[c[1]] = c[3]
		}
	}
	re := childForm.ReplaceAllString(list, "(?:$1;)$3")
	st.content = regexp.MustCompile("^" + strings.ReplaceAll(re, " ", "") + "$")
	return st
}

// check lists how n, of type kind, breaks the schema.
func (s *schema) check(n *node, kind, path string) (breaks []string) {
	st, ok := s.types[kind]
	if !ok {
		return []string{path + ": no such type as " + kind}
	}
	for _, a := range st.required {
		if _, ok := n.attrs[a]; !ok {
			breaks = append(breaks, path+": no attribute "+a)
		}
	}
	for a, v := range n.attrs {
		if a != "xmlns" && !slices.Contains(st.required, a) && !slices.Contains(st.optional, a) {
			breaks = append(breaks, path+": attribute "+a+" is not known")
		}
		if why := s.value(n.name, a, v); why != "" {
			breaks = append(breaks, path+"/@"+a+": "+why)
		}
	}
	if st.any {
		return breaks
	}
	if st.text {
		if len(n.nodes) > 0 || strings.TrimSpace(n.text) == "" {
			breaks = append(breaks, path+": want text alone")
		}
		if kind == "Time" && !isTime(n.text) {
			breaks = append(breaks, path+": no time: "+n.text)
		}
		return breaks
	}
	if strings.TrimSpace(n.text) != "" {
		breaks = append(breaks, path+": text between elements")
	}
	return append(breaks, s.children(n, st, path)...)
}

func (s *schema) children(n *node, st schemaType, path string) (breaks []string) {
	var names strings.Builder
	count := map[string]int{}
	for i, c := range n.nodes {
		names.WriteString(c.name + ";")
		count[c.name]++
		kind, ok := st.kinds[c.name]
		if !ok {
			breaks = append(breaks, path+": "+c.name+" is not known")
			continue
		}
		breaks = append(breaks, s.check(c, kind, fmt.Sprintf("%s/%s[%d]", path, c.name, i))...)
	}
	if st.counts == nil {
		if !st.content.MatchString(names.String()) {
			breaks = append(breaks, path+": got "+names.String()+" want "+st.content.String())
		}
		return breaks
	}
	for name, times := range st.counts {
		if n := count[name]; n > 1 && times != "+" || n == 0 && times != "?" {
			breaks = append(breaks, fmt.Sprintf("%s: got %d of %s%s", path, n, name, times))
		}
	}
	return breaks
}

var offsetForm = regexp.MustCompile(`^\d{2}:[0-5]\d:[0-5]\d$`)

func isTime(s string) bool { return offsetForm.MatchString(s) }

// value says why v is no value of the attribute a of an element.
func (s *schema) value(element, a, v string) string {
	switch {
	case a == "event" && !slices.Contains(s.events, v):
		return "event " + v + " is not known"
	case a == "delivery" && v != "progressive" && v != "streaming",
		a == "skipoffset" && !isTime(v), a == "adType" && v != "audio",
		(a == "width" || a == "height" || a == "bitrate") && strings.Trim(v, "0123456789") != "",
		v == "" && a != "vendor":
		return fmt.Sprintf("%s: got %q", element, v)
	}
	return ""
}

func schemas(t testing.TB) [Versions]*schema {
	t.Helper()
	return [Versions]*schema{
		newSchema(t, schema2, events2), newSchema(t, schema3, events3), newSchema(t, schema40, events40),
		newSchema(t, schema41, events40), newSchema(t, schema42, events40),
	}
}

// breaks lists how doc breaks the schema of v.
func (s *schema) breaks(doc []byte, v Version) []string {
	root, err := parse(doc)
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	space := ""
	if v >= VAST40 {
		space = "http://www.iab.com/VAST"
	}
	if root.name != "VAST" || root.space != space || root.attrs["version"] != v.String() {
		list = append(list, fmt.Sprintf("root %s of %q, version %q", root.name, root.space, root.attrs["version"]))
	}
	return append(list, s.check(root, "VAST", "VAST")...)
}
