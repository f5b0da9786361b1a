package loadtest

import (
	"fmt"

	"bidhawk/internal/money"
)

// imps draws what a request of the format offers. Their ids and terms are set
// by the caller.
func (g *generator) imps(r *request, f Format) []imp {
	switch f {
	case FormatPod:
		return g.podImps(r)
	case FormatDOOH:
		return []imp{g.screenImp()}
	case FormatCTV:
		return []imp{{Video: g.video(true), SSAI: g.rnd.IntN(4)}}
	case FormatAudio:
		return []imp{{Audio: g.audio()}}
	case FormatMulti:
		return []imp{g.multiImp(r)}
	}
	var out []imp
	for range one(g.rnd, 1, 1, 1, 1, 2, 3) {
		kind := f
		if len(out) > 0 { // beside the first, a page offers this and that
			kind = one(g.rnd, f, FormatBanner, FormatNative)
		}
		switch kind {
		case FormatVideo:
			out = append(out, g.videoImp(r))
		case FormatNative:
			out = append(out, imp{Native: g.native()})
		default:
			out = append(out, g.bannerImp(r))
		}
	}
	return out
}

func (g *generator) multiImp(r *request) imp {
	m := g.bannerImp(r)
	switch g.rnd.IntN(4) {
	case 0:
		m.Video = g.video(false)
	case 1:
		m.Native = g.native()
	case 2:
		m.Video, m.Native = g.video(false), g.native()
	case 3:
		m.Banner, m.Video, m.Audio = nil, g.video(false), g.audio()
	}
	return m
}

// bannerImp is a banner: in some apps over the whole screen, or for a reward.
func (g *generator) bannerImp(r *request) imp {
	sizes := phoneSizes
	if r.Device.DeviceType == 2 {
		sizes = desktopSizes
	}
	first := one(g.rnd, sizes...)
	b := &banner{Format: []bannerFormat{{bannerSize: first}}, Pos: one(g.rnd, 0, 1, 3)}
	for _, more := range sizes {
		if more != first && len(b.Format) < 4 && g.likely(0.2) {
			b.Format = append(b.Format, bannerFormat{bannerSize: more})
		}
	}
	switch p := g.rnd.Float64(); {
	case p < 0.1: // one that shrinks and grows with the page
		b.Format = append(b.Format, bannerFormat{WRatio: 6, HRatio: 5, WMin: 240})
	case p < 0.3 && len(b.Format) == 1: // as before 2.4
		b.Format, b.W, b.H = nil, first.W, first.H
	}
	m := imp{Banner: b}
	if r.App != nil {
		b.API = one(g.rnd, []int{3, 5, 6, 7}, []int{5, 6, 7}, []int{5}, nil)
		if g.likely(0.15) {
			full := bannerSize{r.Device.W / 3, r.Device.H / 3}
			b.Format, b.W, b.H = []bannerFormat{{bannerSize: bannerSize{320, 480}}, {bannerSize: full}}, 0, 0
			m.Instl = 1
			if g.likely(0.4) {
				m.Rwdd = 1
			}
		}
	}
	if g.likely(0.4) {
		b.BAttr = []int{1, 2, 3, 6, 8, 9, 10, 14}
	}
	if g.likely(0.25) {
		b.BType = one(g.rnd, []int{4}, []int{1}, []int{1, 4}, []int{3})
	}
	if g.likely(0.2) {
		b.MIMEs = one(g.rnd, []string{"image/jpeg", "image/png", "image/gif", "text/html"}, []string{"image/jpg", "image/gif", "application/javascript"})
	}
	if g.likely(0.15) {
		b.ExpDir = one(g.rnd, []int{2, 4}, []int{5}, []int{6})
	}
	return m
}

func (g *generator) videoImp(r *request) imp {
	m := imp{Video: g.video(false)}
	if r.App != nil && g.likely(0.3) {
		m.Instl, m.Video.Plcmt = 1, 3
		if g.likely(0.6) {
			m.Rwdd, m.Video.Skip = 1, new(int)
		}
	}
	return m
}

// Sets of AdCOM creative subtypes that players ask for: VAST 2 to 4.2, inline
// and wrapper.
var playerProtocols = [][]int{
	{2, 3, 5, 6}, {2, 3, 5, 6, 7, 8}, {2, 3, 5, 6, 7, 8, 11, 12, 13, 14}, {3, 6, 7, 8}, {7, 8, 11, 12, 13, 14}, {2, 3}, {2, 5},
}

