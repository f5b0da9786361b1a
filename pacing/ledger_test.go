package pacing

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// scene is a ledger with one advertiser (1), campaign (1) and line item (1), of
// which a test writes the log.
type scene struct {
	t      *testing.T
	l      *ledger
	offset int64
	nonce  int64
}

const (
	sceneDay   = Day(20261121)
	sceneFee   = 150_000
	scenePrice = 3_000_000 // charge of an impression, without the data fee
	sceneData  = 200_000
	sceneNeed  = scenePrice + sceneData
)

func newScene(t *testing.T, advertiser, campaign, line Terms) *scene {
	t.Helper()
	s := &scene{t: t, l: newLedger(0)}
	s.do(TypeClaim, Claim{Owner: "test"})
	advertiser.Currency, advertiser.Zone, advertiser.PlatformFee = money.USD, "UTC", sceneFee
	if line.Pricing == "" {
		line.Pricing = campaigns.PricingCPM
	}
	line.DataFee = sceneData
	s.budget(LevelAdvertiser, advertiser)
	s.budget(LevelCampaign, campaign)
	s.budget(LevelLineItem, line)
	s.do(TypeDay, DayTurn{Epoch: 0, Advertiser: 1, Day: sceneDay})
	return s
}

func (s *scene) budget(level Level, t Terms) {
	b := Budget{Epoch: s.l.epoch, Advertiser: 1, Level: level, Terms: t}
	switch level {
	case LevelCampaign:
		b.Campaign = 1
	case LevelLineItem:
		b.Campaign, b.LineItem = 1, 1
	}
	s.do(TypeBudget, b)
}

func (s *scene) try(t Type, payload any) (effect, error) {
	s.t.Helper()
	value, err := encode(t, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	e, err := s.l.apply(&eventlog.Record{Offset: s.offset, Value: value})
	s.offset++
	return e, err
}

func (s *scene) do(t Type, payload any) effect {
	s.t.Helper()
	e, err := s.try(t, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// lease grants impressions' worth of money and returns the lease's id.
func (s *scene) lease(impressions money.Nanos) int64 {
	s.t.Helper()
	s.nonce++
	g := Grant{Epoch: s.l.epoch, Nonce: s.nonce, Advertiser: 1, Bidder: "b", Day: s.l.books[1].day, WindowMS: 1000,
		Items: []ItemAmount{{LineItem: 1, Amounts: Amounts{Media: 2_500_000 * impressions, Charge: sceneNeed * impressions}}}}
	e := s.do(TypeGrant, g)
	if e.granted == nil {
		return -1
	}
	return e.granted.id
}

func (s *scene) notice(lease int64, bid uint64) Notice {
	return Notice{Advertiser: 1, Campaign: 1, LineItem: 1, Lease: lease, Bid: ids.BidID{Incarnation: 1, Counter: bid}, Exchange: "demo",
		ReservedMedia: 2_500_000, ReservedCharge: sceneNeed, Price: 2_000_000, PriceCurrency: money.USD, FXRate: money.One, Day: sceneDay}
}

// send applies a notice and checks outcome, charge and media.
func (s *scene) send(t Type, n Notice, want Outcome, charge, media money.Nanos) *Posting {
	s.t.Helper()
	p := s.do(t, n).posting
	if p == nil {
		s.t.Fatalf("%s of bid %d: nothing was decided; want %s", t, n.Bid.Counter, want)
	}
	if p.Outcome != want || p.Charge != charge || p.Media != media {
		s.t.Errorf("%s of bid %d: got %s, charge %d, media %d; want %s, %d, %d", t, n.Bid.Counter, p.Outcome, p.Charge, p.Media, want, charge, media)
	}
	if p.Charge+p.HouseLate+p.HouseUnbilled != p.Media+p.DataFee+p.PlatformFee+p.Margin {
		s.t.Errorf("%s of bid %d does not balance: %+v", t, n.Bid.Counter, p)
	}
	return p
}

// held checks what is posted and held at every level.
func (s *scene) held(posted, held money.Nanos) {
	s.t.Helper()
	for n := s.l.lines[1]; n != nil; n = n.parent {
		if n.charge.Life != (balance{posted, held}) {
			s.t.Errorf("%s: got %+v; want posted %d, held %d", n.level, n.charge.Life, posted, held)
		}
	}
}

func TestBillPostsTheClearingPriceAndFreesTheRest(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 10 * sceneNeed})
	lease := s.lease(4)
	s.held(0, 4*sceneNeed)
	p := s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000)
	if p.DataFee != sceneData || p.PlatformFee != sceneNeed*15/100 || p.Margin != sceneNeed-2_000_000-sceneData-sceneNeed*15/100 {
		t.Errorf("fees: %+v", p)
	}
	s.held(sceneNeed, 3*sceneNeed)
	if m := s.l.lines[1].media.Life; m != (balance{2_000_000, 3 * 2_500_000}) {
		t.Errorf("media: %+v; want the rest of the bid's reservation freed", m)
	}
	if owed := s.l.payables[payee{"demo", money.USD}]; owed != money.WideOf(2_000_000) {
		t.Errorf("payable: %v", owed)
	}
}

