package campaigns

import (
	"context"
	"time"
)

// Role says what the holder of an API key may do.
type Role string

// The roles. An operator runs the installation; an agency manages its
// advertisers; an advertiser its campaigns, line items and creatives.
const (
	RoleOperator   Role = "operator"
	RoleAgency     Role = "agency"
	RoleAdvertiser Role = "advertiser"
)

// Principal is who calls: the holder of an API key.
type Principal struct {
	KeyID ID
	Name  string
	Role  Role
	Owner Owner // of an agency's or advertiser's key; zero for an operator
}

// APIKey describes an issued key, without its secret.
type APIKey struct {
	ID           ID        `json:"id"`
	Name         string    `json:"name"` // for people: who holds it
	Role         Role      `json:"role"`
	AgencyID     ID        `json:"agency_id,omitempty"`     // of roles agency and advertiser
	AdvertiserID ID        `json:"advertiser_id,omitempty"` // of role advertiser
	CreatedAt    time.Time `json:"created_at"`
	RevokedAt    time.Time `json:"revoked_at,omitzero"`
}

// Validate returns nil or a *ValidationError.
func (k *APIKey) Validate() error {
	c := &checker{prefix: "api_key."}
	c.text("name", k.Name, nameRule)
	agency, advertiser := k.AgencyID > 0, k.AdvertiserID > 0
	switch k.Role {
	case RoleOperator:
		c.check(k.AgencyID == 0, "agency_id", k.AgencyID, "must be absent for an operator")
		c.check(k.AdvertiserID == 0, "advertiser_id", k.AdvertiserID, "must be absent for an operator")
	case RoleAgency:
		c.check(agency, "agency_id", k.AgencyID, "must be an existing agency")
		c.check(k.AdvertiserID == 0, "advertiser_id", k.AdvertiserID, "must be absent for an agency")
	case RoleAdvertiser:
		c.check(advertiser, "advertiser_id", k.AdvertiserID, "must be an existing advertiser")
	default:
		c.fail("role", k.Role, "must be operator, agency or advertiser")
	}
	return c.err()
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
	}
	return false
}

// Edits says whether p may create and change entities of kind k among those it
// sees. Fees are the operator's (on the agency), currency, hosts and the
// advertiser's budget are the agency's.
func (p Principal) Edits(k Kind) bool {
	switch k {
	case KindAgency, KindKillSwitch:
		return p.Role == RoleOperator
	case KindAdvertiser:
		return p.Role == RoleOperator || p.Role == RoleAgency
	case KindCampaign, KindLineItem, KindCreative, KindAsset:
		return p.Role == RoleOperator || p.Role == RoleAgency || p.Role == RoleAdvertiser
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
