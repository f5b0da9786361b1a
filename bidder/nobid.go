package bidder

import (
	"bidhawk/bidder/supply"
	"bidhawk/bidder/traffic"
	"bidhawk/internal/openrtb"
)

// NoBid says why an impression, or a whole request, got no bid. Its name is the
// same in metrics, answers and explanations.
type NoBid uint8

// The reasons, in the order in which the bidder finds them. Where several line
// items fail differently, the last stage reached is the reason that is counted.
const (
	NoBidNone NoBid = iota
	// Of the request.
	NoBidMalformed
	NoBidInvalid
	NoBidUnknownExchange
	NoBidNotReady
	NoBidExchangeQPS
	NoBidTimeout
	NoBidOverload
	NoBidSeatBlocked
	NoBidDSA
	NoBidCurrency
	NoBidCrawler
	NoBidNonHuman
	NoBidProxy
	NoBidDevice
	NoBidBlockedNode // from here to NoBidSellersViolation as supply.Verdict
	NoBidSChainMissing
	NoBidIncompleteSChain
	NoBidSChainBroken
	NoBidAdsTxtMissing
	NoBidAdsTxtViolation
	NoBidSellersMissing
	NoBidSellersViolation
	NoBidPrivacy
	// Of the impression.
	NoBidUnsupportedFormat
	NoBidInsecureTrackers
	NoBidNativeRequest
	NoBidNoMatch
	// Of a creative on the impression.
	NoBidNoCreative
	NoBidNotApproved
	NoBidIncomplete
	NoBidSize
	NoBidMIME
	NoBidDelivery
	NoBidBitrate
	NoBidDuration
	NoBidProtocol
	NoBidLinearity
	NoBidAPI
	NoBidExpands
	NoBidBannerType
	NoBidAssets
	NoBidAttribute
	NoBidCategory
	NoBidAdvertiser
	NoBidApp
	NoBidLanguage
	NoBidDealAdvertiser
	// Of the price, and of what bids may be sent together.
	NoBidNoClicks
	NoBidNoEvents
	NoBidBelowFloor
	NoBidKilled // also of the request; of a line item or creative that would have bid but for a kill switch
	NoBidPodFull
	NoBidPodSeparation
	NoBidOtherPath
	NoBidHoldout // the user is held out of the line item's experiment
	NoBidFrequency
	NoBidBudget
	NoBidAnswerTooLarge
	NoBidOverMax
	NoBidInternal
	noBidCount
)

var noBidNames = [noBidCount]string{
	NoBidNone: "none", NoBidMalformed: "malformed", NoBidInvalid: "invalid", NoBidUnknownExchange: "unknown_exchange",
	NoBidNotReady: "not_ready", NoBidKilled: "killed", NoBidExchangeQPS: "exchange_qps", NoBidTimeout: "insufficient_time",
	NoBidOverload: "overload", NoBidSeatBlocked: "seat_blocked", NoBidDSA: "dsa_required", NoBidCurrency: "currency",
	NoBidCrawler: "crawler", NoBidNonHuman: "non_human", NoBidProxy: "proxy", NoBidDevice: "device",
	NoBidBlockedNode: "blocked_node", NoBidSChainMissing: "schain_missing", NoBidIncompleteSChain: "schain_incomplete",
	NoBidSChainBroken: "schain_broken", NoBidAdsTxtMissing: "ads_txt_missing", NoBidAdsTxtViolation: "ads_txt_violation",
	NoBidSellersMissing: "sellers_json_missing", NoBidSellersViolation: "sellers_json_violation", NoBidPrivacy: "privacy",
	NoBidUnsupportedFormat: "unsupported_format", NoBidInsecureTrackers: "insecure_trackers", NoBidNativeRequest: "native_request",
	NoBidNoMatch: "no_match", NoBidNoCreative: "no_creative", NoBidNotApproved: "creative_not_approved", NoBidIncomplete: "creative_incomplete", NoBidSize: "creative_size",
	NoBidMIME: "creative_mime", NoBidDelivery: "creative_delivery", NoBidBitrate: "creative_bitrate", NoBidDuration: "creative_duration",
	NoBidProtocol: "creative_protocol", NoBidLinearity: "creative_linearity", NoBidAPI: "creative_api", NoBidExpands: "creative_expands",
	NoBidBannerType: "blocked_banner_type", NoBidAssets: "native_assets", NoBidAttribute: "blocked_attribute", NoBidCategory: "blocked_category",
	NoBidAdvertiser: "blocked_advertiser", NoBidApp: "blocked_app", NoBidLanguage: "blocked_language", NoBidDealAdvertiser: "deal_advertiser",
	NoBidNoClicks: "no_clicks", NoBidNoEvents: "no_events", NoBidBelowFloor: "below_floor", NoBidPodFull: "pod_full", NoBidPodSeparation: "pod_separation", NoBidOtherPath: "other_path",
	NoBidHoldout: "holdout", NoBidFrequency: "frequency_cap", NoBidBudget: "budget", NoBidAnswerTooLarge: "answer_too_large", NoBidOverMax: "over_max_bid", NoBidInternal: "internal",
}

func (n NoBid) String() string { return noBidNames[n] }

// NBR is the no-bid reason code of OpenRTB 2.6 section 5.24 (AdCOM list).
func (n NoBid) NBR() openrtb.NoBidReason {
	switch n {
	case NoBidMalformed, NoBidInvalid, NoBidNativeRequest:
		return openrtb.NoBidInvalidRequest
	case NoBidTimeout, NoBidOverload, NoBidExchangeQPS:
		return openrtb.NoBidTime
	case NoBidCrawler:
		return openrtb.NoBidCrawler
	case NoBidNonHuman:
		return openrtb.NoBidNonHuman
	case NoBidProxy:
		return openrtb.NoBidProxy
	case NoBidDevice:
		return openrtb.NoBidDevice
	case NoBidBlockedNode, NoBidSChainMissing, NoBidIncompleteSChain, NoBidSChainBroken, NoBidAdsTxtMissing,
		NoBidAdsTxtViolation, NoBidSellersMissing, NoBidSellersViolation:
		return n.supply().NBR()
	case NoBidPrivacy:
		return openrtb.NoBidUnmatchedUser
	case NoBidFrequency:
		return openrtb.NoBidUserCap
	case NoBidNotReady, NoBidInternal, NoBidUnknownExchange, NoBidAnswerTooLarge:
		return openrtb.NoBidTechnical
	default:
		return openrtb.NoBidUnknown
	}
}

// ofSupply is the reason that a verdict on the sellers gives; NoBidNone of OK.
func ofSupply(v supply.Verdict) NoBid {
	if v == supply.OK {
		return NoBidNone
	}
	return NoBidBlockedNode + NoBid(v-supply.BlockedNode)
}

// supply is the verdict that n, a reason of the sellers, comes from.
func (n NoBid) supply() supply.Verdict {
	return supply.BlockedNode + supply.Verdict(n-NoBidBlockedNode)
}

// ofTraffic is the reason that a verdict on the traffic gives, by its OpenRTB
// code; the verdict itself is in the filter's own counts and in explanations.
func ofTraffic(v traffic.Verdict) NoBid {
	if v == traffic.OK {
		return NoBidNone
	}
	switch v.NBR() {
	case openrtb.NoBidCrawler:
		return NoBidCrawler
	case openrtb.NoBidProxy:
		return NoBidProxy
	case openrtb.NoBidDevice:
		return NoBidDevice
	default:
		return NoBidNonHuman
	}
}
