package bidder

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"bidhawk/bidder/consent"
	"bidhawk/bidder/traffic"
	"bidhawk/campaigns"
	"bidhawk/targeting"
)

// ExplainQuery is what to explain, and to whom.
type ExplainQuery struct {
	Exchange string
	Request  []byte // a bid request, as the exchange sends it
	// LineItem is the one to explain; 0: the ones that came nearest to a bid.
	LineItem campaigns.ID
	// Sees says whose line items take part; nil: all. Who is asked for others' learns
	// nothing of them, not even by a floor that one of them bids above.
	Sees func(advertiser, agency campaigns.ID) bool
}

// Explanation is what the bidder would do with a request now, and why. It names
// neither the user nor any id of theirs.
type Explanation struct {
	Exchange string    `json:"exchange"`
	At       time.Time `json:"at"`
	// NoBid is the reason that a no-bid would be counted under; empty where there
	// are bids.
	NoBid string `json:"no_bid,omitempty"`
	// Refused are all reasons to refuse the request before any line item is looked
	// at; the first is what counts.
	Refused    []string          `json:"refused,omitempty"`
	Privacy    []consent.Finding `json:"privacy"`
	User       string            `json:"user"` // where the user's key comes from; "none" without one
	Currency   string            `json:"currency"`
	Deadline   time.Duration     `json:"deadline_ns"`       // from the request's arrival to the answer
	Traffic    string            `json:"traffic,omitempty"` // what tells that no person is behind it
	Supply     []string          `json:"supply,omitempty"`
	Generation int64             `json:"generation"` // of the campaigns
	Imps       []ImpExplanation  `json:"imps,omitempty"`
	// Cut says that the time for an explanation was over before its end: it lacks
	// impressions or line items, and counts those that it has.
	Cut bool `json:"cut,omitempty"`
}

// ImpExplanation is one impression's part.
type ImpExplanation struct {
	ID     string           `json:"id"`
	Offers []string         `json:"offers"`
	NoBid  string           `json:"no_bid,omitempty"`
	Bids   []BidExplanation `json:"bids,omitempty"`
	// Reasons counts the line items by the first reason that refuses them; "bid" are
	// those that could bid, of which the auction within the bidder chooses.
	Reasons   map[string]int    `json:"reasons"`
	LineItems []LineExplanation `json:"line_items"`
}

// BidExplanation is a bid that would be sent.
type BidExplanation struct {
	LineItem campaigns.ID `json:"line_item"`
	Creative campaigns.ID `json:"creative"`
	Deal     string       `json:"deal,omitempty"`
	Price    string       `json:"price"` // per mille
	Currency string       `json:"currency"`
}

// LineExplanation is why a line item does not bid on an impression, or how its
// price comes about.
type LineExplanation struct {
	LineItem   campaigns.ID `json:"line_item"`
	Name       string       `json:"name"`
	Advertiser campaigns.ID `json:"advertiser"`
	// First is the reason that counts, "bid" where it could bid; Reasons are all of
	// them. They are the names of no-bids.
	First   string   `json:"first"`
	Reasons []string `json:"reasons,omitempty"`
	// Targeting are the fields of its targeting, or its state, that refuse (no_match).
	Targeting []targeting.Reason    `json:"targeting,omitempty"`
	Creatives []CreativeExplanation `json:"creatives,omitempty"`
	Prices    []PriceExplanation    `json:"prices,omitempty"`

	stage NoBid
}

// CreativeExplanation is all that speaks against a creative.
type CreativeExplanation struct {
	Creative campaigns.ID `json:"creative"`
	Format   string       `json:"format"`
	Reasons  []string     `json:"reasons,omitempty"`
}

// Bounds of an explanation.
const (
	maxExplained = 50              // line items of an impression; creatives and prices of a line item
	explainFor   = 5 * time.Second // an impression and 100,000 line items take half of one
)

// bidding is the first reason of a line item that nothing refuses.
const bidding = "bid"

// ErrUnknownExchange reports a name that is not configured.
var ErrUnknownExchange = errors.New("exchange is not configured")

