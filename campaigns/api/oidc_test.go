package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"crypto"

	"bidhawk/campaigns/api"
)

// fakeProvider is an OpenID provider of one client, which signs in whoever it is
// told to.
type fakeProvider struct {
	t      *testing.T
	server *httptest.Server
	key    *rsa.PrivateKey
	claims map[string]any        // of the next token, over the right ones
	codes  map[string]url.Values // of an authorization request, by its code
}

func newProvider(t *testing.T) *fakeProvider {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeProvider{t: t, key: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		u := p.server.URL
		json.NewEncoder(w).Encode(map[string]any{"issuer": u, "authorization_endpoint": u + "/auth", "token_endpoint": u + "/token",
			"jwks_uri": u + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		e := big.NewInt(int64(key.E)).Bytes()
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(e)}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		code := rand.Text()
		p.codes[code] = q
		http.Redirect(w, r, q.Get("redirect_uri")+"?code="+code+"&state="+url.QueryEscape(q.Get("state"))+"&authuser=0", http.StatusFound)
	})
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || asked.Get("code_challenge_method") != "S256" || base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.Get("code_challenge") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{"iss": p.server.URL, "aud": "console", "sub": "ann-1", "nonce": asked.Get("nonce"),
		"iat": now().Unix(), "exp": now().Unix() + 60, "email": "ann@agency.example", "email_verified": true}
	for k, v := range p.claims {
		claims[k] = v
	}
	body, _ := json.Marshal(claims)
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": signed + "." + base64.RawURLEncoding.EncodeToString(sig)})
}

// browser follows redirects until one leads to the console, and returns its path,
// or the last answer's status.
type browser struct {
	*http.Client
	at string
}

func (s *service) browser() *browser {
	jar, _ := cookiejar.New(nil)
	b := &browser{Client: &http.Client{Jar: jar}}
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), s.server.URL) && !strings.HasPrefix(r.URL.Path, "/v1/oidc/") {
			b.at = r.URL.RequestURI()
			return http.ErrUseLastResponse
		}
		return nil
	}
	return b
}

func (b *browser) get(t *testing.T, u string) int {
	t.Helper()
	b.at = ""
	res, err := b.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestOIDC(t *testing.T) {
	p := newProvider(t)
	s := serveWith(t, func(c *api.Config, base string) {
		c.OIDC = api.OIDC{Issuer: p.server.URL, ClientID: "console", ClientSecret: "secret", PublicURL: base}
	})
	if m := s.want(200, "", "GET", "/v1/sessions", ""); m.body["oidc"] != true {
		t.Errorf("got %s", m.raw)
	}
	login := s.server.URL + "/v1/oidc/login?return=" + url.QueryEscape("/line-items/7?x=1")
	signIn := func(want int, at string, claims map[string]any) *browser {
		t.Helper()
		p.claims = claims
		b := s.browser()
		if got := b.get(t, login); got != want || b.at != at {
			t.Errorf("%v: got %d at %q; want %d at %q", claims, got, b.at, want, at)
		}
		return b
	}
	signIn(401, "", nil) // nobody knows ann
	user := s.want(201, s.operator, "POST", "/v1/users", `{"email":"ann@agency.example","name":"Ann","role":"operator"}`)
	signIn(401, "", map[string]any{"email_verified": false})
	signIn(401, "", map[string]any{"nonce": "another"})
	signIn(401, "", map[string]any{"aud": "another"})
	signIn(401, "", map[string]any{"iss": "https://other.example"})
	signIn(401, "", map[string]any{"exp": now().Unix() - 1})
	b := signIn(302, "/line-items/7?x=1", nil)
	if got := b.get(t, s.server.URL+"/v1/me"); got != 200 {
		t.Errorf("after signing in: got %d", got)
	}
	// The subject is bound: the address may change, another subject may not take it.
	signIn(302, "/line-items/7?x=1", map[string]any{"email": "new@agency.example", "email_verified": false})
	signIn(401, "", map[string]any{"sub": "eve-2"})
	s.want(200, s.operator, "PATCH", user.header.Get("Location"), `{"disabled":true}`)
	signIn(401, "", nil)

	audit := s.want(200, s.operator, "GET", "/v1/sign-ins", "").raw
	for _, outcome := range []string{"unknown_user", "bad_token", "signed_in", "other_subject", "disabled"} {
		if !strings.Contains(audit, outcome) {
			t.Errorf("the audit lacks %s: %s", outcome, audit)
		}
	}
}

func TestOIDCRefusesForeignCallbacks(t *testing.T) {
	p := newProvider(t)
	s := serveWith(t, func(c *api.Config, base string) {
		c.OIDC = api.OIDC{Issuer: p.server.URL, ClientID: "console", PublicURL: base}
	})
	b := s.browser()
	f := func(want int, path string) {
		t.Helper()
		if got := b.get(t, s.server.URL+path); got != want {
			t.Errorf("%s: got %d; want %d", path, got, want)
		}
	}
	f(400, "/v1/oidc/callback?code=x&state=y")
	// A flow that was begun, with another's state.
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f(302, "/v1/oidc/login")
	f(400, "/v1/oidc/callback?code=x&state=y")
	// The user says no at the provider.
	res, err := b.Get(s.server.URL + "/v1/oidc/login?return=https://evil.example/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	to, err := res.Location()
	if err != nil {
		t.Fatal(err)
	}
	f(401, "/v1/oidc/callback?error=access_denied&state="+to.Query().Get("state"))
	for bad, want := range map[string]string{"//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "x": "/", "/ok?a=b": "/ok?a=b"} {
		if got := api.LocalPath(bad); got != want {
			t.Errorf("%q: got %q; want %q", bad, got, want)
		}
	}
	p.server.Close()
	if err := fmt.Errorf("%w", (api.OIDC{Issuer: "x"}).Validate()); !strings.Contains(err.Error(), "OIDC.Issuer") {
		t.Errorf("got %v", err)
	}
}
