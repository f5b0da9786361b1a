package bidder

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/adcom1"
	"github.com/prebid/openrtb/v20/openrtb2"
	"github.com/valyala/fasthttp"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// broadHouse bids on nearly everything: creatives of every medium in many sizes,
// lengths and types, that no block list has a reason to refuse, each with an
// advertiser's domain of its own, so that pods fill.
func broadHouse(t testing.TB, seat string) *house {
	t.Helper()
	var creatives []campaigns.Creative
	add := func(c campaigns.Creative) {
		c.LandingURL = "https://shop.example/a"
		c.Name = fmt.Sprintf("ad %d", len(creatives))
		c.ADomain = []string{fmt.Sprintf("brand%d.example", len(creatives))}
		creatives = append(creatives, c)
	}
	for _, size := range [][2]int{
		{300, 250}, {728, 90}, {320, 50}, {160, 600}, {970, 250}, {336, 280}, {300, 600}, {468, 60}, {320, 480}, {200, 20}, {33, 11},
		{1080, 1920}, {320, 250}, {300, 300}, {600, 500}, {300, 50}, {120, 600}, {1024, 576}, {320, 100}, {250, 250},
	} {
		add(campaigns.Creative{Format: campaigns.FormatBanner, W: size[0], H: size[1], ImageURL: "https://cdn.example/a.png"})
	}
	for _, seconds := range []int{2, 5, 6, 10, 15, 20, 30, 45, 60, 120, 150} {
		add(campaigns.Creative{Format: campaigns.FormatVideo, VAST: film(seconds)})
	}
	for _, version := range []int{2, 3} {
		add(campaigns.Creative{Format: campaigns.FormatVideo, VAST: &campaigns.VAST{Duration: 15, TagURL: "https://tag.example/v", TagVersion: version}})
	}
	for _, seconds := range []int{10, 15, 20, 30} {
		add(campaigns.Creative{Format: campaigns.FormatAudio, VAST: spot(seconds)})
	}
	add(campaigns.Creative{Format: campaigns.FormatNative, Native: nativeOfEverything()})
	var items []campaigns.LineItem
	deals := []string{"1", "12345", "dealid", "some-deal-id", "deal-1", "deal-2", "xch-wm-300x600-rgt", "ww"}
	for i := range creatives {
		li := cpm(money.CPM(90_000_000+10_000*i), campaigns.Targeting{})
		li.CreativeIDs = []campaigns.ID{campaigns.ID(100 + i)}
		items = append(items, li)
		li.Targeting.Deals = deals
		items = append(items, li)
	}
	return newHouse(t, newCatalog(items, creatives), func(c *Config, d *Deps) {
		c.MaxTries = 64
		for i := range d.Exchanges {
			d.Exchanges[i].MaxAnswerBytes = 0 // several VAST documents are one answer
			d.Exchanges[i].Seat = seat
		}
	})
}

// broadHouses are broad houses by seat: many requests of the corpus let one alone
// bid.
type broadHouses map[string]*house

// bid sends a request to the house of the first seat that it allows.
func (all broadHouses) bid(t testing.TB, body []byte) *fasthttp.Response {
	t.Helper()
	var r struct{ WSeat []string }
	seat := "bh1"
	if json.Unmarshal(body, &r) == nil && len(r.WSeat) > 0 {
		seat = r.WSeat[0]
	}
	if all[seat] == nil {
		all[seat] = broadHouse(t, seat)
	}
	return all[seat].bid(string(body))
}

// noBids adds up the reasons; a panic fails t.
func (all broadHouses) noBids(t testing.TB) map[string]uint64 {
	t.Helper()
	sum := map[string]uint64{}
	for _, h := range all {
		if n := h.metrics.panics.Load(); n != 0 {
			t.Errorf("%d requests panicked", n)
		}
		for reason, n := range h.metrics.Totals().NoBids {
			sum[fmt.Sprint(reason)] += uint64(n)
		}
	}
	return sum
}

func film(seconds int) *campaigns.VAST {
	v := &campaigns.VAST{Duration: seconds}
	for _, mime := range []string{"video/mp4", "video/webm", "video/3gpp", "video/quicktime", "video/x-flv", "video/ogg"} {
		v.MediaFiles = append(v.MediaFiles, campaigns.MediaFile{URL: "https://cdn.example/film", MIME: mime, W: 640, H: 360, Bitrate: 700})
	}
	return v
}

func spot(seconds int) *campaigns.VAST {
	v := &campaigns.VAST{Duration: seconds}
	for _, mime := range []string{"audio/mpeg", "audio/mp4", "audio/mp3", "audio/aac"} {
		v.MediaFiles = append(v.MediaFiles, campaigns.MediaFile{URL: "https://cdn.example/spot", MIME: mime, Bitrate: 128})
	}
	return v
}

