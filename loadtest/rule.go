package loadtest

// Rule names what an answer broke. Its value stands in Result.Invalid.
type Rule string

// The rules of every bid, about in the order in which it is judged.
const (
	RuleJSON          Rule = "json"           // no decodable BidResponse
	RuleID            Rule = "id"             // the request's id is not echoed
	RuleCurrency      Rule = "cur"            // not a currency that the request allows
	RuleEmptySeat     Rule = "empty_seatbid"  // a seat without a bid
	RuleSeat          Rule = "seat"           // outside wseat, or within bseat
	RuleBidID         Rule = "bid_id"         // missing, or seen before
	RuleImpID         Rule = "impid"          // no such imp
	RulePrice         Rule = "price"          // no positive JSON number
	RuleMarkup        Rule = "adm"            // missing
	RuleMedium        Rule = "medium"         // of a kind that the imp does not offer
	RuleMType         Rule = "mtype"          // markup of another kind than mtype says
	RuleDecimals      Rule = "price_decimals" // more than four
	RuleDeal          Rule = "dealid"         // no such deal, or none where the auction is private
	RuleDealFloor     Rule = "deal_floor"     // below the deal's floor
	RuleDealPrice     Rule = "deal_price"     // at=3: not the agreed price
	RuleFloor         Rule = "floor"          // below the floor of the imp
	RuleMacro         Rule = "macro"          // an unknown or unclosed ${...}
	RuleCreative      Rule = "crid"           // cid or crid missing
	RuleNoticeMissing Rule = "burl"           // no billing notice: the bid could not be billed
	RuleSecure        Rule = "secure"         // an http URL where secure=1
	RuleADomain       Rule = "adomain"        // missing where badv or the deal asks for one
	RuleBAdv          Rule = "badv"           // a blocked advertiser
	RuleBApp          Rule = "bapp"           // a blocked app
	RuleCategory      Rule = "cat"            // blocked by bcat, or outside acat
	RuleAttribute     Rule = "attr"           // blocked by battr
	RuleLanguage      Rule = "language"       // outside wlang
	RuleAPI           Rule = "api"            // needs a framework that is not offered
	RuleMIME          Rule = "mimes"          // of no type that the imp takes
	RuleTwice         Rule = "imp_twice"      // a second bid for the same imp, seat and deal
)

// The rules of banners.
const (
	RuleSize         Rule = "size"   // none of the imp's
	RuleBannerType   Rule = "btype"  // a blocked kind of banner
	RuleExpandsWhere Rule = "expdir" // expands where it may not
)

// The rules of VAST: video, audio and television.
const (
	RuleVAST         Rule = "vast"            // not one well-formed Ad with InLine or Wrapper
	RuleProtocol     Rule = "protocols"       // a version of VAST that was not asked for
	RuleLinearity    Rule = "linearity"       // linear where it must not be, or the reverse
	RuleDuration     Rule = "duration"        // missing, out of bounds, or unlike bid.dur
	RuleMediaFile    Rule = "mediafile"       // none, or without its required attributes
	RuleDelivery     Rule = "delivery"        // streaming or progressive, whichever is not offered
	RuleBitrate      Rule = "bitrate"         // out of bounds
	RuleImpression   Rule = "vast_impression" // no Impression
	RuleTracking     Rule = "vast_tracking"   // a quartile without its tracker
	RuleErrorTracker Rule = "vast_error"      // no Error
	RuleSkip         Rule = "skip"            // skips where skip=0, and does not say attr 16
	RuleCompanion    Rule = "companion"       // of a size or type that is not offered
)

// The rules of native ads.
const (
	RuleNative         Rule = "native"          // no native ad, or with the wrong root
	RuleNativeAsset    Rule = "native_asset"    // an asset that was not asked for, twice, or of another kind
	RuleNativeRequired Rule = "native_required" // a required asset is missing or empty
	RuleNativeLength   Rule = "native_len"      // a title or text that is too long
	RuleNativeImage    Rule = "native_img"      // of a size that is not offered
	RuleNativeTracker  Rule = "native_tracker"  // an event or method that is not offered
	RuleNativeLink     Rule = "native_link"     // no link
)

// The rules of pods.
const (
	RulePodCount      Rule = "pod_maxseq"     // more ads than the pod takes
	RulePodDuration   Rule = "pod_dur"        // longer together than the pod
	RulePodRepeat     Rule = "pod_repeat"     // a creative twice in a pod
	RulePodCompetitor Rule = "pod_competitor" // an advertiser or a category twice in a pod
	RuleSlotInPod     Rule = "slotinpod"      // said outside a dynamic portion
)

// AdCOM loss reasons with which an exchange answers a broken rule; another
// one is an invalid bid response.
var lossReasons = map[Rule]int{
	RuleDeal: 4, RuleADomain: 6, RuleMarkup: 7, RuleCreative: 8, RulePrice: 9,
	RuleFloor: 100, RuleDealFloor: 101, RuleSeat: 104,
	RulePodCount: 200, RulePodDuration: 200, RulePodRepeat: 200, RuleDuration: 200, RuleSlotInPod: 200,
	RuleSize: 203, RuleNativeImage: 203, RuleCompanion: 203,
	RuleMedium: 204, RuleMType: 204, RuleVAST: 204, RuleProtocol: 204, RuleLinearity: 204, RuleMIME: 204,
	RuleMediaFile: 204, RuleDelivery: 204, RuleBitrate: 204, RuleNative: 204, RuleAPI: 204,
	RuleBAdv: 205, RulePodCompetitor: 205, RuleBApp: 206, RuleSecure: 207, RuleLanguage: 208,
	RuleCategory: 209, RuleAttribute: 210, RuleSkip: 210, RuleBannerType: 211, RuleExpandsWhere: 211,
}

const (
	lossInvalid = 3   // invalid bid response
	lossExpired = 2   // the answer came late
	lossOutbid  = 102 // lost to a higher bid
	lossToDeal  = 103 // lost to a bid for a deal
)

// breach is one broken rule.
type breach struct {
	rule   Rule
	detail string
}

func (b breach) loss() int {
	if code, ok := lossReasons[b.rule]; ok {
		return code
	}
	return lossInvalid
}
