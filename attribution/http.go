package attribution

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
)

// APIDeps is what the HTTP operations work with. All fields are required.
type APIDeps struct {
	Service *Service
	// Users hashes the identifiers of server-to-server conversions: the ring
	// that the bidder hashes those of bid requests with.
	Users *ids.Keyring
	// VerifyClick reads a click id that the bidder signed, or says why it is none.
	VerifyClick func(token string) (Click, error)
	// ConversionIDs names conversions.
	ConversionIDs *ids.BidIDs
}

// Click is what a verified click id says.
type Click struct {
	Bid        ids.BidID
	Advertiser campaigns.ID
	LineItem   campaigns.ID
	User       ids.UserKey // 0: unknown
}

func (d APIDeps) validate() error {
	if d.Service == nil || d.Users == nil || d.VerifyClick == nil || d.ConversionIDs == nil {
		return errors.New("attribution: every field of APIDeps is required")
	}
	return nil
}

// Register adds GET /v1/reports and POST /v1/conversions to api, whose
// middleware must have put a campaigns.Principal into the context.
func Register(api huma.API, deps APIDeps) error {
	if err := deps.validate(); err != nil {
		return err
	}
	h := &handlers{APIDeps: deps}
	h.registerReports(api)
	h.registerConversions(api)
	h.registerStatements(api)
	h.registerUpload(api)
	h.registerReach(api)
	h.registerViews(api)
	h.registerRuns(api)
	h.registerExperiments(api)
	return nil
}

type handlers struct{ APIDeps }

func (h *handlers) catalog() *campaigns.Catalog { return h.Service.deps.Catalog() }

func (h *handlers) now() time.Time { return h.Service.deps.Now() }

// caller is the authenticated principal.
func caller(ctx context.Context) (campaigns.Principal, error) {
	p, ok := campaigns.PrincipalFrom(ctx)
	if !ok {
		return p, huma.Error401Unauthorized("no API key; want one that may read reports")
	}
	return p, nil
}

// sees says whether the advertiser exists for p.
func sees(p campaigns.Principal, c *campaigns.Catalog, id campaigns.ID) bool {
	a := c.Advertisers[id]
	return a != nil && p.Sees(campaigns.Owner{Agency: a.AgencyID, Advertiser: a.ID})
}

// faults collects what is wrong with a request: each names its place, the value
// and the rule.
type faults []error

func (f *faults) add(location string, value any, rule string) {
	*f = append(*f, &huma.ErrorDetail{Location: location, Value: value, Message: rule})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return huma.NewError(http.StatusUnprocessableEntity, "the request breaks a rule", f...)
}
