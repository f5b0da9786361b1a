package loadtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"bidhawk/internal/money"
)

// judge holds answers to the rules. It is safe for concurrent use.
type judge struct {
	strictSecure bool
	vastBills    bool // video and audio are billed by the VAST impression: burl is not needed
	seen         *recentIDs
}

func newJudge(strictSecure, vastBills bool) *judge {
	return &judge{strictSecure: strictSecure, vastBills: vastBills, seen: &recentIDs{limit: 500_000}}
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

// exhibit is one bid with what it is judged by and what was read of it.
type exhibit struct {
	facts     *facts
	imp       *impFacts // nil: of no imp
	bid       *bid
	seat, cur string
	price     money.CPM
	medium    medium
	vast      *vastDoc     // of video and audio
	native    *nativeAd    // of native
	seconds   int          // of video and audio: bid.dur, else what VAST says; 0 unknown
	stream    *streamFacts // the imp's video or audio, whichever the bid is for
}

// bid judges one bid and returns what was read of it, and the first rule that
// it breaks.
func (j *judge) bid(f *facts, a *answer, seat string, b *bid) (*exhibit, *breach) {
	e := &exhibit{facts: f, bid: b, seat: seat, cur: a.Cur}
	if f.ok && (slices.Contains(f.bseat, seat) || len(f.wseat) > 0 && !slices.Contains(f.wseat, seat)) {
		return e, &breach{RuleSeat, fmt.Sprintf("%q: want of %v, not of %v", seat, f.wseat, f.bseat)}
	}
	if b.ID == "" || !j.seen.add(hashString(b.ID)) {
		return e, &breach{RuleBidID, fmt.Sprintf("%.60q: want an id not used before", b.ID)}
	}
	if e.imp = f.imp(b.ImpID); e.imp == nil {
		return e, &breach{RuleImpID, fmt.Sprintf("%.60q: no imp has this id", b.ImpID)}
	}
	price, err := b.cpm()
	if err != nil || price <= 0 || price > money.MaxCPM {
		return e, &breach{RulePrice, fmt.Sprintf("%.40q: want a positive number", b.Price)}
	}
	e.price = price
	for _, rules := range [...]func(*judge, *exhibit) *breach{
		(*judge).medium, (*judge).terms, (*judge).names, (*judge).urls, (*judge).blocks, (*judge).frameworks,
		(*judge).banner, (*judge).vast, (*judge).native,
	} {
		if broken := rules(j, e); broken != nil {
			return e, broken
		}
	}
	return e, nil
}

// medium is what a bid is: the values are those of mtype.
type medium int

const (
	mediumBanner medium = 1
	mediumVideo  medium = 2
	mediumAudio  medium = 3
	mediumNative medium = 4
)

// medium judges of what kind the markup is.
func (j *judge) medium(e *exhibit) *breach {
	adm := strings.TrimSpace(e.bid.AdM)
	if adm == "" {
		return &breach{RuleMarkup, "empty"}
	}
	isVAST := strings.HasPrefix(adm, "<VAST") || strings.HasPrefix(adm, "<?xml")
	isNative := adm[0] == '{'
	e.medium = medium(e.bid.MType)
	if e.bid.MType == 0 {
		e.medium = mediumOf(e.imp, isVAST, isNative)
	}
	var offered, fits bool
	switch e.medium {
	case mediumBanner:
		offered, fits = e.imp.banner != nil, !isVAST && !isNative
	case mediumVideo:
		offered, fits, e.stream = e.imp.video != nil, isVAST, e.imp.video
	case mediumAudio:
		offered, fits, e.stream = e.imp.audio != nil, isVAST, e.imp.audio
	case mediumNative:
		offered, fits = e.imp.native != nil, isNative
	}
	if !offered {
		return &breach{RuleMedium, fmt.Sprintf("mtype %d, adm %.20q: imp %s does not offer it", e.bid.MType, adm, e.imp.id)}
	}
	if !fits {
		return &breach{RuleMType, fmt.Sprintf("mtype %d, adm %.20q: they differ", e.bid.MType, adm)}
	}
	return e.read(adm)
}

// mediumOf guesses where mtype is not said, as exchanges did before 2.6.
func mediumOf(i *impFacts, isVAST, isNative bool) medium {
	switch {
	case isNative:
		return mediumNative
	case isVAST && i.video == nil && i.audio != nil:
		return mediumAudio
	case isVAST:
		return mediumVideo
	}
	return mediumBanner
}

// read parses VAST and native ads.
func (e *exhibit) read(adm string) *breach {
	var err error
	switch e.medium {
	case mediumVideo, mediumAudio:
		if e.vast, err = readVAST(adm); err != nil {
			return &breach{RuleVAST, err.Error()}
		}
		if e.seconds = e.bid.Dur; e.seconds == 0 {
			e.seconds = e.vast.seconds()
		}
	case mediumNative:
		if e.native, err = readNativeAd(adm); err != nil {
			return &breach{RuleNative, err.Error()}
		}
	}
	return nil
}

// terms judges price, deal and floor.
func (j *judge) terms(e *exhibit) *breach {
	b, i := e.bid, e.imp
	if b.tooFine() {
		return &breach{RuleDecimals, fmt.Sprintf("%s: want at most 4", b.Price)}
	}
	if b.DealID != "" {
		return e.dealTerms()
	}
	if i.private {
		return &breach{RuleDeal, "none: imp " + i.id + " is for deals only"}
	}
	// A floor in another currency cannot be judged without the exchange's rates.
	if floor := e.openFloor(); i.floorCur == e.cur && e.price < floor {
		return &breach{RuleFloor, fmt.Sprintf("%s: want at least %s", e.price, floor)}
	}
	return nil
}

func (e *exhibit) dealTerms() *breach {
	b, d := e.bid, e.imp.deal(e.bid.DealID)
	if d == nil {
		return &breach{RuleDeal, fmt.Sprintf("%.60q: not offered for imp %s", b.DealID, e.imp.id)}
	}
	if len(d.wseat) > 0 && !slices.Contains(d.wseat, e.seat) {
		return &breach{RuleSeat, fmt.Sprintf("%q: deal %s wants one of %v", e.seat, d.id, d.wseat)}
	}
	if len(d.wadomain) > 0 && !slices.ContainsFunc(b.ADomain, func(s string) bool {
		return slices.ContainsFunc(d.wadomain, func(w string) bool { return within(s, w) })
	}) {
		return &breach{RuleADomain, fmt.Sprintf("%v: deal %s wants one of %v", b.ADomain, d.id, d.wadomain)}
	}
	if d.floorCur != e.cur {
		return nil
	}
	floor := e.dealFloor(d)
	if e.price < floor {
		return &breach{RuleDealFloor, fmt.Sprintf("%s: deal %s wants at least %s", e.price, d.id, floor)}
	}
	// bidfloor is the agreed price, whatever else the deal says of durations.
	// Prices have four decimals; an agreed price may have more.
	if fixed := max(floor, d.floor); d.at == 3 && fixed > 0 && e.price >= fixed+priceStep {
		return &breach{RuleDealPrice, fmt.Sprintf("%s: deal %s has the fixed price %s", e.price, d.id, fixed)}
	}
	return nil
}

// openFloor is the imp's floor for this bid, in the imp's currency. Prices per
// second hold in the dynamic portion of a pod.
func (e *exhibit) openFloor() money.CPM {
	if e.stream != nil {
		d := e.stream.duration
		if !e.stream.dynamic() {
			d.perSecond = 0
		}
		if floor, ok := d.floor(e.seconds); ok {
			return floor
		}
	}
	return e.imp.floor
}

// dealFloor is the deal's floor for this bid, in the deal's currency.
func (e *exhibit) dealFloor(d *dealFacts) money.CPM {
	if e.stream != nil {
		if floor, ok := d.duration.floor(e.seconds); ok {
			return floor
		}
	}
	return d.floor
}

// names judges macros, the creative's names and the billing notice.
func (j *judge) names(e *exhibit) *breach {
	b := e.bid
	for _, s := range []string{b.AdM, b.NURL, b.BURL, b.LURL} {
		if m := strayMacro(s); m != "" {
			return &breach{RuleMacro, m}
		}
	}
	if b.CID == "" || b.CRID == "" {
		return &breach{RuleCreative, fmt.Sprintf("cid %q, crid %q: want both", b.CID, b.CRID)}
	}
	if b.BURL == "" && !(j.vastBills && e.vast != nil) {
		return &breach{RuleNoticeMissing, "none: want a billing notice"}
	}
	return nil
}

// urls wants https in all that a secure page would load or call.
func (j *judge) urls(e *exhibit) *breach {
	if !e.imp.secure {
		return nil
	}
	b := e.bid
	for _, s := range []string{strings.ReplaceAll(b.AdM, `\/`, "/"), b.IURL, b.BURL, b.NURL, b.LURL} {
		for from := 0; ; {
			at := strings.Index(s[from:], "http://")
			if at < 0 {
				break
			}
			at += from
			from = at + len("http://")
			if isNamespace(s[:at]) {
				continue
			}
			if host := s[from:]; j.strictSecure || !isLoopback(host) {
				return &breach{RuleSecure, fmt.Sprintf("http://%.40s: imp %s wants https", host, e.imp.id)}
			}
		}
	}
	return nil
}

// isNamespace: the text before a URL makes it an XML name, which nobody fetches.
func isNamespace(before string) bool {
	i := strings.LastIndexAny(before, "=>")
	if i < 0 || before[i] == '>' {
		return false
	}
	name := before[strings.LastIndexAny(before[:i], " \t\r\n<")+1 : i]
	return strings.HasPrefix(name, "xmlns") || strings.HasSuffix(name, "chemaLocation")
}

func isLoopback(hostAndMore string) bool {
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]"} {
		if rest, ok := strings.CutPrefix(hostAndMore, host); ok && (rest == "" || strings.ContainsRune(":/?\"'", rune(rest[0]))) {
			return true
		}
	}
	return false
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
