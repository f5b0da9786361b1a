package api

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/oauth2"

	"bidhawk/campaigns"
)

// OIDC configures sign-in at an OpenID provider: authorization code with PKCE.
type OIDC struct {
	Issuer       string // "": none
	ClientID     string
	ClientSecret string
	// PublicURL is where browsers reach this API; the provider must know
	// PublicURL/v1/oidc/callback.
	PublicURL string
	// Client speaks to the provider; nil: one that waits 10 s at most.
	Client *http.Client
}

// Validate names the field that is wrong.
func (c OIDC) Validate() error {
	if c.Issuer == "" {
		return nil
	}
	for _, u := range [][2]string{{"Issuer", c.Issuer}, {"PublicURL", c.PublicURL}} {
		if p, err := url.Parse(u[1]); err != nil || p.Host == "" || p.Scheme != "https" && p.Scheme != "http" {
			return fmt.Errorf("api: OIDC.%s is %q; must be an absolute URL", u[0], u[1])
		}
	}
	if c.ClientID == "" {
		return errors.New("api: OIDC.ClientID is empty; the provider gives one")
	}
	return nil
}

const (
	flowCookie = "bidhawk_oidc"
	flowFor    = 10 * time.Minute
	flowPath   = "/v1/oidc"
)

// flow is a sign-in on its way to the provider and back. The browser keeps it, in a
// cookie that scripts don't read; another browser can't end it.
type flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE
	Return   string `json:"r"` // path of the console
}

// provider is the OpenID provider, discovered at its first use.
type provider struct {
	cfg OIDC

	mu    sync.Mutex
	found *oidc.Provider // nil: not yet
}

func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	found, err := oidc.NewProvider(context.WithoutCancel(ctx), p.cfg.Issuer) // it keeps ctx for its keys
	if err != nil {
		return nil, fmt.Errorf("discover the OpenID provider %s: %w", p.cfg.Issuer, err)
	}
	p.found = found
	return found, nil
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: strings.TrimRight(p.cfg.PublicURL, "/") + flowPath + "/callback", Scopes: []string{oidc.ScopeOpenID, "email", "profile"}}
}

// registerOIDC serves the two steps besides huma: providers add query parameters of
// their own, and the answers are redirects for people.
func (a *API) registerOIDC() {
	client := a.cfg.OIDC.Client
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	a.provider = &provider{cfg: a.cfg.OIDC}
	with := func(f http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			f(w, r.WithContext(oidc.ClientContext(r.Context(), client)))
		}
	}
	a.mux.HandleFunc("GET "+flowPath+"/login", with(a.oidcLogin))
	a.mux.HandleFunc("GET "+flowPath+"/callback", with(a.oidcCallback))
	describe := func(path, id, about string, params ...*huma.Param) {
		a.huma.OpenAPI().AddOperation(&huma.Operation{OperationID: id, Method: http.MethodGet, Path: flowPath + path, Tags: []string{"sessions"},
			Summary: about, Parameters: params, Security: []map[string][]string{}, Metadata: map[string]any{Open: true},
			Responses: map[string]*huma.Response{"302": {Description: "To the provider, or back to the console"}}})
	}
	text := &huma.Schema{Type: huma.TypeString}
	describe("/login", "oidc-login", "Sign in at the OpenID provider", &huma.Param{Name: "return", In: "query", Schema: text, Description: "Path of the console to come back to"})
	describe("/callback", "oidc-callback", "Where the OpenID provider sends browsers back to",
		&huma.Param{Name: "code", In: "query", Schema: text, Description: "The provider's"}, &huma.Param{Name: "state", In: "query", Schema: text, Description: "Of the login"})
}

func (a *API) oidcLogin(w http.ResponseWriter, r *http.Request) {
	found, err := a.provider.discover(r.Context())
	if err != nil {
		a.deps.OnError(r, err)
		writeProblem(w, newProblem(http.StatusServiceUnavailable, "the OpenID provider does not answer"))
		return
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Return: localPath(r.URL.Query().Get("return"))}
	b, _ := json.Marshal(f) // texts always marshal
	a.setFlow(w, r, base64.RawURLEncoding.EncodeToString(b), int(flowFor/time.Second))
	http.Redirect(w, r, a.provider.oauth(found).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), http.StatusFound)
}

func (a *API) setFlow(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: flowCookie, Value: value, Path: flowPath, HttpOnly: true, Secure: encrypted(r),
		SameSite: http.SameSiteLaxMode, MaxAge: maxAge})
}

func encrypted(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// localPath is a path of the console; what leads elsewhere is its front page.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") {
		return "/"
	}
	return s
}