func nativeOfEverything() *campaigns.NativeAd {
	n := &campaigns.NativeAd{Title: "Shoes", Icon: &campaigns.NativeImage{URL: "https://cdn.example/i.png", W: 80, H: 80}, Video: film(15)}
	for _, size := range [][2]int{{1200, 627}, {600, 600}, {300, 250}, {180, 120}, {492, 328}, {1000, 1000}, {3000, 3000}} {
		n.Main = append(n.Main, campaigns.NativeImage{URL: "https://cdn.example/m.jpg", W: size[0], H: size[1]})
	}
	for kind := 1; kind <= 12; kind++ {
		n.Data = append(n.Data, campaigns.NativeData{Type: kind, Value: fmt.Sprint(kind)})
	}
	return n
}

// checkAnswer holds an answer against its request, as strict decoders read both,
// and counts its bids by medium.
func checkAnswer(t *testing.T, request, answer []byte) (bids [mediumCount]int) {
	t.Helper()
	var resp openrtb2.BidResponse
	if err := json.Unmarshal(answer, &resp); err != nil {
		t.Fatalf("the answer does not decode: %v", err)
	}
	var req openrtb2.BidRequest
	readable := json.Unmarshal(request, &req) == nil // the 12 that strict decoders refuse are not
	if readable && resp.ID != req.ID {
		t.Errorf("id: got %q; want %q", resp.ID, req.ID)
	}
	imps := map[string]*openrtb2.Imp{}
	for i := range req.Imp {
		imps[req.Imp[i].ID] = &req.Imp[i]
	}
	for _, sb := range resp.SeatBid {
		for i := range sb.Bid {
			b := &sb.Bid[i]
			m := medium(b.MType) - 1
			if m >= mediumCount {
				t.Fatalf("mtype: got %d; want 1 to 4", b.MType)
			}
			bids[m]++
			if b.ID == "" || b.AdM == "" || b.NURL == "" || b.LURL == "" || len(b.ADomain) == 0 || b.CrID == "" || b.CID == "" {
				t.Errorf("bid %s of creative %s: something is missing", b.ID, b.CrID)
			}
			if vast := m == mediumVideo || m == mediumAudio; (b.BURL == "") != vast {
				t.Errorf("a %v bid with burl %q; VAST bills by its impression, others by burl", m, b.BURL)
			}
			checkMarkup(t, m, b)
			if !readable {
				continue
			}
			if (b.Exp > 0) == (req.Test == 1) {
				t.Errorf("exp: got %d, of a request with test %d; want how long the reserved money waits", b.Exp, req.Test)
			}
			imp := imps[b.ImpID]
			if imp == nil {
				t.Fatalf("bid on %q, which is no impression of the request", b.ImpID)
			}
			checkBid(t, m, &req, imp, b, resp.Cur)
		}
	}
	return bids
}

// checkMarkup reads adm as its renderer would.
func checkMarkup(t *testing.T, m medium, b *openrtb2.Bid) {
	t.Helper()
	switch m {
	case mediumBanner:
		if !strings.HasPrefix(b.AdM, "<a href=") || !strings.Contains(b.AdM, "/t/click/") || !strings.Contains(b.AdM, "/t/imp/") {
			t.Errorf("banner: %.300s", b.AdM)
		}
	case mediumNative:
		var ad struct {
			Assets []struct{ ID *int }
			Link   struct{ URL string }
		}
		if err := json.Unmarshal([]byte(b.AdM), &ad); err == nil && ad.Link.URL == "" {
			var root struct{ Native json.RawMessage }
			if err = json.Unmarshal([]byte(b.AdM), &root); err == nil {
				err = json.Unmarshal(root.Native, &ad)
			}
			if err != nil {
				t.Errorf("native: %v\n%.300s", err, b.AdM)
			}
		}
		if ad.Link.URL == "" || slices.ContainsFunc(ad.Assets, func(a struct{ ID *int }) bool { return a.ID == nil }) {
			t.Errorf("native: want a link and assets with ids: %.300s", b.AdM)
		}
	default:
		checkVAST(t, b)
	}
}

// checkVAST reads a whole document and holds its length against the bid's.
func checkVAST(t *testing.T, b *openrtb2.Bid) {
	t.Helper()
	in := xml.NewDecoder(strings.NewReader(b.AdM))
	for {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("VAST: %v\n%.300s", err, b.AdM)
		}
	}
	type creatives struct {
		Duration string `xml:"Creatives>Creative>Linear>Duration"`
	}
	var doc struct {
		XMLName xml.Name `xml:"VAST"`
		Version string   `xml:"version,attr"`
		InLine  *creatives
		Ad      struct {
			InLine  *creatives
			Wrapper *struct{ VASTAdTagURI string }
		}
	}
	if err := xml.Unmarshal([]byte(b.AdM), &doc); err != nil {
		t.Fatalf("VAST: %v\n%.300s", err, b.AdM)
	}
	inline := map[adcom1.MediaCreativeSubtype]string{2: "2.0", 3: "3.0", 7: "4.0", 11: "4.1", 13: "4.2"}
	wrapped := map[adcom1.MediaCreativeSubtype]string{5: "2.0", 6: "3.0", 8: "4.0", 12: "4.1", 14: "4.2"}
	switch {
	case doc.Ad.InLine != nil && inline[b.Protocol] == doc.Version:
		want := time.Time{}.Add(time.Duration(b.Dur) * time.Second).Format("15:04:05")
		if doc.Ad.InLine.Duration != want {
			t.Errorf("VAST: got a duration of %q; the bid says %s", doc.Ad.InLine.Duration, want)
		}
	case doc.Ad.Wrapper != nil && doc.Ad.Wrapper.VASTAdTagURI != "" && wrapped[b.Protocol] == doc.Version:
	default:
		t.Errorf("VAST %s is not protocol %d:\n%.300s", doc.Version, b.Protocol, b.AdM)
	}
}

