package pacing

import (
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// event is a notice of a line item that is paid by the event: of its reservation
// of 1,000,000 the data fee is 200,000.
func (s *scene) event(lease int64, bid uint64) Notice {
	n := s.notice(lease, bid)
	n.ReservedCharge = 1_000_000
	return n
}

func TestEventRules(t *testing.T) {
	f := func(rule campaigns.PricingModel, typ Type, value, want money.Nanos) {
		t.Helper()
		s := newScene(t, Terms{}, Terms{}, Terms{Daily: 1_000_000_000, Pricing: rule, EventPrice: 7_000_000, Share: 100_000})
		lease := s.lease(5)
		n := s.event(lease, 1)
		n.Value, n.Order = value, "A-1"
		s.send(TypeBill, n, OutcomePosted, sceneData, 2_000_000)
		for _, other := range []Type{TypeClick, TypeView, TypeComplete} {
			if other == typ {
				continue
			}
			if p := s.do(other, n).posting; p != nil {
				t.Errorf("%s: a %s decides %+v", rule, other, p)
			}
		}
		s.send(typ, n, OutcomePosted, want, 0)
		s.send(typ, n, OutcomeDuplicate, 0, 0)
		s.held(sceneData+want, 5*sceneNeed-sceneData-min(want, 800_000))
		s.do(TypeHard, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
		s.held(sceneData+want, 0)
	}
	f(campaigns.PricingCPC, TypeClick, 0, 7_000_000)
	f(campaigns.PricingVCPM, TypeView, 0, 7_000_000)
	f(campaigns.PricingCPCV, TypeComplete, 0, 7_000_000)
	f(campaigns.PricingCPA, TypeConversion, 0, 7_000_000)
	f(campaigns.PricingCPS, TypeConversion, 50_000_009, 5_000_000)
	f(campaigns.PricingCPS, TypeConversion, 40_000, 4_000)
}

// A conversion comes when nothing is known of its bid any more: it charges what
// fits on the present day, once per order.
func TestLateConversion(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 10_000_000, Pricing: campaigns.PricingCPA, EventPrice: 7_000_000})
	lease := s.lease(1)
	n := s.event(lease, 1)
	s.send(TypeBill, n, OutcomePosted, sceneData, 2_000_000)
	s.do(TypeHard, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	s.do(TypeDay, DayTurn{Epoch: 0, Advertiser: 1, Day: sceneDay + 1})
	n.Order = "A-1"
	if p := s.send(TypeConversion, n, OutcomePosted, 7_000_000, 0); p.Day != sceneDay+1 {
		t.Errorf("on %v; want the present day", p.Day)
	}
	s.send(TypeConversion, n, OutcomeDuplicate, 0, 0)
	n.Order = "A-2"
	if p := s.send(TypeConversion, n, OutcomeUnbilled, 3_000_000, 0); p.HouseUnbilled != 4_000_000 {
		t.Errorf("unbilled %d", p.HouseUnbilled)
	}
}

func TestDynamicCPM(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 100 * sceneNeed, Pricing: campaigns.PricingDCPM, Share: 250_000})
	lease := s.lease(10)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneData+2_500_000, 2_000_000)
	n := s.notice(lease, 2)
	n.Price = 3 // a quarter of it is rounded up
	s.send(TypeBill, n, OutcomePosted, sceneData+4, 3)
	n = s.notice(lease, 3)
	n.Price = 2_500_000 // would be 3,325,000: at most what was reserved
	s.send(TypeBill, n, OutcomePosted, sceneNeed, 2_500_000)
	s.held(2*sceneData+2_500_004+sceneNeed, 7*sceneNeed)
}