func TestEachNoticeCountsOnce(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 10 * sceneNeed})
	lease := s.lease(4)
	s.send(TypeLoss, s.notice(lease, 1), OutcomeVoid, 0, 0)
	s.held(0, 3*sceneNeed)
	s.send(TypeLoss, s.notice(lease, 1), OutcomeDuplicate, 0, 0) // lurl twice
	s.held(0, 3*sceneNeed)
	s.send(TypeBill, s.notice(lease, 2), OutcomePosted, sceneNeed, 2_000_000)
	s.send(TypeBill, s.notice(lease, 2), OutcomeDuplicate, 0, 0)
	s.send(TypeLoss, s.notice(lease, 2), OutcomeDuplicate, 0, 0) // a loss after a bill changes nothing
	s.held(sceneNeed, 2*sceneNeed)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000) // post beats void
	s.held(2*sceneNeed, 2*sceneNeed)
}

func TestPostAfterVoidNeedsRoom(t *testing.T) {
	s := newScene(t, Terms{}, Terms{Lifetime: sceneNeed}, Terms{})
	s.send(TypeLoss, s.notice(s.lease(1), 1), OutcomeVoid, 0, 0)
	first := s.notice(4, 1)
	first.Lease = s.l.books[1].anyLease()
	s.lease(1) // another lease takes all that is left
	p := s.send(TypeBill, first, OutcomeUnbilled, 0, 2_000_000)
	if p.HouseUnbilled != sceneNeed || p.Payable != 2_000_000 {
		t.Errorf("the exchange must be paid and the house bear it: %+v", p)
	}
	s.held(0, sceneNeed)
}

func (b *book) anyLease() int64 {
	for id := range b.ledger.leases {
		return id
	}
	return -1
}

func TestPriceRules(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 100 * sceneNeed})
	lease := s.lease(20)
	f := func(bid uint64, want Outcome, media money.Nanos, edit func(*Notice)) *Posting {
		t.Helper()
		n := s.notice(lease, bid)
		edit(&n)
		charge := money.Nanos(sceneNeed)
		if want == OutcomeAdjusted || want == OutcomeDuplicate || want == OutcomeBadPrice || want == OutcomeTest {
			charge = 0
		}
		return s.send(TypeBill, n, want, charge, media)
	}
	price := func(p money.CPM) func(*Notice) { return func(n *Notice) { n.Price = p } }
	f(1, OutcomePosted, 2_500_000, price(2_500_000))
	f(2, OutcomeDispute, 2_500_000, price(2_500_001)) // above: as reserved
	f(2, OutcomeDuplicate, 0, price(9_000_000))
	f(3, OutcomePosted, 0, price(0)) // a browser fires 0 first
	f(3, OutcomeAdjusted, 1_000_000, price(1_000_000))
	f(3, OutcomeDuplicate, 0, price(2_000_000)) // upwards once
	f(4, OutcomePosted, 2_000_000, price(2_000_000))
	f(4, OutcomeDuplicate, 0, price(1_000_000)) // never downwards
	f(5, OutcomeBadPrice, 0, func(n *Notice) { n.PriceBad, n.Price = PriceUnreplaced, 0 })
	f(5, OutcomeDuplicate, 0, func(n *Notice) { n.PriceBad, n.Price = PriceUnreplaced, 0 })
	f(5, OutcomePosted, 2_000_000, price(2_000_000)) // with a price it still posts
	f(6, OutcomeTest, 0, func(n *Notice) { n.Test = true })
	f(6, OutcomeDuplicate, 0, func(n *Notice) { n.Test = true })
	eur := money.Currency{'E', 'U', 'R'}
	p := f(7, OutcomePosted, 1_100_002, func(n *Notice) { n.Price, n.PriceCurrency, n.FXRate = 1_000_001, eur, 1_100_000_000 })
	if p.Payable != 1_000_001 || p.PayableCurrency != eur { // 1100001.1 in the advertiser's money: rounded up
		t.Errorf("payable %d %v; want what the exchange reported", p.Payable, p.PayableCurrency)
	}
	p = f(8, OutcomeDispute, 2_500_000, func(n *Notice) { n.Price, n.PriceCurrency, n.FXRate = 9_000_000, eur, 1_250_000_000 })
	if p.Payable != 2_000_000 {
		t.Errorf("a disputed price in another currency: payable %d; want the reserved 2000000", p.Payable)
	}
	s.held(7*sceneNeed, 12*sceneNeed)
}

