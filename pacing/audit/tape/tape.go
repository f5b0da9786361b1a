// Package tape makes random money logs for tests: every record of docs/money.md,
// in orders that no sane world would send, but of bidders that keep to their
// leases. Two ledgers that fold one tape must agree.
package tape

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"bidhawk/pacing/audit"
)

// Tape is a seeded log; a seed replays exactly. It reads along with an auditor,
// because it must know what a grant gave.
type Tape struct {
	Auditor *audit.Partition
	Offset  int64       // of the record that Next gave
	Entry   audit.Entry // what the auditor decides of it
	Err     error       // what it broke

	rng          *rand.Rand
	queue        []string
	then         func() // after the next record is read
	epoch, nonce int64
	day          int
	leases       []*lease
	bids         []*bid
	made         int
	ids          int
	posted       map[account]*amounts
}

type account struct {
	advertiser, day int
	level           string
	id              int
}

type amounts struct{ media, charge int64 }

type lease struct {
	id         int64
	advertiser int
	day        int
	items      []*item
	returned   bool
	hard       bool
}

type item struct {
	line  int
	left  amounts
	holds map[string]*amounts
}

type bid struct {
	head  string
	lease *lease
	line  int
	media int64
	test  bool
}

// The tree: line items 1 to 8 have a campaign each two, and an advertiser each four.
const lines = 8

func campaignOf(line int) int   { return (line + 1) / 2 }
func advertiserOf(line int) int { return (line + 3) / 4 }

var (
	currencies = [...]string{"", "USD", "EUR"} // by advertiser
	pricings   = [...]string{"cpm", "dcpm", "vcpm", "cpcv", "cpc", "cpa", "cps", "cpd"}
	exchanges  = [...]string{"demo", "other"}
	formats    = [...]string{"banner", "video", ""}
	// Starts of flights, in unix seconds and as they are written.
	starts = [...]int64{1793491200, 1794355200, 1795219200}
	dates  = [...]string{"2026-11-01T00:00:00Z", "2026-11-11T00:00:00Z", "2026-11-21T00:00:00Z", "2026-12-01T00:00:00Z"}
)

// New begins a tape.
func New(seed uint64) *Tape {
	t := &Tape{Auditor: audit.NewPartition(0), Offset: -1, rng: rand.New(rand.NewPCG(seed, 7)), day: 21, posted: map[account]*amounts{}}
	t.queue = append(t.queue, `{"v":1,"type":"claim","owner":"0000000000000001"}`)
	for adv := 1; adv <= 2; adv++ {
		t.queue = append(t.queue, t.advertiser(adv))
	}
	for c := 1; c <= campaignOf(lines); c++ {
		t.queue = append(t.queue, t.campaign(c))
	}
	for l := 1; l <= lines; l++ {
		t.queue = append(t.queue, t.line(l, pricings[l-1]))
	}
	t.turn()
	return t
}

// Next is the next record.
func (t *Tape) Next() []byte {
	for len(t.queue) == 0 {
		t.step()
	}
	value := []byte(t.queue[0])
	t.queue = t.queue[1:]
	t.Offset++
	if t.Entry, t.Err = t.Auditor.Apply(t.Offset, value); t.then != nil {
		t.then()
		t.then = nil
	}
	return value
}

// End queues what ends every lease.
func (t *Tape) End() int {
	for _, l := range t.leases {
		if !l.hard {
			t.phase("hard", l, "")
		}
	}
	return len(t.queue)
}

func (t *Tape) chance(percent int) bool { return t.rng.IntN(100) < percent }

func (t *Tape) write(format string, args ...any) {
	t.queue = append(t.queue, fmt.Sprintf(format, args...))
}

func (t *Tape) step() {
	switch n := t.rng.IntN(1000); {
	case n < 130:
		t.grant()
	case n < 330:
		t.bid()
	case n < 750:
		t.notice()
	case n < 800:
		t.giveBack()
	case n < 850:
		t.ends()
	case n < 910:
		t.edit()
	case n < 930:
		t.pay()
	case n < 950:
		t.adjust()
	case n < 955:
		t.closing(1 + t.rng.IntN(2))
	case n < 960:
		t.write(`{"v":1,"type":"claim","owner":"0000000000000001"}`)
		t.then = func() { t.epoch, t.nonce = t.Offset, 0 }
	case n < 964:
		t.day = min(28, t.day+1)
		t.turn()
	}
}

func (t *Tape) turn() {
	for adv := 1; adv <= 2; adv++ {
		t.write(`{"v":1,"type":"day","epoch":%d,"advertiser":%d,"day":"2026-11-%02d"}`, t.epoch, adv, t.day)
	}
}

