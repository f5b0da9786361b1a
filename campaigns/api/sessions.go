package api

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/crypto/bcrypt"

	"bidhawk/campaigns"
)

// Bounds on guessing: each account and each address has its own bucket.
const (
	signInBurst   = 10
	signInEvery   = 30 * time.Second
	signInBuckets = 10_000
	// hashers bounds the passwords that are hashed at once: each takes a core for a
	// fifth of a second.
	hashers = 2
)

// Passwords are bcrypt's, which takes 72 bytes.
const (
	minPassword, maxPassword = 12, 72
	// PasswordCost is bcrypt's: a fifth of a second of a core.
	PasswordCost = 12
)

type signInInput struct {
	Proto     string `header:"X-Forwarded-Proto" doc:"Set by a proxy that speaks TLS: the cookie is then Secure"`
	addr      string
	encrypted bool
	Body      struct {
		Email    string `json:"email,omitempty" maxLength:"254" doc:"Of a user; with password"`
		Password string `json:"password,omitempty" maxLength:"1024" doc:"Of a user"`
		APIKey   string `json:"api_key,omitempty" maxLength:"256" doc:"Instead of email and password: an API key"`
	}
}

// Resolve implements huma.Resolver.
func (in *signInInput) Resolve(ctx huma.Context) []error {
	in.addr, _, _ = net.SplitHostPort(ctx.RemoteAddr())
	in.encrypted = ctx.TLS() != nil || strings.EqualFold(in.Proto, "https")
	return nil
}

// Me is who calls, for the console.
type Me struct {
	Kind         string         `json:"kind" enum:"user,api_key" doc:"What the caller is"`
	ID           campaigns.ID   `json:"id" doc:"Of the user or the key"`
	Name         string         `json:"name" doc:"For people"`
	Email        string         `json:"email,omitempty" doc:"Of a user"`
	Role         campaigns.Role `json:"role" enum:"operator,agency,advertiser,viewer" doc:"What it may do"`
	AgencyID     campaigns.ID   `json:"agency_id,omitempty" doc:"Whose it is; absent for an operator"`
	AdvertiserID campaigns.ID   `json:"advertiser_id,omitempty" doc:"Whose it is; absent for an operator and an agency"`
	Scopes       []string       `json:"scopes,omitempty" doc:"What narrows the role; absent: nothing"`
	Edits        []string       `json:"edits" doc:"Kinds of entities that it may create and change"`
	CSRFToken    string         `json:"csrf_token,omitempty" doc:"Of a session: send it as X-CSRF-Token with whatever changes something"`
	ExpiresAt    time.Time      `json:"expires_at,omitzero" doc:"When the session ends"`
}

type meOutput struct {
	SetCookie *http.Cookie `header:"Set-Cookie" doc:"The session: HttpOnly, SameSite=Lax"`
	Body      Me
}

type signOutOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie" doc:"Ends the session in the browser too"`
}

func (a *API) registerSessions() {
	op := huma.Operation{OperationID: "sign-in", Method: http.MethodPost, Path: "/v1/sessions", Tags: []string{"sessions"},
		Summary: "Sign in: begin a session", Description: "With an e-mail address and password, or with an API key. The answer sets the cookie of the session.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: 8 << 10, Security: []map[string][]string{},
		Metadata: map[string]any{bodyField: "sign_in", Open: true},
		Errors:   []int{http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusTooManyRequests}}
	huma.Register(a.huma, op, a.signIn)
	huma.Register(a.huma, huma.Operation{OperationID: "get-sign-in-methods", Method: http.MethodGet, Path: "/v1/sessions", Tags: []string{"sessions"},
		Summary: "How one may sign in", Security: []map[string][]string{}, Metadata: map[string]any{Open: true}}, a.signInMethods)
	huma.Register(a.huma, ownOperation(http.MethodDelete, "/v1/sessions/current", "sign-out", "Sign out: end the session"), a.signOut)
	huma.Register(a.huma, ownOperation(http.MethodGet, "/v1/me", "get-me", "Who calls, and what it may do"), a.me)
}

func ownOperation(method, path, id, about string) huma.Operation {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"sessions"}, Summary: about,
		Metadata: map[string]any{OwnAccount: true}, Errors: []int{http.StatusUnauthorized, http.StatusForbidden}}
	if method == http.MethodDelete {
		op.DefaultStatus = http.StatusNoContent
	}
	return op
}

const wrongSignIn = "the e-mail address, the password or the API key is wrong, or may not sign in"

func (a *API) signIn(ctx context.Context, in *signInInput) (*meOutput, error) {
	now := a.deps.Now()
	b := in.Body
	email := strings.ToLower(strings.TrimSpace(b.Email))
	if (b.APIKey == "") == (email == "" || b.Password == "") {
		return nil, violation(http.StatusUnprocessableEntity, "sign_in", "", "must have email and password, or api_key alone")
	}
	for _, name := range []string{"from " + in.addr, "for " + email} {
		if name == "for " {
			continue
		}
		if wait, ok := a.signIns.take(name, 1, now); !ok {
			return nil, tooMany("too many attempts to sign in", wait)
		}
	}
	ses, record := campaigns.Session{CreatedAt: now, ExpiresAt: now.Add(a.cfg.SessionFor)}, campaigns.SignIn{At: now}
	var err error
	if b.APIKey != "" {
		record.Method = "api_key"
		ses.KeyID, record.KeyID, record.Outcome, err = a.keySignIn(ctx, b.APIKey)
	} else {
		record.Method = "password"
		ses.UserID, record.UserID, record.Outcome, err = a.passwordSignIn(ctx, email, b.Password)
	}
	if err != nil {
		return nil, fail(ctx, err)
	}
	return a.begin(ctx, ses, record, in.encrypted)
}

