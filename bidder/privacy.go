package bidder

import "bidhawk/internal/openrtb"

// personal says whether personal data of the user may be read and stored for
// this request. Until consent strings are decoded it takes the careful side:
// any sign of a regime that needs a basis we can't verify means no.
func personal(r *openrtb.BidRequest) bool {
	if r.Regs != nil {
		g := r.Regs
		if g.COPPA || g.GDPR.Yes() {
			return false
		}
		// "1YY-": the third character is the opt-out of sale (IAB CCPA 1.0).
		if len(g.USPrivacy) == 4 && g.USPrivacy[2] != 'N' && g.USPrivacy[2] != '-' {
			return false
		}
		if len(g.GPP) > 0 {
			return false
		}
	}
	if r.Device != nil && (r.Device.Lmt.Yes() || r.Device.DNT.Yes()) {
		return false
	}
	return true
}
