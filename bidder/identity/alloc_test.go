//go:build !race

package identity

import (
	"encoding/base64"
	"testing"

	"bidhawk/internal/openrtb"
)

func TestAllocResolve(t *testing.T) {
	w := newWorld(t, testConfig())
	if err := w.optOuts.Add(1); err != nil { // so that the slow path of Has is taken too
		t.Fatal(err)
	}
	f := func(name string, r *openrtb.BidRequest, want Source) {
		t.Helper()
		var got Source
		if n := testing.AllocsPerRun(1000, func() { _, got = w.Resolve(r, "demo", testNow) }); n != 0 {
			t.Errorf("%s: %v allocations; want 0", name, n)
		}
		if got != want {
			t.Errorf("%s: got %v; want %v", name, got, want)
		}
	}
	f("buyeruid", request(func(*openrtb.BidRequest) {}), SourceBuyerUID)
	f("token v2", only(eid("uidapi.com", 3, newSpec(2).encode())), SourceEID)
	f("token v3", only(eid("uidapi.com", 3, newSpec(3).encode())), SourceEID)
	f("token v4", only(eid("uidapi.com", 3, newSpec(4).encode())), SourceEID)
	s := newSpec(4)
	s.privacy = bitClientSide
	f("token of a browser", only(eid("uidapi.com", 3, s.encode())), SourceEID)
	b := newSpec(3).bytesV3()
	b[len(b)-1] ^= 1
	f("forged token", only(eid("uidapi.com", 3, base64.StdEncoding.EncodeToString(b))), SourceIFA)
	f("raw", only(eid("uidapi.com", 3, exampleRaw)), SourceEID)
	f("eid in capitals", only(eid("PUBCID.org", 1, "p1")), SourceEID)
	f("ifa", only(), SourceIFA)
	f("user.id", request(func(r *openrtb.BidRequest) { r.User.BuyerUID, r.User.EIDs, r.Device = nil, nil, nil }), SourceUserID)
	f("screen", request(func(r *openrtb.BidRequest) { r.DOOH = &openrtb.DOOH{} }), SourceScreen)
	f("nobody", &openrtb.BidRequest{}, SourceNone)
}

func TestAllocHousehold(t *testing.T) {
	w := newWorld(t, homeConfig())
	for name, r := range map[string]*openrtb.BidRequest{
		"address": {Device: &openrtb.Device{IP: []byte("198.51.100.7")}},
		"IPv6":    {Device: &openrtb.Device{IPv6: []byte("2001:db8:1:2::1")}},
		"id":      {User: &openrtb.User{EIDs: []openrtb.EID{eid("Home.example", 0, "h1")}}},
	} {
		if w.Household(r, testNow) == 0 {
			t.Errorf("%s: no home", name)
		}
		if n := testing.AllocsPerRun(1000, func() { w.Household(r, testNow) }); n != 0 {
			t.Errorf("%s: %v allocations; want 0", name, n)
		}
	}
}