func TestPhases(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 3 * sceneNeed})
	lease := s.lease(2)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000)
	s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	s.held(sceneNeed, 0)
	s.send(TypeBill, s.notice(lease, 1), OutcomeDuplicate, 0, 0) // a late duplicate is no late win
	s.send(TypeBill, s.notice(lease, 2), OutcomeLate, sceneNeed, 2_000_000)
	s.send(TypeBill, s.notice(lease, 3), OutcomeLate, sceneNeed, 2_000_000)
	p := s.send(TypeBill, s.notice(lease, 4), OutcomeLate, 0, 2_000_000) // the budget is full
	if p.HouseLate != sceneNeed || p.Payable != 2_000_000 {
		t.Errorf("late: %+v; want the payable in full and the charge on the house", p)
	}
	s.send(TypeBill, s.notice(lease, 4), OutcomeDuplicate, 0, 0)
	s.held(3*sceneNeed, 0)
	s.do(TypeHard, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	s.send(TypeBill, s.notice(lease, 5), OutcomePastHard, 0, 0)
	s.send(TypeBill, s.notice(lease, 1), OutcomePastHard, 0, 0)
	s.held(3*sceneNeed, 0)
	s.send(TypeBill, s.notice(999, 6), OutcomePastHard, 0, 0) // a lease that never was
}

func TestReturnCountsOnceAndOnlyDecreases(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 10 * sceneNeed})
	lease := s.lease(4)
	back := Return{Advertiser: 1, Lease: lease, Items: []ItemAmount{{LineItem: 1, Amounts: Amounts{Media: 2_500_000, Charge: sceneNeed}}}}
	s.do(TypeReturn, back)
	s.held(0, 3*sceneNeed)
	s.do(TypeReturn, back)
	s.held(0, 3*sceneNeed)
	other := s.lease(1)
	back.Lease, back.Items[0].Charge = other, 100*sceneNeed // more than it holds
	s.do(TypeReturn, back)
	s.held(0, 3*sceneNeed)
}

