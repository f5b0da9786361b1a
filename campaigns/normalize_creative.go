package campaigns

import "strings"

// Normalize implements Entity.
func (v *Creative) Normalize() {
	v.Name = strings.TrimSpace(v.Name)
	v.Status = orActive(v.Status)
	v.Format = CreativeFormat(lower(string(v.Format)))
	v.setDefaults()
	v.ImageURL = strings.TrimSpace(v.ImageURL)
	v.LandingURL = strings.TrimSpace(v.LandingURL)
	v.API = unique(v.API)
	v.ExpDir = unique(v.ExpDir)
	if v.VAST != nil {
		v.VAST.normalize()
	}
	if v.Native != nil {
		v.Native.normalize()
	}
	v.ADomain = normalList(v.ADomain, normalDomain)
	v.Bundle = strings.TrimSpace(v.Bundle)
	v.Cat = normalList(v.Cat, v.normalCategory)
	v.Attr = unique(v.Attr)
	v.Language = lower(v.Language)
	v.FrequencyCaps = normalCaps(v.FrequencyCaps)
	v.normalizeExchanges()
}

// setDefaults gives a creative that was stored before there were formats what it
// always was: a banner with categories of 1.0.
func (v *Creative) setDefaults() {
	if v.Format == "" {
		v.Format = FormatBanner
	}
	if v.CatTax == 0 {
		v.CatTax = 1
	}
}

// normalCategory writes ids of 1.0 in upper case; those of later taxonomies are
// case-sensitive.
func (v *Creative) normalCategory(s string) string {
	if v.CatTax == 1 {
		return upper(s)
	}
	return strings.TrimSpace(s)
}

func (v *Creative) normalizeExchanges() {
	if len(v.Exchanges) == 0 {
		v.Exchanges = nil
		return
	}
	out := make(map[string]Registration, len(v.Exchanges))
	for name, r := range v.Exchanges {
		out[name] = Registration{RegistrationStatus(lower(string(r.Status))), strings.TrimSpace(r.ID), strings.TrimSpace(r.Reason)}
	}
	v.Exchanges = out
}

func (a *VAST) normalize() {
	for i := range a.MediaFiles {
		f := &a.MediaFiles[i]
		f.URL, f.MIME = strings.TrimSpace(f.URL), lower(f.MIME)
	}
	a.MediaFiles = some(a.MediaFiles)
	a.TagURL = strings.TrimSpace(a.TagURL)
	for i := range a.Companions {
		a.Companions[i].ImageURL = strings.TrimSpace(a.Companions[i].ImageURL)
	}
	a.Companions = some(a.Companions)
	for i := range a.Verification {
		w := &a.Verification[i]
		w.Vendor, w.ScriptURL = strings.TrimSpace(w.Vendor), strings.TrimSpace(w.ScriptURL)
	}
	a.Verification = some(a.Verification)
}

func (a *NativeAd) normalize() {
	a.Title = strings.TrimSpace(a.Title)
	if a.Icon != nil {
		a.Icon.URL = strings.TrimSpace(a.Icon.URL)
	}
	for i := range a.Main {
		a.Main[i].URL = strings.TrimSpace(a.Main[i].URL)
	}
	a.Main = some(a.Main)
	for i := range a.Data {
		a.Data[i].Value = strings.TrimSpace(a.Data[i].Value)
	}
	a.Data = some(a.Data)
	if a.Video != nil {
		a.Video.normalize()
	}
}
