package openrtb

import (
	"fmt"
	"strings"
	"testing"

	"bidhawk/internal/money"
)

// get decodes body and returns what pick reads of it, printed.
func get(t *testing.T, body string, pick func(r *BidRequest) any) string {
	t.Helper()
	return show(pick(mustDecode(t, body)))
}

// show prints byte slices as text.
func show(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case [][]byte:
		s := make([]string, len(v))
		for i := range v {
			s[i] = string(v[i])
		}
		return "[" + strings.Join(s, ",") + "]"
	}
	return fmt.Sprint(v)
}

// TestTransportDeviations is the row "Transport": what exchanges really send.
func TestTransportDeviations(t *testing.T) {
	f := func(body, want string, pick func(r *BidRequest) any) {
		t.Helper()
		if got := get(t, body, pick); got != want {
			t.Errorf("%s: got %s; want %s", body, got, want)
		}
	}
	carrier := func(r *BidRequest) any { return r.Device.Carrier }
	f(`{"device":{"carrier":310260}}`, "310260", carrier)
	f(`{"device":{"carrier":-1.5e3}}`, "-1.5e3", carrier)
	f(`{"device":{"carrier":null}}`, "", carrier)

	tmax := func(r *BidRequest) any { return r.TMax }
	f(`{"tmax":"100"}`, "100", tmax)
	f(`{"tmax":120.9}`, "120", tmax)
	f(`{"tmax":1.2e2}`, "120", tmax)
	f(`{"tmax":""}`, "0", tmax)
	f(`{"tmax":null}`, "0", tmax)
	f(`{"tmax":true}`, "1", tmax)
	f(`{"tmax":999999999999999999}`, "999999999999999999", tmax)

	f(`{"imp":[{"banner":{"w":320.0,"h":"50"}}]}`, "320x50", func(r *BidRequest) any {
		return fmt.Sprint(r.Imp[0].Banner.W, "x", r.Imp[0].Banner.H)
	})
	f(`{"test":true}`, "true", func(r *BidRequest) any { return r.Test })
	f(`{"imp":[{"secure":false},{"secure":1},{}]}`, "[1 2 0]", func(r *BidRequest) any {
		return []Flag{r.Imp[0].Secure, r.Imp[1].Secure, r.Imp[2].Secure}
	})

	request := func(r *BidRequest) any { return r.Imp[0].Native.Request }
	f(`{"imp":[{"native":{"request":"{\"a\":\"\\u00e9\"}"}}]}`, `{"a":"\u00e9"}`, request)
	f(`{"imp":[{"native":{"request": {"a":[1, 2]} }}]}`, `{"a":[1, 2]}`, request)

	cat := func(r *BidRequest) any { return r.BCat }
	f(`{"bcat":"IAB1"}`, "[IAB1]", cat)
	f(`{"bcat":["IAB1",null,"",7]}`, "[IAB1,7]", cat)
	f(`{"bcat":""}`, "[]", cat)
	f(`{"imp":[{"banner":{"battr":3}}]}`, "[3]", func(r *BidRequest) any { return r.Imp[0].Banner.BAttr })
	f(`{"imp":[{"banner":{"battr":["3",null,4.0]}}]}`, "[3 4]", func(r *BidRequest) any { return r.Imp[0].Banner.BAttr })

	f(`{"user":{"keywords":["a","b"]}}`, "[a,b]", func(r *BidRequest) any { return r.User.KwArray })
	f(`{"user":{"keywords":"a,b"}}`, "a,b", func(r *BidRequest) any { return r.User.Keywords })

	f(`{"device":{"geo":[]}}`, "true", func(r *BidRequest) any { return r.Device.Geo == nil })
	f(`{"device":""}`, "true", func(r *BidRequest) any { return r.Device == nil })
	f(`{"device":null,"user":null,"imp":null}`, "true", func(r *BidRequest) any { return r.Device == nil && r.User == nil && r.Imp == nil })
	f("\xef\xbb\xbf{\"id\":\"1\"}", "1", func(r *BidRequest) any { return r.ID })
	f(" {\n\t\"id\" : \"1\" , \"imp\" : [ ] }\r\n", "1", func(r *BidRequest) any { return r.ID })
	f(`{"unknown":{"id":[1,{"x":null}]},"id":"1"}`, "1", func(r *BidRequest) any { return r.ID })
	f(`{"at":77,"device":{"devicetype":99}}`, "77", func(r *BidRequest) any { return r.AT })
	f(`{"user":{"data":[{"ext":{"segtax":"x"}},{"ext":"x"},{"ext":{"segtax":"4"}}]}}`, "[0 0 4]", func(r *BidRequest) any {
		return []int{r.User.Data[0].SegTax, r.User.Data[1].SegTax, r.User.Data[2].SegTax}
	})
	f(`{"imp":[{"video":{"companionad":{"banner":[{"id":"c"}]}}}]}`, "c", func(r *BidRequest) any { return r.Imp[0].Video.CompanionAd[0].ID })
}

