package attribution

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
)

func TestALinkReadsExactlyItsView(t *testing.T) {
	a := newAPITest(t)
	shownEvents(a)
	do := func(as *campaigns.Principal, method, path, body string) (int, map[string]any, string) {
		t.Helper()
		a.as = as
		res := a.api.Do(method, path, strings.NewReader(body))
		var out map[string]any
		_ = json.Unmarshal(res.Body.Bytes(), &out) // some answers are empty, or CSV
		return res.Code, out, res.Body.String()
	}
	code, view, text := do(&advertiser1Key, "POST", "/v1/report-views", `{"name":"Countries","query":"from=2026-11-20&to=2026-11-20&group_by=country&fields=impressions,charge"}`)
	if code != http.StatusCreated || view["name"] != "Countries" {
		t.Fatal(code, text)
	}
	path := fmt.Sprintf("/v1/report-views/%v", view["id"])
	code, link, text := do(&advertiser1Key, "POST", path+"/links", `{"expires_in_days":7}`)
	token, _ := link["token"].(string)
	if code != http.StatusCreated || len(token) != 43 {
		t.Fatal(code, text)
	}
	var stored []byte
	if err := a.s.store.r.QueryRow("SELECT token_hash FROM view_links").Scan(&stored); err != nil || len(stored) != 32 || strings.Contains(string(stored), token) {
		t.Errorf("stored of the token: %d bytes, %v; want a hash alone", len(stored), err)
	}
	shared := "/v1/shared-reports/" + token
	code, report, text := do(nil, "GET", shared, "")
	if code != 200 || len(report["rows"].([]any)) != 2 || strings.Contains(text, "media_cost") || strings.Contains(text, "house_") {
		t.Fatal(code, text)
	}
	if code, _, text = do(nil, "GET", shared+"?format=csv", ""); code != 200 || !strings.HasPrefix(text, "country,currency,impressions,charge\r\nDEU,USD,8,") {
		t.Error(code, text)
	}
	for _, other := range []string{"&group_by=site", "?advertiser=3", "?from=2026-11-01"} { // nothing but the view
		if code, _, text := do(nil, "GET", shared+"?format=json"+strings.Replace(other, "?", "&", 1), ""); code == 200 && strings.Contains(text, `"site"`) {
			t.Errorf("%s: got %d %s", other, code, text)
		}
	}
	if code, _, _ := do(nil, "GET", shared[:len(shared)-1]+"A", ""); code != 404 && token[42] != 'A' {
		t.Errorf("a guess: got %d", code)
	}
	advertiser3 := campaigns.Principal{Role: campaigns.RoleAdvertiser, Owner: campaigns.Owner{Agency: 2, Advertiser: 3}}
	for _, c := range [][2]string{{"PUT", path}, {"DELETE", path}, {"GET", path + "/links"}, {"POST", path + "/links"}, {"DELETE", path + "/links/1"}} {
		if code, _, text := do(&advertiser3, c[0], c[1], `{"name":"x","query":"range=today","expires_in_days":1}`); code != 404 && code != 422 {
			t.Errorf("another tenant, %s %s: got %d %s", c[0], c[1], code, text)
		}
	}
	// It ends when it expires, and when it is revoked.
	now := a.now
	a.now = now.AddDate(0, 0, 7).Add(time.Second)
	if code, _, _ := do(nil, "GET", shared, ""); code != 404 {
		t.Errorf("expired: got %d", code)
	}
	a.now = now
	if code, _, text := do(&advertiser1Key, "DELETE", fmt.Sprintf("%s/links/%v", path, link["id"]), ""); code != 204 {
		t.Error(code, text)
	}
	if code, _, _ := do(nil, "GET", shared, ""); code != 404 {
		t.Errorf("revoked: got %d", code)
	}
}

func TestBadViewsAreRefused(t *testing.T) {
	a := newAPITest(t)
	a.as = &advertiser1Key
	f := func(body, want string) {
		t.Helper()
		res := a.api.Post("/v1/report-views", strings.NewReader(body))
		if (res.Code != 422 && res.Code != 404) || !strings.Contains(res.Body.String(), want) {
			t.Errorf("%s: got %d %s; want %s", body, res.Code, res.Body, want)
		}
	}
	f(`{"name":"","query":"range=today"}`, "body.name")
	f(`{"name":"a","query":"range=today&moon=1"}`, "no parameter")
	f(`{"name":"a","query":"range=today&group_by=moon"}`, "query.group_by")
	f(`{"name":"a","query":"range=today&range=yesterday"}`, "once")
	f(`{"name":"a","query":"range=today&limit=5"}`, "whole report")
	f(`{"name":"a","query":"range=today&advertiser=3"}`, "no such advertiser")
	f(`{"name":"a","query":"`+strings.Repeat("x", maxQuery+1)+`"}`, "bytes")
}
