package api_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bidhawk/campaigns"
)

func TestARepeatedRequestIsAnsweredOnce(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	first := s.want(201, s.operator, "POST", "/v1/agencies", `{"name":"x"}`, "Idempotency-Key", "k1")
	again := s.want(201, s.operator, "POST", "/v1/agencies", `{"name":"x"}`, "Idempotency-Key", "k1")
	if again.raw != first.raw || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("ETag") != `"1"` ||
		again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("got %v %s; want %s", again.header, again.raw, first.raw)
	}
	s.wantViolation(422, s.operator, "POST", "/v1/agencies", `{"name":"y"}`, "header.Idempotency-Key", "k1", "another request", "Idempotency-Key", "k1")
	s.want(422, s.operator, "POST", "/v1/agencies?validate_only=true", `{"name":"x"}`, "Idempotency-Key", "k1")
	s.wantViolation(422, s.operator, "POST", "/v1/agencies", `{"name":"y"}`, "header.Idempotency-Key", "a b", "visible ASCII", "Idempotency-Key", "a b")
	// Another caller's names are its own.
	s.want(403, w.agencyKey, "POST", "/v1/agencies", `{"name":"x"}`, "Idempotency-Key", "k1")

	one := "/v1/line-items/" + w.lineItem
	a := s.want(200, s.operator, "PATCH", one, `{"name":"p"}`, "If-Match", `"1"`, "Idempotency-Key", "k2")
	if b := s.want(200, s.operator, "PATCH", one, `{"name":"p"}`, "If-Match", `"1"`, "Idempotency-Key", "k2"); b.raw != a.raw {
		t.Errorf("got %s; want %s", b.raw, a.raw)
	}
	if list := s.want(200, s.operator, "GET", "/v1/agencies", ""); len(list.body["items"].([]any)) != 2 {
		t.Errorf("got %s", list.raw)
	}

	// What failed is tried again.
	s.want(422, s.operator, "POST", "/v1/agencies", `{"name":""}`, "Idempotency-Key", "k3")
	s.want(201, s.operator, "POST", "/v1/agencies", `{"name":"z"}`, "Idempotency-Key", "k3")

	// After a day the name is forgotten.
	s.clock.Store(int64(24*time.Hour + time.Second))
	if a := s.want(201, s.operator, "POST", "/v1/agencies", `{"name":"x"}`, "Idempotency-Key", "k1"); a.raw == first.raw {
		t.Error("an old answer was repeated")
	}
}

func TestASecretIsNotKeptWithTheAnswer(t *testing.T) {
	s := serve(t)
	body := `{"name":"k","role":"operator"}`
	first := s.want(201, s.operator, "POST", "/v1/api-keys", body, "Idempotency-Key", "k")
	again := s.want(201, s.operator, "POST", "/v1/api-keys", body, "Idempotency-Key", "k")
	if first.body["key"] == nil || again.body["key"] != nil || again.body["id"] != first.body["id"] {
		t.Errorf("got %s", again.raw)
	}
	if list := s.want(200, s.operator, "GET", "/v1/api-keys", ""); len(list.body["items"].([]any)) != 2 {
		t.Errorf("got %s", list.raw)
	}
}

func TestAtOnceOnlyOneIsAnswered(t *testing.T) {
	s := serve(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a := s.call(s.operator, "POST", "/v1/agencies", `{"name":"x"}`, "Idempotency-Key", "same")
			if a.status != 201 && (a.status != 409 || a.header.Get("Retry-After") != "1") {
				t.Errorf("got %d %v %s", a.status, a.header, a.raw)
			}
		})
	}
	wg.Wait()
	if list := s.want(200, s.operator, "GET", "/v1/agencies", ""); len(list.body["items"].([]any)) != 1 {
		t.Errorf("got %s", list.raw)
	}
}

// TestARequestThatANodeDiedIn: the edit is stored, the answer is not. A repeat must
// not edit again; one whose edit was not stored must.
func TestARequestThatANodeDiedIn(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	const body = `{"name":"x"}`
	claim := func(name string) {
		t.Helper()
		fp := sha256.Sum256([]byte("POST /v1/agencies\napplication/json\n" + body))
		c, err := s.store.ClaimRequest(t.Context(), "api_key/1", name, fp[:], s.now().Add(-time.Minute), s.now().Add(-time.Hour))
		if err != nil || !c.Mine {
			t.Fatalf("got %+v, %v", c, err)
		}
	}
	claim("stored")
	ctx := campaigns.WithPrincipal(t.Context(), campaigns.Principal{KeyID: 1, Name: "op", Role: campaigns.RoleOperator})
	ctx = campaigns.WithRequest(ctx, campaigns.RequestName("api_key/1", "stored"))
	made := &campaigns.Agency{Name: "x"}
	if err := campaigns.NewEditor(s.store, nil, nil, s.now).Create(ctx, made); err != nil {
		t.Fatal(err)
	}
	s.want(200, s.operator, "PATCH", fmt.Sprintf("/v1/agencies/%d", made.ID), `{"name":"later"}`, "If-Match", "*")
	claim("lost")

	a := s.want(409, s.operator, "POST", "/v1/agencies", body, "Idempotency-Key", "stored")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("got %v", a.header)
	}
	s.clock.Store(int64(61 * time.Second))
	a = s.want(201, s.operator, "POST", "/v1/agencies", body, "Idempotency-Key", "stored")
	if a.id() != fmt.Sprint(made.ID) || a.body["name"] != "x" || a.header.Get("ETag") != `"1"` || a.header.Get("Location") != fmt.Sprintf("/v1/agencies/%d", made.ID) {
		t.Errorf("got %v %s", a.header, a.raw)
	}
	if a = s.want(201, s.operator, "POST", "/v1/agencies", body, "Idempotency-Key", "lost"); a.id() == fmt.Sprint(made.ID) || a.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("got %s", a.raw)
	}
	if list := s.want(200, s.operator, "GET", "/v1/agencies", ""); len(list.body["items"].([]any)) != 3 {
		t.Errorf("got %s beside agency %s", list.raw, w.agency)
	}
}

func TestRatesAreLimitedByCaller(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	var limited answer
	asked := 0
	for ; asked < 2_000; asked++ {
		if limited = s.call(w.agencyKey, "GET", "/v1/me", ""); limited.status != 200 {
			break
		}
	}
	if asked != 1_000 || limited.status != 429 || limited.header.Get("Retry-After") != "1" || !strings.Contains(limited.raw, "too many requests") {
		t.Errorf("after %d: got %d %v %s", asked, limited.status, limited.header, limited.raw)
	}
	s.want(200, w.advertiserKey, "GET", "/v1/me", "")
	s.clock.Store(int64(5 * time.Millisecond))
	s.want(200, w.agencyKey, "GET", "/v1/me", "")
	s.want(429, w.agencyKey, "GET", "/v1/me", "")
}
