package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// decoyHash is compared where there is no user, so that an answer takes as long. It
// is of random bytes that were thrown away.
const decoyHash = "$2a$12$dgTItL7ZdRrOQmNzCDc5AejGHmwLfLf297wNe2fTEV6t3SiWd/LeC"

// UserFields are what a user is made of.
type UserFields struct {
	Email      string `json:"email,omitempty" maxLength:"254" doc:"Where the user is reached, and signs in with"`
	Name       string `json:"name,omitempty" maxLength:"200" doc:"For people"`
	Role       string `json:"role,omitempty" doc:"operator, agency, advertiser or viewer"`
	Agency     int64  `json:"agency_id,omitempty" doc:"Of the roles agency and viewer"`
	Advertiser int64  `json:"advertiser_id,omitempty" doc:"Of the roles advertiser and viewer"`
	Password   string `json:"password,omitempty" maxLength:"1024" doc:"12 to 72 bytes; where it is absent the user signs in elsewhere"`
	Subject    string `json:"subject,omitempty" maxLength:"512" doc:"At the OpenID provider: issuer, a blank, sub; else the first sign-in there with the same verified e-mail address sets it"`
}

type userInput struct{ Body UserFields }

type userPatchInput struct {
	ID   int64 `path:"id" minimum:"1" doc:"Of the user"`
	Body struct {
		UserFields
		Disabled *bool `json:"disabled,omitempty" doc:"true signs the user out everywhere and lets it in no more"`
	}
}

type userOutput struct {
	Location string `header:"Location"`
	Body     campaigns.User
}

type usersInput struct {
	Cursor string `query:"cursor" doc:"The next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Of a page"`
}

type usersOutput struct{ Body Page[campaigns.User] }

type signInsOutput struct{ Body Page[campaigns.SignIn] }

type passwordInput struct {
	Body struct {
		Old string `json:"old_password" maxLength:"1024" doc:"The one in force"`
		New string `json:"new_password" maxLength:"1024" doc:"12 to 72 bytes"`
	}
}

func (a *API) registerUsers() {
	op := func(method, path, id, about string) huma.Operation {
		o := huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"users"}, Summary: about,
			MaxBodyBytes: a.cfg.MaxBodyBytes, Metadata: map[string]any{bodyField: "user"},
			Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}}
		return o
	}
	create := op(http.MethodPost, "/v1/users", "create-user", "Let somebody sign in (operators; agencies for their own)")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, a.createUser)
	huma.Register(a.huma, op(http.MethodGet, "/v1/users", "list-users", "The users that the caller manages"), a.listUsers)
	huma.Register(a.huma, op(http.MethodGet, "/v1/users/{id}", "get-user", "Read one"), a.getUser)
	huma.Register(a.huma, op(http.MethodPatch, "/v1/users/{id}", "update-user", "Change the fields that are given; a new password ends the user's sessions"), a.patchUser)
	own := ownOperation(http.MethodPut, "/v1/me/password", "set-my-password", "Change one's own password; other sessions end")
	own.DefaultStatus = http.StatusNoContent
	own.Errors = append(own.Errors, http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	own.Metadata[bodyField] = "password"
	huma.Register(a.huma, own, a.setOwnPassword)
	audit := a.operatorOperation(http.MethodGet, "/v1/sign-ins", "list-sign-ins", "users", "Attempts to sign in, the newest first")
	huma.Register(a.huma, audit, a.listSignIns)
}

// manages is a 403 unless the caller manages users at all.
func manages(ctx context.Context) error {
	if p := caller(ctx); p.Role != campaigns.RoleOperator && p.Role != campaigns.RoleAgency {
		return newProblem(http.StatusForbidden, "only an operator or an agency manages users and keys")
	}
	return nil
}

// ownTenant refuses a role or tenant beyond the caller's own, in the words of a
// tenant that does not exist.
func (a *API) ownTenant(ctx context.Context, what string, role campaigns.Role, agency, advertiser campaigns.ID) error {
	p := caller(ctx)
	if p.Role == campaigns.RoleOperator {
		return nil
	}
	if role == campaigns.RoleOperator {
		return violation(http.StatusForbidden, what+".role", string(role), "must be agency, advertiser or viewer where an agency gives it")
	}
	if advertiser != 0 {
		if _, err := a.get(ctx, campaigns.KindAdvertiser, advertiser); err != nil {
			return violation(http.StatusUnprocessableEntity, what+".advertiser_id", fmt.Sprint(advertiser), "must be an existing advertiser")
		}
		return nil
	}
	if agency != p.Owner.Agency {
		return violation(http.StatusUnprocessableEntity, what+".agency_id", fmt.Sprint(agency), "must be an existing agency")
	}
	return nil
}

func (a *API) createUser(ctx context.Context, in *userInput) (*userOutput, error) {
	if err := manages(ctx); err != nil {
		return nil, err
	}
	b := in.Body
	u := campaigns.User{Email: b.Email, Name: b.Name, Role: campaigns.Role(b.Role), AgencyID: campaigns.ID(b.Agency),
		AdvertiserID: campaigns.ID(b.Advertiser), Subject: strings.TrimSpace(b.Subject)}
	if err := a.ownTenant(ctx, "user", u.Role, u.AgencyID, u.AdvertiserID); err != nil {
		return nil, err
	}
	hash := ""
	if b.Password != "" {
		var err error
		if hash, err = a.hash("user.password", b.Password); err != nil {
			return nil, fail(ctx, err)
		}
	}
	if err := a.deps.Users.CreateUser(ctx, &u, hash); err != nil {
		return nil, fail(ctx, err)
	}
	return &userOutput{Location: fmt.Sprintf("/v1/users/%d", u.ID), Body: u}, nil
}

