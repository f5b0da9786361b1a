package attribution

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/attribution/rollup"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb"
	"bidhawk/internal/sqldb/sqldbtest"
)

// figuresOf is everything that a database tells, in a form that compares.
type figuresOf struct {
	rollups    map[group]metrics
	days       map[lineItemDay]metrics
	payables   map[payable]payableSum
	attributed map[string]string // the last record emitted of each conversion
}

func newFigures() *figuresOf {
	return &figuresOf{
		rollups: map[group]metrics{}, days: map[lineItemDay]metrics{},
		payables: map[payable]payableSum{}, attributed: map[string]string{},
	}
}

func (f *figuresOf) add(g group, m metrics) {
	sum := f.rollups[g]
	sum.add(&m)
	f.rollups[g] = sum
	k := lineItemDay{g.advertiser, g.day, g.campaign, g.lineItem}
	day := f.days[k]
	day.add(&m)
	f.days[k] = day
}

func (f *figuresOf) normalize() {
	for k, m := range f.rollups {
		if f.rollups[k] = m.norm(); m.isZero() {
			delete(f.rollups, k)
		}
	}
	for k, m := range f.days {
		if f.days[k] = m.norm(); m.isZero() {
			delete(f.days, k)
		}
	}
}

func (m metrics) norm() metrics {
	for i := range m.s {
		m.s[i] = m.s[i].Norm()
	}
	return m
}

func (f *figuresOf) diff(o *figuresOf) string {
	var b bytes.Buffer
	diffMaps(&b, "rollups", f.rollups, o.rollups)
	diffMaps(&b, "line_item_days", f.days, o.days)
	diffMaps(&b, "payables", f.payables, o.payables)
	diffMaps(&b, "attributed", f.attributed, o.attributed)
	return b.String()
}

func diffMaps[K, V comparable](b *bytes.Buffer, name string, got, want map[K]V) {
	keys := maps.Clone(got)
	maps.Copy(keys, want)
	for k := range keys {
		if got[k] != want[k] {
			fmt.Fprintf(b, "%s %v:\n got  %v\n want %v\n", name, k, got[k], want[k])
		}
	}
}

// reference computes the figures of a log the slow and obvious way, reading
// whole topics at once and comparing every conversion with every touch.
func reference(l *memLog, cfg Config) *figuresOf {
	cfg = cfg.withDefaults()
	r := &referee{out: newFigures(), cfg: cfg, adv: newAdvertisers(testCatalog(), zones{}), orders: map[orderKey]*conversion{}, shown: shownTexts{}}
	for n := range l.partitions {
		r.exposures(l.logs[partition{eventlog.TopicExposures, n}])
		r.postings(l.logs[partition{eventlog.TopicPostings, n}])
		r.auctions(l.logs[partition{eventlog.TopicAuctions, n}])
		r.conversions(l.logs[partition{eventlog.TopicConversions, n}])
	}
	for _, c := range r.orders {
		r.attribute(c)
	}
	r.out.normalize()
	return r.out
}

type referee struct {
	out     *figuresOf
	cfg     Config
	adv     *advertisers
	touches []touch
	orders  map[orderKey]*conversion
	shown   shownTexts
}

// lineItemDay is a row of the cube of line items.
type lineItemDay struct {
	advertiser int64
	day        Day
	campaign   int64
	lineItem   int64
}

func mustRead(rec eventlog.Record, dst any) {
	if err := json.Unmarshal(rec.Value, dst); err != nil {
		panic(err)
	}
}

func (r *referee) exposures(recs []eventlog.Record) {
	seen := map[string]bool{}
	for _, rec := range recs {
		var e exposureRecord
		mustRead(rec, &e)
		key := e.Type + e.Bid.id.String()
		if e.Test || e.Type == "loss" || seen[key] {
			continue
		}
		seen[key] = true
		when := e.BidAt
		if e.At.Sub(e.BidAt) > r.cfg.LateAfter {
			when = e.At
		}
		var m metrics
		m.n[map[string]int{"win": nWins, "impression": nImpressions, "click": nClicks, "viewable": nViewable, "midpoint": nMidpoints, "complete": nCompletes}[e.Type]] = 1
		r.out.add(group{advertiser: e.Advertiser, day: dayOf(when, r.adv.get(e.Advertiser).loc), slot: when.Truncate(quarter).Unix(), placement: e.placement(r.shown)}, m)
		t := touch{kind: touchView, advertiser: e.Advertiser, user: ids.UserKey(e.User), at: e.At.UnixNano(), logged: rec.Time.UnixNano(), placement: e.placement(r.shown)}
		e.Bid.id.Put(t.bid[:])
		if e.Type == "click" {
			t.kind = touchClick
		}
		if e.Type == "impression" || e.Type == "click" {
			r.touches = append(r.touches, t)
		}
	}
}