// A day's price is held with the day's first lease and charged once.
func TestFlatPerDay(t *testing.T) {
	const price = 50_000_000
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: price + 3*sceneData, Pricing: campaigns.PricingCPD, EventPrice: price})
	lease := s.lease(2)
	s.held(0, price)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, price+sceneData, 2_000_000)
	s.send(TypeBill, s.notice(lease, 2), OutcomePosted, sceneData, 2_000_000)
	s.held(price+2*sceneData, 0)
	s.lease(2)
	s.held(price+2*sceneData, 0)
	// The next day it is held anew, freed by its lease's close, and held again.
	s.do(TypeDay, DayTurn{Epoch: 0, Advertiser: 1, Day: sceneDay + 1})
	lease = s.lease(1)
	s.held(price+2*sceneData, price)
	s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	s.held(price+2*sceneData, 0)
	if s.lease(1); s.l.lines[1].charge.Life.Held != price {
		t.Error("the next lease does not hold the day's price")
	}
	// A day's price that does not fit leases nothing.
	s = newScene(t, Terms{}, Terms{}, Terms{Daily: price - 1, Pricing: campaigns.PricingCPD, EventPrice: price})
	if got := s.lease(1); got != -1 {
		t.Error("a lease without room for the day's price")
	}
}

// What events are still expected for stays in the pool when its lease closes.
func TestLateShare(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 100 * sceneNeed, Pricing: campaigns.PricingCPC, EventPrice: 7_000_000, LateShare: 250_000})
	lease := s.lease(1)
	s.send(TypeBill, s.event(lease, 1), OutcomePosted, sceneData, 2_000_000)
	s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	s.held(sceneData, 200_000)
	s.send(TypeClick, s.event(lease, 1), OutcomeLate, 7_000_000, 0)
	s.held(sceneData+7_000_000, 0)
	s.do(TypeHard, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	s.held(sceneData+7_000_000, 0)
}

// Classes of one lease end at times of their own.
func TestClassesEndByThemselves(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 100 * sceneNeed})
	lease := s.lease(10)
	fast := func(bid uint64) Notice { n := s.notice(lease, bid); n.Format = "banner"; return n }
	slow := func(bid uint64) Notice { n := s.notice(lease, bid); n.Format = "video"; return n }
	s.send(TypeBill, fast(1), OutcomePosted, sceneNeed, 2_000_000) // before the return
	hold := func(class string, n money.Nanos) Hold {
		return Hold{Class: class, Amounts: Amounts{Media: 2_500_000 * n, Charge: sceneNeed * n}}
	}
	s.do(TypeReturn, Return{Advertiser: 1, Lease: lease, Items: []ItemAmount{{LineItem: 1, Amounts: Amounts{Media: 2_500_000 * 2, Charge: sceneNeed * 2},
		Holds: []Hold{hold("demo/banner", 4), hold("demo/video", 4)}}}})
	s.held(sceneNeed, 7*sceneNeed)
	if p := s.do(TypeWin, slow(10)).posting; p != nil {
		t.Errorf("a win decides %+v", p)
	}
	s.do(TypeUnwon, Phase{Epoch: 0, Advertiser: 1, Lease: lease, Class: "demo/video"}) // one of four has won
	s.held(sceneNeed, 4*sceneNeed)
	s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease, Class: "demo/banner"})
	s.held(sceneNeed, sceneNeed)
	s.send(TypeBill, slow(10), OutcomePosted, sceneNeed, 2_000_000)
	s.held(2*sceneNeed, 0)
	s.send(TypeBill, slow(11), OutcomeLate, sceneNeed, 2_000_000) // had not won
	s.send(TypeBill, fast(2), OutcomeLate, sceneNeed, 2_000_000)  // its class is closed
	s.held(4*sceneNeed, 0)
	if !s.l.leases[lease].settled() {
		t.Error("nothing is open, and the lease waits")
	}
}

func flightsFrom(day int, budgets ...money.Nanos) (out []Flight) {
	for i, b := range budgets {
		start := time.Date(2026, 11, day+i, 0, 0, 0, 0, time.UTC)
		out = append(out, Flight{Start: start, End: start.AddDate(0, 0, 1), Budget: b})
	}
	return out
}

