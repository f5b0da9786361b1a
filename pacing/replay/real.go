package replay

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing"
	"bidhawk/pacing/audit"
	"bidhawk/pacing/control"
)

// Real replays auctions through the real wallet, pacer and ledger
// (pacing.Rehearsal): one line item of dynamic CPM with a lifetime budget, whose
// flight is a day, over which the auctions come evenly. Every record is audited.
type Real struct {
	Budget money.Nanos
	Market Market
	// Shading of bids under first price: WinCurve is the bidder's own control.Shader,
	// cold, that hears of bids when notices come.
	Shading Shading
	// Worth is what a click is worth to the line item: its bids are multiplier x
	// pCTR x worth, and the pacer's multiplier is never above 1, nor below a tenth.
	Worth money.Nanos
	// Mean delay of notices as a share of the day, exponential.
	Mean        money.PPM
	LossNotices bool
	Seed        uint64
}

// RealResult is what came of it.
type RealResult struct {
	Result
	Records  int64
	Outcomes map[pacing.Outcome]int64
	Refused  map[pacing.Refusal]int64
}

// WorthOf is a click's worth under which the start's multiplier is 0.4.
func WorthOf(start control.State) money.Nanos {
	return money.Nanos(start.Multiplier) * money.Unit / money.Nanos(control.One) * 5 / 2
}

// realLine is the id of the one line item, and of all that it belongs to.
const realLine = 1

var realStart = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

const realFlight = 24 * time.Hour

func (c Real) catalog() *campaigns.Catalog {
	meta := campaigns.Meta{ID: realLine, Revision: 1}
	return &campaigns.Catalog{
		Generation: 1,
		Agencies:   map[campaigns.ID]*campaigns.Agency{realLine: {Meta: meta, Status: campaigns.StatusActive}},
		Advertisers: map[campaigns.ID]*campaigns.Advertiser{realLine: {Meta: meta, AgencyID: realLine, Status: campaigns.StatusActive,
			Currency: money.USD, TimeZone: "UTC"}},
		Campaigns: map[campaigns.ID]*campaigns.Campaign{realLine: {Meta: meta, AdvertiserID: realLine, Status: campaigns.StatusActive,
			Start: realStart, End: realStart.Add(realFlight)}},
		LineItems: map[campaigns.ID]*campaigns.LineItem{realLine: {Meta: meta, CampaignID: realLine, Status: campaigns.StatusActive,
			Pricing: campaigns.PricingDCPM, MaxBid: money.MaxCPM, Pacing: campaigns.PacingEven, Budget: campaigns.Budget{Lifetime: c.Budget}}},
		Creatives: map[campaigns.ID]*campaigns.Creative{},
	}
}

// realRun is one replay on its way.
type realRun struct {
	Real
	r       *pacing.Rehearsal
	rng     *rand.Rand
	auditor *audit.Partition
	class   uint16
	bids    uint64
	res     RealResult
	errors  []float64
	shader  control.Shader
	told    outcomes // what the shader hears
	fit     time.Time
}

// Run replays auctions.
func (c Real) Run(auctions []Auction) (RealResult, error) {
	if len(auctions) == 0 {
		return RealResult{}, ErrEmpty
	}
	if c.Budget <= 0 || c.Worth <= 0 || c.Mean < 0 || c.Mean > 100_000 {
		return RealResult{}, fmt.Errorf("replay: budget %d, worth %d, mean delay %d; want more than 0, more than 0, 0 to 100000 parts per million", c.Budget, c.Worth, c.Mean)
	}
	x := &realRun{Real: c, rng: rand.New(rand.NewPCG(c.Seed, 2)), auditor: audit.NewPartition(0)}
	x.res.Outcomes, x.res.Refused = map[pacing.Outcome]int64{}, map[pacing.Refusal]int64{}
	cfg := pacing.DefaultConfig()
	cfg.Tick = 250 * time.Millisecond
	cfg.CloseAfter = max(time.Duration(float64(x.mean())*math.Log(1000)), 5*time.Second) // p99.9
	wallet := pacing.DefaultWalletConfig()
	wallet.Tick = cfg.Tick
	var err error
	x.r, err = pacing.NewRehearsal(pacing.RehearsalConfig{Pacer: cfg, Wallet: wallet, Catalog: c.catalog(), Start: realStart, Watch: x.watch})
	if err != nil {
		return RealResult{}, err
	}
	x.class = x.r.Wallet().Class("replay/banner")
	for i := range auctions {
		at := realStart.Add(time.Duration(float64(realFlight) * float64(i) / float64(len(auctions))))
		if err := x.r.Advance(at); err != nil {
			return x.res, err
		}
		if i%max(1, len(auctions)/1000) == 0 {
			x.point(float64(i) / float64(len(auctions)))
		}
		if err := x.auction(&auctions[i]); err != nil {
			return x.res, err
		}
	}
	return x.finish(int64(len(auctions)))
}

func (x *realRun) mean() time.Duration {
	return time.Duration(float64(realFlight) * float64(x.Mean) / 1e6)
}

