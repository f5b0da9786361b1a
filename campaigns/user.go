package campaigns

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrNotSignedIn reports a session that was never begun, has ended, or whose
// user or API key may no longer sign in.
var ErrNotSignedIn = errors.New("not signed in")

// User is a person who signs in to the console.
type User struct {
	ID           ID     `json:"id"`
	Email        string `json:"email"` // in lower case; unique
	Name         string `json:"name"`
	Role         Role   `json:"role"`
	AgencyID     ID     `json:"agency_id,omitempty"`
	AdvertiserID ID     `json:"advertiser_id,omitempty"`
	// Subject names the user at an OpenID provider: the issuer, a blank, the "sub".
	Subject    string    `json:"subject,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	DisabledAt time.Time `json:"disabled_at,omitzero"` // zero: may sign in
}

// Normalize brings the fields to the form that is stored.
func (u *User) Normalize() {
	u.Email, u.Name = strings.ToLower(strings.TrimSpace(u.Email)), strings.TrimSpace(u.Name)
}

// Validate returns nil or a *ValidationError.
func (u *User) Validate() error {
	c := &checker{prefix: "user."}
	c.text("email", u.Email, emailRule)
	c.text("name", u.Name, nameRule)
	c.tenant(u.Role, u.AgencyID, u.AdvertiserID)
	return c.err()
}

func emailRule(s string) string {
	const rule = "must be an address such as ann@agency.example, at most 254 bytes"
	local, domain, found := strings.Cut(s, "@")
	if !found || len(s) > 254 || local == "" || strings.ContainsAny(local, " \"<>(),:;\\") || visibleRule(local, 64, "") != "" || domainRule(domain) != "" {
		return rule
	}
	return ""
}

// Session is a signed-in browser. Its holder is a user, or whoever has an API key.
type Session struct {
	UserID    ID // 0: of an API key
	KeyID     ID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// SignIn is one attempt to sign in, for the audit. It names nobody who is unknown.
type SignIn struct {
	ID      ID        `json:"id"`
	At      time.Time `json:"at"`
	Method  string    `json:"method"` // password, api_key or oidc
	UserID  ID        `json:"user_id,omitempty"`
	KeyID   ID        `json:"key_id,omitempty"`
	Outcome string    `json:"outcome"` // signed_in, or why not
}

// UserStore keeps users, their sessions and the audit of sign-ins.
type UserStore interface {
	// CreateUser stores u, with a hashed password or "", and sets its id and time. A
	// taken e-mail address or subject is a *ValidationError.
	CreateUser(ctx context.Context, u *User, password string) error
	// User returns ErrNotFound for an unknown id.
	User(ctx context.Context, id ID) (User, error)
	// UserByEmail also returns the hashed password; UserBySubject finds who signs in
	// elsewhere. Both return ErrNotFound.
	UserByEmail(ctx context.Context, email string) (u User, password string, err error)
	UserBySubject(ctx context.Context, subject string) (User, error)
	// Users lists those of an agency or advertiser (0: of all) after an id.
	Users(ctx context.Context, o Owner, after ID, limit int) ([]User, error)
	// UpdateUser stores the name, role, tenant, subject and DisabledAt of u. Who is
	// disabled, or gets another role or tenant, is signed out everywhere.
	UpdateUser(ctx context.Context, u User) error
	// SetPassword stores a hashed password and ends the user's sessions but the one
	// of the secret keep.
	SetPassword(ctx context.Context, id ID, password, keep string) error

	// BeginSession stores s and returns the secret of its cookie, which is kept nowhere.
	BeginSession(ctx context.Context, s Session) (secret string, err error)
	// Session finds the session and who holds it now; ErrNotSignedIn.
	Session(ctx context.Context, secret string) (Session, Principal, error)
	// EndSession forgets it; one that is unknown has ended already.
	EndSession(ctx context.Context, secret string) error

	// RecordSignIn stores an attempt; SignIns lists the newest first, below an id (0: all).
	RecordSignIn(ctx context.Context, s SignIn) error
	SignIns(ctx context.Context, before ID, limit int) ([]SignIn, error)
}
