package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

type keyInput struct {
	Body struct {
		Name       string    `json:"name" doc:"Who holds it"`
		Role       string    `json:"role" doc:"operator, agency, advertiser or viewer"`
		Agency     int64     `json:"agency_id,omitempty" doc:"Of the roles agency and viewer"`
		Advertiser int64     `json:"advertiser_id,omitempty" doc:"Of the roles advertiser and viewer"`
		Scopes     []string  `json:"scopes,omitempty" doc:"What narrows the role: AREA:read or AREA:write, where the area is a tag of this document or *; absent: nothing"`
		ExpiresAt  time.Time `json:"expires_at,omitzero" doc:"When it ends by itself; absent: never"`
	}
}

type keyOutput struct {
	Location string `header:"Location"`
	Body     struct {
		Key string `json:"key" doc:"The secret. It is shown this once and not kept."`
		campaigns.APIKey
	}
}

type keysOutput struct{ Body Page[campaigns.APIKey] }

func (a *API) registerKeys() {
	op := func(method, path, id, about string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"api-keys"}, Summary: about + " (operators; agencies for their own)",
			MaxBodyBytes: a.cfg.MaxBodyBytes, Metadata: map[string]any{bodyField: "api_key"},
			Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}}
	}
	create := op(http.MethodPost, "/v1/api-keys", "create-api-key", "Issue a key")
	create.DefaultStatus = http.StatusCreated
	create.Metadata[SecretAnswer] = "key"
	huma.Register(a.huma, create, a.createKey)
	huma.Register(a.huma, op(http.MethodGet, "/v1/api-keys", "list-api-keys", "The issued keys, without their secrets"), a.listKeys)
	revoke := op(http.MethodDelete, "/v1/api-keys/{id}", "revoke-api-key", "Revoke a key for good")
	revoke.DefaultStatus = http.StatusNoContent
	huma.Register(a.huma, revoke, a.revokeKey)
}

func (a *API) createKey(ctx context.Context, in *keyInput) (*keyOutput, error) {
	if err := manages(ctx); err != nil {
		return nil, err
	}
	k := campaigns.APIKey{Name: in.Body.Name, Role: campaigns.Role(in.Body.Role), AgencyID: campaigns.ID(in.Body.Agency),
		AdvertiserID: campaigns.ID(in.Body.Advertiser), Scopes: in.Body.Scopes, ExpiresAt: in.Body.ExpiresAt.UTC()}
	if in.Body.ExpiresAt.IsZero() {
		k.ExpiresAt = time.Time{}
	} else if !k.ExpiresAt.After(a.deps.Now()) {
		return nil, violation(http.StatusUnprocessableEntity, "api_key.expires_at", k.ExpiresAt.Format(time.RFC3339), "must be in the future")
	}
	if err := a.ownTenant(ctx, "api_key", k.Role, k.AgencyID, k.AdvertiserID); err != nil {
		return nil, err
	}
	if err := a.knownScopes(ctx, k.Scopes); err != nil {
		return nil, err
	}
	plain, k, err := a.deps.Keys.CreateKey(ctx, k)
	if err != nil {
		return nil, fail(ctx, err)
	}
	out := &keyOutput{Location: fmt.Sprintf("/v1/api-keys/%d", k.ID)}
	out.Body.Key, out.Body.APIKey = plain, k
	return out, nil
}

// knownScopes refuses a scope of an area that no operation has, and one that the
// caller itself lacks.
func (a *API) knownScopes(ctx context.Context, scopes []string) error {
	areas := map[string]bool{"*": true}
	for _, p := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{p.Get, p.Post, p.Put, p.Patch, p.Delete} {
			if op != nil && len(op.Tags) > 0 {
				areas[op.Tags[0]] = true
			}
		}
	}
	p := caller(ctx)
	for i, s := range scopes {
		area, access, _ := strings.Cut(s, ":")
		if field := fmt.Sprintf("api_key.scopes[%d]", i); !areas[area] {
			return violation(http.StatusUnprocessableEntity, field, s, "must be of an area of the API: its tags, or *")
		} else if !p.Allows(area, access == "write") {
			return violation(http.StatusForbidden, field, s, "must not be more than the caller's own")
		}
	}
	if len(scopes) == 0 && len(p.Scopes) > 0 {
		return violation(http.StatusForbidden, "api_key.scopes", "", "must be given, and not be more than the caller's own")
	}
	return nil
}

func (a *API) listKeys(ctx context.Context, _ *empty) (*keysOutput, error) {
	keys, err := a.managedKeys(ctx)
	if err != nil {
		return nil, fail(ctx, err)
	}
	return &keysOutput{Page[campaigns.APIKey]{Items: keys}}, nil
}

// managedKeys are the keys that the caller manages.
func (a *API) managedKeys(ctx context.Context) ([]campaigns.APIKey, error) {
	if err := manages(ctx); err != nil {
		return nil, err
	}
	keys, err := a.deps.Keys.Keys(ctx)
	p := caller(ctx)
	return slices.DeleteFunc(keys, func(k campaigns.APIKey) bool {
		return !p.Sees(campaigns.Owner{Agency: k.AgencyID, Advertiser: k.AdvertiserID})
	}), err
}

func (a *API) revokeKey(ctx context.Context, in *idInput) (*empty, error) {
	keys, err := a.managedKeys(ctx)
	if err != nil {
		return nil, fail(ctx, err)
	}
	id := campaigns.ID(in.ID)
	if !slices.ContainsFunc(keys, func(k campaigns.APIKey) bool { return k.ID == id }) {
		return nil, fail(ctx, campaigns.ErrNotFound)
	}
	if err := a.deps.Keys.RevokeKey(ctx, id); err != nil {
		return nil, fail(ctx, err)
	}
	return &empty{}, nil
}