func (g *generator) video(tv bool) *stream {
	v := &stream{
		MIMEs: one(g.rnd, []string{"video/mp4"}, []string{"video/mp4", "video/webm"}, []string{"video/mp4", "application/javascript"}),
		W:     640, H: 360, Protocols: one(g.rnd, playerProtocols...), Linearity: one(g.rnd, 1, 1, 1, 0),
		Plcmt: one(g.rnd, 1, 2, 4), PlaybackMethod: []int{one(g.rnd, 1, 2, 3, 6)}, API: one(g.rnd, nil, []int{7}, []int{1, 2, 7}),
		Delivery: one(g.rnd, nil, []int{2}, []int{1, 2}), MinBitrate: one(g.rnd, 0, 300), MaxBitrate: one(g.rnd, 0, 4000, 8000),
	}
	if tv {
		v.W, v.H, v.Plcmt, v.MaxBitrate = 1920, 1080, 1, one(g.rnd, 0, 12000)
	}
	g.lengths(v)
	delay := one(g.rnd, 0, 0, -1, -2, 30)
	v.StartDelay = &delay
	if g.likely(0.7) {
		skip := g.rnd.IntN(2)
		if v.Skip = &skip; skip == 1 {
			v.SkipMin, v.SkipAfter = 10, 5
		}
	}
	if g.likely(0.3) {
		v.BAttr = one(g.rnd, []int{1, 2, 8, 9}, []int{16}, []int{13, 14})
	}
	if g.likely(0.15) {
		v.CompanionAd = []banner{{W: 300, H: 250, VCM: 1}, {Format: []bannerFormat{{bannerSize: bannerSize{728, 90}}}}}
		v.CompanionType = one(g.rnd, []int{1}, []int{1, 2}, []int{1, 2, 3})
	}
	return v
}

func (g *generator) audio() *stream {
	a := &stream{
		MIMEs:     one(g.rnd, []string{"audio/mpeg"}, []string{"audio/mpeg", "audio/mp4"}, []string{"audio/mp4", "audio/ogg", "audio/mpeg"}),
		Protocols: one(g.rnd, playerProtocols...), Feed: one(g.rnd, 1, 2, 3), Stitched: g.rnd.IntN(2),
		Delivery: one(g.rnd, nil, []int{2}), MinBitrate: one(g.rnd, 0, 64), MaxBitrate: one(g.rnd, 0, 320),
	}
	g.lengths(a)
	if g.likely(0.2) {
		a.CompanionAd, a.CompanionType = []banner{{W: 300, H: 250, VCM: 1}}, []int{1}
	}
	return a
}

// lengths: exact ones or bounds, never both.
func (g *generator) lengths(s *stream) {
	if g.likely(0.3) {
		s.RqdDurs = one(g.rnd, []int{15, 30}, []int{6, 15}, []int{30}, []int{10, 15, 20, 30, 60})
		return
	}
	s.MinDuration, s.MaxDuration = one(g.rnd, 0, 5), one(g.rnd, 15, 30, 30, 60)
	s.MaxExtended = one(g.rnd, 0, 0, 0, 0, -1, 15)
}

// podImps is an ad break: slots, time, or first the one and then the other.
func (g *generator) podImps(r *request) []imp {
	spoken := r.Device.DeviceType != deviceTV && g.likely(0.5)
	part := func() imp {
		if spoken {
			return imp{Audio: g.audio()}
		}
		return imp{Video: g.video(r.Device.DeviceType == deviceTV), SSAI: 1}
	}
	var out []imp
	pod, dynamic := fmt.Sprintf("pod-%d", 1+g.rnd.IntN(3)), g.rnd.IntN(3)
	if dynamic != 1 { // structured or hybrid
		for i := range 2 + g.rnd.IntN(3) - dynamic/2 {
			m := part()
			s := m.either()
			s.PodID, s.PodSeq = pod, one(g.rnd, 0, 1, -1)
			if i == 0 {
				s.SlotInPod = 1
			}
			out = append(out, m)
		}
	}
	if dynamic != 0 { // dynamic or hybrid
		m := part()
		s := m.either()
		s.PodID, s.PodDur, s.MaxSeq, s.SlotInPod = pod, one(g.rnd, 60, 90, 120), 2+g.rnd.IntN(5), one(g.rnd, 0, 2)
		if g.likely(0.5) {
			s.MinCPMPerSec = g.perSecond()
		} else if g.likely(0.5) {
			s.DurFloors = g.durFloors()
		}
		out = append(out, m)
	}
	return out
}

func (m *imp) either() *stream {
	if m.Audio != nil {
		return m.Audio
	}
	return m.Video
}

// screenImp is seen by several people at once. Multipliers have at most two
// decimals: with prices of four, what is billed is exact.
func (g *generator) screenImp() imp {
	m := imp{
		Exp: 3600 * (1 + g.rnd.IntN(6)),
		Qty: &qty{Multiplier: decimal(money.CPM(100+g.rnd.IntN(4000)) * 10_000), SourceType: 1, Vendor: "audience.example"},
	}
	if g.likely(0.5) {
		m.Banner = &banner{Format: []bannerFormat{{bannerSize: one(g.rnd, bannerSize{1920, 1080}, bannerSize{1080, 1920}, bannerSize{300, 250})}}, MIMEs: []string{"image/jpeg", "image/png"}}
		return m
	}
	m.Video = &stream{MIMEs: []string{"video/mp4"}, Protocols: []int{2, 3, 7}, W: 1920, H: 1080, MinDuration: 5, MaxDuration: 15, Linearity: 1}
	return m
}
