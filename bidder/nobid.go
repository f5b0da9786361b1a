package bidder

import "bidhawk/internal/openrtb"

// NoBid says why an impression, or a whole request, got no bid. Its name is the
// same in metrics, answers and explanations.
type NoBid uint8

// The reasons, in the order in which the bidder finds them. Where several line
// items fail differently, the last stage reached is the reason that is counted.
const (
	NoBidNone NoBid = iota
	NoBidMalformed
	NoBidInvalid
	NoBidUnknownExchange
	NoBidNotReady
	NoBidKilled
	NoBidTimeout
	NoBidOverload
	NoBidSeatBlocked
	NoBidPrivacy
	NoBidDSA
	NoBidCurrency
	NoBidUnsupportedFormat
	NoBidNoMatch
	NoBidNoCreative
	NoBidCreativeBlocked
	NoBidBelowFloor
	NoBidFrequency
	NoBidBudget
	NoBidAnswerTooLarge
	NoBidInternal
	noBidCount
)

var noBidNames = [noBidCount]string{
	NoBidNone: "none", NoBidMalformed: "malformed", NoBidInvalid: "invalid", NoBidUnknownExchange: "unknown_exchange",
	NoBidNotReady: "not_ready", NoBidKilled: "killed", NoBidTimeout: "insufficient_time", NoBidOverload: "overload",
	NoBidSeatBlocked: "seat_blocked", NoBidCurrency: "currency", NoBidPrivacy: "privacy", NoBidDSA: "dsa_required", NoBidUnsupportedFormat: "unsupported_format",
	NoBidNoMatch: "no_match", NoBidNoCreative: "no_creative",
	NoBidCreativeBlocked: "creative_blocked", NoBidBelowFloor: "below_floor", NoBidFrequency: "frequency_cap",
	NoBidBudget: "budget", NoBidAnswerTooLarge: "answer_too_large", NoBidInternal: "internal",
}

func (n NoBid) String() string { return noBidNames[n] }

// NBR is the no-bid reason code of OpenRTB 2.6 section 5.24 (AdCOM list).
func (n NoBid) NBR() openrtb.NoBidReason {
	switch n {
	case NoBidMalformed, NoBidInvalid:
		return openrtb.NoBidInvalidRequest
	case NoBidTimeout, NoBidOverload:
		return openrtb.NoBidTime
	case NoBidFrequency:
		return openrtb.NoBidUserCap
	case NoBidNotReady, NoBidInternal, NoBidUnknownExchange, NoBidAnswerTooLarge:
		return openrtb.NoBidTechnical
	default:
		return openrtb.NoBidUnknown
	}
}
