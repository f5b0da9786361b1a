// Package consent decodes the privacy signals of a request and is the one place
// that decides what they allow: Policy.Decide. It knows TCF strings up to 2.3,
// GPP strings with their US sections, US privacy strings, COPPA, GPC, LMT and DNT.
//
// What can't be read, or is not known, gives no basis: a string with a fault, a
// section that we have no layout for, a flag with a value of its own.
package consent

import "bidhawk/internal/openrtb"

// Signals are the privacy signals of one request or sync call: views, valid as
// long as their source.
type Signals struct {
	GDPR      openrtb.Flag
	Consent   []byte // TC string
	USPrivacy []byte
	GPP       []byte
	GPPSID    []int // -1: no section applies; 0: not known which
	GPC       openrtb.Flag
	COPPA     bool
	Lmt, DNT  openrtb.Flag
	Country   []byte // where the user is, as geo.country says; nil: not known
}

// FlagUnknown is a flag that was sent with neither 0 nor 1. It counts as set, and
// for the GDPR as applying without a readable basis.
const FlagUnknown openrtb.Flag = 255

// SignalsOf takes the signals from a request. They are views of it.
func SignalsOf(r *openrtb.BidRequest) Signals {
	var s Signals
	if g := r.Regs; g != nil {
		s.GDPR, s.COPPA, s.GPC = g.GDPR, g.COPPA, g.GPC
		s.USPrivacy, s.GPP, s.GPPSID = g.USPrivacy, g.GPP, g.GPPSID
	}
	if d := r.Device; d != nil {
		s.Lmt, s.DNT = d.Lmt, d.DNT
		if d.Geo != nil {
			s.Country = d.Geo.Country
		}
	}
	if u := r.User; u != nil {
		s.Consent = u.Consent
		if len(s.Country) == 0 && u.Geo != nil {
			s.Country = u.Geo.Country
		}
	}
	return s
}

// ParseFlag reads a URL parameter such as gdpr: empty is unset, and what is
// neither 0 nor 1 (a macro that was not replaced) is FlagUnknown.
func ParseFlag(text []byte) openrtb.Flag {
	switch string(text) {
	case "":
		return openrtb.FlagUnset
	case "0":
		return openrtb.FlagNo
	case "1":
		return openrtb.FlagYes
	}
	return FlagUnknown
}

// AppendSIDs appends the section ids of the URL parameter gpp_sid, separated by
// commas (GPP, "Full GPP String passing"). What can't be read becomes 0, which
// is: not known which.
func AppendSIDs(dst []int, text []byte) []int {
	if len(text) == 0 {
		return dst
	}
	from := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] != ',' {
			continue
		}
		dst = append(dst, sid(text[from:i]))
		from = i + 1
	}
	return dst
}

func sid(text []byte) int {
	if string(text) == "-1" {
		return -1
	}
	if len(text) == 0 || len(text) > 2 {
		return 0
	}
	id := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		id = 10*id + int(c-'0')
	}
	return id
}
