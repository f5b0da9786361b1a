package loadtest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// ruleCase is one rule: what keeps it and what breaks it, on one request.
type ruleCase struct {
	rule      Rule
	request   string
	bids      []*bid // of the answer before the change
	keep, bad func(a *answer)
}

const bannerRequest = `{"id":"r","bapp":["com.bad"],"bcat":["IAB25"],"badv":["bad.example"],"wseat":["s1","s2"],"wlang":["en"],"cur":["USD"],"imp":[
	{"id":"1","secure":1,"bidfloor":1.5,"banner":{"w":300,"h":250,"api":[5],"btype":[4],"battr":[8],"expdir":[2],"mimes":["image/jpg","text/html"],
	 "format":[{"wratio":6,"hratio":5,"wmin":300}]},
	 "pmp":{"deals":[{"id":"d","bidfloor":2,"wseat":["s1"],"wadomain":["a.example"]},{"id":"fixed","at":3,"bidfloor":"2.00005"},{"id":"euro","at":3,"bidfloor":9,"bidfloorcur":"EUR"}]}},
	{"id":"2","bidfloor":3,"bidfloorcur":"EUR","banner":{"w":300,"h":250}},
	{"id":"3","bidfloor":1,"banner":{"w":300,"h":250},"pmp":{"private_auction":1,"deals":[{"id":"d3"}]}}]}`

const videoRequest = `{"id":"r","imp":[
	{"id":"1","secure":1,"bidfloor":1,"video":{"mimes":["video/mp4"],"protocols":[3,6,7],"minduration":5,"maxduration":20,"linearity":1,
	 "skip":0,"delivery":[2],"minbitrate":500,"maxbitrate":2000,"battr":[9],"api":[7],"companionad":[{"w":300,"h":250}],"companiontype":[1]},
	 "pmp":{"deals":[{"id":"d","bidfloor":1,"durfloors":[{"mindur":10,"maxdur":15,"bidfloor":4},{"mindur":16,"bidfloor":9}]}]}},
	{"id":"2","bidfloor":1,"video":{"mimes":["video/mp4"],"rqddurs":[15,30],"durfloors":[{"maxdur":15,"bidfloor":4}]}},
	{"id":"3","bidfloor":1,"video":{"mimes":["video/mp4"],"maxduration":10,"maxextended":5}},
	{"id":"4","bidfloor":1,"audio":{"mimes":["audio/mpeg"],"protocols":[3],"maxduration":30,"battr":[9]}}]}`

const podRequest = `{"id":"r","imp":[
	{"id":"1","bidfloor":1,"video":{"mimes":["video/mp4"],"podid":"p","slotinpod":1,"maxduration":30}},
	{"id":"2","bidfloor":1,"video":{"mimes":["video/mp4"],"podid":"p","maxduration":30}},
	{"id":"3","bidfloor":1,"video":{"mimes":["video/mp4"],"podid":"p","poddur":45,"maxseq":3,"mincpmpersec":0.1,"maxduration":30}},
	{"id":"4","bidfloor":1,"video":{"mimes":["video/mp4"],"podid":"other","maxduration":30}},
	{"id":"5","bidfloor":1,"video":{"mimes":["video/mp4"],"poddur":90,"maxseq":2}}]}`

const nativeText = `{\"ver\":\"1.2\",\"assets\":[{\"id\":1,\"required\":1,\"title\":{\"len\":10}},
	{\"id\":2,\"required\":1,\"img\":{\"type\":3,\"w\":1200,\"hmin\":600,\"mimes\":[\"image/png\"]}},
	{\"id\":3,\"data\":{\"type\":2,\"len\":12}},{\"id\":4,\"video\":{\"mimes\":[\"video/mp4\"],\"protocols\":[3],\"maxduration\":20}}],
	\"eventtrackers\":[{\"event\":1,\"methods\":[1]},{\"event\":2,\"methods\":[1]}]}`

var nativeRequest12 = `{"id":"r","imp":[{"id":"1","secure":1,"bidfloor":1,"native":{"battr":[9],"request":"` +
	strings.ReplaceAll(strings.ReplaceAll(nativeText, "\n", ""), "\t", "") + `"}}]}`

