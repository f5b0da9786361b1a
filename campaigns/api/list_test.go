package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestListsSortFilterAndPage(t *testing.T) {
	s := serve(t)
	for i, name := range []string{"delta", "Alpha", "charlie", "Bravo", "alpha"} {
		s.clock.Store(int64(i) * int64(time.Minute))
		s.want(201, s.operator, "POST", "/v1/agencies", fmt.Sprintf(`{"name":%q,"external_id":"x-%d"}`, name, i))
	}
	s.clock.Store(int64(time.Hour))
	s.want(200, s.operator, "PATCH", "/v1/agencies/1", `{"platform_fee_ppm":1}`, "If-Match", "*")
	f := func(query, want string) {
		t.Helper()
		var got []string
		for cursor := ""; cursor != "<nil>"; {
			a := s.want(200, s.operator, "GET", "/v1/agencies?limit=2"+query+"&cursor="+cursor, "")
			for _, item := range a.body["items"].([]any) {
				got = append(got, fmt.Sprint(item.(map[string]any)["id"]))
			}
			cursor = fmt.Sprint(a.body["next"])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v; want %s", query, got, want)
		}
	}
	f("", "1 2 3 4 5")
	f("&sort=-id", "5 4 3 2 1")
	f("&sort=name", "2 5 4 3 1")
	f("&sort=-name", "1 3 4 5 2")
	f("&sort=updated_at", "2 3 4 5 1")
	f("&sort=-updated_at", "1 5 4 3 2")
	f("&name=LPH&sort=name", "2 5")
	f("&name=%25", "")
	f("&external_id=x-3", "4")
	f("&updated_since=2026-11-21T12:03:00Z", "1 4 5")
	f("&fields=name", "1 2 3 4 5")

	next := s.want(200, s.operator, "GET", "/v1/agencies?limit=2&sort=name", "").body["next"].(string)
	s.wantViolation(422, s.operator, "GET", "/v1/agencies?limit=2&cursor="+next, "", "query.cursor", next, "same order")
	s.wantViolation(422, s.operator, "GET", "/v1/campaigns?limit=2&sort=name&cursor="+next, "", "query.cursor", next, "this list")
	s.wantViolation(422, s.operator, "GET", "/v1/agencies?cursor=17", "", "query.cursor", "17", "next of a page")
	s.wantViolation(422, s.operator, "GET", "/v1/agencies?sort=fee", "", "query.sort", "fee", "one of")
}

func TestSparseFields(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	one := "/v1/line-items/" + w.lineItem
	f := func(fields, want string) {
		t.Helper()
		if a := s.want(200, s.operator, "GET", one+"?fields="+fields, ""); strings.TrimSpace(a.raw) != want || a.header.Get("ETag") != `"1"` {
			t.Errorf("%s: got %s; want %s", fields, a.raw, want)
		}
		if a := s.want(200, s.operator, "GET", "/v1/line-items?fields="+fields, ""); strings.TrimSpace(a.raw) != `{"items":[`+want+`]}` {
			t.Errorf("list %s: got %s; want %s", fields, a.raw, want)
		}
	}
	f("name", `{"id":1,"name":"L"}`)
	f("id", `{"id":1}`)
	f("name,%20targeting.countries", `{"id":1,"name":"L","targeting":{"countries":{"include":["USA"]}}}`)
	f("targeting.tags.any_of,targeting.os", `{"id":1,"targeting":{"tags":{"any_of":[["auto"]]}}}`)
	f("budget.daily_nanos,budget", `{"budget":{"daily_nanos":0,"lifetime_nanos":0},"id":1}`)
	f("budget,budget.daily_nanos", `{"budget":{"daily_nanos":0,"lifetime_nanos":0},"id":1}`)
	for _, bad := range []string{"colour", "budget.hourly", "name.first", ","} {
		a := s.want(422, s.operator, "GET", one+"?fields="+bad, "")
		if !strings.Contains(a.raw, "query.fields") {
			t.Errorf("%s: got %s", bad, a.raw)
		}
	}
}

func TestExternalIDsAreUniqueWithinTheOwner(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	campaign := `{"advertiser_id":%s,"name":"C","start":"2026-11-01T00:00:00Z","end":"2026-12-01T00:00:00Z","external_id":"crm-7"}`
	a := s.want(201, s.operator, "POST", "/v1/campaigns", fmt.Sprintf(campaign, w.advertiser))
	s.wantViolation(422, s.operator, "POST", "/v1/campaigns", fmt.Sprintf(campaign, w.advertiser), "campaign.external_id", "crm-7", "campaign "+a.id()+" has it")
	s.want(201, s.operator, "POST", "/v1/campaigns", fmt.Sprintf(campaign, other.advertiser))
	s.wantViolation(422, s.operator, "PATCH", "/v1/campaigns/"+w.campaign, `{"external_id":"crm-7"}`, "campaign.external_id", "crm-7", "unique", "If-Match", "*")
	s.want(200, s.operator, "PATCH", "/v1/line-items/"+w.lineItem, `{"external_id":"crm-7"}`, "If-Match", "*")
	if a := s.want(200, w.agencyKey, "GET", "/v1/campaigns?external_id=crm-7", ""); len(a.body["items"].([]any)) != 1 {
		t.Errorf("got %s", a.raw)
	}
	s.wantViolation(422, s.operator, "PATCH", "/v1/line-items/"+w.lineItem, `{"external_id":"a b"}`, "line_item.external_id", "a b", "visible ASCII", "If-Match", "*")
	// It goes with null, and is free again.
	s.want(200, s.operator, "PATCH", a.header.Get("Location"), `{"external_id":null}`, "If-Match", "*")
	s.want(200, s.operator, "PATCH", "/v1/campaigns/"+w.campaign, `{"external_id":"crm-7"}`, "If-Match", "*")
}