// Explain says what the bidder would do with a request, by the code that bids. It
// takes no money, counts towards no cap and claims no offer. It is made for
// people: one at a time, so that it leaves the processors to bids. The error is a
// *openrtb.SyntaxError or *openrtb.FieldError of a request that would be
// answered with a 400, or ErrUnknownExchange.
func (b *Bidder) Explain(q ExplainQuery) (*Explanation, error) {
	b.explaining.Lock()
	defer b.explaining.Unlock()
	k, r := b.book.Load(), b.exchanges.Load()
	if k != nil {
		r = k.exchanges
	}
	e := r.byName[q.Exchange]
	if e == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownExchange, q.Exchange)
	}
	a := &auction{exchange: e, book: k, kill: b.killed(), now: b.clock(), dry: true, sees: q.Sees}
	if err := a.req.Decode(q.Request); err != nil {
		return nil, err
	}
	if err := a.req.Validate(); err != nil {
		return nil, err
	}
	x := &Explanation{Exchange: e.Name, At: a.now}
	first := NoBidNone
	for _, check := range admission {
		if r := check(b, a); r != NoBidNone {
			x.Refused = append(x.Refused, r.String())
			if first == NoBidNone {
				first = r
			}
		}
	}
	b.explainRequest(x, a)
	if a.book == nil {
		x.NoBid = first.String()
		return x, nil
	}
	reason := b.explainImps(x, a, &q)
	if first != NoBidNone {
		reason = first
		for i := range x.Imps {
			x.Imps[i].Bids, x.Imps[i].NoBid = nil, first.String()
		}
	}
	if first != NoBidNone || len(a.bids) == 0 {
		x.NoBid = reason.String()
	}
	return x, nil
}

func (b *Bidder) explainRequest(x *Explanation, a *auction) {
	s := consent.SignalsOf(&a.req)
	x.Privacy = b.cfg.Privacy.Explain(&s)
	x.User = a.userFrom.String()
	if !a.privacy.Personal {
		x.User = "withheld"
	}
	x.Currency, x.Deadline = a.cur.String(), a.deadline.Sub(a.now)
	if b.deps.Traffic != nil && !a.req.Test {
		if v := b.deps.Traffic.Look(&a.req); v != traffic.OK {
			x.Traffic = v.String()
		}
	}
	o := offerOf(&a.req, a.exchange)
	for _, v := range b.sellers().AppendVerdicts(nil, a.sellerRules(), &o) {
		x.Supply = append(x.Supply, v.String())
	}
	if a.book != nil {
		x.Generation = a.book.catalog.Generation
	}
}

// explainImps decides every impression as a bid would, without its hurry, and
// tells what becomes of the line items.
func (b *Bidder) explainImps(x *Explanation, a *auction, q *ExplainQuery) NoBid {
	a.deadline = a.now.Add(explainFor)
	b.index(a)
	a.startRoom()
	reason := NoBidNone
	for i := range a.req.Imp {
		before := len(a.bids)
		r := b.decideImp(a, i)
		reason = max(reason, r)
		if x.Cut = x.Cut || r == NoBidTimeout; x.Cut {
			break
		}
		y := ImpExplanation{ID: string(a.req.Imp[i].ID), Reasons: map[string]int{}}
		for _, p := range a.bids[before:] {
			l := &a.book.lines[p.row]
			y.Bids = append(y.Bids, BidExplanation{
				LineItem: l.item.ID, Creative: a.ad(&p.candidate).creative.ID, Deal: string(p.dealID(a)), Price: p.price.String(), Currency: a.cur.String(),
			})
		}
		if len(a.bids) == before {
			y.NoBid = r.String()
		}
		// Once more: the impression's own facts, in case the decision ended before them.
		if b.open(a, &a.req.Imp[i]) != NoBidNone {
			a.impFacts(&a.req.Imp[i])
		}
		for m := range mediumCount {
			if a.offers.has(m) {
				y.Offers = append(y.Offers, m.String())
			}
		}
		x.Cut = b.explainLines(&y, a, i, q)
		x.Imps = append(x.Imps, y)
	}
	return reason
}

// explainLines tells of line items, in no order; cut says that the time was over
// before all were told.
func (b *Bidder) explainLines(y *ImpExplanation, a *auction, i int, q *ExplainQuery) (cut bool) {
	items := a.book.catalog.LineItems
	if item := items[q.LineItem]; q.LineItem != 0 {
		items = nil
		if item != nil {
			items = map[campaigns.ID]*campaigns.LineItem{q.LineItem: item}
		}
	}
	var told []LineExplanation
	n := 0
	for id, item := range items {
		if n++; n%clockEvery == 0 && b.clock().After(a.deadline) {
			cut = true
			break
		}
		l, ok := a.book.catalog.Lineage(id)
		if q.Sees != nil && (!ok || !q.Sees(l.Advertiser.ID, l.Agency.ID)) {
			continue
		}
		e := LineExplanation{LineItem: id, Name: item.Name}
		if ok {
			e.Advertiser = l.Advertiser.ID
		}
		b.explainLine(&e, a, i)
		y.Reasons[e.First]++
		told = append(told, e)
		if len(told) == 2*maxExplained {
			told = nearest(told)
		}
	}
	y.LineItems = nearest(told)
	return cut
}

// nearest keeps the line items that came furthest.
func nearest(told []LineExplanation) []LineExplanation {
	slices.SortFunc(told, func(x, y LineExplanation) int {
		return cmp.Or(cmp.Compare(y.stage, x.stage), cmp.Compare(x.LineItem, y.LineItem))
	})
	return told[:min(len(told), maxExplained)]
}