func TestClick(t *testing.T) {
	const price, expected = 40_000_000, 800_000
	newCPC := func(limit money.Nanos) (*scene, int64) {
		s := newScene(t, Terms{}, Terms{Daily: limit}, Terms{Pricing: campaigns.PricingCPC, EventPrice: price})
		return s, s.lease(3)
	}
	notice := func(s *scene, lease int64, bid uint64) Notice {
		n := s.notice(lease, bid)
		n.ReservedCharge = sceneData + expected
		return n
	}
	t.Run("the expected charge waits", func(t *testing.T) {
		s, lease := newCPC(100_000_000)
		p := s.send(TypeBill, notice(s, lease, 1), OutcomePosted, sceneData, 2_000_000)
		if p.Margin != -2_000_000-sceneData*15/100 {
			t.Errorf("margin %d: until a click the house has paid the media", p.Margin)
		}
		s.held(sceneData, 3*sceneNeed-sceneData)
		s.send(TypeClick, notice(s, lease, 1), OutcomePosted, price, 0)
		s.send(TypeClick, notice(s, lease, 1), OutcomeDuplicate, 0, 0)
		s.held(sceneData+price, 3*sceneNeed-sceneData-expected)
		s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
		s.held(sceneData+price, 0)
	})
	t.Run("a click before its bill", func(t *testing.T) {
		s, lease := newCPC(100_000_000)
		if p := s.do(TypeClick, notice(s, lease, 1)).posting; p != nil {
			t.Errorf("a click of a bid that may have lost: %+v", p)
		}
		s.held(0, 3*sceneNeed)
		s.send(TypeBill, notice(s, lease, 1), OutcomePosted, sceneData+price, 2_000_000)
		s.held(sceneData+price, 3*sceneNeed-sceneData-expected)
		s.send(TypeLoss, notice(s, lease, 1), OutcomeDuplicate, 0, 0)
	})
	t.Run("a click of a bid that is never billed charges nothing", func(t *testing.T) {
		s, lease := newCPC(100_000_000)
		s.do(TypeClick, notice(s, lease, 1))
		s.do(TypeHard, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
		s.held(0, 0)
	})
	t.Run("what does not fit is the house's", func(t *testing.T) {
		s, lease := newCPC(3*sceneNeed + 5_000_000)
		s.send(TypeBill, notice(s, lease, 1), OutcomePosted, sceneData, 2_000_000)
		p := s.send(TypeClick, notice(s, lease, 1), OutcomeUnbilled, 5_000_000+expected, 0)
		if p.HouseUnbilled != price-5_000_000-expected {
			t.Errorf("unbilled %d", p.HouseUnbilled)
		}
	})
	t.Run("the pool of expected charges insures a click", func(t *testing.T) {
		s, lease := newCPC(3 * sceneNeed)
		s.send(TypeBill, notice(s, lease, 1), OutcomePosted, sceneData, 2_000_000)
		s.send(TypeBill, notice(s, lease, 2), OutcomePosted, sceneData, 2_000_000)
		s.send(TypeClick, notice(s, lease, 1), OutcomeUnbilled, 2*expected, 0)
		s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
		s.held(2*sceneData+2*expected, 0)
	})
	t.Run("a click of a bid billed under CPM charges nothing", func(t *testing.T) {
		s := newScene(t, Terms{}, Terms{}, Terms{Daily: 100 * sceneNeed})
		lease := s.lease(2)
		s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000)
		s.budget(LevelLineItem, Terms{Daily: 100 * sceneNeed, Pricing: campaigns.PricingCPC, EventPrice: price, DataFee: sceneData})
		if p := s.do(TypeClick, s.notice(lease, 1)).posting; p != nil {
			t.Errorf("got %+v", p)
		}
	})
}

// The tightest level and horizon binds a grant, both amounts or neither.
func TestGrantFitsEveryLevel(t *testing.T) {
	f := func(advertiser, campaign, line Terms, want money.Nanos) {
		t.Helper()
		s := newScene(t, advertiser, campaign, line)
		s.lease(10)
		s.held(0, want)
		if m := s.l.lines[1].media.Life.Held; (m == 0) != (want == 0) {
			t.Errorf("charge %d with media %d: want both or neither", want, m)
		}
	}
	f(Terms{Daily: 7}, Terms{Daily: 8}, Terms{Daily: 9}, 7)
	f(Terms{Daily: 8}, Terms{Daily: 7}, Terms{Daily: 9}, 7)
	f(Terms{Lifetime: 9}, Terms{Lifetime: 8}, Terms{Lifetime: 7}, 7)
	f(Terms{Lifetime: 9}, Terms{Daily: 5}, Terms{Lifetime: 7}, 5)
	f(Terms{}, Terms{}, Terms{Daily: 1000 * sceneNeed}, 10*sceneNeed)
	f(Terms{Daily: 1000 * sceneNeed}, Terms{}, Terms{MediaDaily: 1}, 10*sceneNeed)
	s := newScene(t, Terms{Daily: sceneNeed}, Terms{}, Terms{})
	s.lease(1)
	if id := s.lease(1); id != -1 {
		t.Errorf("a second lease of a full budget: %d", id)
	}
}

// A budget cut below what is committed is a target: nothing new, and what was
// committed still posts.
func TestBudgetCutBelowCommitted(t *testing.T) {
	s := newScene(t, Terms{Daily: 10 * sceneNeed}, Terms{}, Terms{})
	lease := s.lease(4)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000)
	s.budget(LevelAdvertiser, Terms{Daily: 2 * sceneNeed, Currency: money.USD, Zone: "UTC", PlatformFee: sceneFee})
	if id := s.lease(1); id != -1 {
		t.Errorf("a lease beyond the cut: %d", id)
	}
	for bid := uint64(2); bid <= 4; bid++ {
		s.send(TypeBill, s.notice(lease, bid), OutcomePosted, sceneNeed, 2_000_000)
	}
	s.held(4*sceneNeed, 0)
	s.send(TypeBill, s.notice(lease, 5), OutcomeUnbilled, 0, 2_000_000)
}