const nativeRequest10 = `{"id":"r","imp":[{"id":"1","native":{"request":{"native":{"ver":"1.0","assets":[{"id":1,"required":1,"title":{"len":99}}]}}}}]}`

const nativeRequest10Bare = `{"id":"r","imp":[{"id":"1","native":{"request":"{\"ver\":\"1.0\",\"assets\":[{\"id\":1,\"title\":{\"len\":99}}]}"}}]}`

// Its version stands outside the markup request: either root is understood.
const nativeRequest10Outside = `{"id":"r","imp":[{"id":"1","native":{"ver":"1.0","request":{"assets":[{"id":1,"required":1,"title":{"len":99}}]}}}]}`

const nativeRequest11 = `{"id":"r","imp":[{"id":"1","native":{"request":{"native":{"ver":"1.1","assets":[{"id":1,"required":1,"title":{"len":99}}]}}}}]}`

func price25() json.RawMessage { return json.RawMessage("2.5") }

func bannerBid() *bid {
	return &bid{
		ID: "b", ImpID: "1", Price: price25(), W: 600, H: 500, AdM: `<svg xmlns="http://www.w3.org/2000/svg"/><img src="https://c.example/a.jpg?x=.gif">`,
		CID: "1", CRID: "1", BURL: "http://127.0.0.1:1/", ADomain: []string{"a.example"}, Cat: []string{"IAB1-2"}, Language: "EN", APIs: []int{3, 5},
	}
}

const vastText = `<?xml version="1.0"?><!-- made by hand --><VAST version="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Ad id="1"><InLine><AdSystem>x</AdSystem><AdTitle>t</AdTitle>
	<Error><![CDATA[https://h/e?c=[ERRORCODE]]]></Error><Impression> <![CDATA[https://h/i]]> </Impression><Creatives><Creative><Linear><Duration>00:00:15.040</Duration>
	<TrackingEvents><Tracking event="start">https://h/0</Tracking><Tracking event="firstQuartile">https://h/1</Tracking><Tracking event="midpoint">https://h/2</Tracking>
	<Tracking event="thirdQuartile">https://h/3</Tracking><Tracking event="complete">https://h/4</Tracking></TrackingEvents>
	<VideoClicks><ClickThrough>https://h/t/click/1</ClickThrough></VideoClicks>
	<MediaFiles><MediaFile delivery="progressive" type="video/mp4" width="640" height="360" bitrate="900">https://c/v.mp4</MediaFile>
	<MediaFile delivery="progressive" type="video/webm" width="640" height="360" bitrate="9000">https://c/v.webm</MediaFile></MediaFiles></Linear></Creative>
	<Creative><CompanionAds><Companion width="300" height="250"><StaticResource creativeType="image/png">https://c/c.png</StaticResource></Companion></CompanionAds></Creative></Creatives></InLine></Ad></VAST>`

const wrapperText = `<VAST version="3.0"><Ad><Wrapper><AdSystem>x</AdSystem><VASTAdTagURI>https://third.example/v</VASTAdTagURI><Error>https://h/e</Error><Impression>https://h/i</Impression>
	<Creatives><Creative><Linear><TrackingEvents><Tracking event="start">https://h/0</Tracking><Tracking event="firstQuartile">https://h/1</Tracking><Tracking event="midpoint">https://h/2</Tracking>
	<Tracking event="thirdQuartile">https://h/3</Tracking><Tracking event="complete">https://h/4</Tracking></TrackingEvents></Linear></Creative></Creatives></Wrapper></Ad></VAST>`

func videoBid() *bid {
	return &bid{
		ID: "b", ImpID: "1", Price: json.RawMessage("5"), AdM: vastText, CID: "1", CRID: "1", MType: 2, Dur: 15, Protocol: 3,
		BURL: "https://h/b", ADomain: []string{"a.example"}, Cat: []string{"IAB1"},
	}
}