func (s *scene) flights(f []Flight) {
	s.t.Helper()
	t := s.l.lines[1].terms
	s.do(TypeBudget, Budget{Epoch: s.l.epoch, Advertiser: 1, Campaign: 1, LineItem: 1, Level: LevelLineItem, Terms: t, Flights: f})
}

// leaseIn is lease for one flight.
func (s *scene) leaseIn(flight int64, impressions money.Nanos) int64 {
	s.t.Helper()
	s.nonce++
	g := Grant{Epoch: s.l.epoch, Nonce: s.nonce, Advertiser: 1, Bidder: "b", Day: s.l.books[1].day, WindowMS: 1000,
		Items: []ItemAmount{{LineItem: 1, Flight: flight, Amounts: Amounts{Media: 2_500_000 * impressions, Charge: sceneNeed * impressions}}}}
	if e := s.do(TypeGrant, g); e.granted != nil {
		return e.granted.id
	}
	return -1
}

func TestFlightsHaveBudgetsOfTheirOwn(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{})
	flights := flightsFrom(21, 2*sceneNeed, 3*sceneNeed)
	s.flights(flights)
	first, second := flights[0].key(), flights[1].key()
	if s.leaseIn(0, 1) != -1 || s.leaseIn(17, 1) != -1 {
		t.Error("a lease outside of every flight")
	}
	lease := s.leaseIn(first, 9)
	s.held(0, 2*sceneNeed)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000)
	s.leaseIn(second, 9)
	s.held(sceneNeed, 4*sceneNeed)
	if b := s.l.lines[1].charge.flight(first); b.balance != (balance{sceneNeed, sceneNeed}) {
		t.Errorf("the first flight: %+v", b)
	}
	// A flight that is taken out closes; what is held in it stays until it comes back.
	s.flights(flights[1:])
	if s.leaseIn(first, 1) != -1 {
		t.Error("a lease in a flight that is gone")
	}
	s.send(TypeBill, s.notice(lease, 2), OutcomePosted, sceneNeed, 2_000_000)
	s.send(TypeBill, s.notice(lease, 3), OutcomeUnbilled, 0, 2_000_000)
}

func TestPrepaid(t *testing.T) {
	s := newScene(t, Terms{Funded: true, Agency: 4}, Terms{}, Terms{Daily: 100 * sceneNeed})
	if s.lease(1) != -1 {
		t.Error("a lease before anything was paid")
	}
	pay := func(id string, n money.Nanos, want Outcome) {
		t.Helper()
		if p := s.do(TypePayment, Payment{Advertiser: 1, ID: id, Amount: n, By: "test"}).posting; p.Outcome != want {
			t.Errorf("payment of %d: %s; want %s", n, p.Outcome, want)
		}
	}
	pay("p1", 3*sceneNeed, OutcomePosted)
	pay("p1", 3*sceneNeed, OutcomeDuplicate)
	lease := s.lease(5)
	s.held(0, 3*sceneNeed)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000)
	pay("r1", -1, OutcomeRefused) // all of it is committed
	pay("r1", -1, OutcomeDuplicate)
	s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	pay("r2", -2*sceneNeed-1, OutcomeRefused)
	pay("r3", -2*sceneNeed, OutcomePosted)
	if s.lease(1) != -1 {
		t.Error("a lease when all is spent or paid back")
	}
	adv := s.l.books[1].node.terms
	adv.Credit = 2 * sceneNeed
	s.budget(LevelAdvertiser, adv)
	s.lease(9)
	s.held(sceneNeed, 2*sceneNeed)
	if got := s.l.agencies[4]; got != money.WideOf(sceneNeed) {
		t.Errorf("the agency's account: %v", got)
	}
}

