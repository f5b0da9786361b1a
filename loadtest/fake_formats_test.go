package loadtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

type obj = map[string]any

// mixedBids is what a careful bidder answers: one bid for each imp, two for a
// dynamic pod, with markup for what the imp offers. It reads the request by
// itself: the exchange's facts are under test.
func (d *fakeDSP) mixedBids(req obj) (bids []any) {
	used := map[string]bool{} // advertiser in pod
	for _, v := range req["imp"].([]any) {
		i := v.(obj)
		n := 1
		s := streamOf(i)
		if s != nil && s["poddur"] != nil && s["maxseq"].(float64) > 1 {
			n = 2
		}
		for range n {
			d.mu.Lock()
			d.bidNo++
			no := d.bidNo
			d.mu.Unlock()
			b := obj{
				"id": fmt.Sprintf("%032x", no), "impid": i["id"], "price": json.Number(d.price), "cid": "7", "crid": fmt.Sprint("c", no),
				"adomain": []string{fmt.Sprintf("shop-%d.example", no)},
			}
			for kind, query := range map[string]string{"nurl": "win", "burl": "bill", "lurl": "loss"} {
				b[kind] = d.url(query, b) + "&l=${AUCTION_LOSS}"
			}
			if !takeDeal(b, i) {
				continue
			}
			if s != nil && s["podid"] != nil {
				key := fmt.Sprint(s["podid"], b["adomain"])
				if used[key] {
					continue
				}
				used[key] = true
			}
			d.markup(b, i)
			bids = append(bids, b)
		}
	}
	return bids
}

func (d *fakeDSP) url(kind string, b obj) string {
	return "http://" + d.addr + "/t/" + kind + "/" + b["id"].(string) + "?p=${AUCTION_PRICE}&x=${AUCTION_MULTIPLIER}&cur=${AUCTION_CURRENCY}"
}

// takeDeal takes the first deal of a private auction, at its price where that
// is fixed; false where its currency is another.
func takeDeal(b, i obj) bool {
	market, ok := i["pmp"].(obj)
	if !ok || market["private_auction"] != 1.0 {
		return true
	}
	deal := market["deals"].([]any)[0].(obj)
	b["dealid"] = deal["id"]
	if deal["at"] == 3.0 {
		b["price"] = deal["bidfloor"]
	}
	if w, ok := deal["wadomain"].([]any); ok {
		b["adomain"] = []any{w[0]}
	}
	return deal["bidfloorcur"] == "USD"
}

func streamOf(i obj) obj {
	for _, kind := range []string{"video", "audio"} {
		if s, ok := i[kind].(obj); ok {
			return s
		}
	}
	return nil
}

func (d *fakeDSP) markup(b, i obj) {
	banner, isBanner := i["banner"].(obj)
	offer, isNative := i["native"].(obj)
	switch _, isVideo := i["video"]; {
	case isVideo:
		b["mtype"] = 2
		d.stream(b, i["video"].(obj), ` width="640" height="360" bitrate="1000"`)
	case i["audio"] != nil:
		b["mtype"] = 3
		d.stream(b, i["audio"].(obj), ` bitrate="128"`)
	case isBanner:
		b["mtype"] = 1
		b["w"], b["h"] = banner["w"], banner["h"]
		if f, ok := banner["format"].([]any); ok {
			b["w"], b["h"] = f[0].(obj)["w"], f[0].(obj)["h"]
		}
		b["adm"] = `<a href="` + strings.ReplaceAll(d.url("click", b), "&", "&amp;") + `"><img src="https://cdn.example/ad.jpg"></a><img src="` + d.url("imp", b) + `">`
	case isNative:
		b["mtype"] = 4
		d.nativeAd(b, offer)
	}
}

var vastVersions = map[float64]string{2: "2.0", 3: "3.0", 7: "4.0", 11: "4.1", 13: "4.2"}