func (r *referee) postings(recs []eventlog.Record) {
	marks := map[int32]int64{}
	for _, rec := range recs {
		var p postingRecord
		mustRead(rec, &p)
		if mark, ok := marks[p.MoneyPartition]; ok && p.MoneyOffset <= mark {
			continue
		}
		marks[p.MoneyPartition] = p.MoneyOffset
		if p.Outcome == "duplicate" || p.Outcome == "test" {
			continue
		}
		loc := r.adv.get(p.Advertiser).loc
		slot := p.At.Truncate(quarter)
		for slot.In(loc).Format(time.DateOnly) < p.Day.day.String() {
			slot = slot.Add(quarter)
		}
		for slot.In(loc).Format(time.DateOnly) > p.Day.day.String() {
			slot = slot.Add(-quarter)
		}
		var m metrics
		m.s[sMedia].Add(p.Media)
		m.s[sCharge].Add(p.Charge)
		m.s[sMargin].Add(p.Margin)
		m.s[sHouseLate].Add(p.HouseLate)
		key := payable{p.Day.day, p.Advertiser, p.Exchange, p.PayableCurrency}
		sum := r.out.payables[key]
		if p.Outcome != "adjusted" {
			m.n[nBillable] = 1
			sum.billable++
		}
		sum.sum.Add(p.Payable)
		sum.sum = sum.sum.Norm()
		r.out.payables[key] = sum
		r.out.add(group{advertiser: p.Advertiser, day: p.Day.day, slot: slot.Unix(), placement: p.placement(r.shown)}, m)
	}
}

func (r *referee) auctions(recs []eventlog.Record) {
	seen := map[int64]bool{}
	for _, rec := range recs {
		var a auctionsRecord
		mustRead(rec, &a)
		if seen[a.Seq] {
			continue
		}
		seen[a.Seq] = true
		for _, row := range a.Rows {
			var m metrics
			m.n[nBids] = row.Bids
			r.out.add(group{advertiser: row.Advertiser, day: dayOf(row.Hour, r.adv.get(row.Advertiser).loc), slot: row.Hour.Unix(), placement: row.placement(r.shown)}, m)
		}
	}
}

func (r *referee) conversions(recs []eventlog.Record) {
	for _, rec := range recs {
		var w conversionRecord
		mustRead(rec, &w)
		c := &conversion{orderKey: orderKey{w.Advertiser, w.Order}, id: w.ID, at: w.At.UnixNano(), logged: rec.Time.UnixNano(),
			day: dayOf(w.At, r.adv.get(w.Advertiser).loc), slot: w.At.Truncate(quarter).Unix(), value: w.Value, user: ids.UserKey(w.User), typ: w.Type}
		if w.ClickBid.ok {
			c.clickBid = make([]byte, 16)
			w.ClickBid.id.Put(c.clickBid)
		}
		old := r.orders[c.orderKey]
		if old == nil || c.logged < old.logged || c.logged == old.logged && c.id < old.id {
			r.orders[c.orderKey] = c
		}
	}
}

func (r *referee) attribute(c *conversion) {
	v := r.adv.get(c.advertiser)
	var best *touch
	var bestRank int
	for i := range r.touches {
		t := &r.touches[i]
		named := t.kind == touchClick && c.clickBid != nil && bytes.Equal(t.bid[:], c.clickBid)
		window := v.view
		rank := 1
		if t.kind == touchClick {
			window, rank = v.click, 2
		}
		if named {
			rank = 3
		}
		switch age := time.Duration(c.at - t.at); {
		case t.advertiser != c.advertiser, age < 0, age > window,
			t.logged-c.logged > int64(r.cfg.Settle),
			!named && (c.user == 0 || t.user != c.user):
			continue
		}
		if best == nil || rank > bestRank || rank == bestRank &&
			(t.at > best.at || t.at == best.at && bytes.Compare(t.bid[:], best.bid[:]) > 0) {
			best, bestRank = t, rank
		}
	}
	if best == nil {
		return
	}
	var m metrics
	m.n[nClickConversions+int(touchClick-best.kind)] = 1
	m.s[sValue].Add(c.value)
	r.out.add(group{c.advertiser, c.day, c.slot, best.placement, c.typ}, m)
	r.out.attributed[c.id] = owed(best.kind.String(), hex.EncodeToString(best.bid[:]), best.lineItem)
}

