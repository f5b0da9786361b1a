package consent

import (
	"os"
	"path/filepath"
	"testing"

	"bidhawk/internal/openrtb"
)

// TestPublicRequests decides every public test request, in one reused
// BidRequest, and prints how often each reason came out.
func TestPublicRequests(t *testing.T) {
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, "openrtb", "valid")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("no test data: %s is absent (set BIDHAWK_DATA)", dir)
	}
	policy := DefaultPolicy(testVendor)
	counts := map[Reason]int{}
	var r openrtb.BidRequest
	for _, path := range files {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Decode(body); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		s := SignalsOf(&r)
		d := decide(t, &policy, &s)
		counts[d.Reason]++
		if g := r.Regs; d.Personal && g != nil && (g.COPPA || g.GPC.Yes()) {
			t.Errorf("%s: allowed against regs %+v", filepath.Base(path), g)
		}
	}
	for reason := range ReasonCount {
		if counts[reason] > 0 {
			t.Logf("%4d %v", counts[reason], reason)
		}
	}
}