func (d *fakeDSP) stream(b, s obj, media string) {
	seconds := 10.0
	if low, ok := s["minduration"].(float64); ok {
		seconds = max(seconds, low)
	}
	if exact, ok := s["rqddurs"].([]any); ok {
		seconds = exact[0].(float64)
	}
	b["dur"] = seconds
	d.mu.Lock()
	d.streams[b["id"].(string)] = true
	d.mu.Unlock()
	b["adm"] = d.vast(b, vastVersions[s["protocols"].([]any)[0].(float64)], s["mimes"].([]any)[0].(string), media, int(seconds))
}

func (d *fakeDSP) vast(b obj, version, mime, media string, seconds int) string {
	cdata := func(kind string) string { return "<![CDATA[" + d.url(kind, b) + "]]>" }
	var events strings.Builder
	for _, e := range quartiles {
		events.WriteString(`<Tracking event="` + e + `">` + cdata("ev-"+e) + `</Tracking>`)
	}
	return `<VAST version="` + version + `"><Ad id="1"><InLine><AdSystem>fake</AdSystem><AdTitle>Ad</AdTitle>` +
		`<Impression><![CDATA[https://third.example/i]]></Impression><Impression>` + cdata("imp") + `</Impression>` +
		`<Error><![CDATA[` + d.url("error", b) + `&c=[ERRORCODE]]]></Error><AdServingId>` + b["id"].(string) + `</AdServingId><Creatives><Creative><UniversalAdId>u</UniversalAdId><Linear>` +
		fmt.Sprintf(`<Duration>00:%02d:%02d</Duration>`, seconds/60, seconds%60) +
		`<TrackingEvents>` + events.String() + `</TrackingEvents><VideoClicks><ClickThrough>` + cdata("click") + `</ClickThrough>` +
		`<ClickTracking>` + cdata("beside") + `</ClickTracking></VideoClicks>` +
		`<MediaFiles><MediaFile delivery="progressive" type="` + mime + `"` + media + `>https://cdn.example/ad</MediaFile></MediaFiles>` +
		`</Linear></Creative></Creatives></InLine></Ad></VAST>`
}

func (d *fakeDSP) nativeAd(b, offer obj) {
	root, ok := offer["request"].(obj)
	if text, isText := offer["request"].(string); isText {
		ok = json.Unmarshal([]byte(text), &root) == nil
	}
	inner, wrapped := root["native"].(obj)
	if wrapped {
		root = inner
	}
	if !ok {
		panic("a native request that cannot be read")
	}
	ad := obj{"link": obj{"url": d.url("click", b), "clicktrackers": []string{d.url("beside", b)}}, "imptrackers": []string{d.url("imp", b)}}
	var assets []any
	for _, v := range root["assets"].([]any) {
		a := v.(obj)
		if filled := d.asset(b, a); filled != nil {
			filled["id"] = a["id"]
			assets = append(assets, filled)
		}
	}
	ad["assets"] = assets
	if text, _ := json.Marshal(root["eventtrackers"]); strings.Contains(string(text), `"event":2`) {
		ad["eventtrackers"] = []any{obj{"event": 2, "method": 1, "url": d.url("seen", b)}}
	}
	var answer any = ad
	if wrapped {
		answer = obj{"native": ad}
	}
	text, _ := json.Marshal(answer)
	b["adm"] = string(text)
}

func (d *fakeDSP) asset(b, a obj) obj {
	if img, ok := a["img"].(obj); ok {
		sized := obj{"url": "https://cdn.example/i.png", "w": img["w"], "h": img["h"]}
		if img["w"] == nil {
			sized["w"], sized["h"] = 1200, 800
		}
		return obj{"img": sized}
	}
	if data, ok := a["data"].(obj); ok {
		if slices.Contains([]any{3.0, 6.0}, data["type"]) {
			return nil // no rating, no price
		}
		return obj{"data": obj{"value": "Short text"}}
	}
	if a["video"] != nil {
		return obj{"video": obj{"vasttag": d.vast(b, "3.0", "video/mp4", ` width="640" height="360"`, 15)}}
	}
	return obj{"title": obj{"text": "A title"}}
}