// TestDefaults is the row "Defaults".
func TestDefaults(t *testing.T) {
	r := mustDecode(t, `{"imp":[{"bidfloorcur":"EUR","pmp":{"deals":[{"id":"d"},{"id":"e","at":3,"bidfloorcur":"GBP"}]},"video":{}}],
		"site":{"content":{},"publisher":{}},"dooh":{},"at":1}`)
	imp := &r.Imp[0]
	got := []any{r.AT, r.CatTax, r.Site.CatTax, r.Site.Content.CatTax, r.Site.Publisher.CatTax, r.DOOH.VenueTypeTax, r.Test,
		imp.BidFloor, imp.BidFloorCur, imp.PMP.Deals[0].BidFloorCur, imp.PMP.Deals[0].AT, imp.PMP.Deals[1].BidFloorCur, imp.PMP.Deals[1].AT,
		imp.PMP.PrivateAuction, imp.Instl, imp.Rwdd, imp.SSAI, imp.Video.SlotInPod, imp.Video.HasStartDelay}
	want := "[1 1 1 1 1 1 false 0 EUR USD 1 GBP 3 false false false 0 0 false]"
	if s := fmt.Sprint(got); s != want {
		t.Errorf("got %s; want %s", s, want)
	}
	r = mustDecode(t, `{"imp":[{"bidfloorcur":"","pmp":{"deals":[{}]}}],"at":0,"cattax":null}`)
	if r.AT != AuctionSecondPrice || r.CatTax != 1 || r.Imp[0].PMP.Deals[0].AT != AuctionSecondPrice || r.Imp[0].BidFloorCur != money.USD {
		t.Errorf("got at %d, cattax %d, deal's at %d, currency %s; want the defaults", r.AT, r.CatTax, r.Imp[0].PMP.Deals[0].AT, r.Imp[0].BidFloorCur)
	}
}

// TestMultiplier is of the row "DOOH".
func TestMultiplier(t *testing.T) {
	q := mustDecode(t, `{"imp":[{"qty":{"multiplier":14.2,"sourcetype":1,"vendor":"v.example"}}]}`).Imp[0].Qty
	if q.Multiplier != 14_200_000 || q.SourceType != 1 || string(q.Vendor) != "v.example" {
		t.Errorf("got %+v", q)
	}
}

func TestFloorsRoundUp(t *testing.T) {
	f := func(sent string, want money.CPM) {
		t.Helper()
		r := mustDecode(t, `{"imp":[{"bidfloor":`+sent+`}]}`)
		if got := r.Imp[0].BidFloor; got != want {
			t.Errorf("bidfloor %s: got %d; want %d", sent, got, want)
		}
	}
	f(`0.5`, 500_000)
	f(`1.0000001`, 1_000_001)
	f(`1e-9`, 1)
	f(`"2.25"`, 2_250_000)
	f(`null`, 0)
	f(`""`, 0)
	f(`-3`, 0)
	f(`-0`, 0)
	f(`1000000`, money.MaxCPM)
}

// TestSupplyChainPlaces is the row "Supply": three places, the newest first.
func TestSupplyChainPlaces(t *testing.T) {
	chain := func(ver string) string {
		return `"schain":{"complete":1,"ver":"` + ver + `","nodes":[{"asi":"a","sid":"s"}]}`
	}
	f := func(body, want string) {
		t.Helper()
		r := mustDecode(t, body)
		if got := show(r.SChain.Ver); got != want {
			t.Errorf("%s: got %s; want %s", body, got, want)
		}
		if r.SChain.Complete != FlagYes || show(r.SChain.Nodes[0].ASI) != "a" {
			t.Errorf("%s: got %+v", body, r.SChain)
		}
	}
	f(`{"ext":{`+chain("3")+`}}`, "3")
	f(`{"source":{"ext":{`+chain("2")+`}},"ext":{`+chain("3")+`}}`, "2")
	f(`{"ext":{`+chain("3")+`},"source":{"ext":{`+chain("2")+`},`+chain("1")+`}}`, "1")
	if r := mustDecode(t, `{"source":{}}`); r.SChain != nil {
		t.Errorf("got %+v; want no chain", r.SChain)
	}
}

