package campaigns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// place is where a creative may show an uploaded file.
type place struct {
	*Upload
	field string      // that holds it, without a dot at its end; empty: the creative itself
	types []AssetType // that fit
	// fill sets what was left out and the file says; check names what was given and
	// the file does not bear out.
	fill  func(a *Asset)
	check func(c *checker, a *Asset)
}

func (p *place) name(of string) string {
	if p.field == "" {
		return of
	}
	return p.field + "." + of
}

// places are all of v's, whatever its format.
func (v *Creative) places() []place {
	list := []place{{&v.Upload, "", []AssetType{AssetImage, AssetHTML5}, v.fillSize, v.checkSize}}
	if v.VAST != nil {
		list = v.VAST.appendPlaces(list, "vast", v.Format == FormatAudio)
	}
	if v.Native == nil {
		return list
	}
	if v.Native.Icon != nil {
		list = append(list, v.Native.Icon.place("native.icon"))
	}
	for i := range v.Native.Main[:min(len(v.Native.Main), MaxNativeImages)] {
		list = append(list, v.Native.Main[i].place(index("native.main", i)))
	}
	if v.Native.Video != nil {
		list = v.Native.Video.appendPlaces(list, "native.video", false)
	}
	return list
}

func (a *VAST) appendPlaces(list []place, field string, audio bool) []place {
	list = append(list, place{&a.Upload, field, []AssetType{AssetVAST}, a.fillDocument,
		func(c *checker, f *Asset) { a.checkDocument(c, field, f) }})
	types := []AssetType{AssetVideo}
	switch {
	case audio:
		types = []AssetType{AssetAudio}
	case a.NonLinear:
		types = []AssetType{AssetImage}
	}
	for i := range a.MediaFiles[:min(len(a.MediaFiles), MaxMediaFiles)] {
		m, at := &a.MediaFiles[i], index(field+".media_files", i)
		list = append(list, place{&m.Upload, at, types, func(f *Asset) { a.fillMedia(m, f) },
			func(c *checker, f *Asset) {
				m.checkUpload(c, at, f)
				a.checkDuration(c, field, f)
			}})
	}
	for i := range a.Companions[:min(len(a.Companions), MaxCompanions)] {
		p := &a.Companions[i]
		list = append(list, imagePlace(&p.Upload, index(field+".companions", i), &p.W, &p.H))
	}
	return list
}

func (n *NativeImage) place(field string) place { return imagePlace(&n.Upload, field, &n.W, &n.H) }

func imagePlace(u *Upload, field string, w, h *int) place {
	return place{u, field, []AssetType{AssetImage},
		func(a *Asset) { fillSize(w, h, a) },
		func(c *checker, a *Asset) { checkSize(c, field+".w", *w, *h, a) }}
}

func (v *Creative) fillSize(a *Asset) { fillSize(&v.W, &v.H, a) }

func (v *Creative) checkSize(c *checker, a *Asset) { checkSize(c, "w", v.W, v.H, a) }

func fillSize(w, h *int, a *Asset) {
	if *w == 0 && *h == 0 {
		*w, *h = a.W, a.H
	}
}

// checkSize takes a picture of twice or three times the pixels as well: on screens
// that show more than one to a device-independent pixel it is sharper.
func checkSize(c *checker, field string, w, h int, a *Asset) {
	if a.W == 0 || a.H == 0 { // a page that does not say
		return
	}
	for k := 1; k <= 3 && (k == 1 || a.Type == AssetImage); k++ {
		if w*k == a.W && h*k == a.H {
			return
		}
	}
	rule := fmt.Sprintf("must be %d x %d as the uploaded file is", a.W, a.H)
	if a.Type == AssetImage {
		rule += ", or a half or a third of it for dense screens"
	}
	c.fail(field, fmt.Sprintf("%d x %d", w, h), rule)
}

func (a *VAST) fillDocument(f *Asset) {
	if a.TagVersion == 0 {
		a.TagVersion = f.VASTVersion
	}
	a.fillDuration(f)
}

func (a *VAST) checkDocument(c *checker, field string, f *Asset) {
	c.check(a.TagVersion == f.VASTVersion, field+".tag_version", a.TagVersion, "must be "+strconv.Itoa(f.VASTVersion)+" as the uploaded document says")
	a.checkDuration(c, field, f)
}

// fillDuration rounds to whole seconds, at least one.
func (a *VAST) fillDuration(f *Asset) {
	if a.Duration == 0 && f.Duration > 0 {
		a.Duration = max(1, int((f.Duration+500)/1000))
	}
}

func (a *VAST) checkDuration(c *checker, field string, f *Asset) {
	const slack = 1000   // a duration is in whole seconds
	if f.Duration == 0 { // a wrapper, or an image
		return
	}
	if d := int64(a.Duration)*1000 - f.Duration; d < -slack || d > slack {
		c.fail(field+".duration_seconds", a.Duration, fmt.Sprintf("must be that of the uploaded file, %d.%03d s, to within 1 s", f.Duration/1000, f.Duration%1000))
	}
}

func (a *VAST) fillMedia(m *MediaFile, f *Asset) {
	if m.MIME == "" {
		m.MIME = f.MIME
	}
	if f.Type != AssetAudio && m.W == 0 && m.H == 0 {
		m.W, m.H = f.W, f.H
	}
	if m.Bitrate == 0 {
		m.Bitrate = f.Bitrate
	}
	a.fillDuration(f)
}

