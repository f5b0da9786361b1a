package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestImportReviews(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	const path = "/v1/creative-reviews"
	post := func(status int, key, body, kind string) answer {
		t.Helper()
		return s.want(status, key, "POST", path, body, "Content-Type", kind)
	}
	standing := func(id string) string {
		t.Helper()
		return fmt.Sprint(s.want(200, s.operator, "GET", "/v1/creatives/"+id, "").body["exchanges"])
	}
	a := post(200, s.operator, fmt.Sprintf("creative_id,exchange,status,id,reason\n%s,google,approved,g-1,\n%s,index,rejected,,\"text, too small\"\n%s,google,pending,,\n", w.creative, w.creative, other.creative), "text/csv")
	if a.body["rows"] != 3.0 || a.body["changed"] != 2.0 {
		t.Errorf("got %s", a.raw)
	}
	if got := standing(w.creative); got != "map[google:map[id:g-1 status:approved] index:map[id: reason:text, too small status:rejected]]" {
		t.Errorf("got %s", got)
	}
	// The exchange's id stays where a later decision doesn't say one.
	post(200, s.operator, fmt.Sprintf(`[{"creative_id":%s,"exchange":"google","status":"rejected","reason":"misleading"}]`, w.creative), "application/json")
	before := standing(w.creative)
	if !strings.Contains(before, "google:map[id:g-1 reason:misleading status:rejected]") {
		t.Errorf("got %s", before)
	}

	// One bad row, and nothing is changed.
	f := func(status int, kind, body, field, value, rule string) {
		t.Helper()
		s.wantViolation(status, s.operator, "POST", path, body, field, value, rule, "Content-Type", kind)
		if got := standing(w.creative); got != before {
			t.Fatalf("a refused import changed %s to %s", before, got)
		}
	}
	good := fmt.Sprintf("%s,google,approved\n", w.creative)
	f(422, "text/csv", "creative_id,exchange,status\n"+good+"999,google,approved\n", "line 3.creative_id", "999", "existing creative")
	f(422, "text/csv", "creative_id,exchange,status\n"+good+"x,google,approved\n", "line 3, column 1", "x", "a creative's id")
	f(422, "text/csv", "creative_id,exchange,state\n"+good, "line 1, column 22", "state", "must be creative_id")
	f(422, "text/csv", "creative_id,exchange,status\n"+good+"1,2\n", "line 3, column 1", "", "as many columns")
	f(422, "text/csv", "creative_id,exchange,status\n", "reviews", "0", "1 to 10000 rows")
	f(422, "text/csv", fmt.Sprintf("creative_id,exchange,status\n%s,google,fine\n", w.creative), "line 2: creative.exchanges.google.status", "fine", "pending, approved or rejected")
	f(422, "application/json", fmt.Sprintf(`[{"creative_id":%s,"exchange":"google","status":"approved"},{"creative_id":999,"exchange":"google","status":"approved"}]`, w.creative),
		"reviews[1].creative_id", "999", "existing creative")
	f(400, "application/json", `[{"creative":1}]`, "reviews", `json: unknown field "creative"`, "one JSON array")
	f(415, "text/plain", "x", "header.Content-Type", "text/plain", "application/json or text/csv")
	for _, key := range []string{w.agencyKey, w.advertiserKey} {
		post(403, key, "creative_id,exchange,status\n"+good, "text/csv")
	}
}
