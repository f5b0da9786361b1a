package bidder

import (
	"testing"

	"bidhawk/internal/openrtb"
)

// TestPersonalDataNeedsABasis is of the row "User, device".
func TestPersonalDataNeedsABasis(t *testing.T) {
	f := func(members string, want bool) {
		t.Helper()
		var r openrtb.BidRequest
		if err := r.Decode([]byte(`{"id":"1","imp":[{"id":"1","banner":{}}]` + members + `}`)); err != nil {
			t.Fatal(err)
		}
		if got := personal(&r); got != want {
			t.Errorf("%s: got %v; want %v", members, got, want)
		}
	}
	f(``, true)
	f(`,"regs":{}`, true)
	f(`,"regs":{"coppa":1}`, false)
	f(`,"regs":{"gdpr":1}`, false)
	f(`,"regs":{"ext":{"gdpr":1}}`, false)
	f(`,"regs":{"gdpr":0},"user":{"consent":"CPx"}`, true)
	f(`,"user":{"consent":"CPx"}`, false)
	f(`,"regs":{},"user":{"ext":{"consent":"CPx"}}`, false)
	f(`,"regs":{"us_privacy":"1YNN"}`, true)
	f(`,"regs":{"us_privacy":"1---"}`, true)
	f(`,"regs":{"us_privacy":"1YYN"}`, false)
	f(`,"regs":{"us_privacy":"1YY"}`, false)
	f(`,"regs":{"ext":{"gpc":"1"}}`, false)
	f(`,"regs":{"ext":{"gpc":0}}`, true)
	f(`,"regs":{"gpp":"DBAA"}`, false)
	f(`,"device":{"lmt":1}`, false)
	f(`,"device":{"dnt":1}`, false)
	f(`,"device":{"lmt":0,"dnt":0}`, true)
}
