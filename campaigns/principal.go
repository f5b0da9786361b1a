package campaigns

import (
	"context"
	"strings"
	"time"
)

// Role says what a user or the holder of an API key may do.
type Role string

// The roles. An operator runs the installation; an agency manages its
// advertisers; an advertiser its campaigns, line items and creatives.
const (
	RoleOperator   Role = "operator"
	RoleAgency     Role = "agency"
	RoleAdvertiser Role = "advertiser"
	// A viewer reads what its agency or advertiser has, and changes nothing.
	RoleViewer Role = "viewer"
)

// Principal is who calls: a signed-in user, or the holder of an API key.
type Principal struct {
	UserID ID // 0: an API key
	KeyID  ID
	Name   string
	Email  string // of a user
	Role   Role
	Owner  Owner // of an agency or advertiser; zero for an operator
	// Scopes narrow what the role allows; none narrow nothing.
	Scopes []string
}

// Actor names p in histories and limits: "user/7" or "api_key/3".
func (p Principal) Actor() string {
	if p.UserID != 0 {
		return TopicKey("user", p.UserID)
	}
	return TopicKey("api_key", p.KeyID)
}

// APIKey describes an issued key, without its secret.
type APIKey struct {
	ID           ID     `json:"id"`
	Name         string `json:"name"` // for people: who holds it
	Role         Role   `json:"role"`
	AgencyID     ID     `json:"agency_id,omitempty"`     // of roles agency and advertiser
	AdvertiserID ID     `json:"advertiser_id,omitempty"` // of role advertiser
	// Scopes narrow what the role allows, as "line-items:read" or "*:write"; none: all of it.
	Scopes    []string  `json:"scopes,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// Validate returns nil or a *ValidationError.
func (k *APIKey) Validate() error {
	c := &checker{prefix: "api_key."}
	c.text("name", k.Name, nameRule)
	c.tenant(k.Role, k.AgencyID, k.AdvertiserID)
	c.length("scopes", len(k.Scopes), MaxScopes)
	for i, scope := range k.Scopes[:min(len(k.Scopes), MaxScopes)] {
		if area, access, ok := strings.Cut(scope, ":"); !ok || len(area) > MaxNameBytes || area != "*" && !all(area, isSlugByte) || access != "read" && access != "write" {
			c.fail(index("scopes", i), scope, "must be AREA:read or AREA:write, where the area is a tag of the API or *")
		}
	}
	return c.err()
}

// tenant checks whose a role is.
func (c *checker) tenant(role Role, agencyID, advertiserID ID) {
	switch role {
	case RoleOperator:
		c.check(agencyID == 0, "agency_id", agencyID, "must be absent for an operator")
		c.check(advertiserID == 0, "advertiser_id", advertiserID, "must be absent for an operator")
	case RoleAgency:
		c.check(agencyID > 0, "agency_id", agencyID, "must be an existing agency")
		c.check(advertiserID == 0, "advertiser_id", advertiserID, "must be absent for an agency")
	case RoleAdvertiser:
		c.check(advertiserID > 0, "advertiser_id", advertiserID, "must be an existing advertiser")
	case RoleViewer:
		c.check(agencyID > 0 || advertiserID > 0, "agency_id", agencyID, "must be an existing agency, or advertiser_id an existing advertiser")
	default:
		c.fail("role", role, "must be operator, agency, advertiser or viewer")
	}
}

// Allows says whether p's scopes let it read, or else write, what the area holds.
func (p Principal) Allows(area string, write bool) bool {
	if len(p.Scopes) == 0 {
		return true
	}
	for _, s := range p.Scopes {
		if a, access, _ := strings.Cut(s, ":"); (a == "*" || a == area) && (!write || access == "write") {
			return true
		}
	}
	return false
}

// Sees says whether what belongs to o exists for p.
func (p Principal) Sees(o Owner) bool {
	switch p.Role {
	case RoleOperator:
		return true
	case RoleAgency:
		return p.Owner.Agency != 0 && o.Agency == p.Owner.Agency
	case RoleAdvertiser:
		return p.Owner.Advertiser != 0 && o.Advertiser == p.Owner.Advertiser
	case RoleViewer:
		if p.Owner.Advertiser != 0 {
			return o.Advertiser == p.Owner.Advertiser
		}
		return p.Owner.Agency != 0 && o.Agency == p.Owner.Agency
	}
	return false
}

// Edits says whether p may create and change entities of kind k among those it
// sees. Fees are the operator's (on the agency), currency, hosts and the
// advertiser's budget are the agency's.
func (p Principal) Edits(k Kind) bool {
	switch p.Role {
	case RoleOperator:
		return true
	case RoleAgency:
		return k != KindAgency && k != KindKillSwitch
	case RoleAdvertiser:
		return k != KindAgency && k != KindKillSwitch && k != KindAdvertiser
	}
	return false
}

// Scope is the filter of what p sees.
func (p Principal) Scope() Filter {
	return Filter{Agency: p.Owner.Agency, Advertiser: p.Owner.Advertiser}
}

type principalKey struct{}

// WithPrincipal returns ctx carrying p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the caller that the API authenticated; ok is false
// outside of an authenticated request.
func PrincipalFrom(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}
