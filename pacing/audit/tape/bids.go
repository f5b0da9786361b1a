package tape

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (t *Tape) grant() {
	adv := 1 + t.rng.IntN(2)
	l := &lease{advertiser: adv, day: t.day}
	var items []string
	for line := 1; line <= lines; line++ {
		if advertiserOf(line) != adv && !t.chance(2) || t.chance(40) {
			continue
		}
		flight, up := int64(0), int64(0)
		if t.chance(60) {
			flight = starts[t.rng.IntN(len(starts))]
		}
		if t.chance(60) {
			up = starts[t.rng.IntN(len(starts))]
		}
		for _, f := range [][2]int64{{0, 0}, {flight, up}} { // mostly one of them is right
			items = append(items, fmt.Sprintf(`{"line_item":%d,"media_nanos":%d,"charge_nanos":%d,"flight":%d,"campaign_flight":%d}`,
				line, t.rng.IntN(500), t.rng.IntN(600), f[0], f[1]))
		}
	}
	t.nonce++
	epoch, day := t.epoch, t.day
	if t.chance(3) {
		epoch--
	}
	if t.chance(3) {
		day--
	}
	t.write(`{"v":1,"type":"grant","epoch":%d,"nonce":%d,"advertiser":%d,"bidder":"0000000000000001","day":"2026-11-%02d","window_ms":10000,"items":[%s]}`,
		epoch, t.nonce, adv, day, strings.Join(items, ","))
	t.then = func() {
		l.id = t.Offset
		for line := 1; line <= lines; line++ {
			if media, charge, ok := t.Auditor.Leased(l.id, int64(line)); ok {
				l.items = append(l.items, &item{line: line, left: amounts{media, charge}, holds: map[string]*amounts{}})
			}
		}
		if len(l.items) > 0 {
			t.leases = append(t.leases, l)
		}
	}
}

func (t *Tape) lease() *lease {
	if len(t.leases) == 0 {
		return nil
	}
	return t.leases[max(0, len(t.leases)-1-t.rng.IntN(12))]
}

// bid reserves from a lease that its bidder still has.
func (t *Tape) bid() {
	l := t.lease()
	if l == nil || l.returned {
		return
	}
	it := l.items[t.rng.IntN(len(l.items))]
	a := amounts{min(it.left.media, 1+t.rng.Int64N(90)), min(it.left.charge, 1+t.rng.Int64N(100))}
	if a.media <= 0 || a.charge <= 0 {
		return
	}
	it.left.media -= a.media
	it.left.charge -= a.charge
	exchange, format := exchanges[t.rng.IntN(2)], formats[t.rng.IntN(3)]
	class := exchange + "/" + format
	h := it.holds[class]
	if h == nil {
		h = &amounts{}
		it.holds[class] = h
	}
	h.media += a.media
	h.charge += a.charge
	currency, rate := currencies[l.advertiser], int64(1_000_000_000)
	if t.chance(30) {
		currency, rate = "GBP", 500_000_000+t.rng.Int64N(1_000_000_000)
	}
	t.made++
	b := &bid{lease: l, line: it.line, media: a.media, test: t.chance(3)}
	b.head = fmt.Sprintf(`"advertiser":%d,"campaign":%d,"line_item":%d,"creative":1,"lease":%d,"bid":"0000000000000001%016x","exchange":"%s","format":"%s","deal":"","site":"","app":false,`+
		`"reserved_media_nanos":%d,"reserved_charge_nanos":%d,"price_currency":"%s","fx_rate":%d,"day":"2026-11-%02d","test":%t`,
		l.advertiser, campaignOf(it.line), it.line, l.id, t.made, exchange, format, a.media, a.charge, currency, rate, l.day, b.test)
	t.bids = append(t.bids, b)
	t.send(b)
}

func (t *Tape) notice() {
	if len(t.bids) > 0 {
		t.send(t.bids[max(0, len(t.bids)-1-t.rng.IntN(1+t.rng.IntN(200)))])
	}
}

var types = [...]string{"win", "win", "loss", "bill", "bill", "bill", "click", "view", "complete", "conversion", "conversion"}