// figures reads what s has stored.
func figuresIn(t rapidOrTest, s *Service) *figuresOf {
	out := newFigures()
	for k, m := range cube(t, s, rollup.Hours) {
		out.rollups[k] = m
	}
	for k, m := range cube(t, s, rollup.LineItems) {
		out.days[lineItemDay{k.advertiser, k.day, k.campaign, k.lineItem}] = m
	}
	// What is derived says the same, less precisely.
	for _, c := range []rollup.Cube{rollup.Sites, rollup.Days} {
		sums := map[lineItemDay]metrics{}
		for k, m := range cube(t, s, c) {
			d := lineItemDay{k.advertiser, k.day, k.campaign, k.lineItem}
			sum := sums[d]
			sum.add(&m)
			sums[d] = sum
		}
		for d, m := range sums {
			if m.norm() != out.days[d].norm() {
				t.Fatal("cube ", c, d, ": got ", m, "; want ", out.days[d])
			}
		}
	}
	each(t, s, "SELECT day, advertiser, exchange, currency, billable, units, nanos FROM payables", func(rows *sql.Rows) error {
		var k payable
		var p payableSum
		err := rows.Scan(&k.day, &k.advertiser, &k.exchange, &k.currency, &p.billable, &p.sum.Units, &p.sum.Nanos)
		p.sum = p.sum.Norm()
		out.payables[k] = p
		return err
	})
	each(t, s, "SELECT value FROM outbox ORDER BY id", func(rows *sql.Rows) error {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		var a attributedRecord
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		out.attributed[a.Conversion] = owed(a.Touch, a.Bid, a.LineItem)
		if a.Touch == "none" {
			delete(out.attributed, a.Conversion)
		}
		return nil
	})
	out.normalize()
	return out
}

type rapidOrTest interface {
	Helper()
	Fatal(args ...any)
}

// cube reads all rows of a cube.
func cube(t rapidOrTest, s *Service, c rollup.Cube) map[group]metrics {
	t.Helper()
	q := &rollup.Query{Cube: c, From: -1 << 31, To: 1<<31 - 1, MaxGroups: 1 << 20, Workers: 2, By: []rollup.Dim{{Day: true}}}
	for col := rollup.Advertiser; col <= rollup.Event; col++ {
		q.By = append(q.By, rollup.Dim{Column: col})
	}
	a, err := rollup.Ask(context.Background(), s.store.r, rollupSums, q)
	if err != nil {
		t.Fatal(err)
	}
	out := map[group]metrics{}
	for g := range a.Groups() {
		k := group{advertiser: a.Int(g, 1), day: Day(a.Int(g, 0)), slot: a.Int(g, 2), placement: placement{
			campaign: a.Int(g, 3), lineItem: a.Int(g, 4), creative: a.Int(g, 5), app: a.Int(g, 6) != 0,
			exchange: a.Text(g, 7), deal: a.Text(g, 8), site: a.Text(g, 9), shown: a.Text(g, 10)}, event: a.Text(g, 11)}
		var m metrics
		m.get(func(i int) int64 { return a.Sum(g, i) })
		out[k] = m
	}
	return out
}