func audioBid() *bid {
	b := videoBid()
	b.ImpID, b.MType = "4", 3
	b.AdM = strings.ReplaceAll(strings.ReplaceAll(vastText, "video/mp4", "audio/mpeg"), ` width="640" height="360"`, "")
	return b
}

func podBid(imp, crid, domain, cat string) *bid {
	b := videoBid()
	b.ID, b.ImpID, b.CRID, b.ADomain, b.Cat = imp+crid, imp, crid, []string{domain}, []string{cat}
	return b
}

const nativeText12 = `{"ver":"1.2","link":{"url":"https:\/\/h\/t\/click\/1"},"assets":[{"id":1,"title":{"text":"Ten letter"}},
	{"id":2,"img":{"url":"https://c/i.png","w":1200,"h":627}},{"id":3,"data":{"value":"twelve chars"}}],
	"imptrackers":["https://h/i"],"eventtrackers":[{"event":1,"method":1,"url":"https://h/i"},{"event":2,"method":1,"url":"https://h/v"}]}`

func nativeBid() *bid {
	return &bid{ID: "b", ImpID: "1", Price: price25(), AdM: nativeText12, CID: "1", CRID: "1", MType: 4, BURL: "https://h/b"}
}

// each applies a change to the only bid.
func each(change func(b *bid)) func(a *answer) {
	return func(a *answer) { change(&a.SeatBid[0].Bid[0]) }
}

// adm replaces text in the only bid's markup, pair by pair.
func adm(pairs ...string) func(a *answer) {
	return each(func(b *bid) {
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(b.AdM, pairs[i]) {
				panic("the markup has no " + pairs[i])
			}
			b.AdM = strings.Replace(b.AdM, pairs[i], pairs[i+1], 1)
		}
	})
}

func both(changes ...func(a *answer)) func(a *answer) {
	return func(a *answer) {
		for _, c := range changes {
			c(a)
		}
	}
}

func asIs(*answer) {}

func priced(p string) func(a *answer) {
	return each(func(b *bid) { b.Price = json.RawMessage(p) })
}

func forDeal(id, p string) func(a *answer) {
	return both(priced(p), each(func(b *bid) { b.DealID = id }))
}

func to(imp string) func(a *answer) { return each(func(b *bid) { b.ImpID = imp }) }

