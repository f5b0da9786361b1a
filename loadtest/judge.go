package loadtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"bidhawk/internal/money"
)

// Rule names what an answer broke. Its value stands in Result.Invalid.
type Rule string

// The rules, in the order in which a bid is judged.
const (
	RuleJSON          Rule = "json"           // no decodable BidResponse
	RuleID            Rule = "id"             // the request's id is not echoed
	RuleCurrency      Rule = "cur"            // not a currency that the request allows
	RuleEmptySeat     Rule = "empty_seatbid"  // a seat without a bid
	RuleSeat          Rule = "seat"           // outside wseat, or within bseat
	RuleBidID         Rule = "bid_id"         // missing, or seen before
	RuleImpID         Rule = "impid"          // no such imp
	RulePrice         Rule = "price"          // no positive JSON number
	RuleDecimals      Rule = "price_decimals" // more than four
	RuleDeal          Rule = "dealid"         // no such deal, or none where the auction is private
	RuleFloor         Rule = "floor"          // below the floor of the deal or the imp
	RuleMedium        Rule = "medium"         // markup of a kind that the imp does not offer
	RuleSize          Rule = "size"           // none of the imp's
	RuleMarkup        Rule = "adm"            // missing
	RuleMacro         Rule = "macro"          // an unknown or unclosed ${...}
	RuleCreative      Rule = "crid"           // cid or crid missing
	RuleADomain       Rule = "adomain"        // missing where badv or the deal asks for one
	RuleBAdv          Rule = "badv"           // a blocked advertiser
	RuleBApp          Rule = "bapp"           // a blocked app
	RuleCategory      Rule = "cat"            // blocked by bcat, or outside acat
	RuleAttribute     Rule = "attr"           // blocked by battr
	RuleSecure        Rule = "secure"         // an http URL where secure=1
	RuleNoticeMissing Rule = "burl"           // no billing notice: the bid could not be billed
)

// AdCOM loss reasons with which an exchange answers a broken rule.
var lossReasons = map[Rule]int{
	RuleDeal: 4, RuleFloor: 100, RuleSize: 203, RuleMedium: 204, RuleBAdv: 205, RuleADomain: 6,
	RuleBApp: 206, RuleSecure: 207, RuleCategory: 209, RuleAttribute: 210, RuleMarkup: 7,
	RuleCreative: 8, RulePrice: 9, RuleSeat: 104,
}

