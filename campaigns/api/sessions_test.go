package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns/api"
)

const goodPassword = "correct horse battery"

// user makes a user and signs in: the cookie and the CSRF token.
func (s *service) user(body string) (cookie, csrf string) {
	s.t.Helper()
	email := strings.Split(strings.Split(body, `"email":"`)[1], `"`)[0]
	s.want(201, s.operator, "POST", "/v1/users", body)
	return s.signIn(fmt.Sprintf(`{"email":%q,"password":%q}`, email, goodPassword))
}

func (s *service) signIn(body string) (cookie, csrf string) {
	s.t.Helper()
	a := s.want(201, "", "POST", "/v1/sessions", body)
	set := a.header.Get("Set-Cookie")
	if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") || strings.Contains(set, "Secure") {
		s.t.Errorf("got the cookie %q", set)
	}
	cookie, _, _ = strings.Cut(set, ";")
	return cookie, a.body["csrf_token"].(string)
}

func TestUsersSignInAndOut(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	cookie, csrf := s.user(fmt.Sprintf(`{"email":"Ann@agency.example","name":"Ann","role":"agency","agency_id":%s,"password":%q}`, w.agency, goodPassword))

	me := s.want(200, "", "GET", "/v1/me", "", "Cookie", cookie)
	if me.body["kind"] != "user" || me.body["email"] != "ann@agency.example" || me.body["role"] != "agency" || me.body["csrf_token"] != csrf ||
		me.body["expires_at"] != "2026-11-22T00:00:00Z" || !strings.HasPrefix(fmt.Sprint(me.body["edits"]), "[advertiser campaign deal line_item creative ") {
		t.Errorf("got %s", me.raw)
	}
	s.want(200, "", "GET", "/v1/advertisers/"+w.advertiser, "", "Cookie", cookie)
	s.want(404, "", "GET", "/v1/advertisers/"+other.advertiser, "", "Cookie", cookie)

	one := "/v1/line-items/" + w.lineItem
	s.wantViolation(403, "", "POST", one+"/pause", "", "header.X-CSRF-Token", "", "csrf_token", "Cookie", cookie)
	s.want(403, "", "POST", one+"/pause", "", "Cookie", cookie, "X-CSRF-Token", csrf+"x")
	s.want(200, "", "POST", one+"/pause", "", "Cookie", cookie, "X-CSRF-Token", csrf)

	a := s.want(204, "", "DELETE", "/v1/sessions/current", "", "Cookie", cookie, "X-CSRF-Token", csrf)
	if !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("got the cookie %q", a.header.Get("Set-Cookie"))
	}
	s.want(401, "", "GET", "/v1/me", "", "Cookie", cookie)
}

func TestSessionsOfKeysEndWithTheKey(t *testing.T) {
	s := serve(t)
	a := s.want(201, s.operator, "POST", "/v1/api-keys", `{"name":"second","role":"operator","expires_at":"2026-11-21T13:00:00Z"}`)
	key := a.body["key"].(string)
	cookie, csrf := s.signIn(fmt.Sprintf(`{"api_key":%q}`, key))
	me := s.want(200, "", "GET", "/v1/me", "", "Cookie", cookie)
	if me.body["kind"] != "api_key" || me.body["name"] != "second" || csrf == "" {
		t.Errorf("got %s", me.raw)
	}
	s.clock.Store(int64(time.Hour))
	s.want(401, "", "GET", "/v1/me", "", "Cookie", cookie)
	if a := s.want(401, key, "GET", "/v1/me", ""); !strings.Contains(a.raw, "expired") {
		t.Errorf("got %s", a.raw)
	}
	s.want(401, "", "POST", "/v1/sessions", fmt.Sprintf(`{"api_key":%q}`, key))

	b := s.want(201, s.operator, "POST", "/v1/api-keys", `{"name":"third","role":"operator"}`)
	cookie, _ = s.signIn(fmt.Sprintf(`{"api_key":%q}`, b.body["key"]))
	s.want(204, s.operator, "DELETE", b.header.Get("Location"), "")
	s.want(401, "", "GET", "/v1/me", "", "Cookie", cookie)

	s.wantViolation(422, s.operator, "POST", "/v1/api-keys", `{"name":"x","role":"operator","expires_at":"2026-11-21T12:00:00Z"}`,
		"api_key.expires_at", "2026-11-21T12:00:00Z", "future")
}