func bannerCases() []ruleCase {
	f := func(rule Rule, keep, bad func(a *answer)) ruleCase {
		return ruleCase{rule, bannerRequest, []*bid{bannerBid()}, keep, bad}
	}
	seat := func(s string) func(a *answer) { return func(a *answer) { a.SeatBid[0].Seat = s } }
	return []ruleCase{
		f(RuleID, asIs, func(a *answer) { a.ID = "q" }),
		f(RuleCurrency, asIs, func(a *answer) { a.Cur = "EUR" }),
		f(RuleEmptySeat, func(a *answer) { a.SeatBid = nil }, func(a *answer) { a.SeatBid[0].Bid = nil }),
		f(RuleSeat, seat("s2"), seat("s3")),
		f(RuleSeat, forDeal("d", "2"), both(forDeal("d", "2"), seat("s2"))),
		f(RuleBidID, asIs, each(func(b *bid) { b.ID = "" })),
		f(RuleImpID, asIs, to("9")),
		f(RulePrice, priced("15e-1"), priced(`"2.5"`)),
		f(RulePrice, priced("1.5"), priced("0")),
		f(RuleMarkup, asIs, each(func(b *bid) { b.AdM = " " })),
		f(RuleMedium, each(func(b *bid) { b.MType = 1 }), each(func(b *bid) { b.MType = 2 })),
		f(RuleMedium, asIs, each(func(b *bid) { b.AdM = vastText })),
		f(RuleMedium, asIs, each(func(b *bid) { b.AdM = nativeText12 })),
		f(RuleMType, asIs, each(func(b *bid) { b.MType, b.AdM = 1, vastText })),
		f(RuleDecimals, priced("2.50000"), priced("2.50001")),
		f(RuleDecimals, asIs, priced("25e-1001")),
		f(RuleDeal, forDeal("d", "2"), forDeal("e", "2")),
		f(RuleDeal, both(to("3"), each(func(b *bid) { b.W, b.H, b.APIs, b.DealID = 300, 250, nil, "d3" })), both(to("3"), each(func(b *bid) { b.W, b.H, b.APIs = 300, 250, nil }))),
		f(RuleDealFloor, forDeal("d", "2"), forDeal("d", "1.9999")),
		f(RuleDealPrice, forDeal("fixed", "2.0001"), forDeal("fixed", "2.0002")),
		f(RuleDealPrice, forDeal("euro", "0.5"), forDeal("fixed", "3")), // another currency: not judged
		f(RuleFloor, priced("1.5"), priced("1.4999")),
		f(RuleFloor, both(to("2"), priced("0.1"), each(func(b *bid) { b.W, b.H, b.APIs = 300, 250, nil })), priced("1")),
		f(RuleMacro, each(func(b *bid) { b.BURL += "?p=${AUCTION_PRICE:B64}" }), each(func(b *bid) { b.BURL += "?p=${AUCTION_PRIZE}" })),
		f(RuleMacro, adm("<img", "${x.y}<img"), adm("<img", "${CLICK_URL}<img")),
		f(RuleCreative, asIs, each(func(b *bid) { b.CID = "" })),
		f(RuleCreative, asIs, each(func(b *bid) { b.CRID = "" })),
		f(RuleNoticeMissing, asIs, each(func(b *bid) { b.BURL = "" })),
		f(RuleSecure, asIs, each(func(b *bid) { b.BURL = "http://127.0.0.1.evil.example/" })),
		f(RuleSecure, adm("<svg", `<i data-x="https://c/">a="http</i><svg`), adm("https://c.example", "http://c.example")),
		f(RuleADomain, forDeal("d", "2"), both(forDeal("d", "2"), each(func(b *bid) { b.ADomain = []string{"b.example"} }))),
		f(RuleADomain, asIs, each(func(b *bid) { b.ADomain = nil })),
		f(RuleBAdv, each(func(b *bid) { b.ADomain = []string{"notbad.example"} }), each(func(b *bid) { b.ADomain = []string{"www.BAD.example"} })),
		f(RuleBApp, each(func(b *bid) { b.Bundle = "com.good" }), each(func(b *bid) { b.Bundle = "com.bad" })),
		f(RuleCategory, each(func(b *bid) { b.Cat = []string{"IAB2"} }), each(func(b *bid) { b.Cat = []string{"IAB25-3"} })),
		f(RuleCategory, each(func(b *bid) { b.Cat, b.CatTax = []string{"IAB25"}, 6 }), each(func(b *bid) { b.Cat, b.CatTax = []string{"IAB25"}, 1 })),
		f(RuleAttribute, each(func(b *bid) { b.Attr = []int{7} }), each(func(b *bid) { b.Attr = []int{7, 8} })),
		f(RuleLanguage, each(func(b *bid) { b.Language = "" }), each(func(b *bid) { b.Language = "fr" })),
		f(RuleAPI, each(func(b *bid) { b.APIs = nil }), each(func(b *bid) { b.APIs = []int{3, 6} })),
		f(RuleAPI, adm("<img", `<script src="mraid.js"></script><img`), both(to("2"), each(func(b *bid) { b.W, b.H, b.APIs, b.API = 300, 250, nil, 5 }))),
		f(RuleSize, asIs, each(func(b *bid) { b.W = 300 })),
		f(RuleSize, asIs, each(func(b *bid) { b.W, b.H = 240, 200 })),
		f(RuleBannerType, adm("<img", `<b><img`), adm("<img", `<iframe src="https://c"></iframe><img`)),
		f(RuleExpandsWhere, each(func(b *bid) { b.Attr = []int{4} }), adm("<img", `<b onclick="mraid.expand()"></b><img`)),
		f(RuleMIME, asIs, adm("a.jpg", "a.PNG")),
		f(RuleTwice, func(a *answer) { // one of them for a deal
			second := *bannerBid()
			second.ID, second.DealID = "c", "d"
			a.SeatBid[0].Bid = append(a.SeatBid[0].Bid, second)
		}, func(a *answer) {
			second := *bannerBid()
			second.ID = "c"
			a.SeatBid[0].Bid = append(a.SeatBid[0].Bid, second)
		}),
	}
}