// A bid billed after midnight counts on its own day; the new day has its own budget.
func TestBillAfterMidnight(t *testing.T) {
	s := newScene(t, Terms{Daily: 2 * sceneNeed}, Terms{}, Terms{})
	old := s.lease(2)
	s.do(TypeDay, DayTurn{Epoch: 0, Advertiser: 1, Day: sceneDay + 1})
	young := s.lease(2)
	if young == -1 {
		t.Fatal("the new day has no budget")
	}
	p := s.send(TypeBill, s.notice(old, 1), OutcomePosted, sceneNeed, 2_000_000)
	if p.Day != sceneDay {
		t.Errorf("billed on %v; want the bid's day %v", p.Day, sceneDay)
	}
	adv := &s.l.books[1].node.charge
	if got := *adv.on(sceneDay + 1); got != (balance{0, 2 * sceneNeed}) {
		t.Errorf("the new day: %+v", got)
	}
	// A zone edit to the west must not bring the day back.
	s.do(TypeDay, DayTurn{Epoch: 0, Advertiser: 1, Day: sceneDay})
	if got := s.l.books[1].day; got != sceneDay+1 {
		t.Errorf("the day went back to %v", got)
	}
	// A day closes once no lease names it, with what was posted on it.
	if days := s.l.books[1].closings(); len(days) != 0 {
		t.Errorf("%v may close while a lease names it", days)
	}
	s.do(TypeHard, Phase{Epoch: 0, Advertiser: 1, Lease: old})
	if days := s.l.books[1].closings(); len(days) != 1 || days[0] != sceneDay {
		t.Errorf("%v may close; want %v", days, sceneDay)
	}
	c := Closing{Epoch: 0, Advertiser: 1, Day: sceneDay, Accounts: s.l.books[1].postedOn(sceneDay)}
	wrong := c
	wrong.Accounts = wrong.Accounts[1:]
	if _, err := s.try(TypeClosing, wrong); !errors.Is(err, ErrOrder) {
		t.Errorf("a closing with other balances: %v; want ErrOrder", err)
	}
	if p := s.do(TypeClosing, c).posting; p == nil || p.Charge != sceneNeed || p.Media != 2_000_000 {
		t.Errorf("closed with %+v", p)
	}
	if len(adv.Days) != 1 || adv.Days[0].Day != sceneDay+1 {
		t.Errorf("days kept: %+v", adv.Days)
	}
	if p := s.do(TypeClosing, c).posting; p != nil {
		t.Errorf("a repeated closing decides %+v", p)
	}
}

// What the owner of an older epoch writes is void, and a grant that the log
// holds twice grants once.
func TestFencing(t *testing.T) {
	s := newScene(t, Terms{Daily: 10 * sceneNeed}, Terms{}, Terms{})
	lease := s.lease(1)
	g := Grant{Epoch: 0, Nonce: s.nonce, Advertiser: 1, Bidder: "b", Day: sceneDay, WindowMS: 1000,
		Items: []ItemAmount{{LineItem: 1, Amounts: Amounts{Media: 1, Charge: 1}}}}
	if e := s.do(TypeGrant, g); e.granted != nil {
		t.Error("a repeated grant granted")
	}
	s.do(TypeClaim, Claim{Owner: "other"})
	g.Nonce++
	for _, x := range []struct {
		typ     Type
		payload any
	}{
		{TypeGrant, g}, {TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease}}, {TypeHard, Phase{Epoch: 0, Advertiser: 1, Lease: lease}},
		{TypeDay, DayTurn{Epoch: 0, Advertiser: 1, Day: sceneDay + 5}}, {TypeBudget, Budget{Epoch: 0, Advertiser: 1, Level: LevelCampaign, Campaign: 1, Terms: Terms{Daily: 1}}},
	} {
		if e := s.do(x.typ, x.payload); e.granted != nil || e.phased != nil || e.ended != nil {
			t.Errorf("%s of the fenced owner counts", x.typ)
		}
	}
	s.held(0, sceneNeed)
	if s.l.books[1].day != sceneDay || s.l.campaigns[1].terms.Daily != 0 {
		t.Error("the fenced owner changed the day or a budget")
	}
}