// send sends any notice of a bid.
func (t *Tape) send(b *bid) {
	typ, extra := types[t.rng.IntN(len(types))], ""
	switch {
	case typ == "conversion":
		extra = fmt.Sprintf(`,"order":"%d","value_nanos":%d`, t.rng.IntN(400), t.rng.IntN(1000))
	case typ == "bill" && t.chance(5):
		extra = `,"price_bad":"unreplaced","price_micros":0`
	case typ == "bill":
		extra = fmt.Sprintf(`,"price_micros":%d`, t.rng.Int64N(2*b.media+1))
	}
	t.write(`{"v":1,"type":"%s",%s%s}`, typ, b.head, extra)
	t.then = func() {
		day := b.lease.day
		if b.lease.hard {
			day = t.day
		}
		t.count(b.line, day, t.Entry.Charge, t.Entry.Media)
	}
}

func (t *Tape) giveBack() {
	l := t.lease()
	if l == nil || l.returned && !t.chance(10) {
		return
	}
	var items []string
	for _, it := range l.items {
		var holds []string
		for _, class := range slices.Sorted(maps.Keys(it.holds)) {
			holds = append(holds, fmt.Sprintf(`{"class":"%s","media_nanos":%d,"charge_nanos":%d}`, class, it.holds[class].media, it.holds[class].charge))
		}
		items = append(items, fmt.Sprintf(`{"line_item":%d,"media_nanos":%d,"charge_nanos":%d,"holds":[%s]}`, it.line, it.left.media, it.left.charge, strings.Join(holds, ",")))
	}
	l.returned = true
	t.write(`{"v":1,"type":"return","advertiser":%d,"lease":%d,"items":[%s]}`, l.advertiser, l.id, strings.Join(items, ","))
}

// ends ends a phase of a lease or of a class of it.
func (t *Tape) ends() {
	l := t.lease()
	if l == nil {
		return
	}
	class := fmt.Sprintf(`,"class":"%s/%s"`, exchanges[t.rng.IntN(2)], formats[t.rng.IntN(3)])
	switch n := t.rng.IntN(100); {
	case n < 20:
		t.phase("unwon", l, class)
	case n < 40:
		t.phase("ease", l, class+fmt.Sprintf(`,"keep_ppm":%d`, t.rng.IntN(1_000_001)))
	case n < 65:
		t.phase("close", l, class)
	case n < 85:
		t.phase("close", l, "")
	default:
		t.phase("hard", l, "")
	}
}

func (t *Tape) phase(typ string, l *lease, class string) {
	t.write(`{"v":1,"type":"%s","epoch":%d,"advertiser":%d,"lease":%d%s}`, typ, t.epoch, l.advertiser, l.id, class)
	if l.returned = l.returned || class == ""; typ == "hard" {
		l.hard = true
	}
}

// count sums what posts on a day.
func (t *Tape) count(line, day int, charge, media int64) {
	adv := advertiserOf(line)
	for _, s := range []account{{adv, day, "advertiser", adv}, {adv, day, "campaign", campaignOf(line)}, {adv, day, "line_item", line}} {
		a := t.posted[s]
		if a == nil {
			a = &amounts{}
			t.posted[s] = a
		}
		if a.charge += charge; s.level == "line_item" {
			a.media += media
		}
	}
}

// closing ends the oldest day that something posted on, with its leases.
func (t *Tape) closing(adv int) {
	day := t.day
	for s, a := range t.posted {
		if s.advertiser == adv && (a.charge != 0 || a.media != 0) {
			day = min(day, s.day)
		}
	}
	if day == t.day {
		return
	}
	for _, l := range t.leases {
		if l.advertiser == adv && l.day <= day && !l.hard {
			t.phase("hard", l, "")
		}
	}
	var scopes []account
	for s, a := range t.posted {
		if s.advertiser == adv && s.day == day && (a.charge != 0 || a.media != 0) {
			scopes = append(scopes, s)
		}
	}
	slices.SortFunc(scopes, func(a, b account) int { return cmp.Or(strings.Compare(a.level, b.level), cmp.Compare(a.id, b.id)) })
	var accounts []string
	for _, s := range scopes {
		media := ""
		if m := t.posted[s].media; m != 0 {
			media = fmt.Sprintf(`,"media_nanos":%d`, m)
		}
		accounts = append(accounts, fmt.Sprintf(`{"level":"%s","id":%d,"charge_nanos":%d%s}`, s.level, s.id, t.posted[s].charge, media))
		delete(t.posted, s)
	}
	t.write(`{"v":1,"type":"closing","epoch":%d,"advertiser":%d,"day":"2026-11-%02d","accounts":[%s]}`, t.epoch, adv, day, strings.Join(accounts, ","))
}