func videoCases() []ruleCase {
	f := func(rule Rule, keep, bad func(a *answer)) ruleCase {
		return ruleCase{rule, videoRequest, []*bid{videoBid()}, keep, bad}
	}
	wrapper := each(func(b *bid) { b.AdM, b.Protocol = wrapperText, 0 })
	lasts := func(text string, seconds int) func(a *answer) {
		return both(adm("00:00:15.040", text), each(func(b *bid) { b.Dur = seconds }))
	}
	named := adm("<Creative>", "<Creative><UniversalAdId>u</UniversalAdId>", "</Creative>\n\t<Creative>", "</Creative><Creative><UniversalAdId>u</UniversalAdId>")
	vast42 := both(named, adm(`"3.0"`, `"4.2" xmlns="http://www.iab.com/VAST"`, "<AdTitle>", "<AdServingId>i</AdServingId><AdTitle>"), each(func(b *bid) { b.Protocol = 13 }))
	nonLinear := func(a *answer) {
		b := &a.SeatBid[0].Bid[0]
		from, end := strings.Index(b.AdM, "<Linear>"), strings.Index(b.AdM, "</Linear>")
		b.AdM, b.Dur = b.AdM[:from]+"<NonLinearAds/>"+b.AdM[end+len("</Linear>"):], 0
	}
	return []ruleCase{
		f(RuleVAST, asIs, adm("</InLine>", "")),
		f(RuleVAST, asIs, adm("<VAST", "<vast", "</VAST>", "</vast>")),
		f(RuleVAST, adm("</VAST>", "</VAST> <!-- end -->"), adm("</VAST>", "</VAST><VAST/>")),
		f(RuleVAST, asIs, adm("</Ad>", `</Ad><Ad id="2"></Ad>`)),
		f(RuleVAST, wrapper, both(wrapper, adm("https://third.example/v", " "))),
		f(RuleVAST, asIs, adm("<AdTitle>t", "<AdTitle>")),
		f(RuleVAST, asIs, adm("<AdSystem>x", "<AdSystem>")),
		f(RuleVAST, to("2"), both(to("2"), nonLinear, adm("<NonLinearAds/>", ""))),
		f(RuleVAST, both(to("2"), vast42), both(to("2"), vast42, adm("<AdServingId>i", "<AdServingId>"))),
		f(RuleVAST, both(to("2"), vast42), both(to("2"), vast42, adm("<UniversalAdId>u</UniversalAdId>", ""))),
		f(RuleProtocol, both(named, adm(`"3.0"`, `"4.0"`), each(func(b *bid) { b.Protocol = 7 })), vast42),
		f(RuleProtocol, wrapper, both(wrapper, adm(`"3.0"`, `"4.0"`))),
		f(RuleProtocol, asIs, each(func(b *bid) { b.Protocol = 7 })),
		f(RuleProtocol, to("2"), both(to("2"), adm(`"3.0"`, `"9"`))),
		f(RuleLinearity, both(to("2"), nonLinear), nonLinear),
		f(RuleDuration, lasts("00:00:20", 20), lasts("00:00:21", 21)),
		f(RuleDuration, lasts("00:00:05", 5), lasts("00:00:04", 4)),
		f(RuleDuration, each(func(b *bid) { b.Dur = 0 }), each(func(b *bid) { b.Dur = 16 })),
		f(RuleDuration, asIs, adm("00:00:15.040", "15")),
		f(RuleDuration, both(to("2"), lasts("00:00:30", 30)), both(to("2"), lasts("00:00:20", 20))),
		f(RuleDuration, both(to("3"), lasts("00:00:15", 15)), both(to("3"), lasts("00:00:16", 16))),
		f(RuleDuration, both(wrapper, each(func(b *bid) { b.Dur = 0 })), both(wrapper, each(func(b *bid) { b.Dur = 40 }))),
		f(RuleMediaFile, asIs, adm("<MediaFiles>", "<MediaFiles><!--", "</MediaFiles>", "--></MediaFiles>")),
		f(RuleMediaFile, asIs, adm(`width="640"`, `width="wide"`)),
		f(RuleMIME, asIs, adm("video/mp4", "video/ogg")),
		f(RuleDelivery, asIs, adm("progressive", "streaming", "https://c/v.mp4", "https://c/v.m3u8")),
		f(RuleBitrate, adm(` bitrate="900"`, ` minBitrate="500" maxBitrate="2000"`), adm(` bitrate="900"`, ` minBitrate="500" maxBitrate="2001"`)),
		f(RuleBitrate, adm(` bitrate="900"`, ""), adm(`"900"`, `"499"`)),
		f(RuleImpression, asIs, adm("<![CDATA[https://h/i]]>", "")),
		f(RuleErrorTracker, asIs, adm("<Error>", "<Mistake>", "</Error>", "</Mistake>")),
		f(RuleTracking, asIs, adm(`"midpoint"`, `"middle"`)),
		f(RuleTracking, wrapper, both(wrapper, adm(`https://h/4`, ` `))),
		f(RuleSkip, both(adm("<Linear>", `<Linear skipoffset="00:00:05">`), each(func(b *bid) { b.Attr = []int{16} })), adm("<Linear>", `<Linear skipoffset="00:00:05">`)),
		f(RuleCompanion, asIs, adm(`"300"`, `"320"`)),
		f(RuleCompanion, asIs, adm("<StaticResource ", "<HTMLResource ", "</StaticResource>", "</HTMLResource>")),
		f(RuleAPI, adm("<MediaFile ", `<MediaFile apiFramework="VPAID" `), adm("<MediaFile ", `<MediaFile apiFramework="VPAID" `, `type="video/webm"`, `apiFramework="vpaid" type="video/webm"`)),
		f(RuleAttribute, asIs, each(func(b *bid) { b.Attr = []int{9} })),
		f(RuleSecure, asIs, adm("https://c/v.mp4", "http://c/v.mp4")),
		f(RuleSecure, asIs, adm(`xmlns:xsi="`, `href="`)),
		f(RuleDealFloor, forDeal("d", "4"), forDeal("d", "3.9")),
		f(RuleDealFloor, forDeal("d", "9"), both(forDeal("d", "8"), lasts("00:00:16", 16))),
		f(RuleFloor, both(to("2"), priced("4")), both(to("2"), priced("3.9"))),
		f(RuleFloor, both(to("2"), priced("1"), lasts("00:00:30", 30)), both(to("2"), priced("0.9"), lasts("00:00:30", 30))),
		{RuleMIME, videoRequest, []*bid{audioBid()}, asIs, adm("audio/mpeg", "audio/ogg")},
		{RuleMedium, videoRequest, []*bid{audioBid()}, each(func(b *bid) { b.MType = 0 }), each(func(b *bid) { b.MType = 2 })},
		{RuleAttribute, videoRequest, []*bid{audioBid()}, asIs, each(func(b *bid) { b.Attr = []int{9} })},
		{RuleDuration, videoRequest, []*bid{audioBid()}, lasts("00:00:30", 30), lasts("00:00:31", 31)},
		{RuleTracking, videoRequest, []*bid{audioBid()}, asIs, adm(`"complete"`, `"over"`)},
	}
}