// limit is often none.
func (t *Tape) limit(most int64) int64 {
	if t.chance(40) {
		return 0
	}
	return 1 + t.rng.Int64N(most)
}

func (t *Tape) advertiser(id int) string {
	return fmt.Sprintf(`{"v":1,"type":"budget","epoch":%d,"advertiser":%d,"level":"advertiser","currency":"%s","zone":"UTC","active":true,"platform_fee_ppm":%d,"agency":%d,`+
		`"funded":%t,"credit_nanos":%d,"daily_nanos":%d,"lifetime_nanos":%d}`,
		t.epoch, id, currencies[id], t.rng.IntN(300_000), 8+t.rng.IntN(3), t.chance(40), t.limit(4000), t.limit(4000), t.limit(30_000))
}

func (t *Tape) campaign(id int) string {
	return fmt.Sprintf(`{"v":1,"type":"budget","epoch":%d,"advertiser":%d,"level":"campaign","campaign":%d,"active":true,"daily_nanos":%d,"lifetime_nanos":%d%s}`,
		t.epoch, advertiserOf(2*id), id, t.limit(3000), t.limit(20_000), t.flights())
}

func (t *Tape) line(id int, pricing string) string {
	return fmt.Sprintf(`{"v":1,"type":"budget","epoch":%d,"advertiser":%d,"level":"line_item","campaign":%d,"line_item":%d,"active":true,"pricing":"%s",`+
		`"event_price_nanos":%d,"share_ppm":%d,"late_share_ppm":%d,"data_fee_nanos":%d,"daily_nanos":%d,"lifetime_nanos":%d,"media_daily_nanos":%d,"media_lifetime_nanos":%d%s}`,
		t.epoch, advertiserOf(id), campaignOf(id), id, pricing, 1+t.rng.IntN(300), 1+t.rng.IntN(400_000), t.rng.IntN(1_000_001), t.rng.IntN(20),
		t.limit(2000), t.limit(10_000), t.limit(2000), t.limit(10_000), t.flights())
}

func (t *Tape) flights() string {
	if t.chance(60) {
		return ""
	}
	var out []string
	for i := range starts {
		if t.chance(60) {
			out = append(out, fmt.Sprintf(`{"start":"%s","end":"%s","budget_nanos":%d}`, dates[i], dates[i+1], 1+t.rng.Int64N(3000)))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return `,"flights":[` + strings.Join(out, ",") + `]`
}

func (t *Tape) edit() {
	switch t.rng.IntN(4) {
	case 0:
		t.queue = append(t.queue, t.advertiser(1+t.rng.IntN(2)))
	case 1:
		t.queue = append(t.queue, t.campaign(1+t.rng.IntN(campaignOf(lines))))
	default:
		id := 1 + t.rng.IntN(lines)
		pricing := pricings[id-1]
		if t.chance(30) {
			pricing = pricings[t.rng.IntN(len(pricings))]
		}
		t.queue = append(t.queue, t.line(id, pricing))
	}
}

func (t *Tape) pay() {
	amount := 1 + t.rng.Int64N(2000)
	if t.chance(40) {
		amount = -amount
	}
	t.write(`{"v":1,"type":"payment","advertiser":%d,"id":"%d","amount_nanos":%d,"reference":"r","by":"b"}`,
		1+t.rng.IntN(3), t.id(), amount)
}

// id is new, or was there before.
func (t *Tape) id() int {
	if t.ids > 0 && t.chance(20) {
		return 1 + t.rng.IntN(t.ids)
	}
	t.ids++
	return t.ids
}

func (t *Tape) adjust() {
	line := 1 + t.rng.IntN(lines)
	adv := advertiserOf(line)
	media := t.rng.Int64N(200) - 120
	payable, currency := media, currencies[adv]
	if t.chance(20) {
		payable, currency = t.rng.Int64N(200)-100, "GBP"
	}
	charge := t.rng.Int64N(200) - 120
	t.write(`{"v":1,"type":"adjust","advertiser":%d,"line_item":%d,"id":"%d","charge_nanos":%d,"media_nanos":%d,"data_fee_nanos":%d,"platform_fee_nanos":%d,`+
		`"house_late_nanos":%d,"house_unbilled_nanos":%d,"exchange":"demo","payable_nanos":%d,"payable_currency":"%s","cause":"fx","reason":"r","by":"b"}`,
		adv, line, t.id(), charge, media, t.rng.IntN(9)-4, t.rng.IntN(9)-4, t.rng.IntN(9)-4, t.rng.IntN(9)-4, payable, currency)
	t.then = func() {
		if t.Entry.Outcome == "adjusted" {
			t.count(line, t.day, max(0, charge), max(0, media))
		}
	}
}