func TestUnreadableRecordsStopTheShard(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		s := newScene(t, Terms{Daily: 1}, Terms{}, Terms{})
		before := fmt.Sprintf("%+v", s.l.lines[1].charge)
		_, err := s.l.apply(&eventlog.Record{Offset: 77, Value: []byte(value)})
		if err == nil || !strings.Contains(err.Error(), "partition 0 offset 77") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v; want partition, offset and %q", value, err, want)
		}
		if after := fmt.Sprintf("%+v", s.l.lines[1].charge); after != before {
			t.Errorf("%.60s changed the ledger", value)
		}
	}
	f(`{"v":2,"type":"bill"}`, "v: got 2; want 1")
	f(`{"v":1,"type":"coupon"}`, "coupon")
	f(`{"v":1,"type":"bill","advertiser":-1}`, "advertiser -1")
	f(`{"v":1,"type":"bill","advertiser":1,"line_item":1,"bid":"00000000000000010000000000000001","reserved_media_nanos":-5}`, "-5")
	f(`{"v":1,"type":"bill"`, "unexpected end")
	f(``, "unexpected end")
	f(`{"v":1,"type":"budget","level":"planet","advertiser":1,"epoch":0}`, "planet")
	f(`{"v":1,"type":"budget","level":"line_item","advertiser":1,"campaign":9,"line_item":9,"epoch":0}`, "comes before its campaign")
	f(`{"v":1,"type":"budget","level":"advertiser","advertiser":1,"currency":"EUR","epoch":0}`, "currency changes")
	f(`{"v":1,"type":"grant","advertiser":1,"day":"2026-11-21","window_ms":1,"items":[{"line_item":1,"media_nanos":-1}]}`, "must not be negative")
	if _, err := newLedger(0).apply(&eventlog.Record{Value: []byte("x")}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("got %v; want ErrUnreadable", err)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, s := range []string{
		`{"v":1,"type":"claim","owner":"x"}`, `{"v":1,"type":"return","advertiser":1,"lease":3,"items":[]}`,
		`{"v":1,"type":"bill","advertiser":1,"line_item":1,"bid":"00000000000000010000000000000001","fx_rate":1,"price_currency":"USD","day":"2026-11-21"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeRecord(b)
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Fatalf("%v is not ErrUnreadable", err)
			}
			return
		}
		if d.notice == nil {
			return
		}
		value, err := encode(d.typ, d.notice) // what is read can be written, and reads the same
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeRecord(value)
		if err != nil || !again.notice.At.Equal(d.notice.At) {
			t.Fatalf("read back: %v", err)
		}
		again.notice.At = d.notice.At
		if *again.notice != *d.notice {
			t.Fatalf("got %+v; want %+v", again.notice, d.notice)
		}
	})
}

// TestHardComesInSpiteOfRestarts: an owner that is replaced more often than
// HardAfter still ends the leases that are closed.
func TestHardComesInSpiteOfRestarts(t *testing.T) {
	cfg := DefaultConfig()
	closed := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f := func(name string, at time.Time, restart time.Duration, want time.Duration) {
		t.Helper()
		s := newScene(t, Terms{}, Terms{}, Terms{Daily: 3 * sceneNeed})
		lease := s.lease(2)
		s.do(TypeClose, Phase{At: at, Epoch: 0, Advertiser: 1, Lease: lease})
		store := &memStore{}
		if err := store.commit(func(w snapWriter) error { return s.l.flush(w, 1) }); err != nil {
			t.Fatal(err)
		}
		l, err := loadLedger(store, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		sh := newShard(cfg, 0, 1, "next", l)
		sh.restartTimers(closed.Add(restart))
		if len(sh.timers) != 1 || sh.timers[0].typ != TypeHard || sh.timers[0].at.Sub(closed) != want {
			t.Errorf("%s: timers %+v; want hard %v after the close", name, sh.timers, want)
		}
	}
	f("at once", closed, 0, cfg.HardAfter)
	f("next day", closed, 24*time.Hour, cfg.HardAfter)
	f("long after", closed, 100*time.Hour, 100*time.Hour+cfg.CloseAfter)
	f("a clock ahead", closed.Add(time.Hour), time.Minute, time.Minute+cfg.HardAfter)
	f("a state without the time", time.Time{}, 24*time.Hour, 24*time.Hour+cfg.HardAfter)
}