func podCases() []ruleCase {
	f := func(rule Rule, bids []*bid, bad func(a *answer)) ruleCase {
		return ruleCase{rule, podRequest, bids, asIs, bad}
	}
	last := func(change func(b *bid)) func(a *answer) {
		return func(a *answer) { change(&a.SeatBid[0].Bid[len(a.SeatBid[0].Bid)-1]) }
	}
	slots := func() []*bid {
		return []*bid{podBid("1", "1", "a.example", "IAB1"), podBid("2", "2", "b.example", "IAB2")}
	}
	shared := func() []*bid {
		return []*bid{podBid("3", "1", "a.example", "IAB1"), podBid("3", "2", "b.example", "IAB2"), podBid("3", "3", "c.example", "IAB3")}
	}
	another := func(a *answer) { a.SeatBid[0].Bid = append(a.SeatBid[0].Bid, *podBid("5", "3", "c.example", "IAB3")) }
	return []ruleCase{
		f(RulePodCount, []*bid{podBid("5", "1", "a.example", "IAB1"), podBid("5", "2", "b.example", "IAB2")}, another),
		f(RulePodDuration, shared(), last(func(b *bid) { b.AdM, b.Dur = strings.Replace(b.AdM, "00:00:15.040", "00:00:16", 1), 16 })),
		f(RulePodRepeat, slots(), last(func(b *bid) { b.CRID = "1" })),
		f(RulePodRepeat, shared(), last(func(b *bid) { b.CRID = "1" })),
		f(RulePodCompetitor, slots(), last(func(b *bid) { b.ADomain = []string{"www.a.example"} })),
		f(RulePodCompetitor, slots(), last(func(b *bid) { b.Cat = []string{"IAB1"} })),
		f(RulePodCompetitor, []*bid{podBid("1", "1", "a.example", "IAB1"), podBid("4", "1", "a.example", "IAB1")}, // in different pods
			last(func(b *bid) { b.ImpID, b.CRID, b.Cat = "2", "2", nil })),
		f(RuleSlotInPod, slots(), last(func(b *bid) { b.SlotInPod = 1 })),
		{RuleSlotInPod, podRequest, shared(), last(func(b *bid) { b.SlotInPod = -1 }), last(func(b *bid) { b.ImpID, b.SlotInPod = "2", -1 })},
		f(RuleDuration, shared(), last(func(b *bid) { b.Dur = 0 })),
		{RuleFloor, podRequest, shared(), last(func(b *bid) { b.Price = json.RawMessage("1.5") }), last(func(b *bid) { b.Price = json.RawMessage("1.4") })},
	}
}