const signedIn = "signed_in"

// begin records an attempt, and begins its session unless it was refused.
func (a *API) begin(ctx context.Context, ses campaigns.Session, record campaigns.SignIn, encrypted bool) (*meOutput, error) {
	if err := a.deps.Users.RecordSignIn(ctx, record); err != nil {
		return nil, fail(ctx, err)
	}
	if record.Outcome != signedIn {
		return nil, newProblem(http.StatusUnauthorized, wrongSignIn)
	}
	secret, err := a.deps.Users.BeginSession(ctx, ses)
	if err != nil {
		return nil, fail(ctx, err)
	}
	_, p, err := a.deps.Users.Session(ctx, secret)
	if err != nil {
		return nil, fail(ctx, err)
	}
	c := cookie(secret, int(ses.ExpiresAt.Sub(ses.CreatedAt).Seconds()), encrypted)
	return &meOutput{SetCookie: &c, Body: whoIs(p, secret, ses.ExpiresAt)}, nil
}

func cookie(value string, maxAge int, encrypted bool) http.Cookie {
	return http.Cookie{Name: sessionCookie, Value: value, Path: "/", HttpOnly: true, Secure: encrypted, SameSite: http.SameSiteLaxMode, MaxAge: maxAge}
}

// keySignIn returns the key's id where it is good, and what the audit keeps.
func (a *API) keySignIn(ctx context.Context, key string) (id, known campaigns.ID, outcome string, err error) {
	p, err := a.deps.Keys.Authenticate(ctx, strings.TrimSpace(key))
	switch {
	case err == nil:
		return p.KeyID, p.KeyID, signedIn, nil
	case errors.Is(err, campaigns.ErrUnknownKey):
		return 0, 0, "unknown_key", nil
	case errors.Is(err, campaigns.ErrExpiredKey):
		return 0, p.KeyID, "expired_key", nil
	}
	return 0, 0, "", err
}

// passwordSignIn takes the same time whether or not the address is known.
func (a *API) passwordSignIn(ctx context.Context, email, password string) (id, known campaigns.ID, outcome string, err error) {
	u, hash, err := a.deps.Users.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, campaigns.ErrNotFound) {
		return 0, 0, "", err
	}
	exists := err == nil && hash != ""
	if !exists {
		hash = a.decoy
	}
	good, err := a.checkPassword(ctx, hash, password)
	switch {
	case err != nil:
		return 0, 0, "", err
	case !exists:
		return 0, u.ID, "unknown_user", nil
	case !good:
		return 0, u.ID, "wrong_password", nil
	case !u.DisabledAt.IsZero():
		return 0, u.ID, "disabled", nil
	}
	return u.ID, u.ID, signedIn, nil
}

// checkPassword waits for one of the hashers.
func (a *API) checkPassword(ctx context.Context, hash, password string) (bool, error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil, nil
}

// HashPassword checks the rule of passwords and hashes one. The error is a
// *campaigns.ValidationError of field.
func HashPassword(field, password string, cost int) (string, error) {
	if len(password) < minPassword || len(password) > maxPassword {
		return "", &campaigns.ValidationError{Violations: []campaigns.Violation{
			{Field: field, Value: "(not shown)", Rule: "must be 12 to 72 bytes long"}}}
	}
	h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	return string(h), err
}

func (a *API) hash(field, password string) (string, error) {
	return HashPassword(field, password, a.cfg.PasswordCost)
}

func (a *API) signOut(ctx context.Context, _ *empty) (*signOutOutput, error) {
	if secret := sessionSecret(ctx); secret != "" {
		if err := a.deps.Users.EndSession(ctx, secret); err != nil {
			return nil, fail(ctx, err)
		}
	}
	return &signOutOutput{cookie("", -1, false)}, nil
}

func (a *API) me(ctx context.Context, _ *empty) (*meOutput, error) {
	secret := sessionSecret(ctx)
	if secret == "" {
		return &meOutput{Body: whoIs(caller(ctx), "", time.Time{})}, nil
	}
	ses, p, err := a.deps.Users.Session(ctx, secret)
	if err != nil {
		return nil, fail(ctx, err)
	}
	return &meOutput{Body: whoIs(p, secret, ses.ExpiresAt)}, nil
}

func whoIs(p campaigns.Principal, secret string, expires time.Time) Me {
	m := Me{Kind: "user", ID: p.UserID, Name: p.Name, Email: p.Email, Role: p.Role, AgencyID: p.Owner.Agency,
		AdvertiserID: p.Owner.Advertiser, Scopes: p.Scopes, Edits: []string{}, ExpiresAt: expires}
	if p.UserID == 0 {
		m.Kind, m.ID = "api_key", p.KeyID
	}
	for _, k := range campaigns.Kinds() {
		if p.Edits(k) {
			m.Edits = append(m.Edits, string(k))
		}
	}
	if secret != "" {
		m.CSRFToken = csrfToken(secret)
	}
	return m
}

// tooMany is a 429 that says when to try again, in whole seconds.
func tooMany(detail string, wait time.Duration) error {
	p := newProblem(http.StatusTooManyRequests, detail)
	p.retryAfter = seconds(wait)
	return p
}

// seconds is a wait in whole seconds, at least one.
func seconds(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
