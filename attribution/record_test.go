package attribution

import (
	"strings"
	"testing"
	"time"
)

// TestConversionIDsHoldTheLongestOrder: the pixel's id is "advertiser/order".
func TestConversionIDsHoldTheLongestOrder(t *testing.T) {
	f := func(id, order string, ok bool) {
		t.Helper()
		r := conversionRecord{V: 1, ID: id, At: time.Unix(1_780_000_000, 0), Advertiser: 7, Order: order}
		if err := r.check(); (err == nil) != ok {
			t.Errorf("id of %d bytes, order of %d: got %v; want ok %v", len(id), len(order), err, ok)
		}
	}
	long := strings.Repeat("x", maxOrder)
	f("7/"+strings.Repeat("x", 128), strings.Repeat("x", 128), true)
	f("9223372036854775807/"+long, long, true)
	f("", "a", false)
	f("9223372036854775807/"+strings.Repeat("x", 2*maxOrder), long, false)
	f("7/a", long+"x", false)
}