func nativeCases() []ruleCase {
	f := func(rule Rule, keep, bad func(a *answer)) ruleCase {
		return ruleCase{rule, nativeRequest12, []*bid{nativeBid()}, keep, bad}
	}
	plain := each(func(b *bid) {
		b.AdM = `{"link":{"url":"x"},"assets":[{"id":1,"title":{"text":"t"}}],"jstracker":"<script></script>"}`
	})
	wrapped := both(plain, each(func(b *bid) { b.AdM = `{"native":` + b.AdM + `}` }))
	video := adm(`"assets":[`, `"assets":[{"id":4,"video":{"vasttag":`+asText(vastText)+`}},`)
	return []ruleCase{
		f(RuleNative, asIs, adm(`{"ver"`, `{{"ver"`)),
		f(RuleNative, asIs, each(func(b *bid) { b.AdM = `{"native":` + b.AdM + `}` })),
		{RuleNative, nativeRequest10, []*bid{nativeBid()}, wrapped, plain},
		{RuleNative, nativeRequest10Bare, []*bid{nativeBid()}, wrapped, plain},
		{RuleNativeRequired, nativeRequest10Outside, []*bid{nativeBid()}, plain, both(wrapped, adm(`"text":"t"`, `"text":""`))},
		{RuleNativeTracker, nativeRequest11, []*bid{nativeBid()}, plain, both(wrapped, adm("<script>", "x="))},
		f(RuleNativeAsset, asIs, adm(`"id":3`, `"id":33`)),
		f(RuleNativeAsset, asIs, adm(`"id":3`, `"id":1`)),
		f(RuleNativeAsset, asIs, adm(`"data":{"value"`, `"title":{"text"`)),
		f(RuleNativeRequired, adm(`,{"id":3,"data":{"value":"twelve chars"}}`, ""), adm(`{"id":1,"title":{"text":"Ten letter"}},`, "")),
		f(RuleNativeRequired, asIs, adm("https://c/i.png", "")),
		f(RuleNativeLength, adm("Ten letter", "Zehn Größe"), adm("Ten letter", "Ten letters")),
		f(RuleNativeLength, asIs, adm("twelve chars", "thirteen char")),
		f(RuleNativeImage, adm(`,"w":1200,"h":627`, ""), adm(`"w":1200`, `"w":1201`)),
		f(RuleNativeImage, adm("627", "600"), adm("627", "599")),
		f(RuleMIME, asIs, adm("i.png", "i.jpg")),
		f(RuleNativeTracker, asIs, adm(`"event":2,"method":1`, `"event":2,"method":2`)),
		f(RuleNativeTracker, asIs, adm(`"event":2`, `"event":3`)),
		f(RuleNativeTracker, asIs, adm(`"url":"https://h/v"`, `"url":""`)),
		f(RuleNativeTracker, asIs, adm(`"imptrackers"`, `"jstracker":"<script></script>","imptrackers"`)),
		f(RuleNativeLink, asIs, adm(`"url":"https:\/\/h\/t\/click\/1"`, `"url":" "`)),
		f(RuleSecure, asIs, adm(`https:\/\/h`, `http:\/\/h`)),
		f(RuleAttribute, asIs, each(func(b *bid) { b.Attr = []int{9} })),
		f(RuleMType, asIs, each(func(b *bid) { b.AdM = "<b>" })),
		f(RuleVAST, video, both(video, adm("</InLine>", ""))),
		f(RuleDuration, video, both(video, adm("00:00:15.040", "00:00:21"))),
	}
}

