package bidder

import "bidhawk/internal/openrtb"

// personal says whether personal data of the user may be read and stored for
// this request. Until consent strings are decoded it takes the careful side:
// any sign of a regime that needs a basis we can't verify means no.
func personal(r *openrtb.BidRequest) bool {
	gdpr := openrtb.FlagUnset
	if g := r.Regs; g != nil {
		gdpr = g.GDPR
		if g.COPPA || gdpr.Yes() || g.GPC.Yes() || len(g.GPP) > 0 || optedOut(g.USPrivacy) {
			return false
		}
	}
	if r.User != nil && len(r.User.Consent) > 0 && gdpr == openrtb.FlagUnset {
		return false // a consent string is a sign of the GDPR, unless the request denies it
	}
	if r.Device != nil && (r.Device.Lmt.Yes() || r.Device.DNT.Yes()) {
		return false
	}
	return true
}

// optedOut reads a US privacy string such as "1YNN" (IAB CCPA 1.0): the third
// character is the opt-out of sale. One that can't be read counts as opted out.
func optedOut(s []byte) bool {
	return len(s) > 0 && (len(s) != 4 || s[2] != 'N' && s[2] != 'n' && s[2] != '-')
}
