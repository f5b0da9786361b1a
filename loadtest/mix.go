package loadtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"bidhawk/internal/money"
)

// mixed makes a request of the mix: its format is drawn, then all that such
// requests carry in production.
func (g *generator) mixed(c cohort, bytesWanted float64) *request {
	if g.cfg.Generate.Mix.plain() {
		return g.request(c, bytesWanted)
	}
	f := g.cfg.Generate.Mix.draw(g.rnd.Float64())
	where, handset := &places[c.place], &handsets[c.handset]
	r := &request{
		ID: idMark, AT: 1, TMax: 100 + 50*g.rnd.IntN(5), Cur: []string{"USD"},
		Device: g.device(where, handset), Source: g.source(bytesWanted),
		User: &user{ID: "x" + userMark, BuyerUID: userMark},
	}
	if g.cfg.Generate.TMax > 0 {
		r.TMax = int(g.cfg.Generate.TMax.Milliseconds())
	}
	if g.cfg.Auction == "second" {
		r.AT = 2
	}
	if g.likely(max(g.cfg.Generate.TestShare, mixedTestShare)) {
		r.Test = 1
	}
	g.surroundings(r, f, handset, where)
	g.restrictions(r)
	g.privacy(r, where)
	for _, m := range g.imps(r, f) {
		m.ID = fmt.Sprint(len(r.Imp) + 1)
		g.market(&m, f)
		if bytesWanted > 1600 {
			m.Ext = &impExt{GPID: "/1234567/" + m.TagID + "/" + f.String()}
		}
		r.Imp = append(r.Imp, m)
	}
	return r
}

// mixedTestShare is the least share of tests among mixed requests.
const mixedTestShare = 0.01

func (g *generator) likely(p float64) bool { return g.rnd.Float64() < p }

// one picks a value, each as likely.
func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// Devices of AdCOM that are nobody's phone or computer.
var (
	television = handset{
		deviceType: deviceTV, os: "Tizen", osv: "7.0", maker: "Samsung", model: "QE55",
		ua: "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36",
		w:  1920, h: 1080, connection: 2,
	}
	billboard = handset{deviceType: 8, os: "Linux", maker: "Broad", model: "Sign 9", ua: "BroadSign/14.1 (Linux)", w: 1920, h: 1080, connection: 1}
)

// surroundings sets what the ad appears in and on.
func (g *generator) surroundings(r *request, f Format, d *handset, where *place) {
	switch {
	case f == FormatDOOH:
		r.Device, r.User = g.device(where, &billboard), nil
		r.Device.IFA = ifaMark
		i := g.rnd.IntN(500)
		r.DOOH = &screen{
			ID: fmt.Sprintf("screen-%04d", i), Name: "Screen " + fmt.Sprint(i), VenueType: []string{one(g.rnd, "101", "204", "30203")},
			VenueTypeTax: 1, Publisher: publisher{ID: fmt.Sprintf("p%04d", i%31)}, Domain: "screens.example",
		}
		return
	case f == FormatCTV || f == FormatPod && g.likely(0.75):
		tv := television
		tv.apps = 1
		r.Device = g.device(where, &tv)
		g.inventory(r, &tv, where)
	case f == FormatAudio:
		phone := *d
		phone.apps = 0.8
		g.inventory(r, &phone, where)
	default:
		g.inventory(r, d, where)
	}
	if f == FormatCTV || f == FormatAudio || f == FormatPod || g.likely(0.1) {
		shown := &programme{
			Title: fmt.Sprintf("Episode %d", g.rnd.IntN(40)), Series: fmt.Sprintf("Series %d", g.rnd.IntN(90)),
			Genre: one(g.rnd, "Drama", "News", "Comedy", "Sports"), CatTax: 6, Cat: []string{one(g.rnd, "640", "379", "483")},
			LiveStream: g.rnd.IntN(2), Len: 60 * (5 + g.rnd.IntN(90)), Language: where.language,
		}
		if r.App != nil {
			r.App.Content = shown
		} else {
			r.Site.Content = shown
		}
	}
}

// Blocked categories under the taxonomies that requests name (AdCOM list:
// Category Taxonomies): IAB 1.0, 2.2 and 3.0.
var blockedByTaxonomy = map[int][]string{
	1: {"IAB25", "IAB26", "IAB7-39", "IAB8-5", "IAB8-18", "IAB9-9", "IAB24", "IAB14-1", "IAB11-4"},
	6: {"211", "386", "181", "v9i3On", "680", "391"},
	7: {"211", "386", "181", "389", "ZJG29S", "MQ2XML"},
}