func TestSignInsAreGenericLimitedAndAudited(t *testing.T) {
	s := serve(t)
	s.user(fmt.Sprintf(`{"email":"op@house.example","name":"Op","role":"operator","password":%q}`, goodPassword))
	s.want(201, s.operator, "POST", "/v1/users", `{"email":"oidc@house.example","name":"O","role":"operator"}`)
	wrong := s.want(401, "", "POST", "/v1/sessions", `{"email":"op@house.example","password":"wrong"}`)
	for _, body := range []string{
		`{"email":"nobody@house.example","password":"wrong"}`,
		`{"email":"oidc@house.example","password":"x"}`,
		`{"api_key":"bhk_nonsense"}`,
	} {
		if a := s.want(401, "", "POST", "/v1/sessions", body); a.raw != wrong.raw {
			t.Errorf("%s: answers differ:\n%s%s", body, a.raw, wrong.raw)
		}
	}
	s.wantViolation(422, "", "POST", "/v1/sessions", `{"email":"op@house.example"}`, "sign_in", "", "email and password, or api_key")
	s.wantViolation(422, "", "POST", "/v1/sessions", `{"email":"op@house.example","password":"x","api_key":"y"}`, "sign_in", "", "api_key alone")

	list := s.want(200, s.operator, "GET", "/v1/sign-ins?limit=3", "")
	outcomes := fmt.Sprint(list.body["items"])
	if !strings.Contains(outcomes, "unknown_key") || !strings.Contains(outcomes, "unknown_user") || strings.Contains(outcomes, "nobody@") || list.body["next"] == nil {
		t.Errorf("got %s", list.raw)
	}
	if next := s.want(200, s.operator, "GET", "/v1/sign-ins?limit=3&cursor="+list.body["next"].(string), ""); !strings.Contains(next.raw, "wrong_password") || !strings.Contains(next.raw, "signed_in") {
		t.Errorf("got %s", next.raw)
	}

	// The tests' address has used up its attempts.
	var limited answer
	for range 20 {
		if limited = s.call("", "POST", "/v1/sessions", `{"email":"x@house.example","password":"wrong"}`); limited.status == 429 {
			break
		}
	}
	if limited.status != 429 || limited.header.Get("Retry-After") != "30" {
		t.Errorf("got %d %v", limited.status, limited.header)
	}
	s.clock.Store(int64(30 * time.Second))
	s.signIn(fmt.Sprintf(`{"email":"op@house.example","password":%q}`, goodPassword))
}

func TestDisabledUsersAreOut(t *testing.T) {
	s := serve(t)
	body := fmt.Sprintf(`{"email":"op@house.example","name":"Op","role":"operator","password":%q}`, goodPassword)
	cookie, csrf := s.user(body)
	s.want(422, s.operator, "POST", "/v1/users", body)
	s.want(200, "", "PATCH", "/v1/users/1", `{"name":"Other"}`, "Cookie", cookie, "X-CSRF-Token", csrf)
	s.want(204, "", "PUT", "/v1/me/password", fmt.Sprintf(`{"old_password":%q,"new_password":"another good password"}`, goodPassword), "Cookie", cookie, "X-CSRF-Token", csrf)
	s.want(422, "", "PUT", "/v1/me/password", `{"old_password":"another good password","new_password":"short"}`, "Cookie", cookie, "X-CSRF-Token", csrf)
	s.want(200, "", "GET", "/v1/me", "", "Cookie", cookie) // its own session stays
	s.want(401, "", "POST", "/v1/sessions", fmt.Sprintf(`{"email":"op@house.example","password":%q}`, goodPassword))
	s.want(200, s.operator, "PATCH", "/v1/users/1", `{"disabled":true}`)
	s.want(401, "", "GET", "/v1/me", "", "Cookie", cookie)
	s.want(401, "", "POST", "/v1/sessions", `{"email":"op@house.example","password":"another good password"}`)
	s.want(200, s.operator, "PATCH", "/v1/users/1", `{"disabled":false}`)
	s.signIn(`{"email":"op@house.example","password":"another good password"}`)
}

func TestViewersChangeNothing(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	key := func(body string, args ...any) string {
		return s.want(201, s.operator, "POST", "/v1/api-keys", fmt.Sprintf(body, args...)).body["key"].(string)
	}
	agency := key(`{"name":"v","role":"viewer","agency_id":%s}`, w.agency)
	advertiser := key(`{"name":"v","role":"viewer","advertiser_id":%s}`, w.advertiser)
	s.want(200, agency, "GET", "/v1/agencies/"+w.agency, "")
	s.want(404, advertiser, "GET", "/v1/agencies/"+w.agency, "")
	for _, k := range []string{agency, advertiser} {
		s.want(200, k, "GET", "/v1/line-items/"+w.lineItem, "")
		s.want(404, k, "GET", "/v1/line-items/"+other.lineItem, "")
		s.want(403, k, "POST", "/v1/line-items/"+w.lineItem+"/pause", "")
		s.want(403, k, "PATCH", "/v1/line-items/"+w.lineItem, `{"name":"x"}`, "If-Match", "*")
		s.want(403, k, "POST", "/v1/users", `{}`)
		s.want(403, k, "GET", "/v1/users", "")
	}
	s.wantViolation(422, s.operator, "POST", "/v1/api-keys", `{"name":"v","role":"viewer"}`, "api_key.agency_id", "0", "existing agency")
}

