package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

const (
	securityScheme = "api_key"
	sessionScheme  = "session"
	sessionCookie  = "bidhawk_session"
	csrfHeader     = "X-CSRF-Token"
)

// Metadata of operations that authenticate looks at.
const (
	// Open is of an operation that needs no caller.
	Open = "open"
	// Reads is of an operation that changes nothing though its method could: viewers
	// and read scopes may call it.
	Reads = "reads"
	// OwnAccount is of an operation on the caller's own account: no scope narrows it.
	OwnAccount = "own_account"
)

// authenticate puts the caller into the context, or ends the request. Every
// operation needs an API key or a session, those of other packages too.
func (a *API) authenticate(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[Open] == true {
		next(ctx)
		return
	}
	p, secret, problem := a.identify(ctx)
	if problem == nil && secret != "" {
		problem = checkCSRF(ctx, secret)
	}
	if problem == nil {
		problem = checkScope(ctx.Operation(), p)
	}
	if problem == nil {
		next(huma.WithContext(ctx, withSecret(campaigns.WithPrincipal(ctx.Context(), p), secret)))
		return
	}
	a.refused(ctx, p, problem)
	a.write(ctx, problem)
}

// identify finds the caller. secret is of the session, where that is how it calls.
func (a *API) identify(ctx huma.Context) (p campaigns.Principal, secret string, problem *Problem) {
	var err error
	scheme, key, found := strings.Cut(ctx.Header("Authorization"), " ")
	cookie, noCookie := huma.ReadCookie(ctx, sessionCookie)
	switch {
	case found && strings.EqualFold(scheme, "Bearer"):
		p, err = a.deps.Keys.Authenticate(ctx.Context(), strings.TrimSpace(key))
	case a.deps.Users != nil && noCookie == nil:
		secret = cookie.Value
		_, p, err = a.deps.Users.Session(ctx.Context(), secret)
	default:
		return p, "", newProblem(http.StatusUnauthorized, "an API key is needed: Authorization: Bearer bhk_..., or a session")
	}
	switch {
	case err == nil:
		return p, secret, nil
	case errors.Is(err, campaigns.ErrUnknownKey):
		return p, "", newProblem(http.StatusUnauthorized, "the API key is unknown or revoked")
	case errors.Is(err, campaigns.ErrExpiredKey):
		return p, "", newProblem(http.StatusUnauthorized, "the API key has expired: ask for a new one")
	case errors.Is(err, campaigns.ErrNotSignedIn):
		return p, "", newProblem(http.StatusUnauthorized, "the session has ended: sign in again")
	}
	reportError(ctx.Context(), err)
	return p, "", newProblem(http.StatusInternalServerError, "")
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// csrfToken is what a browser's script must send beside the cookie. Another site
// can make the browser send the cookie, and can't read this.
func csrfToken(secret string) string {
	h := sha256.Sum256([]byte("bidhawk csrf\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

func checkCSRF(ctx huma.Context, secret string) *Problem {
	if safe(ctx.Method()) || subtle.ConstantTimeCompare([]byte(ctx.Header(csrfHeader)), []byte(csrfToken(secret))) == 1 {
		return nil
	}
	return violation(http.StatusForbidden, "header."+csrfHeader, "", "must be the csrf_token of GET /v1/me where a session calls")
}

// checkScope keeps viewers and narrow keys to what they may. The area of an
// operation is its first tag.
func checkScope(op *huma.Operation, p campaigns.Principal) *Problem {
	if op.Metadata[OwnAccount] == true {
		return nil
	}
	write := !safe(op.Method) && op.Metadata[Reads] != true
	if write && p.Role == campaigns.RoleViewer {
		return newProblem(http.StatusForbidden, "the role viewer may change nothing")
	}
	area := ""
	if len(op.Tags) > 0 {
		area = op.Tags[0]
	}
	if !p.Allows(area, write) {
		access := "read"
		if write {
			access = "write"
		}
		return newProblem(http.StatusForbidden, fmt.Sprintf("the API key lacks the scope %s:%s", area, access))
	}
	return nil
}

// Refusal is a request that was refused for who asked, for the log.
type Refusal struct {
	Actor  string // such as "api_key/3"; "" where nobody is known
	Method string
	Path   string
	Status int
	Reason string
}

// refused tells of a refusal. p is who asked, as far as it is known.
func (a *API) refused(ctx huma.Context, p campaigns.Principal, problem *Problem) {
	actor := ""
	if p.KeyID != 0 || p.UserID != 0 {
		actor = p.Actor()
	}
	url := ctx.URL()
	a.deps.OnRefusal(Refusal{actor, ctx.Method(), url.Path, problem.Status, problem.Detail})
}

// auditRefusals tells of what handlers refuse: what the caller may not do, and
// what does not exist for it, another tenant's included.
func (a *API) auditRefusals(ctx huma.Context, next func(huma.Context)) {
	next(ctx)
	if s := ctx.Status(); s == http.StatusForbidden || s == http.StatusNotFound {
		a.refused(ctx, caller(ctx.Context()), newProblem(s, http.StatusText(s)))
	}
}

func (a *API) write(ctx huma.Context, p *Problem) {
	if p.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="bidhawk"`)
	}
	errs := make([]error, len(p.Errors))
	if p.retryAfter > 0 {
		ctx.SetHeader("Retry-After", strconv.Itoa(p.retryAfter))
	}
	for i, v := range p.Errors {
		errs[i] = &huma.ErrorDetail{Location: v.Field, Message: v.Rule, Value: v.Value}
	}
	// An error here is the client's connection: nobody to tell.
	_ = huma.WriteErr(a.huma, ctx, p.Status, p.Detail, errs...)
}

type secretKey struct{}

func withSecret(ctx context.Context, secret string) context.Context {
	return context.WithValue(ctx, secretKey{}, secret)
}

// sessionSecret is the cookie of the caller's session; "" where an API key calls.
func sessionSecret(ctx context.Context) string {
	s, _ := ctx.Value(secretKey{}).(string)
	return s
}

// caller is who calls. Without authenticate nobody may do anything.
func caller(ctx context.Context) campaigns.Principal {
	p, _ := campaigns.PrincipalFrom(ctx)
	return p
}

// mayEdit is a 403 unless the caller's role may edit entities of kind k.
func mayEdit(ctx context.Context, k campaigns.Kind) error {
	if p := caller(ctx); !p.Edits(k) {
		return newProblem(http.StatusForbidden, "the role "+string(p.Role)+" may not edit entities of the kind "+string(k))
	}
	return nil
}

func operatorOnly(ctx context.Context) error {
	if caller(ctx).Role != campaigns.RoleOperator {
		return newProblem(http.StatusForbidden, "only an operator may do this")
	}
	return nil
}

// get reads an entity that the caller sees; another tenant's is ErrNotFound.
func (a *API) get(ctx context.Context, k campaigns.Kind, id campaigns.ID) (campaigns.Entity, error) {
	e, owner, err := a.deps.Store.Get(ctx, k, id)
	if err != nil {
		return nil, err
	}
	if !caller(ctx).Sees(owner) {
		return nil, campaigns.ErrNotFound
	}
	return e, nil
}
