package campaigns

import (
	"fmt"
	"strconv"
	"strings"
)

// validateNative checks the assets. Their meaning is OpenRTB Native 1.2's: image
// types of section 7.5, data types of 7.4.
func (v *Creative) validateNative(c *checker) {
	a := v.Native
	if a == nil {
		c.fail("native", "", "must be given where the format is native")
		return
	}
	c.text("native.title", a.Title, func(s string) string { return textRule(s, 1, MaxTitleBytes) })
	if a.Icon != nil {
		c.image("native.icon", "url", a.Icon.URL, a.Icon.Upload, a.Icon.W, a.Icon.H)
	}
	c.length("native.main", len(a.Main), MaxNativeImages)
	sizes := map[Size]bool{}
	for i, m := range a.Main[:min(len(a.Main), MaxNativeImages)] {
		field := index("native.main", i)
		c.image(field, "url", m.URL, m.Upload, m.W, m.H)
		c.check(!sizes[Size{m.W, m.H}], field, fmt.Sprintf("%dx%d", m.W, m.H), "must be of a size that no other has")
		sizes[Size{m.W, m.H}] = true
	}
	a.validateData(c)
	if a.Video != nil {
		a.Video.validate(c, "native.video", media{vpaid: v.runsVPAID()})
		c.check(!a.Video.NonLinear, "native.video.non_linear", true, "must be false for the video of a native ad")
	}
}

func (a *NativeAd) validateData(c *checker) {
	c.length("native.data", len(a.Data), MaxNativeData)
	types := map[int]bool{}
	for i, d := range a.Data[:min(len(a.Data), MaxNativeData)] {
		field := index("native.data", i)
		c.check(isCode(d.Type, 12), field+".type", d.Type, codeRule("a native data asset", 12))
		c.check(!types[d.Type], field+".type", d.Type, "must be of a type that no other has")
		types[d.Type] = true
		c.text(field+".value", d.Value, func(s string) string { return dataRule(d.Type, s) })
	}
}

// dataRule: a rating, likes and downloads are numbers written as text.
func dataRule(kind int, s string) string {
	if rule := textRule(s, 1, MaxNativeDataBytes); rule != "" {
		return rule
	}
	if kind < 3 || kind > 5 {
		return ""
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseFloat(s, 64)
	if !all(whole, isDigit) || !all(fraction, isDigit) || err != nil || kind == 3 && n > 5 {
		return "must be a number such as 4.5 where the type is a rating (3), 0 to 5, likes (4) or downloads (5)"
	}
	return ""
}
