package api_test

import (
	"fmt"
	"strings"
	"testing"
)

const dealBody = `{"name":"D","exchange":"demo","deal_id":"d1","type":"preferred","price_micros":2000000,"currency":"USD","start":"2026-11-01T00:00:00Z","end":"2026-12-01T00:00:00Z",%s}`

// TestDeals: who makes deals, of whom, and whose line items may name them.
func TestDeals(t *testing.T) {
	s := serve(t)
	one, two := s.plant("one"), s.plant("two")
	of := func(field, id string) string { return fmt.Sprintf(dealBody, fmt.Sprintf(`"%s":%s`, field, id)) }
	mine := s.want(201, one.advertiserKey, "POST", "/v1/deals", of("advertiser_id", one.advertiser)).id()
	shared := s.want(201, one.agencyKey, "POST", "/v1/deals", of("agency_id", one.agency)).id()
	theirs := s.want(201, s.operator, "POST", "/v1/deals", of("agency_id", two.agency)).id()

	s.wantViolation(422, one.advertiserKey, "POST", "/v1/deals", of("agency_id", one.agency), "deal.agency_id", one.agency, "existing agency")
	s.wantViolation(422, one.agencyKey, "POST", "/v1/deals", of("agency_id", two.agency), "deal.agency_id", two.agency, "existing agency")
	s.wantViolation(422, one.agencyKey, "POST", "/v1/deals", of("advertiser_id", two.advertiser), "deal.advertiser_id", two.advertiser, "existing advertiser")
	s.wantViolation(422, one.agencyKey, "POST", "/v1/deals", fmt.Sprintf(dealBody, fmt.Sprintf(`"advertiser_id":%s,"agency_id":%s`, one.advertiser, one.agency)),
		"deal.agency_id", one.agency, "one of them")
	s.wantViolation(422, one.agencyKey, "POST", "/v1/deals", strings.Replace(of("agency_id", one.agency), "2000000", "0", 1), "deal.price_micros", "0", "must be 1 to")
	s.wantViolation(422, one.agencyKey, "POST", "/v1/deals", strings.Replace(of("agency_id", one.agency), `"preferred"`, `"open"`, 1), "deal.type", "open", "private_auction")
	s.wantViolation(422, one.agencyKey, "POST", "/v1/deals", strings.Replace(of("agency_id", one.agency), `"d1"`, `"d 1"`, 1), "deal.deal_id", "d 1", "visible ASCII")
	s.wantViolation(422, one.agencyKey, "PATCH", "/v1/deals/"+shared, `{"deal_id":"d2"}`, "deal.deal_id", "d2", "must not change", "If-Match", "*")

	s.want(404, two.agencyKey, "GET", "/v1/deals/"+mine, "")
	s.want(404, one.advertiserKey, "GET", "/v1/deals/"+shared, "")
	list := s.want(200, one.agencyKey, "GET", "/v1/deals", "")
	if items := list.body["items"].([]any); len(items) != 2 {
		t.Errorf("got %s; want both of the agency's", list.raw)
	}

	line := "/v1/line-items/" + one.lineItem
	s.wantViolation(422, one.agencyKey, "PATCH", line, fmt.Sprintf(`{"targeting":{"deal_ids":[%s]}}`, theirs), "line_item.targeting.deal_ids[0]", theirs, "existing deal", "If-Match", "*")
	s.wantViolation(422, one.agencyKey, "PATCH", line, `{"targeting":{"deal_ids":[99]}}`, "line_item.targeting.deal_ids[0]", "99", "existing deal", "If-Match", "*")
	s.wantViolation(422, one.agencyKey, "PATCH", line, `{"guaranteed":true}`, "line_item.targeting.deals", "[]", "at least one deal", "If-Match", "*")
	// Both ways to name a deal stand beside each other.
	a := s.want(200, one.agencyKey, "PATCH", line, fmt.Sprintf(`{"guaranteed":true,"targeting":{"deals":["old"],"deal_ids":[%s,%s,%s]}}`, mine, shared, mine), "If-Match", "*")
	if got := fmt.Sprint(a.body["targeting"].(map[string]any)["deal_ids"], a.body["targeting"].(map[string]any)["deals"]); got != fmt.Sprintf("[%s %s] [old]", mine, shared) {
		t.Errorf("got %s", got)
	}
	s.want(200, one.agencyKey, "POST", "/v1/deals/"+mine+"/archive", "")
	s.wantViolation(422, one.agencyKey, "PATCH", line, `{"name":"x"}`, "line_item.targeting.deal_ids[0]", mine, "must not be archived", "If-Match", "*")
}

// TestExternalIDsOfDeals: they are unique among the agency's own, and among each advertiser's.
func TestExternalIDsOfDeals(t *testing.T) {
	s := serve(t)
	one, two := s.plant("one"), s.plant("two")
	of := func(field, id string) string {
		return fmt.Sprintf(dealBody, fmt.Sprintf(`"external_id":"X","%s":%s`, field, id))
	}
	s.want(201, s.operator, "POST", "/v1/deals", of("agency_id", one.agency))
	s.want(201, s.operator, "POST", "/v1/deals", of("agency_id", two.agency))
	s.want(201, s.operator, "POST", "/v1/deals", of("advertiser_id", one.advertiser))
	s.wantViolation(422, s.operator, "POST", "/v1/deals", of("agency_id", one.agency), "deal.external_id", "X", "unique")
	s.wantViolation(422, s.operator, "POST", "/v1/deals", of("advertiser_id", one.advertiser), "deal.external_id", "X", "unique")
}
