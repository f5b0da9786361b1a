//go:build unix

package audit

import (
	"encoding/hex"
	"fmt"
	"syscall"
	"testing"
)

// BenchmarkApply folds notices of a lease that is renewed after some of them,
// as the auditor reads them from a log.
func BenchmarkApply(b *testing.B) {
	for _, bids := range []int{1000, 100_000} {
		for _, typ := range []string{"bill", "loss", "win", "click"} {
			b.Run(fmt.Sprintf("%s/bids=%d", typ, bids), func(b *testing.B) { benchmarkApply(b, typ, bids) })
		}
	}
}

func benchmarkApply(b *testing.B, typ string, bids int) {
	x := &bench{p: NewPartition(0)}
	x.apply(b, `{"v":1,"type":"claim"}`)
	for _, rest := range []string{`"level":"advertiser","currency":"USD","platform_fee_ppm":100000,"agency":3`, `"level":"campaign","campaign":1,"flights":[{"start":1,"budget_nanos":0}]`,
		`"level":"line_item","campaign":1,"line_item":1,"pricing":"cpm","data_fee_nanos":5`} {
		x.apply(b, `{"v":1,"type":"budget","epoch":0,"advertiser":1,`+rest+`}`)
	}
	x.apply(b, `{"v":1,"type":"day","epoch":0,"advertiser":1,"day":"2026-11-21"}`)
	value := []byte(noticeOf(typ, 10_000_000, 1, `"at":"2026-11-21T20:01:48.879Z","creative":11,"deal":"","site":"news.example","app":false,"test":false`))
	bid, lease := index(b, value, `"bid":"`)+16, index(b, value, `"lease":`)
	x.n = 10_000_000
	b.ReportAllocs()
	from := cpu(b)
	for i := 0; b.Loop(); i++ {
		if i%bids == 0 {
			if i > 0 {
				x.apply(b, fmt.Sprintf(`{"v":1,"type":"hard","epoch":0,"advertiser":1,"lease":%d}`, x.lease))
			}
			x.lease = x.n
			x.apply(b, fmt.Sprintf(`{"v":1,"type":"grant","epoch":0,"nonce":%d,"advertiser":1,"day":"2026-11-21","items":[{"line_item":1,"media_nanos":8000000,"charge_nanos":10000000,"campaign_flight":1}]}`, x.n))
			copy(value[lease:], fmt.Sprint(x.lease))
		}
		n := [8]byte{4: byte(i >> 24), 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)}
		hex.Encode(value[bid:bid+16], n[:])
		if e, err := x.p.Apply(x.n, value); err != nil || e.Outcome == "past_hard" {
			b.Fatal(e, err)
		}
		x.n++
	}
	b.ReportMetric(float64(cpu(b)-from)/float64(b.N), "cpu-ns/op")
}

// BenchmarkCompare is what the simulation does after every few records.
func BenchmarkCompare(b *testing.B) {
	x := &bench{p: NewPartition(0)}
	x.apply(b, `{"v":1,"type":"claim"}`)
	x.apply(b, `{"v":1,"type":"budget","epoch":0,"advertiser":1,"level":"advertiser","currency":"USD"}`)
	x.apply(b, `{"v":1,"type":"budget","epoch":0,"advertiser":1,"level":"campaign","campaign":1}`)
	for id := 1; id <= 10; id++ {
		x.apply(b, fmt.Sprintf(`{"v":1,"type":"budget","epoch":0,"advertiser":1,"level":"line_item","campaign":1,"line_item":%d,"pricing":"cpm"}`, id))
	}
	x.apply(b, `{"v":1,"type":"day","epoch":0,"advertiser":1,"day":"2026-11-21"}`)
	for id := 1; id <= 10; id++ {
		lease := x.n
		x.apply(b, fmt.Sprintf(`{"v":1,"type":"grant","epoch":0,"nonce":%d,"advertiser":1,"day":"2026-11-21","items":[{"line_item":%d,"media_nanos":8000,"charge_nanos":10000}]}`, id, id))
		x.apply(b, noticeOf("bill", lease, id, fmt.Sprintf(`"line_item":%d`, id)))
	}
	agreed := x.p.Compare(nil).Totals
	b.ReportAllocs()
	for b.Loop() {
		if res := x.p.Compare(agreed); !res.Clean() {
			b.Fatal(res.Violations)
		}
	}
}

// cpu is the processor time of this process in ns: on a busy machine it says
// more than the clock's.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

type bench struct {
	p        *Partition
	n, lease int64
}

func (x *bench) apply(b *testing.B, value string) {
	if _, err := x.p.Apply(x.n, []byte(value)); err != nil {
		b.Fatal(err)
	}
	x.n++
}

func index(b *testing.B, value []byte, field string) int {
	for i := range value {
		if string(value[i:min(len(value), i+len(field))]) == field {
			return i + len(field)
		}
	}
	b.Fatalf("no %s", field)
	return 0
}
