package api_test

import (
	"strings"
	"testing"
)

func TestCapsThroughTheAPI(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	path := "/v1/line-items/" + w.lineItem
	patch := func(body, raw string) {
		t.Helper()
		if a := s.want(200, w.advertiserKey, "PATCH", path, body, "If-Match", "*"); !strings.Contains(a.raw, raw) {
			t.Errorf("got %s; want %s in it", a.raw, raw)
		}
	}
	patch(`{"frequency_caps":[{"max":3,"window":"24h"},{"recency":"10m","per":"household"}],"unknown_users":"bid"}`,
		`"frequency_caps":[{"max":3,"window":"24h","kind":"rolling","per":"user"},{"kind":"rolling","per":"household","recency":"10m"}],"unknown_users":"bid"`)
	patch(`{"frequency_cap":{"per_day":4}}`, `"frequency_cap":{"per_day":4}`)
	s.wantViolation(422, w.advertiserKey, "PATCH", path, `{"frequency_caps":[{"max":3,"window":"1y"}]}`,
		"line_item.frequency_caps[0].window", "1y", "1m to 90d, or lifetime", "If-Match", "*")
	s.wantViolation(422, w.advertiserKey, "PATCH", path, `{"frequency_caps":[{"max":3,"windows":"1h"}]}`,
		"line_item.frequency_caps[0].windows", "1h", "not a known field", "If-Match", "*")
	patch(`{"frequency_caps":null}`, `"frequency_cap":{"per_day":4},"unknown_users":"bid"`)
}
