package loadtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"bidhawk/internal/money"
)

const (
	minBodyBytes = 1 << 10
	maxBodyBytes = 6 << 10
)

// Marks stand in a generated body where the id, the user and the device id of
// each request are written over them. Their widths are those of the values.
const (
	idMark   = "\x01request-id-goes-here-123\x01"
	userMark = "\x01user-8\x01"
	ifaMark  = "\x01device-ifa-goes-here-of-36-letters\x01"
)

// generator makes the bodies of one pool. It is used by one goroutine.
type generator struct {
	cfg   Config
	rnd   *rand.Rand
	sites zipf
	apps  zipf
}

// generate makes Templates bodies, at least one for each cohort of users,
// grouped by cohort.
func generate(cfg Config) ([]template, error) {
	g := &generator{
		cfg: cfg, rnd: rand.New(rand.NewPCG(cfg.Seed, 0xb1d)),
		sites: newZipf(cfg.Generate.Sites, cfg.Generate.ZipfExponent),
		apps:  newZipf(cfg.Generate.Apps, cfg.Generate.ZipfExponent),
	}
	var made []template
	for i := range cohorts {
		c := cohort{i / len(handsets), i % len(handsets)}
		for range max(1, cfg.Generate.Templates*places[c.place].weight*handsets[c.handset].weight/
			(totalPlaceShare*totalDeviceShare)) {
			t, err := g.template(c)
			if err != nil {
				return nil, err
			}
			made = append(made, t)
		}
	}
	return made, nil
}

func (g *generator) template(c cohort) (template, error) {
	want := float64(g.cfg.Generate.MedianBytes) * math.Exp(0.35*g.rnd.NormFloat64())
	want = min(max(want, minBodyBytes), maxBodyBytes)
	r := g.mixed(c, want)
	body, err := marshal(r)
	if err != nil {
		return template{}, err
	}
	if missing := int(want) - len(body); missing > 0 {
		g.pad(r, missing)
		if body, err = marshal(r); err != nil {
			return template{}, err
		}
	}
	if !g.cfg.Generate.Mix.plain() && g.likely(deviatingShare) {
		body = g.deviate(body)
	}
	t := newTemplate(body)
	t.cohort = c
	return t, nil
}

// marshal keeps &, < and > as they are, as exchanges do.
func marshal(r *request) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("generate request: %w", err)
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	// JSON writes the marks' control characters as \u0001: back to one byte.
	return bytes.ReplaceAll(body, []byte(`\u0001`), []byte{1}), nil
}

func (g *generator) request(c cohort, bytesWanted float64) *request {
	where, device := &places[c.place], &handsets[c.handset]
	r := &request{
		ID: idMark, TMax: 100 + 50*g.rnd.IntN(5), Cur: []string{"USD"},
		Device: g.device(where, device), Source: g.source(bytesWanted),
		User: &user{ID: "x" + userMark, BuyerUID: userMark},
		BCat: g.blockedCategories(), BAdv: g.blockedAdvertisers(3),
	}
	if g.cfg.Generate.TMax > 0 {
		r.TMax = int(g.cfg.Generate.TMax.Milliseconds())
	}
	r.AT = 1
	if g.cfg.Auction == "second" {
		r.AT = 2
	}
	if g.rnd.Float64() < 0.05 {
		r.Cur = []string{"USD", "EUR"}
	}
	if g.rnd.Float64() < g.cfg.Generate.TestShare {
		r.Test = 1
	}
	g.inventory(r, device, where)
	imps := 1
	if p := g.rnd.Float64(); p > 0.94 {
		imps = 3
	} else if p > 0.80 {
		imps = 2
	}
	for i := range imps {
		r.Imp = append(r.Imp, g.imp(i, device, bytesWanted))
	}
	if where.eu {
		r.Regs = &regs{GDPR: 1}
		r.User.Consent = consentString
	}
	if g.rnd.Float64() < 0.6 {
		r.User.YOB = 1950 + g.rnd.IntN(55)
		r.User.Gender = []string{"M", "F", "O"}[g.rnd.IntN(3)]
	}
	return r
}