// TestPrivacyPlaces is the row "User, device": 2.6 puts in regs and user what
// 2.5 put in their ext.
func TestPrivacyPlaces(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		r := mustDecode(t, body)
		got := fmt.Sprintf("%d %s %s %v %d %s", r.Regs.GDPR, r.Regs.USPrivacy, r.Regs.GPP, r.Regs.GPPSID, r.Regs.GPC, r.User.Consent)
		if got != want {
			t.Errorf("%s: got %s; want %s", body, got, want)
		}
	}
	f(`{"regs":{"gdpr":1,"us_privacy":"1YNN","gpp":"G","gpp_sid":[2,7]},"user":{"consent":"C"}}`, "2 1YNN G [2 7] 0 C")
	f(`{"regs":{"ext":{"gdpr":1,"us_privacy":"1YNN","gpp":"G","gpp_sid":[2,7],"gpc":"1"}},"user":{"ext":{"consent":"C"}}}`, "2 1YNN G [2 7] 2 C")
	f(`{"regs":{"ext":{"gdpr":1,"gpp":"X"},"gdpr":0,"gpp":"G"},"user":{"ext":{"consent":"X"},"consent":"C"}}`, "1  G [] 0 C")
	f(`{"regs":{},"user":{}}`, "0   [] 0 ")

	r := mustDecode(t, `{"regs":{"coppa":1,"ext":{"dsa":{"dsarequired":3}}},"user":{"ext":{"eids":[{"source":"s","uids":[{"id":"u","atype":3}]}]}},
		"device":{"ext":{"sua":{"mobile":0,"platform":{"brand":"iOS","version":["17","1"]}}}}}`)
	if !r.Regs.COPPA || r.Regs.DSARequired != 3 {
		t.Errorf("regs: got %+v", r.Regs)
	}
	if got := show(r.User.EIDs[0].UIDs[0].ID); got != "u" || r.User.EIDs[0].UIDs[0].AType != 3 {
		t.Errorf("eid: got %+v", r.User.EIDs)
	}
	if got := show(r.Device.SUA.Platform.Version); got != "[17,1]" || r.Device.SUA.Mobile != FlagNo {
		t.Errorf("sua: got %+v", r.Device.SUA)
	}
}

func TestGeo(t *testing.T) {
	f := func(geo string, lat, lon int32, has bool) {
		t.Helper()
		g := mustDecode(t, `{"device":{"geo":`+geo+`}}`).Device.Geo
		if g.HasLatLon != has || has && (g.LatMicroDeg != lat || g.LonMicroDeg != lon) {
			t.Errorf("%s: got %d, %d, %v; want %d, %d, %v", geo, g.LatMicroDeg, g.LonMicroDeg, g.HasLatLon, lat, lon, has)
		}
	}
	f(`{"lat":53.5459,"lon":-9.9695001}`, 53_545_900, -9_969_500, true)
	f(`{"lat":"53.5","lon":"9"}`, 53_500_000, 9_000_000, true)
	f(`{"lat":0,"lon":0}`, 0, 0, true)
	f(`{"lat":1}`, 0, 0, false)
	f(`{"lat":91,"lon":0}`, 0, 0, false)
	f(`{"lat":1e400,"lon":0}`, 0, 0, false)
	f(`{"lat":"ff","lon":"ff","type":"ff","accuracy":"12"}`, 0, 0, false)
	f(`{"lat":null,"lon":1}`, 0, 0, false)
	f(`{"lat":1,"lon":1,"type":1e400,"accuracy":12345678901234567890,"utcoffset":"1e40"}`, 1_000_000, 1_000_000, true)
	r := mustDecode(t, `{"device":{"geo":{"country":"DEU"}}}`)
	if got := show(r.Country()); got != "DEU" {
		t.Errorf("Country: got %q; want DEU", got)
	}
	if got := mustDecode(t, `{"user":{"geo":{"country":"DEU"}}}`).Country(); got != nil {
		t.Errorf("Country: got %q; want none from the home base", got)
	}
}