func (a *API) oidcCallback(w http.ResponseWriter, r *http.Request) {
	f, err := readFlow(r)
	a.setFlow(w, r, "", -1)
	if err != nil || subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("state")), []byte(f.State)) != 1 {
		writeProblem(w, newProblem(http.StatusBadRequest, "this sign-in was not begun in this browser, or too long ago: begin again"))
		return
	}
	record := campaigns.SignIn{At: a.deps.Now(), Method: "oidc"}
	u, outcome, err := a.oidcUser(r.Context(), f, r.URL.Query())
	if err != nil {
		a.deps.OnError(r, err)
	}
	record.UserID, record.Outcome = u.ID, outcome
	out, err := a.begin(r.Context(), campaigns.Session{UserID: u.ID, CreatedAt: record.At, ExpiresAt: record.At.Add(a.cfg.SessionFor)}, record, encrypted(r))
	if err != nil {
		var p *Problem
		if !errors.As(err, &p) {
			p = newProblem(http.StatusInternalServerError, "")
		}
		if p.Status == http.StatusUnauthorized {
			p.Detail = "the OpenID provider names nobody who may sign in here"
		}
		writeProblem(w, p)
		return
	}
	http.SetCookie(w, out.SetCookie)
	http.Redirect(w, r, f.Return, http.StatusFound)
}

func readFlow(r *http.Request) (f flow, err error) {
	c, err := r.Cookie(flowCookie)
	if err != nil {
		return f, err
	}
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err == nil && (f.State == "" || f.Nonce == "" || f.Verifier == "") {
		err = errors.New("incomplete")
	}
	f.Return = localPath(f.Return)
	return f, err
}

// oidcUser is who the provider says has signed in, and the audit's outcome. The
// error is for the log.
func (a *API) oidcUser(ctx context.Context, f flow, q url.Values) (u campaigns.User, outcome string, err error) {
	if e := q.Get("error"); e != "" {
		return u, "refused_by_provider", nil
	}
	found, err := a.provider.discover(ctx)
	if err != nil {
		return u, "provider_failed", err
	}
	token, err := a.provider.oauth(found).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return u, "provider_failed", fmt.Errorf("exchange the OpenID provider's code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := found.Verifier(&oidc.Config{ClientID: a.provider.cfg.ClientID, Now: a.deps.Now}).Verify(ctx, raw)
	if err != nil {
		return u, "bad_token", fmt.Errorf("verify the OpenID provider's token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return u, "bad_token", errors.New("verify the OpenID provider's token: it is of another sign-in")
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := id.Claims(&claims); err != nil {
		return u, "bad_token", fmt.Errorf("read the OpenID provider's claims: %w", err)
	}
	email := ""
	if claims.Verified {
		email = strings.ToLower(claims.Email)
	}
	return a.bindSubject(ctx, id.Issuer+" "+id.Subject, email)
}

// bindSubject finds the user of a subject. The first time it is the user with the
// address that the provider has verified; afterwards the address does not matter.
func (a *API) bindSubject(ctx context.Context, subject, email string) (u campaigns.User, outcome string, err error) {
	u, err = a.deps.Users.UserBySubject(ctx, subject)
	if errors.Is(err, campaigns.ErrNotFound) && email != "" {
		u, _, err = a.deps.Users.UserByEmail(ctx, email)
		if err == nil && u.Subject != "" {
			return campaigns.User{}, "other_subject", nil
		}
		if err == nil && u.DisabledAt.IsZero() {
			u.Subject = subject
			err = a.deps.Users.UpdateUser(ctx, u)
		}
	}
	switch {
	case errors.Is(err, campaigns.ErrNotFound):
		return campaigns.User{}, "unknown_user", nil
	case err != nil:
		return campaigns.User{}, "failed", err
	case !u.DisabledAt.IsZero():
		return u, "disabled", nil
	}
	return u, signedIn, nil
}

// SignInMethods is what a sign-in page offers.
type SignInMethods struct {
	Password bool `json:"password" doc:"POST /v1/sessions with email and password"`
	APIKey   bool `json:"api_key" doc:"POST /v1/sessions with api_key"`
	OIDC     bool `json:"oidc" doc:"GET /v1/oidc/login leads to the provider"`
}

type signInMethodsOutput struct{ Body SignInMethods }

func (a *API) signInMethods(context.Context, *empty) (*signInMethodsOutput, error) {
	return &signInMethodsOutput{SignInMethods{true, true, a.cfg.OIDC.Issuer != ""}}, nil
}
