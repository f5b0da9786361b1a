//go:build unix

package openrtb

import (
	"encoding/json"
	"syscall"
	"testing"

	gojson "github.com/goccy/go-json"
	"github.com/prebid/openrtb/v20/openrtb2"
)

// benchBodies are requests of about 1, 2.4 and 6 KB, ours first.
var benchBodies = []struct{ name, shared string }{
	{"own-2.4KB", ""},
	{"1KB", "prebid-server__unicorn-banner-app-with-ipv6.json"},
	{"2.4KB", "composed__web-020.json"},
	{"6KB", "composed__webmulti-163.json"},
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range benchBodies {
		b.Run(f.name, func(b *testing.B) {
			path := "testdata/banner.json"
			if f.shared != "" {
				path = sharedData(b, "openrtb", "valid", f.shared)
			}
			body := readFile(b, path)
			b.Run("bidhawk", func(b *testing.B) {
				var r BidRequest
				benchDecode(b, body, func() error { return r.Decode(body) })
			})
			b.Run("bidhawk+validate", func(b *testing.B) {
				var r BidRequest
				benchDecode(b, body, func() error {
					if err := r.Decode(body); err != nil {
						return err
					}
					return r.Validate()
				})
			})
			b.Run("goccy", func(b *testing.B) {
				benchDecode(b, body, func() error {
					var q openrtb2.BidRequest
					return gojson.Unmarshal(body, &q)
				})
			})
			b.Run("encoding-json", func(b *testing.B) {
				benchDecode(b, body, func() error {
					var q openrtb2.BidRequest
					return json.Unmarshal(body, &q)
				})
			})
		})
	}
}

func benchDecode(b *testing.B, body []byte, decode func() error) {
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	start := cpuTime(b)
	for b.Loop() {
		if err := decode(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
}

// cpuTime is the process's own, in nanoseconds: what counts on a shared machine.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkEncode(b *testing.B) {
	resp := sampleResponse()
	dst := AppendBidResponse(nil, resp)
	b.ReportAllocs()
	b.SetBytes(int64(len(dst)))
	start := cpuTime(b)
	for b.Loop() {
		dst = AppendBidResponse(dst[:0], resp)
	}
	b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
}
