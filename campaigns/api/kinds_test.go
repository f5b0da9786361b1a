package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestSharedKinds: segments, lists and bid modifiers have every convention of the
// others, and a line item names those of its own advertiser alone.
func TestSharedKinds(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	bodies := map[string]string{
		"segments":      `{"advertiser_id":%s,"name":"vips","tags":{"all_of":["list/VIP"]}}`,
		"lists":         `{"advertiser_id":%s,"name":"good sites","type":"domains","entries":["News.example"]}`,
		"bid-modifiers": `{"line_item_id":%s,"name":"phones","dimension":"device_type","values":[{"value":"4","bid_ppm":500000}],"other_ppm":900000}`,
	}
	ids := map[string]string{}
	for path, body := range bodies {
		parent, theirs := w.advertiser, other.advertiser
		if path == "bid-modifiers" {
			parent, theirs = w.lineItem, other.lineItem
		}
		a := s.want(201, w.advertiserKey, "POST", "/v1/"+path, fmt.Sprintf(body, parent))
		ids[path] = a.id()
		one := a.header.Get("Location")
		s.want(404, other.advertiserKey, "GET", one, "")
		mine, missing := s.want(422, w.advertiserKey, "POST", "/v1/"+path, fmt.Sprintf(body, theirs)), s.want(422, w.advertiserKey, "POST", "/v1/"+path, fmt.Sprintf(body, "999"))
		if fmt.Sprint(rules(mine)) != fmt.Sprint(rules(missing)) {
			t.Errorf("%s: another tenant's parent and a missing one differ:\n%s%s", path, mine.raw, missing.raw)
		}
		s.want(200, w.advertiserKey, "PATCH", one, `{"name":"renamed","external_id":"x"}`, "If-Match", `"1"`)
		s.want(200, w.advertiserKey, "POST", one+"/pause", "")
		if h := s.want(200, w.advertiserKey, "GET", one+"/history", ""); len(h.body["items"].([]any)) != 3 {
			t.Errorf("%s: got %s", path, h.raw)
		}
		s.want(200, w.advertiserKey, "POST", one+"/resume", "")
		if list := s.want(200, w.agencyKey, "GET", "/v1/"+path+"?external_id=x&fields=name", ""); list.raw != fmt.Sprintf(`{"items":[{"id":%s,"name":"renamed"}]}`+"\n", a.id()) {
			t.Errorf("%s: got %s", path, list.raw)
		}
	}
	if list := s.want(200, w.agencyKey, "GET", "/v1/bid-modifiers?line_item_id="+w.lineItem, ""); len(list.body["items"].([]any)) != 1 {
		t.Errorf("got %s", list.raw)
	}
	one := "/v1/line-items/" + w.lineItem
	targeting := fmt.Sprintf(`{"targeting":{"segments":[%s],"lists":{"include":[%s]}}}`, ids["segments"], ids["lists"])
	a := s.want(200, w.advertiserKey, "PATCH", one, targeting, "If-Match", "*")
	if !strings.Contains(a.raw, `"segments":[`+ids["segments"]+`],"lists":{"include":[`+ids["lists"]+`]}`) {
		t.Errorf("got %s", a.raw)
	}
	s.wantViolation(422, other.advertiserKey, "PATCH", "/v1/line-items/"+other.lineItem, targeting, "line_item.targeting.segments[0]", ids["segments"], "existing segment", "If-Match", "*")
}

// TestUnderAnArchivedParentNothingIsMade: nor resumed.
func TestUnderAnArchivedParentNothingIsMade(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	s.want(200, s.operator, "POST", "/v1/line-items/"+w.lineItem+"/pause", "")
	s.want(200, s.operator, "POST", "/v1/campaigns/"+w.campaign+"/archive", "")
	s.wantViolation(422, w.advertiserKey, "POST", "/v1/line-items",
		fmt.Sprintf(`{"campaign_id":%s,"name":"L","pricing":"cpm","price_micros":2,"max_bid_micros":1,"creative_ids":[%s]}`, w.campaign, w.creative),
		"line_item.campaign_id", w.campaign, "archived campaign")
	s.want(422, w.advertiserKey, "POST", "/v1/line-items/"+w.lineItem+"/resume", "")
	s.want(422, w.advertiserKey, "PATCH", "/v1/campaigns/"+w.campaign, `{"name":"x"}`, "If-Match", "*")
	s.want(200, w.advertiserKey, "POST", "/v1/line-items/"+w.lineItem+"/archive", "")
	s.want(200, s.operator, "POST", "/v1/advertisers/"+w.advertiser+"/archive", "")
	s.want(422, w.advertiserKey, "POST", "/v1/segments", fmt.Sprintf(`{"advertiser_id":%s,"name":"s","tags":{"all_of":["auto"]}}`, w.advertiser))
}