func TestAdjust(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 3 * sceneNeed})
	lease := s.lease(2)
	s.send(TypeBill, s.notice(lease, 1), OutcomePosted, sceneNeed, 2_000_000)
	f := func(a Adjust, want Outcome, posted money.Nanos) {
		t.Helper()
		a.Advertiser, a.LineItem, a.By, a.Cause, a.Reason = 1, 1, "test", "dispute", "test"
		p := s.do(TypeAdjust, a).posting
		if p.Outcome != want || s.l.lines[1].charge.Life.Posted != posted || s.l.books[1].node.charge.Life.Posted != posted {
			t.Errorf("%s: got %s with %+v; want %s, posted %d", a.ID, p.Outcome, s.l.lines[1].charge.Life, want, posted)
		}
		if p.Charge+p.HouseLate+p.HouseUnbilled != p.Media+p.DataFee+p.PlatformFee+p.Margin {
			t.Errorf("%s does not balance: %+v", a.ID, p)
		}
	}
	f(Adjust{ID: "1", Charge: -sceneNeed - 1}, OutcomeRefused, sceneNeed)
	f(Adjust{ID: "2", Charge: -100}, OutcomeAdjusted, sceneNeed-100)
	f(Adjust{ID: "2", Charge: -100}, OutcomeDuplicate, sceneNeed-100)
	f(Adjust{ID: "3", Charge: 2 * sceneNeed}, OutcomeRefused, sceneNeed-100) // one is held, so that one fits
	f(Adjust{ID: "4", Charge: sceneNeed + 1}, OutcomeRefused, sceneNeed-100) // the day has not got what the credit gave back
	f(Adjust{ID: "5", Charge: sceneNeed}, OutcomeAdjusted, 2*sceneNeed-100)
	f(Adjust{ID: "6", Media: -2_000_000, Payable: -2_000_000, Exchange: "demo", PayableCurrency: money.USD}, OutcomeAdjusted, 2*sceneNeed-100)
	f(Adjust{ID: "7", Media: -1, Payable: -1, Exchange: "demo", PayableCurrency: money.USD}, OutcomeRefused, 2*sceneNeed-100)
	f(Adjust{ID: "8", Media: 5, Payable: 4, Exchange: "demo", PayableCurrency: money.USD}, OutcomeRefused, 2*sceneNeed-100)
	if got := s.l.payables[payee{"demo", money.USD}]; got != (money.Wide{}) {
		t.Errorf("still owed: %v", got)
	}
}

func TestConvertedMoneyStandsOnBothCurrencies(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 3 * sceneNeed})
	n := s.notice(s.lease(1), 1)
	n.PriceCurrency, n.FXRate = money.Currency{'E', 'U', 'R'}, 1_100_000_000
	s.send(TypeBill, n, OutcomePosted, sceneNeed, 2_200_000)
	if s.l.fx[money.USD] != money.WideOf(-2_200_000) || s.l.fx[n.PriceCurrency] != money.WideOf(2_000_000) {
		t.Errorf("fx: %v", s.l.fx)
	}
}

func TestDelays(t *testing.T) {
	d := delays{First: 1, Last: 1_000_000}
	if _, ok := d.quantile(1000); ok {
		t.Error("a quantile of nothing")
	}
	for i := range 10_000 {
		d.add(time.Duration(1+i%10) * time.Second)
		if i%2000 == 0 {
			d.add(10 * time.Hour) // five in ten thousand: beyond one in a thousand
		}
	}
	if q, ok := d.quantile(1000); !ok || q < 10*time.Second || q > 13*time.Second {
		t.Errorf("got %v, %v; want a little over 10 s", q, ok)
	}
	d.Last = 60
	if q, ok := d.quantile(1000); ok {
		t.Errorf("a minute of bills tells of %v", q)
	}
	if q, _ := d.quantile(430); q < 10*time.Hour || q > 13*time.Hour {
		t.Errorf("got %v; want a little over 10 h", q)
	}
	for _, s := range []time.Duration{1, 2, 3, 4, 5, 7, 8, 100, 3600, 100_000} {
		if b := delayBucket(s * time.Second); delayEnd(b) <= s*time.Second && b != delayBuckets-1 {
			t.Errorf("%d s: bucket %d ends at %v", s, b, delayEnd(b))
		}
	}
}