// checkBid holds a bid against its impression.
func checkBid(t *testing.T, m medium, req *openrtb2.BidRequest, imp *openrtb2.Imp, b *openrtb2.Bid, cur string) {
	t.Helper()
	offered := [...]bool{imp.Banner != nil, imp.Video != nil, imp.Audio != nil, imp.Native != nil}
	if !offered[m] {
		t.Fatalf("a %v bid on %q, which offers none", m, b.ImpID)
	}
	floor, in := imp.BidFloor, imp.BidFloorCur
	switch m {
	case mediumBanner:
		if !fits(imp.Banner, b.W, b.H) {
			t.Errorf("size %dx%d is not asked for", b.W, b.H)
		}
	case mediumVideo:
		v := imp.Video
		checkStream(t, b, v.MinDuration, v.MaxDuration, v.MaxExtended, v.PodDur, v.RqdDurs, append(v.Protocols, v.Protocol))
		floor = durationFloor(b, floor, v.MinCPMPerSec, v.DurFloors)
	case mediumAudio:
		a := imp.Audio
		checkStream(t, b, a.MinDuration, a.MaxDuration, a.MaxExtended, a.PodDur, a.RqdDurs, a.Protocols)
		floor = durationFloor(b, floor, a.MinCPMPerSec, a.DurFloors)
	}
	if b.DealID != "" {
		at := slices.IndexFunc(imp.PMP.Deals, func(d openrtb2.Deal) bool { return d.ID == b.DealID })
		if at < 0 {
			t.Fatalf("deal %q is not of the request", b.DealID)
		}
		d := imp.PMP.Deals[at]
		floor, in = durationFloor(b, d.BidFloor, d.MinCPMPerSec, d.DurFloors), d.BidFloorCur
	} else if imp.PMP != nil && imp.PMP.PrivateAuction == 1 {
		t.Error("a bid without a deal in a private auction")
	}
	if (in == "" && cur == "USD" || in == cur) && b.Price < floor {
		t.Errorf("price %v is below the floor %v", b.Price, floor)
	}
	if len(req.Cur) > 0 && !slices.Contains(req.Cur, cur) {
		t.Errorf("cur: got %q; want one of %v", cur, req.Cur)
	}
	for _, blocked := range req.BAdv {
		if strings.EqualFold(blocked, b.ADomain[0]) {
			t.Errorf("advertiser %q is blocked", blocked)
		}
	}
}

func checkStream(t *testing.T, b *openrtb2.Bid, least, most, extended, pod int64, exact []int64, protocols []adcom1.MediaCreativeSubtype) {
	t.Helper()
	switch {
	case len(exact) > 0:
		if !slices.Contains(exact, b.Dur) {
			t.Errorf("dur: got %d; want one of %v", b.Dur, exact)
		}
	case b.Dur < least || most > 0 && extended >= 0 && b.Dur > most+extended:
		t.Errorf("dur: got %d; want %d to %d", b.Dur, least, most)
	}
	if pod > 0 && b.Dur > pod {
		t.Errorf("dur: got %d; want at most the pod's %d", b.Dur, pod)
	}
	said := slices.ContainsFunc(protocols, func(p adcom1.MediaCreativeSubtype) bool { return p != 0 })
	if said && !slices.Contains(protocols, b.Protocol) {
		t.Errorf("protocol: got %d; want one of %v", b.Protocol, protocols)
	}
}

// durationFloor is the floor of an ad as long as b.
func durationFloor(b *openrtb2.Bid, plain, perSecond float64, floors []openrtb2.DurFloors) float64 {
	for _, f := range floors {
		if b.Dur >= int64(f.MinDur) && (f.MaxDur == 0 || b.Dur <= int64(f.MaxDur)) {
			return f.BidFloor
		}
	}
	if perSecond > 0 {
		return perSecond * float64(b.Dur)
	}
	return plain
}

func fits(b *openrtb2.Banner, w, h int64) bool {
	for _, f := range b.Format {
		if f.W == w && f.H == h || f.WRatio > 0 && f.HRatio > 0 && w*f.HRatio == h*f.WRatio && w >= f.WMin {
			return true
		}
	}
	return len(b.Format) == 0 && b.W != nil && b.H != nil && *b.W == w && *b.H == h
}