// consentString is a TCF 2 string with consent for all purposes.
const consentString = "CP7BzIAP7BzIAAHABBENAlEsAP_gAEPgACiQg1NX_H__bW9r8X7_aft0eY1P9_j77sQxBhfJE-4F3LvW_JwXx2E5NF36tqoKmRoEu3ZBIUNlHJHUTVmwaogVryHsakWcoTNKJ6BkkFMRM2dYCF5vm4tjeQKY5_p_d3fx2D-t_dv-39z3z81Xn3dZf-_0-PCdU5_9Dfn9fRfb-9IP9_78v8v8_l_rk2_eT13_pcvr7D--f_87_XW-8E"

func (g *generator) source(bytesWanted float64) *source {
	s := &source{TID: idMark, SChain: &schain{Complete: 1, Ver: "1.0"}}
	nodes := 1
	if bytesWanted > 1800 {
		nodes += g.rnd.IntN(3)
	}
	for i := range nodes {
		s.SChain.Nodes = append(s.SChain.Nodes, schainNode{
			ASI: fmt.Sprintf("ssp-%d.example", i), SID: fmt.Sprintf("%08d", g.rnd.IntN(1e8)), HP: 1,
		})
	}
	return s
}

func (g *generator) inventory(r *request, d *handset, where *place) {
	if g.rnd.Float64() < d.apps {
		i := g.apps.rank(g.rnd.Uint64())
		s := &subjects[i%len(subjects)]
		r.App = &app{
			ID: fmt.Sprintf("a%05d", i), Name: fmt.Sprintf("App %03d", i), Bundle: AppBundle(i),
			StoreURL: "https://store.example/app?id=" + AppBundle(i),
			Cat:      s.cats, Ver: fmt.Sprintf("%d.%d", 1+i%9, i%20), Publisher: publisher{ID: fmt.Sprintf("p%04d", i%97)},
		}
		r.Device.IFA = ifaMark
		return
	}
	i := g.sites.rank(g.rnd.Uint64())
	s := &subjects[i%len(subjects)]
	mobile := 0
	if d.deviceType != 2 {
		mobile = 1
	}
	r.Site = &site{
		ID: fmt.Sprintf("s%05d", i), Domain: SiteDomain(i), Cat: s.cats, Mobile: mobile,
		Page:      fmt.Sprintf("https://%s/%s/story-%d.html?ref=%d", SiteDomain(i), s.name, g.rnd.IntN(1e6), g.rnd.IntN(1e4)),
		Ref:       "https://search.example/?q=" + s.name,
		Publisher: publisher{ID: fmt.Sprintf("p%04d", i%89), Domain: SiteDomain(i)},
		Keywords:  s.name + ",top," + where.language,
	}
}

func (g *generator) device(where *place, d *handset) *device {
	return &device{
		UA: d.ua, IP: fmt.Sprintf("198.51.%d.0", g.rnd.IntN(256)),
		DeviceType: d.deviceType, Make: d.maker, Model: d.model, OS: d.os, OSV: d.osv,
		W: d.w, H: d.h, JS: 1, Language: where.language, ConnectionType: d.connection,
		Geo: &geo{
			Lat: json.Number(where.lat), Lon: json.Number(where.lon), Type: 2, Country: where.country,
			Region: where.region, City: where.city, ZIP: where.zip, UTCOffset: where.utcOffset,
		},
	}
}