func TestStrings(t *testing.T) {
	f := func(sent, want string) {
		t.Helper()
		if got := get(t, `{"site":{"name":`+sent+`,"page":"`+strings.Repeat("x", 20)+`"}}`, func(r *BidRequest) any { return r.Site.Name }); got != want {
			t.Errorf("%s: got %q; want %q", sent, got, want)
		}
	}
	f(`"plain"`, "plain")
	f(`"é und 日本"`, "é und 日本")
	f(`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t")
	f(`"\u00e9\u65E5\u0000"`, "é日\x00")
	f(`"\ud83d\ude00x"`, "😀x")
	f(`"\ud83dx"`, "\ufffdx")
	f(`"\ude00\ud83d"`, "\ufffd\ufffd")
	f(`"\ud83d\u0041"`, "\ufffdA")
	f("\"a\xffb\xc3\"", "a\ufffdb\ufffd")
	f("\"\xed\xa0\x80\"", "\ufffd\ufffd\ufffd")
	if got := get(t, `{"\u0069d":"1","i\u0064x":2}`, func(r *BidRequest) any { return r.ID }); got != "1" {
		t.Errorf("escaped name: got %q; want 1", got)
	}
}

func TestLastOneHoldsAndCaseMatters(t *testing.T) {
	r := mustDecode(t, `{"id":"1","ID":"3","id":"2","imp":[{"id":"a","banner":{"w":1}},{"id":"b"}],"Imp":[],"imp":[{"id":"c"}],
		"device":{"ua":"x","ip":"y"},"device":{"ip":"z"},"bcat":["a"],"bcat":["b","c"]}`)
	got := fmt.Sprintf("%s %d %s %v %s %s %s", r.ID, len(r.Imp), r.Imp[0].ID, r.Imp[0].Banner == nil, r.Device.UA, r.Device.IP, show(r.BCat))
	if want := "2 1 c true  z [b,c]"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestCurrencies(t *testing.T) {
	f := func(sent, want string) {
		t.Helper()
		if got := get(t, `{"cur":`+sent+`}`, func(r *BidRequest) any { return r.Cur }); got != want {
			t.Errorf("cur %s: got %s; want %s", sent, got, want)
		}
	}
	f(`["USD","eur"]`, "[USD EUR]")
	f(`"GBP"`, "[GBP]")
	f(`[]`, "[]")
	f(`null`, "[]")
	f(`[null,""]`, "[]")
	f(`["bitcoin","US1"]`, "[ ]") // two codes that no rate knows
}

func TestExtIsRaw(t *testing.T) {
	r := mustDecode(t, `{"ext": {"a": "\u00e9" } ,"imp":[{"ext":[1, 2],"pmp":{"deals":[{"ext":{"c":1}}]}}],"user":{"ext":{"b":1}},"source":{"ext":"text"},
		"site":{"ext":{"d":1}},"app":{"ext":{"e":1}},"dooh":{"ext":{"f":1}},"device":{"ext":{"g":1}},"regs":{"ext":{"h":1}}}`)
	f := func(got []byte, want string) {
		t.Helper()
		if string(got) != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	f(r.Ext, `{"a": "\u00e9" }`)
	f(r.Imp[0].Ext, `[1, 2]`)
	f(r.Imp[0].PMP.Deals[0].Ext, `{"c":1}`)
	f(r.User.Ext, `{"b":1}`)
	f(r.Source.Ext, `"text"`)
	f(r.Site.Ext, `{"d":1}`)
	f(r.App.Ext, `{"e":1}`)
	f(r.DOOH.Ext, `{"f":1}`)
	f(r.Device.Ext, `{"g":1}`)
	f(r.Regs.Ext, `{"h":1}`)
	if r := mustDecode(t, `{"imp":[{"ext":null}],"ext":null,"site":{}}`); r.Imp[0].Ext != nil || r.Site.Ext != nil || r.Ext != nil {
		t.Errorf("got %q, %q and %q; want none", r.Imp[0].Ext, r.Site.Ext, r.Ext)
	}
}

func TestPublisher(t *testing.T) {
	for _, body := range []string{`{"site":{"publisher":{"id":"p"}}}`, `{"app":{"publisher":{"id":"p"}}}`, `{"dooh":{"publisher":{"id":"p"}}}`} {
		if p := mustDecode(t, body).Publisher(); p == nil || string(p.ID) != "p" {
			t.Errorf("%s: got %+v; want publisher p", body, p)
		}
	}
	if p := mustDecode(t, `{}`).Publisher(); p != nil {
		t.Errorf("got %+v; want none", p)
	}
}

// TestOwnFiles reads the requests of testdata whole.
func TestOwnFiles(t *testing.T) {
	for _, name := range []string{"banner", "minimal", "pod", "deviations"} {
		var r BidRequest
		if err := r.Decode(readFile(t, "testdata/"+name+".json")); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