// restrictions are what the publisher refuses.
func (g *generator) restrictions(r *request) {
	tax := one(g.rnd, 0, 0, 0, 1, 6, 7)
	blocked := blockedByTaxonomy[max(tax, 1)]
	r.CatTax, r.BAdv = tax, g.blockedAdvertisers(2)
	if g.likely(0.8) {
		from := g.rnd.IntN(len(blocked) - 1)
		r.BCat = blocked[from:]
	} else if g.likely(0.1) {
		for i := range subjects {
			r.ACat = append(r.ACat, subjects[i].cats[0])
		}
		r.CatTax = 1
	}
	if tax <= 1 && r.BCat != nil && g.likely(0.05) {
		r.BCat = append(r.BCat[:len(r.BCat):len(r.BCat)], subjects[g.rnd.IntN(len(subjects))].cats[0])
	}
	if g.likely(0.2) {
		r.BApp = []string{AppBundle(g.rnd.IntN(50)), "com.blocked.game", "389801252"}
	}
	if g.likely(0.15) {
		r.WLang = one(g.rnd, []string{"en"}, []string{"en", "fr", "de"}, []string{"ja"})
	}
	switch p := g.rnd.Float64(); {
	case p < 0.06:
		r.Cur = []string{"USD", "EUR"}
	case p < 0.09:
		r.Cur = []string{"EUR"}
	case p < 0.2:
		r.Cur = nil // USD
	}
	if g.cfg.Generate.Seat != "" && g.likely(0.05) {
		r.WSeat = []string{"another-seat", g.cfg.Generate.Seat}
	}
}

// market sets the terms of one imp.
func (g *generator) market(m *imp, f Format) {
	m.TagID = fmt.Sprintf("slot-%d", g.rnd.IntN(5000))
	usual := 0.3
	if m.Video != nil || m.Audio != nil || f == FormatDOOH {
		usual = 0.8
	}
	floor := money.CPM(math.Exp(math.Log(usual)+0.7*g.rnd.NormFloat64())*100) * 10_000
	m.BidFloor, m.BidFloorCur = decimal(max(floor, 10_000)), one(g.rnd, "USD", "USD", "USD", "USD", "USD", "USD", "USD", "EUR", "GBP")
	if g.likely(0.7) {
		m.Secure = 1
	}
	if m.Exp == 0 && g.likely(0.3) {
		m.Exp = one(g.rnd, 300, 600, 1800)
	}
	if deals := g.cfg.Generate.Deals; len(deals) > 0 && g.likely(g.cfg.Generate.DealShare) {
		m.PMP = g.offerDeals(m, deals)
	}
}

// offerDeals offers deals with all that deals may say.
func (g *generator) offerDeals(m *imp, names []string) *pmp {
	p := g.deals(names)
	p.Private = 0
	if g.likely(0.3) {
		p.Private = 1
	}
	for i := range p.Deals {
		d := &p.Deals[i]
		d.BidFloorCur = one(g.rnd, "USD", "USD", "USD", "USD", "EUR")
		if g.likely(0.1) {
			d.Guar = 1
		}
		if seat := g.cfg.Generate.Seat; seat != "" && g.likely(0.2) {
			d.WSeat = []string{seat, "another-seat"}
		}
		if domains := g.cfg.Generate.Domains; len(domains) > 0 && g.likely(0.2) {
			d.WADomain = []string{one(g.rnd, domains...)}
		}
		if m.Video == nil && m.Audio == nil || d.AT == 3 {
			continue // a fixed price has no floors
		}
		if g.likely(0.15) {
			d.DurFloors = g.durFloors()
		} else if g.likely(0.1) {
			d.MinCPMPerSec = g.perSecond()
		}
	}
	return p
}

// durFloors are two ranges and, for some, the rest.
func (g *generator) durFloors() []durFloor {
	low := money.CPM(50+g.rnd.IntN(100)) * 10_000
	out := []durFloor{{MaxDur: 15, BidFloor: decimal(low)}, {MinDur: 16, MaxDur: 30, BidFloor: decimal(2 * low)}}
	if g.likely(0.5) {
		out = append(out, durFloor{MinDur: 31, BidFloor: decimal(3 * low)})
	}
	return out
}

func (g *generator) perSecond() json.Number {
	return decimal(money.CPM(2+g.rnd.IntN(8)) * 10_000)
}

// deviatingShare is the share of mixed requests that do not keep to the types
// of the specification, as real ones do.
const deviatingShare = 0.05

// deviate writes a value as some exchange does: a number with a fraction, a
// boolean for an integer, a scalar for a list, a field that nobody knows.
func (g *generator) deviate(body []byte) []byte {
	d := one(g.rnd, [2]string{`"h":250`, `"h":250.0`}, [2]string{`"secure":1`, `"secure":true`}, [2]string{`"cur":["USD"]`, `"cur":"USD"`},
		[2]string{`{"id"`, `{"unheard_of":{"a":[1,null,"b"]},"id"`})
	return bytes.Replace(body, []byte(d[0]), []byte(d[1]), 1)
}