const (
	lossInvalid = 3   // invalid bid response
	lossExpired = 2   // the answer came late
	lossOutbid  = 102 // lost to a higher bid
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

// judge holds answers to the rules. It is safe for concurrent use.
type judge struct {
	strictSecure bool
	seen         *recentIDs
}

func newJudge(strictSecure bool) *judge {
	return &judge{strictSecure: strictSecure, seen: &recentIDs{limit: 500_000}}
}

// response judges what is not any one bid's. A breach here voids all its bids.
func (j *judge) response(f *facts, id string, a *answer) *breach {
	if !f.ok {
		return nil // what was sent is broken: only its answer's shape can be judged
	}
	if a.ID != id {
		return &breach{RuleID, fmt.Sprintf("%.60q: want %.60q", a.ID, id)}
	}
	if a.bids() > 0 && !f.allowsCurrency(a.Cur) {
		return &breach{RuleCurrency, fmt.Sprintf("%.10q: want one of %v", a.Cur, f.cur)}
	}
	for i := range a.SeatBid {
		if len(a.SeatBid[i].Bid) == 0 {
			return &breach{RuleEmptySeat, strconv.Quote(a.SeatBid[i].Seat)}
		}
	}
	return nil
}

// bid judges one bid and returns its price and imp, or the first rule it breaks.
func (j *judge) bid(f *facts, a *answer, seat string, b *bid) (money.CPM, *impFacts, *breach) {
	if f.ok && (slices.Contains(f.bseat, seat) || len(f.wseat) > 0 && !slices.Contains(f.wseat, seat)) {
		return 0, nil, &breach{RuleSeat, fmt.Sprintf("%q: want of %v, not of %v", seat, f.wseat, f.bseat)}
	}
	if b.ID == "" || !j.seen.add(hashString(b.ID)) {
		return 0, nil, &breach{RuleBidID, fmt.Sprintf("%.60q: want an id not used before", b.ID)}
	}
	i := f.imp(b.ImpID)
	if i == nil {
		return 0, nil, &breach{RuleImpID, fmt.Sprintf("%.60q: no imp has this id", b.ImpID)}
	}
	price, err := b.cpm()
	if err != nil || price <= 0 || price > money.MaxCPM {
		return 0, i, &breach{RulePrice, fmt.Sprintf("%.40q: want a positive number", b.Price)}
	}
	for _, broken := range []*breach{
		judgeTerms(f, i, a.Cur, seat, b, price), judgeMarkup(i, b), j.judgeURLs(i, b), judgeBlocks(f, i, b),
	} {
		if broken != nil {
			return price, i, broken
		}
	}
	return price, i, nil
}

// judgeTerms judges price, deal and floor.
func judgeTerms(f *facts, i *impFacts, cur, seat string, b *bid, price money.CPM) *breach {
	if b.tooFine() {
		return &breach{RuleDecimals, fmt.Sprintf("%s: want at most 4", b.Price)}
	}
	floor, floorCur := i.floor, i.floorCur
	if b.DealID != "" {
		d := i.deal(b.DealID)
		if d == nil {
			return &breach{RuleDeal, fmt.Sprintf("%.60q: not offered for imp %s", b.DealID, i.id)}
		}
		if len(d.wseat) > 0 && !slices.Contains(d.wseat, seat) {
			return &breach{RuleSeat, fmt.Sprintf("%q: deal %s wants one of %v", seat, d.id, d.wseat)}
		}
		if len(d.wadomain) > 0 && !slices.ContainsFunc(b.ADomain, func(s string) bool { return slices.Contains(d.wadomain, s) }) {
			return &breach{RuleADomain, fmt.Sprintf("%v: deal %s wants one of %v", b.ADomain, d.id, d.wadomain)}
		}
		floor, floorCur = d.floor, d.floorCur
	} else if i.private {
		return &breach{RuleDeal, "none: imp " + i.id + " is for deals only"}
	}
	// A floor in another currency cannot be judged without the exchange's rates.
	if floorCur == cur && price < floor {
		return &breach{RuleFloor, fmt.Sprintf("%s: want at least %s", price, floor)}
	}
	return nil
}

// judgeMarkup judges medium, size, markup and its macros, and the creative's names.
func judgeMarkup(i *impFacts, b *bid) *breach {
	adm := strings.TrimSpace(b.AdM)
	if adm == "" {
		return &breach{RuleMarkup, "empty"}
	}
	isVAST := strings.HasPrefix(adm, "<VAST") || strings.HasPrefix(adm, "<?xml")
	var offered bool
	switch {
	case b.MType == 1 || b.MType == 0 && !isVAST && adm[0] == '<':
		offered = i.banner
	case b.MType == 2:
		offered = i.video
	case b.MType == 3:
		offered = i.audio
	case b.MType == 4 || b.MType == 0 && adm[0] == '{':
		offered = i.native
	case b.MType == 0:
		offered = !isVAST || i.video || i.audio
	}
	if !offered {
		return &breach{RuleMedium, fmt.Sprintf("mtype %d, adm %.20q: imp %s does not offer it", b.MType, adm, i.id)}
	}
	if i.banner && !isVAST && b.MType <= 1 && !allowsSize(i.formats, b) {
		return &breach{RuleSize, fmt.Sprintf("%dx%d: want one of %v", b.W, b.H, i.formats)}
	}
	for _, s := range []string{b.AdM, b.NURL, b.BURL, b.LURL} {
		if m := strayMacro(s); m != "" {
			return &breach{RuleMacro, m}
		}
	}
	if b.CID == "" || b.CRID == "" {
		return &breach{RuleCreative, fmt.Sprintf("cid %q, crid %q: want both", b.CID, b.CRID)}
	}
	if b.BURL == "" {
		return &breach{RuleNoticeMissing, "none: want a billing notice"}
	}
	return nil
}

func allowsSize(formats []format, b *bid) bool {
	if len(formats) == 0 || len(formats) == 1 && b.W == 0 && b.H == 0 {
		return true
	}
	return slices.ContainsFunc(formats, func(f format) bool { return f.allows(b.W, b.H) })
}

// judgeURLs wants https in all that a secure page would load or call.
func (j *judge) judgeURLs(i *impFacts, b *bid) *breach {
	if !i.secure {
		return nil
	}
	for _, s := range []string{b.AdM, b.IURL, b.BURL, b.NURL, b.LURL} {
		for {
			at := strings.Index(s, "http://")
			if at < 0 {
				break
			}
			s = s[at+len("http://"):]
			if j.strictSecure || !isLoopback(s) {
				return &breach{RuleSecure, fmt.Sprintf("http://%.40s: imp %s wants https", s, i.id)}
			}
		}
	}
	return nil
}

func isLoopback(hostAndMore string) bool {
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]"} {
		if rest, ok := strings.CutPrefix(hostAndMore, host); ok && (rest == "" || strings.ContainsRune(":/?\"'", rune(rest[0]))) {
			return true
		}
	}
	return false
}