// Of bids that nothing was heard of, what is still expected stays held.
func TestEase(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 100 * sceneNeed})
	lease := s.lease(10)
	n := func(bid uint64) Notice { x := s.notice(lease, bid); x.Format = "banner"; return x }
	s.do(TypeReturn, Return{Advertiser: 1, Lease: lease, Items: []ItemAmount{{LineItem: 1,
		Holds: []Hold{{Class: "demo/banner", Amounts: Amounts{Media: 25_000_000, Charge: 10 * sceneNeed}}}}}})
	s.do(TypeWin, n(1))
	s.send(TypeLoss, n(2), OutcomeVoid, 0, 0)
	s.do(TypeEase, Phase{Epoch: 0, Advertiser: 1, Lease: lease, Class: "demo/banner", Keep: 250_000})
	s.held(0, 3*sceneNeed) // the one that won, and a quarter of eight
	for bid := uint64(3); bid <= 5; bid++ {
		s.send(TypeBill, n(bid), OutcomePosted, sceneNeed, 2_000_000)
	}
	s.held(3*sceneNeed, 0)
	if s.l.leases[lease].settled() {
		t.Error("bids that may still be billed, and the lease would close")
	}
	s.send(TypeBill, n(1), OutcomePosted, sceneNeed, 2_000_000) // there is room
	s.do(TypeClose, Phase{Epoch: 0, Advertiser: 1, Lease: lease})
	s.held(4*sceneNeed, 0)
}

func TestKeep(t *testing.T) {
	f := func(kept, resolved money.Nanos, bids int, unresolved money.Nanos, later, want money.PPM) {
		t.Helper()
		li := &line{Yield: yield{Kept: kept, Resolved: resolved, Bids: bids}}
		ls := lease{items: []leaseItem{{line: &node{line: li}, classes: []classHold{{Class: "x/banner", Told: true, Reserved: Amounts{Charge: unresolved}}}}}}
		if got := ls.keep("x/banner", later); got != want {
			t.Errorf("got %d; want %d", got, want)
		}
	}
	f(100_000, 1_000_000, 1000, 10_000_000, 500_000, 59_328)
	f(100_000, 1_000_000, 1000, 10_000, 100_000, 10_989+3*32_967) // ten bids: one more
	f(1_000_000, 1_000_000, 1000, 10_000_000, 1_000_000, 1_000_000)
	for n := range int64(2000) {
		if r := isqrt(n); r*r > n || (r+1)*(r+1) <= n {
			t.Fatalf("root of %d: %d", n, r)
		}
	}
}

// A bill of a class that holds nothing any more leaves the money of others alone.
func TestABillTakesFromItsClassAlone(t *testing.T) {
	s := newScene(t, Terms{}, Terms{}, Terms{Daily: 10 * sceneNeed})
	lease := s.lease(4)
	n := func(format string, bid uint64) Notice { x := s.notice(lease, bid); x.Format = format; return x }
	two := Amounts{Media: 5_000_000, Charge: 2 * sceneNeed}
	s.do(TypeReturn, Return{Advertiser: 1, Lease: lease, Items: []ItemAmount{{LineItem: 1,
		Holds: []Hold{{Class: "demo/banner", Amounts: two}, {Class: "demo/video", Amounts: two}}}}})
	s.do(TypeEase, Phase{Epoch: 0, Advertiser: 1, Lease: lease, Class: "demo/banner"})
	s.held(0, 2*sceneNeed)
	s.send(TypeBill, n("banner", 1), OutcomePosted, sceneNeed, 2_000_000)
	s.held(sceneNeed, 2*sceneNeed) // by what there is room for: the videos' holds stay
	s.send(TypeBill, n("video", 2), OutcomePosted, sceneNeed, 2_000_000)
	s.held(2*sceneNeed, sceneNeed)
}