// managed reads a user that the caller manages; another tenant's is a 404.
func (a *API) managed(ctx context.Context, id int64) (campaigns.User, error) {
	if err := manages(ctx); err != nil {
		return campaigns.User{}, err
	}
	u, err := a.deps.Users.User(ctx, campaigns.ID(id))
	if err != nil {
		return u, fail(ctx, err)
	}
	if !caller(ctx).Sees(campaigns.Owner{Agency: u.AgencyID, Advertiser: u.AdvertiserID}) {
		return u, fail(ctx, campaigns.ErrNotFound)
	}
	return u, nil
}

func (a *API) getUser(ctx context.Context, in *idInput) (*userOutput, error) {
	u, err := a.managed(ctx, in.ID)
	return &userOutput{Body: u}, err
}

func (a *API) listUsers(ctx context.Context, in *usersInput) (*usersOutput, error) {
	if err := manages(ctx); err != nil {
		return nil, err
	}
	after, err := readCursor(in.Cursor, "users")
	if err != nil {
		return nil, err
	}
	users, err := a.deps.Users.Users(ctx, caller(ctx).Owner, after.ID, in.Limit)
	if err != nil {
		return nil, fail(ctx, err)
	}
	out := Page[campaigns.User]{Items: users}
	if len(users) == in.Limit {
		out.Next = cursor{Of: "users", ID: users[len(users)-1].ID}.text()
	}
	return &usersOutput{out}, nil
}

func (a *API) patchUser(ctx context.Context, in *userPatchInput) (*userOutput, error) {
	u, err := a.managed(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b := in.Body
	hash := ""
	if b.Password != "" {
		if hash, err = a.hash("user.password", b.Password); err != nil {
			return nil, fail(ctx, err)
		}
	}
	given := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	role := string(u.Role)
	given(&u.Email, b.Email)
	given(&u.Name, b.Name)
	given(&u.Subject, strings.TrimSpace(b.Subject))
	given(&role, b.Role)
	if b.Role != "" || b.Agency != 0 || b.Advertiser != 0 {
		u.Role, u.AgencyID, u.AdvertiserID = campaigns.Role(role), campaigns.ID(b.Agency), campaigns.ID(b.Advertiser)
		if err := a.ownTenant(ctx, "user", u.Role, u.AgencyID, u.AdvertiserID); err != nil {
			return nil, err
		}
	}
	if b.Disabled != nil {
		u.DisabledAt = time.Time{}
		if *b.Disabled {
			u.DisabledAt = a.deps.Now()
		}
	}
	if err := a.deps.Users.UpdateUser(ctx, u); err != nil {
		return nil, fail(ctx, err)
	}
	if hash != "" {
		if err := a.deps.Users.SetPassword(ctx, u.ID, hash, ""); err != nil {
			return nil, fail(ctx, err)
		}
	}
	return a.getUser(ctx, &idInput{ID: in.ID})
}

func (a *API) setOwnPassword(ctx context.Context, in *passwordInput) (*empty, error) {
	p := caller(ctx)
	if p.UserID == 0 {
		return nil, newProblem(http.StatusForbidden, "an API key has no password")
	}
	if wait, ok := a.signIns.take("for "+p.Email, 1, a.deps.Now()); !ok {
		return nil, tooMany("too many attempts", wait)
	}
	_, hash, err := a.deps.Users.UserByEmail(ctx, p.Email)
	if err != nil {
		return nil, fail(ctx, err)
	}
	good, err := a.checkPassword(ctx, hash, in.Body.Old)
	if err != nil {
		return nil, fail(ctx, err)
	}
	if !good {
		return nil, violation(http.StatusUnprocessableEntity, "password.old_password", "(not shown)", "must be the password in force")
	}
	if hash, err = a.hash("password.new_password", in.Body.New); err != nil {
		return nil, fail(ctx, err)
	}
	if err := a.deps.Users.SetPassword(ctx, p.UserID, hash, sessionSecret(ctx)); err != nil {
		return nil, fail(ctx, err)
	}
	return &empty{}, nil
}

func (a *API) listSignIns(ctx context.Context, in *usersInput) (*signInsOutput, error) {
	if err := operatorOnly(ctx); err != nil {
		return nil, err
	}
	before, err := readCursor(in.Cursor, "sign_ins")
	if err != nil {
		return nil, err
	}
	found, err := a.deps.Users.SignIns(ctx, before.ID, in.Limit)
	if err != nil {
		return nil, fail(ctx, err)
	}
	out := Page[campaigns.SignIn]{Items: found}
	if len(found) == in.Limit {
		out.Next = cursor{Of: "sign_ins", ID: found[len(found)-1].ID}.text()
	}
	return &signInsOutput{out}, nil
}