func each(t rapidOrTest, s *Service, q string, f func(*sql.Rows) error) {
	t.Helper()
	rows, err := s.store.r.QueryContext(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// drawLog makes up a log: bids with their exposures, postings, counts and
// conversions, late, repeated and in the wrong order.
func drawLog(t *rapid.T) *memLog {
	type entry struct {
		at time.Time
		v  any
	}
	var entries []entry
	minutes := func(name string, lo, hi int) time.Duration {
		return time.Duration(rapid.IntRange(lo, hi).Draw(t, name)) * time.Minute
	}
	add := func(v any, at time.Time) {
		logged := at.Add(minutes("delay", 0, 40))
		if _, ok := v.(conversionRecord); ok && rapid.IntRange(0, 3).Draw(t, "uploaded") == 0 {
			logged = at.Add(minutes("upload", 0, 48*60))
		}
		entries = append(entries, entry{logged, v})
		if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
			entries = append(entries, entry{logged.Add(minutes("repeat", 0, 100)), v})
		}
	}
	bids := rapid.IntRange(1, 8).Draw(t, "bids")
	var touched []time.Time
	for i := range bids {
		e := exposureRecord{
			V: 1, Bid: bid(uint64(i) * 700), User: userKey(rapid.SampledFrom([]uint64{1, 1, 1, 2, 0}).Draw(t, "user")),
			Test:          rapid.IntRange(0, 15).Draw(t, "test") == 0,
			wirePlacement: place(rapid.SampledFrom([]int64{1, 2, 2, 2}).Draw(t, "advertiser"), int64(rapid.IntRange(0, 1).Draw(t, "item"))),
			BidAt:         t0.Add(minutes("bid_at", 0, 3*24*60)),
		}
		e.Type, e.At = "win", e.BidAt
		add(e, e.At)
		e.Type, e.At = "impression", e.At.Add(minutes("shown", 0, 60))
		add(e, e.At)
		touched = append(touched, e.At)
		if rapid.IntRange(0, 2).Draw(t, "played") == 0 {
			for _, typ := range []string{"viewable", "midpoint", "complete"} {
				p := e
				p.Type, p.At = typ, e.At.Add(time.Minute)
				add(p, p.At)
			}
		}
		if rapid.Bool().Draw(t, "clicked") {
			e.Type, e.At = "click", e.At.Add(minutes("click", 0, 60))
			if rapid.IntRange(0, 9).Draw(t, "very late") == 0 {
				e.At = e.At.Add(72 * time.Hour)
			}
			add(e, e.At)
		}
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "conversions") {
		c := conversionRecord{
			V: 1, ID: fmt.Sprintf("c%d", i), At: rapid.SampledFrom(touched).Draw(t, "after").Add(minutes("converted", -30, 200)), Type: "purchase", Source: "pixel",
			Advertiser: rapid.SampledFrom([]int64{1, 2, 2, 2}).Draw(t, "advertiser"), Order: fmt.Sprintf("o%d", rapid.IntRange(0, 3).Draw(t, "order")),
			Value: money.Nanos(rapid.Int64Range(0, 9e18).Draw(t, "value")), Currency: "USD",
			User: userKey(rapid.SampledFrom([]uint64{1, 1, 1, 2, 0}).Draw(t, "user")),
		}
		if rapid.IntRange(0, 5).Draw(t, "long after") == 0 {
			c.At = c.At.Add(minutes("much later", 0, 47*60))
		}
		if rapid.IntRange(0, 2).Draw(t, "named") == 0 {
			c.ClickBid = bid(uint64(rapid.IntRange(0, bids-1).Draw(t, "click_bid")) * 700)
		}
		add(c, c.At)
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "auctions") {
		a := auctionsRecord{V: 1, Type: "counts", Node: "n", Seq: int64(i), At: t0}
		a.Rows = []auctionRow{{Hour: t0.Add(minutes("hour", 0, 100) * 15), Bids: int64(i), wirePlacement: place(1, 0)}}
		add(a, t0)
	}
	l := newMemLog(3)
	// Stable by time: a log's clock does not run backwards.
	for len(entries) > 0 {
		least := 0
		for i := range entries {
			if entries[i].at.Before(entries[least].at) {
				least = i
			}
		}
		l.write(entries[least].v, entries[least].at)
		entries = append(entries[:least], entries[least+1:]...)
	}
	drawPostings(t, l)
	return l
}

func drawPostings(t *rapid.T, l *memLog) {
	n := rapid.IntRange(0, 8).Draw(t, "postings")
	var sent []postingRecord
	for i := range n {
		advertiser := int64(rapid.IntRange(1, 2).Draw(t, "advertiser"))
		at := t0.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "at")) * time.Minute)
		p := postingRecord{
			V: 1, Type: "bill", MoneyOffset: int64(i * 3), At: at,
			MoneyPartition: eventlog.PartitionOf([]byte(fmt.Sprint(advertiser)), l.partitions),
			Day:            wireDay{dayOf(at, time.UTC) + Day(rapid.IntRange(-3, 1).Draw(t, "day")), true},
			Outcome:        rapid.SampledFrom([]string{"posted", "posted", "late", "duplicate", "adjusted", "test"}).Draw(t, "outcome"),
			Media:          money.Nanos(rapid.Int64Range(0, 9e18).Draw(t, "media")), Payable: money.Nanos(i) * 1e9, PayableCurrency: "USD",
			Charge: money.Nanos(rapid.Int64Range(0, 9e18).Draw(t, "charge")), Margin: money.Nanos(rapid.Int64Range(-9e18, 9e18).Draw(t, "margin")),
			wirePlacement: place(advertiser, 0),
		}
		sent = append(sent, p)
		l.write(p, at)
		if rapid.IntRange(0, 3).Draw(t, "replayed") == 0 { // the ledger starts again from a snapshot
			for _, p := range sent[rapid.IntRange(0, i).Draw(t, "from"):] {
				l.write(p, at)
			}
		}
	}
}

