package loadtest

import (
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"testing"
)

// The benchmark's figures compare over time only while its requests stay what
// they are: 2,000 of them, bytes and order.
func TestBenchmarkWorkloadStays(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("sizes are drawn in floating point, whose last bit may differ here")
	}
	const want = "384881241216fc2ee8ccbceddea6ef596af9b7a0fb03ffc312cea5619f6858b1"
	p, err := newPool(Defaults())
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	var s shot
	for seq := range uint64(2000) {
		p.load(&s, seq)
		h.Write(s.wire)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the default workload has changed: %s, was %s", got, want)
	}
}
