package attribution

import (
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"bidhawk/attribution/rollup"
	"bidhawk/campaigns"
)

// scaleDays is how many days the rolled-up events of BenchmarkReportAtScale span.
const scaleDays = 30

// scaleTraffic makes up events as bid streams have them: the hours of real traffic
// (where the data is there), Zipf's sites and line items, a few exchanges, devices and
// countries. One bid's win, impression and bill are three events of one row.
type scaleTraffic struct {
	r           *rand.Rand
	hours       [24]float64 // cumulated shares
	sites, line *rand.Zipf
	shown       []string
	names       []string
}

func newScaleTraffic() *scaleTraffic {
	g := &scaleTraffic{r: rand.New(rand.NewPCG(1, 2)), hours: hoursOfTraffic()}
	g.sites, g.line = rand.NewZipf(g.r, 1.2, 4, 4_999), rand.NewZipf(g.r, 1.1, 20, 199)
	for i := range 5_000 {
		g.names = append(g.names, fmt.Sprintf("site-%d.example", i))
	}
	for _, format := range []string{"banner/300x250", "banner/728x90", "video/640x360"} {
		for _, device := range []string{"1", "2", "4", "5"} {
			for _, place := range []string{"USA/CA", "USA/NY", "USA/TX", "DEU/BE", "GBR/", "FRA/", "JPN/13", "BRA/SP"} {
				g.shown = append(g.shown, format+"/"+device+"/"+place)
			}
		}
	}
	return g
}

// hoursOfTraffic are the cumulated shares of the hours of a day in the data's real
// traffic, or the same for each.
func hoursOfTraffic() (out [24]float64) {
	for i := range out {
		out[i] = float64(i+1) / 24
	}
	dir := os.Getenv("BIDHAWK_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, "bidstream/traffic_share.csv"))
	if err != nil {
		return out
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return out
	}
	var share [24]float64
	total := 0.0
	for _, row := range rows[1:] {
		hour, err := strconv.Atoi(row[2])
		v, verr := strconv.ParseFloat(row[3], 64)
		if err != nil || verr != nil || hour < 0 || hour > 23 {
			return out
		}
		share[hour] += v
		total += v
	}
	sum := 0.0
	for i, v := range share {
		sum += v
		out[i] = sum / total
	}
	return out
}

// batch is the rows of n events of a part of a day: of hours in their order.
func (g *scaleTraffic) batch(n int, day Day, part, parts int) []rollup.Row {
	rows := make(map[rollup.Key]*metrics)
	for i := 0; i < n; {
		// The share of the day at which the batch is, and so its hour.
		at, hour := (float64(part)+float64(i)/float64(n))/float64(parts), 0
		for hour < 23 && g.hours[hour] < at {
			hour++
		}
		line := int64(g.line.Uint64())
		k := rollup.Key{
			Advertiser: 1 + line%3, Slot: int64(day)*86_400 + int64(hour)*3600 + int64(g.r.IntN(4))*900, Campaign: 10 + line%3, LineItem: 100 + line,
			Exchange: [...]string{"alpha", "beta", "gamma", "delta"}[g.r.IntN(4)], Site: g.names[g.sites.Uint64()],
		}
		creative := g.r.IntN(3) // each of a format
		k.Creative, k.Shown = 1000+line*3+int64(creative), g.shown[creative*32+g.r.IntN(32)]
		m := rows[k]
		if m == nil {
			m = new(metrics)
			rows[k] = m
		}
		m.n[nBids] += 5
		m.n[nWins]++
		if i++; g.r.IntN(100) < 95 {
			m.n[nImpressions]++
			m.n[nBillable]++
			m.s[sMedia].Add(2_000_000 + 1_000*1000)
			m.s[sCharge].Add(3_100_000)
			m.s[sMargin].Add(100_000)
			i += 2
		}
		if g.r.IntN(2) == 0 {
			m.n[nViewable]++
			i++
		}
		if g.r.IntN(300) == 0 {
			m.n[nClicks]++
			i++
		}
	}
	out := make([]rollup.Row, 0, len(rows))
	for k, m := range rows {
		v := make([]int64, rollupSums)
		m.put(v)
		out = append(out, rollup.Row{Key: k, V: v})
	}
	return out
}

// fillScale rolls up events into s, merging as a running service does.
func fillScale(b *testing.B, s *Service, events int) {
	const perBatch = 20_000
	ctx, g := context.Background(), newScaleTraffic()
	parts := max(events/scaleDays/perBatch, 1)
	for day := range scaleDays {
		d := dayOf(t0, time.UTC) + Day(day)
		for part := range parts {
			tx, err := s.store.w.BeginTx(ctx, nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.parts.Write(ctx, tx, int32(d), g.batch(perBatch, d, part, parts)); err != nil {
				b.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
			if part%8 == 7 || part == parts-1 {
				mergeDue(b, s)
			}
		}
	}
	b.Logf("%d events rolled up", parts*perBatch*scaleDays)
}

func mergeDue(b *testing.B, s *Service) {
	for {
		due, err := rollup.Due(context.Background(), s.store.r, rollupSums, mergesAtOnce)
		if err != nil {
			b.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		if err := s.applyMerges(context.Background(), mergeOffer{due, make(chan struct{})}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReportAtScale asks 30 days of rolled-up events by five dimensions.
// BIDHAWK_REPORT_EVENTS says how many (2 million; the figure that counts is of 100
// million), and BIDHAWK_REPORT_DB a file to keep them in.
func BenchmarkReportAtScale(b *testing.B) {
	events := 2_000_000
	if v := os.Getenv("BIDHAWK_REPORT_EVENTS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			b.Fatalf("BIDHAWK_REPORT_EVENTS is %q; want a number", v)
		}
		events = n
	}
	path := os.Getenv("BIDHAWK_REPORT_DB")
	if path == "" {
		path = filepath.Join(b.TempDir(), "r.db")
	}
	s := open(b, path, Config{}, testDeps(newMemLog(1)))
	defer s.Close()
	if n := rowsOf(b, s, "parts"); n == 0 {
		fillScale(b, s, events)
	}
	from := dayOf(t0, time.UTC)
	q := Query{From: from, To: from + scaleDays - 1, Advertisers: []campaigns.ID{1, 2}, Sort: "charge", Descending: true, Top: 1000}
	for _, c := range []struct {
		name string
		by   []Dimension
	}{
		{"day,line_item,creative,exchange,format", []Dimension{ByDay, ByLineItem, ByCreative, ByExchange, ByFormat}},
		{"day,line_item,exchange,device_type,country", []Dimension{ByDay, ByLineItem, ByExchange, ByDeviceType, ByCountry}},
		{"day,line_item,exchange,site,device_type", []Dimension{ByDay, ByLineItem, ByExchange, BySite, ByDeviceType}},
		{"line_item,exchange,site,format,country", []Dimension{ByLineItem, ByExchange, BySite, ByFormat, ByCountry}},
		{"day,line_item", []Dimension{ByDay, ByLineItem}},
	} {
		b.Run(c.name, func(b *testing.B) {
			q.GroupBy = c.by
			b.ReportAllocs()
			cpu := cpuTime()
			runs, groups := 0, 0
			for b.Loop() {
				rep, err := s.Report(context.Background(), q)
				if err != nil {
					b.Fatal(err)
				}
				runs, groups = runs+1, len(rep.Rows)
			}
			b.ReportMetric((cpuTime()-cpu).Seconds()/float64(runs), "cpu-s/op")
			b.ReportMetric(float64(groups), "rows")
		})
	}
}
