package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

const securityScheme = "api_key"

// authenticate puts the caller into the context, or ends the request with 401.
// Every operation needs a key, those of other packages too.
func (a *API) authenticate(ctx huma.Context, next func(huma.Context)) {
	scheme, key, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		a.refuse(ctx, "an API key is needed: Authorization: Bearer bhk_...")
		return
	}
	p, err := a.deps.Keys.Authenticate(ctx.Context(), strings.TrimSpace(key))
	switch {
	case errors.Is(err, campaigns.ErrUnknownKey):
		a.refuse(ctx, "the API key is unknown or revoked")
	case err != nil:
		reportError(ctx.Context(), err)
		a.write(ctx, newProblem(http.StatusInternalServerError, ""))
	default:
		next(huma.WithContext(ctx, campaigns.WithPrincipal(ctx.Context(), p)))
	}
}

func (a *API) refuse(ctx huma.Context, detail string) {
	ctx.SetHeader("WWW-Authenticate", `Bearer realm="bidhawk"`)
	a.write(ctx, newProblem(http.StatusUnauthorized, detail))
}

func (a *API) write(ctx huma.Context, p *Problem) {
	// An error here is the client's connection: nobody to tell.
	_ = huma.WriteErr(a.huma, ctx, p.Status, p.Detail)
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