func (g *generator) imp(i int, d *handset, bytesWanted float64) imp {
	sizes := desktopSizes
	if d.deviceType != 2 {
		sizes = phoneSizes
	}
	first := sizes[g.rnd.IntN(len(sizes))]
	b := &banner{Format: []bannerFormat{{bannerSize: first}}, Pos: []int{0, 1, 3}[g.rnd.IntN(3)], API: []int{5, 6, 7}}
	for _, more := range sizes {
		if more.H == first.H+30 || g.rnd.Float64() < 0.15 && more != first && len(b.Format) < 4 {
			b.Format = append(b.Format, bannerFormat{bannerSize: more})
		}
	}
	b.W, b.H = first.W, first.H
	if g.rnd.Float64() < 0.4 {
		b.BAttr = []int{1, 2, 3, 6, 8, 9, 10, 14}
	}
	floor := money.CPM(math.Exp(math.Log(0.35)+0.7*g.rnd.NormFloat64())*100) * 10_000
	m := imp{
		ID: fmt.Sprint(i + 1), Banner: b, TagID: fmt.Sprintf("slot-%d", g.rnd.IntN(5000)),
		BidFloor: decimal(max(floor, 10_000)), BidFloorCur: "USD",
	}
	if g.rnd.Float64() < 0.7 {
		m.Secure = 1
	}
	if g.rnd.Float64() < 0.04 {
		m.Video = &stream{MIMEs: []string{"video/mp4"}, MaxDuration: 30, Protocols: []int{2, 3, 5, 6}, W: 640, H: 360}
		if g.rnd.Float64() < 0.5 {
			m.Banner = nil
		}
	}
	if deals := g.cfg.Generate.Deals; len(deals) > 0 && g.rnd.Float64() < g.cfg.Generate.DealShare {
		m.PMP = g.deals(deals)
	}
	if bytesWanted > 1600 {
		m.Ext = &impExt{GPID: "/1234567/" + m.TagID + "/" + fmt.Sprint(first.W, "x", first.H)}
	}
	return m
}

func (g *generator) deals(names []string) *pmp {
	p := &pmp{}
	if g.rnd.Float64() < 0.1 {
		p.Private = 1
	}
	first := g.rnd.IntN(len(names))
	for i := range min(1+g.rnd.IntN(3), len(names)) {
		p.Deals = append(p.Deals, deal{
			ID: names[(first+i)%len(names)], BidFloor: decimal(money.CPM(50+g.rnd.IntN(250)) * 10_000),
			BidFloorCur: "USD", AT: 1 + g.rnd.IntN(3),
		})
	}
	return p
}

func decimal(p money.CPM) json.Number { return json.Number(p.String()) }

func (g *generator) blockedCategories() []string {
	cats := []string{"IAB25", "IAB26", "IAB7-39", "IAB8-5", "IAB8-18", "IAB9-9", "IAB24"}
	cats = cats[:2+g.rnd.IntN(len(cats)-1)]
	if g.rnd.Float64() < 0.05 {
		cats = append(cats[:len(cats):len(cats)], subjects[g.rnd.IntN(len(subjects))].cats[0])
	}
	return cats
}

func (g *generator) blockedAdvertisers(n int) []string {
	var out []string
	for range n {
		out = append(out, fmt.Sprintf("blocked-%03d.example", g.rnd.IntN(1000)))
	}
	for _, d := range g.cfg.Generate.BlockedDomains {
		if g.rnd.Float64() < 0.03 {
			out = append(out, d)
		}
	}
	return out
}

// pad adds about missing bytes of what makes real requests long: segments of
// data providers and advertiser blocks.
func (g *generator) pad(r *request, missing int) {
	const segmentBytes, blockBytes, dataBytes = 47, 22, 60
	blocks := missing * 2 / 5 / blockBytes
	r.BAdv = append(r.BAdv, g.blockedAdvertisers(blocks)...)
	left := missing - blocks*blockBytes - dataBytes
	if left < segmentBytes || r.User == nil {
		return
	}
	d := data{ID: "iab-audience", Name: "provider-1.example"}
	for range left / segmentBytes {
		id := fmt.Sprint(100 + g.rnd.IntN(900))
		d.Segment = append(d.Segment, segment{ID: id, Name: "segment-" + id, Value: "0.5"})
	}
	r.User.Data = append(r.User.Data, d)
}