// watch audits each record as it is written.
func (x *realRun) watch(offset int64, value []byte, p *pacing.Posting) error {
	x.res.Records++
	if p != nil {
		x.res.Outcomes[p.Outcome]++
	}
	_, err := x.auditor.Apply(offset, value)
	return err
}

func (x *realRun) auction(a *Auction) error {
	m := x.r.Wallet().Meet(realLine)
	worth, err := money.MulDiv(int64(a.Value), int64(x.Worth), int64(money.Unit))
	if err != nil {
		return err
	}
	v, err := money.MulDiv(worth, int64(m), 1_000_000)
	if err != nil {
		return err
	}
	bid := money.CPM(v)
	class, shaded := 0, false
	if x.Market == FirstPrice && x.Shading == WinCurve {
		bid, class, shaded = x.shade(money.CPM(worth), bid)
	}
	if bid <= 0 {
		return nil
	}
	need := pacing.Amounts{Media: bid.PerImpression(), Charge: bid.PerImpression()}
	res, why := x.r.Wallet().Reserve(realLine, x.r.Now(), need, x.class)
	if why != pacing.RefusedNot {
		x.res.Refused[why]++
		return nil
	}
	x.bids++
	x.res.Bids++
	n := pacing.Notice{Advertiser: realLine, Campaign: realLine, LineItem: realLine, Creative: 1, Lease: res.Lease,
		Bid: ids.BidID{Incarnation: 1, Counter: x.bids}, BidAt: x.r.Now().Truncate(time.Second), Exchange: "replay", Format: "banner",
		ReservedMedia: need.Media, ReservedCharge: need.Charge, PriceCurrency: money.USD, FXRate: money.One, Day: res.Day}
	tell := func(at time.Time) {
		if shaded {
			x.told.push(outcome{at: at, class: class, bid: bid, least: a.Price, won: bid >= a.Price})
		}
	}
	if bid < a.Price {
		return x.lose(&n, tell)
	}
	x.res.Wins++
	x.res.Value += int64(a.Value)
	if a.Clicked {
		x.res.Clicks++
	}
	if n.Price = a.Price; x.Market == FirstPrice {
		n.Price = bid
	}
	return x.bill(&n, tell)
}

// shadeFit is how often the bidder fits its curves.
const shadeFit = 10 * time.Second

// shade is what is bid of worth, and the class to tell with what comes of it.
func (x *realRun) shade(value, worth money.CPM) (bid money.CPM, class int, ok bool) {
	now := x.r.Now()
	x.told.until(now, &x.shader)
	if now.Sub(x.fit) >= shadeFit {
		x.fit = now
		x.shader.Refit()
	}
	x.shader.Sample(value, x.rng.Uint32())
	class, ok = x.shader.Class(value)
	return x.shader.Bid(value, worth), class, ok
}

func (x *realRun) bill(n *pacing.Notice, tell func(time.Time)) error {
	n.At = x.later()
	tell(n.At)
	msg, err := pacing.BillMessage(n)
	if err == nil {
		x.r.Send(n.At, msg)
	}
	return err
}

func (x *realRun) lose(n *pacing.Notice, tell func(time.Time)) error {
	if !x.LossNotices {
		return nil
	}
	n.Reason = 102 // lost to a higher bid
	n.At = x.later()
	tell(n.At)
	msg, err := pacing.LossMessage(n)
	if err == nil {
		x.r.Send(n.At, msg)
	}
	return err
}

func (x *realRun) later() time.Time {
	return x.r.Now().Add(time.Duration(x.rng.ExpFloat64() * float64(x.mean())))
}

// point holds spend, and what the pacer expects of holds, against the even plan.
func (x *realRun) point(at float64) {
	posted, expected := x.r.Posted(realLine, pacing.DayOf(x.r.Now()))
	plan := money.Nanos(float64(x.Budget) * at)
	x.errors = append(x.errors, percent(posted+expected-plan, x.Budget))
	x.res.Points = append(x.res.Points, Point{At: at, Plan: plan, Spent: posted + expected, Value: x.res.Value, Multiplier: ppm(x.r.Wallet().Multiplier(realLine))})
}

func ppm(m money.PPM) control.Multiplier { return control.Multiplier(m) * 1000 }

// finish waits for every notice, and for the auditor's word.
func (x *realRun) finish(auctions int64) (RealResult, error) {
	if err := x.r.Advance(realStart.Add(realFlight + 30*x.mean() + time.Hour)); err != nil {
		return x.res, err
	}
	x.res.Auctions = auctions
	x.res.Spent, _ = x.r.Posted(realLine, pacing.DayOf(realStart))
	x.res.Points = append(x.res.Points, Point{At: 1, Plan: x.Budget, Spent: x.res.Spent, Value: x.res.Value, Multiplier: ppm(x.r.Wallet().Multiplier(realLine))})
	x.res.RMSE, x.res.Worst = spread(x.errors)
	late, posted := x.res.Outcomes[pacing.OutcomeLate], x.res.Outcomes[pacing.OutcomePosted]
	x.res.Late = percent(late, late+posted)
	if x.res.Spent > x.Budget {
		return x.res, fmt.Errorf("replay: charged %d of a budget of %d", x.res.Spent, x.Budget)
	}
	return x.res, nil
}