func TestScopesNarrowKeys(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	a := s.want(201, s.operator, "POST", "/v1/api-keys", `{"name":"n","role":"operator","scopes":["line-items:write","campaigns:read"]}`)
	key := a.body["key"].(string)
	s.want(200, key, "POST", "/v1/line-items/"+w.lineItem+"/pause", "")
	s.want(200, key, "GET", "/v1/campaigns", "")
	s.want(200, key, "GET", "/v1/me", "")
	if a := s.want(403, key, "POST", "/v1/campaigns/"+w.campaign+"/pause", ""); !strings.Contains(a.raw, "campaigns:write") {
		t.Errorf("got %s", a.raw)
	}
	s.want(403, key, "GET", "/v1/creatives", "")
	f := func(status int, key, scopes, field string) {
		t.Helper()
		a := s.want(status, key, "POST", "/v1/api-keys", `{"name":"n","role":"operator","scopes":`+scopes+`}`)
		if !strings.Contains(a.raw, `"`+field+`"`) {
			t.Errorf("%s: got %s", scopes, a.raw)
		}
	}
	f(422, s.operator, `["moon:read"]`, "api_key.scopes[0]")
	f(422, s.operator, `["campaigns:fly"]`, "api_key.scopes[0]")
	narrow := s.want(201, s.operator, "POST", "/v1/api-keys", `{"name":"n","role":"operator","scopes":["api-keys:write"]}`).body["key"].(string)
	f(403, narrow, `["*:write"]`, "api_key.scopes[0]")
	f(403, narrow, `[]`, "api_key.scopes")
	s.want(201, narrow, "POST", "/v1/api-keys", `{"name":"n","role":"operator","scopes":["api-keys:read"]}`)
}

func TestAgenciesManageTheirOwn(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	f := func(status int, body string, args ...any) answer {
		t.Helper()
		return s.want(status, w.agencyKey, "POST", "/v1/users", fmt.Sprintf(body, args...))
	}
	mine := f(201, `{"email":"a@x.example","name":"A","role":"advertiser","advertiser_id":%s}`, w.advertiser)
	f(403, `{"email":"b@x.example","name":"A","role":"operator"}`)
	f(422, `{"email":"b@x.example","name":"A","role":"agency","agency_id":%s}`, other.agency)
	f(422, `{"email":"b@x.example","name":"A","role":"advertiser","advertiser_id":%s}`, other.advertiser)
	f(422, `{"email":"b","name":"A","role":"agency","agency_id":%s}`, w.agency)
	theirs := s.want(201, s.operator, "POST", "/v1/users", fmt.Sprintf(`{"email":"t@x.example","name":"T","role":"agency","agency_id":%s}`, other.agency))
	s.want(404, w.agencyKey, "GET", theirs.header.Get("Location"), "")
	s.want(404, w.agencyKey, "PATCH", theirs.header.Get("Location"), `{"disabled":true}`)
	s.want(403, w.agencyKey, "PATCH", mine.header.Get("Location"), `{"role":"operator"}`)
	if list := s.want(200, w.agencyKey, "GET", "/v1/users", ""); len(list.body["items"].([]any)) != 1 {
		t.Errorf("got %s", list.raw)
	}
	s.want(422, w.agencyKey, "POST", "/v1/api-keys", fmt.Sprintf(`{"name":"k","role":"agency","agency_id":%s}`, other.agency))
	s.want(201, w.agencyKey, "POST", "/v1/api-keys", fmt.Sprintf(`{"name":"k","role":"viewer","agency_id":%s}`, w.agency))
}

// TestRefusalsAreTold: an expired key and another tenant's id are refused, and the
// log hears who asked for what.
func TestRefusalsAreTold(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	s.want(404, w.advertiserKey, "GET", "/v1/line-items/"+other.lineItem, "")
	s.want(403, w.advertiserKey, "GET", "/v1/kill-switches", "")
	s.want(401, "bhk_x", "GET", "/v1/kill-switches", "")
	k := s.want(201, s.operator, "POST", "/v1/api-keys", `{"name":"brief","role":"operator","expires_at":"2026-11-21T12:00:01Z"}`)
	s.clock.Store(int64(time.Second))
	s.want(401, k.body["key"].(string), "GET", "/v1/agencies", "")
	s.mu.Lock()
	defer s.mu.Unlock()
	want := []api.Refusal{
		{Actor: "api_key/3", Method: "GET", Path: "/v1/line-items/" + other.lineItem, Status: 404, Reason: http.StatusText(404)},
		{Actor: "api_key/3", Method: "GET", Path: "/v1/kill-switches", Status: http.StatusForbidden, Reason: http.StatusText(http.StatusForbidden)},
		{Method: "GET", Path: "/v1/kill-switches", Status: 401, Reason: "the API key is unknown or revoked"},
		{Actor: "api_key/6", Method: "GET", Path: "/v1/agencies", Status: 401, Reason: "the API key has expired: ask for a new one"},
	}
	if fmt.Sprint(s.refusals) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", s.refusals, want)
	}
}