// judgeBlocks judges badv, bapp, bcat, acat and battr.
func judgeBlocks(f *facts, i *impFacts, b *bid) *breach {
	if len(f.badv) > 0 && len(b.ADomain) == 0 {
		return &breach{RuleADomain, "none: the request blocks advertisers"}
	}
	for _, blocked := range f.badv {
		for _, d := range b.ADomain {
			if strings.EqualFold(d, blocked) || len(d) > len(blocked) &&
				d[len(d)-len(blocked)-1] == '.' && strings.EqualFold(d[len(d)-len(blocked):], blocked) {
				return &breach{RuleBAdv, d + ": blocked by " + blocked}
			}
		}
	}
	if b.Bundle != "" && slices.Contains(f.bapp, b.Bundle) {
		return &breach{RuleBApp, b.Bundle}
	}
	for _, cat := range b.Cat {
		for _, blocked := range f.bcat {
			if inCategory(cat, blocked) {
				return &breach{RuleCategory, cat + ": blocked by " + blocked}
			}
		}
		if len(f.acat) > 0 && !slices.ContainsFunc(f.acat, func(ok string) bool { return inCategory(cat, ok) }) {
			return &breach{RuleCategory, fmt.Sprintf("%s: want one of %v", cat, f.acat)}
		}
	}
	blocked := i.bannerAttr
	if b.MType == 2 {
		blocked = i.videoAttr
	}
	for _, attr := range b.Attr {
		if len(blocked) > 0 && slices.Contains(blocked, strconv.Itoa(attr)) {
			return &breach{RuleAttribute, fmt.Sprintf("%d: blocked by battr %v", attr, blocked)}
		}
	}
	return nil
}

// inCategory: "IAB7-39" is in "IAB7-39" and in "IAB7".
func inCategory(cat, parent string) bool {
	rest, ok := strings.CutPrefix(cat, parent)
	return ok && (rest == "" || rest[0] == '-')
}

// recentIDs remembers at least the last limit ids, in two generations.
type recentIDs struct {
	limit int
	mu    struct {
		sync.Mutex
		young, old map[uint64]struct{}
	}
}

// add reports whether id is new.
func (r *recentIDs) add(id uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, seen := r.mu.young[id]; seen {
		return false
	}
	if _, seen := r.mu.old[id]; seen {
		return false
	}
	if r.mu.young == nil || len(r.mu.young) >= r.limit {
		r.mu.young, r.mu.old = make(map[uint64]struct{}), r.mu.young
	}
	r.mu.young[id] = struct{}{}
	return true
}