// reading drives a service over a log in an order that rapid draws, with crashes.
type reading struct {
	t    *rapid.T
	path string
	cfg  Config
	deps Deps
	log  *memLog
	s    *Service
	old  []byte // a copy of the database at some earlier transaction
}

func (r *reading) reopen() {
	if r.s != nil {
		if err := r.s.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
	s, err := Open(context.Background(), r.cfg, r.deps)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := s.assign(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	r.s = s
}

func (r *reading) restore(raw []byte) {
	if err := r.s.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.s = nil
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(r.path + suffix); err != nil && !os.IsNotExist(err) {
			r.t.Fatal(err)
		}
	}
	if err := os.WriteFile(r.path, raw, 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.reopen()
}

func (r *reading) snapshot() []byte {
	if err := r.s.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.s = nil
	raw, err := os.ReadFile(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.reopen()
	return raw
}

// step reads on somewhere; false: everything has been read.
func (r *reading) step() bool {
	var waiting []partition
	for _, topic := range topics {
		for n := range r.log.partitions {
			p := partition{topic, n}
			if r.s.mu.positions[p].next < int64(len(r.log.logs[p])) {
				waiting = append(waiting, p)
			}
		}
	}
	if len(waiting) == 0 {
		return false
	}
	var fetches []fetch
	for range rapid.IntRange(1, 4).Draw(r.t, "fetches") {
		p := rapid.SampledFrom(waiting).Draw(r.t, "partition")
		next := r.s.mu.positions[p].next
		if len(fetches) > 0 && fetches[len(fetches)-1].partition == p {
			continue
		}
		n := int64(rapid.IntRange(1, 10).Draw(r.t, "records"))
		fetches = append(fetches, fetch{p, r.log.logs[p][next:min(next+n, int64(len(r.log.logs[p])))]})
	}
	if err := r.s.apply(context.Background(), fetches); err != nil {
		r.t.Fatal(err)
	}
	return true
}

func (r *reading) maybeCrash() {
	switch rapid.IntRange(0, 24).Draw(r.t, "crash") {
	case 0:
		r.reopen()
	case 1:
		if !sqldbtest.Postgres() {
			r.old = r.snapshot()
		}
	case 2: // kill -9 of the machine: the newest transactions are lost (of an SQLite file)
		if r.old != nil {
			r.restore(r.old)
		}
	case 3: // a rewound consumer: records come again, the dedup keys are there
		if _, err := r.s.store.w.Exec("UPDATE offsets SET next = next / 2"); err != nil {
			r.t.Fatal(err)
		}
		r.reopen()
	case 4, 5, 6, 7:
		due, err := rollup.Due(context.Background(), r.s.store.r, rollupSums, 3)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := r.s.applyMerges(context.Background(), mergeOffer{due, make(chan struct{})}); err != nil {
			r.t.Fatal(err)
		}
	case 8, 9, 10:
		f, err := r.s.Freshness(context.Background())
		for range 3 {
			if err == nil {
				err = r.s.prune(context.Background(), f.AsOf.Add(-r.s.cfg.Skew))
			}
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestAnyOrderOfReadingGivesTheReference: whatever the order in which partitions
// are read, however often the process dies, records repeat or old data is
// forgotten, the roll-ups are those of the obvious computation.
func TestAnyOrderOfReadingGivesTheReference(t *testing.T) {
	outer := t
	raw, err := emptyDB()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t)
		path := filepath.Join(dir, "reports.db")
		source := sqldb.Source{File: path}
		if sqldbtest.Postgres() {
			source = sqldbtest.PostgresSource(outer)
		}
		for _, suffix := range []string{"-wal", "-shm"} {
			os.Remove(path + suffix)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		r := &reading{t: t, path: path, cfg: Config{Database: source}, deps: testDeps(l), log: l}
		r.deps.Now = func() time.Time { return t0.Add(30 * 24 * time.Hour) }
		r.deps.DeadLetter = func(rec eventlog.Record, reason string) { t.Fatal("dead letter: ", string(rec.Value), reason) }
		r.reopen()
		defer func() {
			if r.s != nil {
				r.s.Close()
			}
		}()
		for r.step() {
			r.maybeCrash()
		}
		if d := figuresIn(t, r.s).diff(reference(l, r.cfg)); d != "" {
			t.Fatal(d)
		}
	})
}

func owed(touch, bid string, lineItem int64) string {
	return fmt.Sprintf("%s %s %d", touch, bid, lineItem)
}