func ruleCases() (all []ruleCase) {
	for _, some := range [][]ruleCase{bannerCases(), videoCases(), podCases(), nativeCases()} {
		all = append(all, some...)
	}
	return all
}

// judged holds an answer to all rules, as the exchange does.
func judged(j *judge, f *facts, a *answer) (broken []*breach) {
	if b := j.response(f, f.id, a); b != nil {
		return []*breach{b}
	}
	var offers []offer
	for i := range a.SeatBid {
		for k := range a.SeatBid[i].Bid {
			e, b := j.bid(f, a, a.SeatBid[i].Seat, &a.SeatBid[i].Bid[k])
			offers = append(offers, offer{bid: e.bid, exhibit: e})
			last := len(offers) - 1
			if b == nil {
				b = together(offers, last)
			}
			if b != nil {
				offers[last].loss = b.loss()
				broken = append(broken, b)
			}
		}
	}
	return broken
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases() {
		t.Run(string(c.rule), func(t *testing.T) {
			f := readFacts([]byte(c.request))
			if !f.ok {
				t.Fatalf("the request is no JSON: %s", c.request)
			}
			if broken := c.judge(f, c.keep); len(broken) != 0 {
				t.Errorf("what keeps the rules breaks %v", *broken[0])
			}
			broken := c.judge(f, c.bad)
			if len(broken) != 1 || broken[0].rule != c.rule || broken[0].detail == "" {
				t.Errorf("what breaks %s: %d breaches", c.rule, len(broken))
				for _, b := range broken {
					t.Errorf("  %v", *b)
				}
			}
		})
	}
}

func (c *ruleCase) judge(f *facts, change func(*answer)) []*breach {
	a := &answer{ID: "r", Cur: "USD", SeatBid: []seatBid{{Seat: "s1"}}}
	for _, b := range c.bids {
		a.SeatBid[0].Bid = append(a.SeatBid[0].Bid, *b)
	}
	change(a)
	return judged(newJudge(false, false), f, a)
}

// Every rule of the package has a case that breaks it; json is met where the
// answer is read, in TestEveryRuleFires.
func TestEveryRuleHasACase(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "rule.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[Rule]bool{RuleJSON: true}
	for _, c := range ruleCases() {
		cases[c.rule] = true
	}
	rules := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Rule") {
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || !cases[Rule(name)] {
			t.Errorf("rule %s has no case", spec.Names[0].Name)
		}
		rules++
		return true
	})
	if rules < 50 || rules != len(cases) {
		t.Errorf("%d rules, %d with cases", rules, len(cases))
	}
}