func (m *MediaFile) checkUpload(c *checker, field string, f *Asset) {
	c.check(m.MIME == f.MIME, field+".mime", m.MIME, "must be "+f.MIME+" as the uploaded file is")
	c.check(!m.Streaming, field+".streaming", m.Streaming, "must be false for an uploaded file: it is progressive")
	if f.Type == AssetVideo {
		c.check(m.W == f.W && m.H == f.H, field+".w", fmt.Sprintf("%d x %d", m.W, m.H), fmt.Sprintf("must be %d x %d as the uploaded file is", f.W, f.H))
	}
	if d := m.Bitrate - f.Bitrate; f.Bitrate > 0 && max(d, -d)*10 > f.Bitrate {
		c.fail(field+".bitrate_kbps", m.Bitrate, fmt.Sprintf("must be that of the uploaded file, %d, to within a tenth", f.Bitrate))
	}
}

// AssetIDs are the files that v shows, each once.
func (v *Creative) AssetIDs() []ID {
	var ids []ID
	for _, p := range v.places() {
		if p.given() && !slices.Contains(ids, p.AssetID) {
			ids = append(ids, p.AssetID)
		}
	}
	return ids
}

// Files are the names of the uploaded files that v shows.
func (v *Creative) Files() []string {
	var names []string
	for _, p := range v.places() {
		if p.given() && p.File != "" {
			names = append(names, p.File)
		}
	}
	return names
}

// adopt takes over what v's files say: their names, whatever was given, and what v
// leaves out. Files that don't exist are left to the rules.
func (v *Creative) adopt(assets map[ID]*Asset) {
	for _, p := range v.places() {
		p.File = ""
		if a := assets[p.AssetID]; p.given() && a != nil && a.AdvertiserID == v.AdvertiserID && slices.Contains(p.types, a.Type) {
			p.File = a.File
			p.fill(a)
		}
	}
}

// readAssets reads the files that v shows, and has v take over what they say.
func (r *Refs) readAssets(ctx context.Context, from Reader, v *Creative) error {
	r.Assets = map[ID]*Asset{}
	for _, id := range v.AssetIDs() {
		a, err := Get[*Asset](ctx, from, id)
		if err == nil {
			r.Assets[id] = a
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	v.adopt(r.Assets)
	return nil
}

// validateUploads holds v against its files.
func (v *Creative) validateUploads(c *checker, assets map[ID]*Asset) {
	for _, p := range v.places() {
		if p.AssetID == 0 {
			continue
		}
		a := assets[p.AssetID]
		switch {
		case a == nil || a.AdvertiserID != v.AdvertiserID: // of another tenant is as if it were not there
			c.fail(p.name("asset_id"), p.AssetID, "must be an existing asset of the advertiser")
		case a.Status == StatusArchived && v.Status != StatusArchived:
			c.fail(p.name("asset_id"), p.AssetID, "must not be an archived asset")
		case !slices.Contains(p.types, a.Type):
			c.fail(p.name("asset_id"), fmt.Sprintf("%d, %s", p.AssetID, a.Type), fmt.Sprintf("must be an asset of the type %s here", joined(p.types)))
		default:
			p.check(c, a)
		}
	}
}

func joined(types []AssetType) string {
	text := string(types[0])
	for _, t := range types[1:] {
		text += " or " + string(t)
	}
	return text
}

// Served is v with addresses below base in the places of uploaded files: what
// people get to see. It is v itself where no file was uploaded; base has no slash
// at its end.
func (v *Creative) Served(base string) *Creative {
	if len(v.AssetIDs()) == 0 {
		return v
	}
	out := *v
	if out.given() {
		out.showUpload(base)
	}
	out.VAST = out.VAST.served(base)
	if v.Native != nil {
		n := *v.Native
		if n.Icon != nil {
			icon := n.Icon.served(base)
			n.Icon = &icon
		}
		n.Main = slices.Clone(n.Main)
		for i := range n.Main {
			n.Main[i] = n.Main[i].served(base)
		}
		n.Video = n.Video.served(base)
		out.Native = &n
	}
	return &out
}

// showUpload shows a banner's image, or its page in a frame that may run scripts
// and open the landing page, and reach nothing else of the page around it.
func (v *Creative) showUpload(base string) {
	address := v.address(base)
	if !isPage(v.File) {
		v.ImageURL = address
		return
	}
	v.HTML = fmt.Sprintf(`<iframe src="%s?%s=%s" width="%d" height="%d" style="border:0" scrolling="no" `+
		`sandbox="allow-scripts allow-popups allow-popups-to-escape-sandbox" title="Advertisement"></iframe>`,
		address, ClickTagParam, ClickMacroEscaped, v.W, v.H)
}

// ClickTagParam is the parameter that tells an HTML5 page where its click leads,
// as IAB's HTML5 guidance has it ("clickTag").
const ClickTagParam = "clickTag"

// isPage says whether a file is the page of an HTML5 zip.
func isPage(file string) bool { return strings.HasSuffix(file, ".html") }

func (a *VAST) served(base string) *VAST {
	if a == nil {
		return nil
	}
	out := *a
	if out.given() {
		out.TagURL = out.address(base)
	}
	out.MediaFiles, out.Companions = slices.Clone(a.MediaFiles), slices.Clone(a.Companions)
	for i := range out.MediaFiles {
		if m := &out.MediaFiles[i]; m.given() {
			m.URL = m.address(base)
		}
	}
	for i := range out.Companions {
		if p := &out.Companions[i]; p.given() {
			p.ImageURL = p.address(base)
		}
	}
	return &out
}

func (n NativeImage) served(base string) NativeImage {
	if n.given() {
		n.URL = n.address(base)
	}
	return n
}
