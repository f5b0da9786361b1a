// Package api is the HTTP API of campaigns: agencies, advertisers, campaigns,
// line items, creatives, kill switches and API keys. It checks who calls and
// leaves every rule to campaigns. OpenAPI 3.1 describes it at /openapi.json.
//
// An update is a JSON merge patch (RFC 7396): PATCH with If-Match and the
// revision that was read, as the ETag gave it. What belongs to another tenant
// answers like what does not exist: 404 in a path or a filter, 422 as a
// reference in a body. Errors are problem details (RFC 9457), see Problem.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/crypto/bcrypt"

	"bidhawk/campaigns"
	"bidhawk/campaigns/content"
)

// Config configures the API.
type Config struct {
	Version string // of the server, for the OpenAPI document
	// MaxBodyBytes bounds the bodies of this package's operations; 0 is 1 MiB,
	// which holds the largest entity.
	MaxBodyBytes int64
	// SessionFor is how long a session lasts; 0 is 12 hours.
	SessionFor time.Duration
	// RequestsPerSecond and Burst bound what one caller asks; 0 is 200 and 1,000.
	RequestsPerSecond, Burst int
	OIDC                     OIDC
	// PasswordCost is bcrypt's of new passwords; 0 is PasswordCost.
	PasswordCost int
}

// Validate names the field that is wrong.
func (c Config) Validate() error {
	if c.MaxBodyBytes < 0 {
		return fmt.Errorf("api: MaxBodyBytes is %d; must not be negative", c.MaxBodyBytes)
	}
	if c.PasswordCost != 0 && (c.PasswordCost < bcrypt.MinCost || c.PasswordCost > bcrypt.MaxCost) {
		return fmt.Errorf("api: PasswordCost is %d; must be %d to %d", c.PasswordCost, bcrypt.MinCost, bcrypt.MaxCost)
	}
	if c.RequestsPerSecond < 0 || c.Burst < 0 {
		return fmt.Errorf("api: RequestsPerSecond is %d and Burst %d; must not be negative", c.RequestsPerSecond, c.Burst)
	}
	if c.SessionFor < 0 {
		return fmt.Errorf("api: SessionFor is %v; must not be negative", c.SessionFor)
	}
	return c.OIDC.Validate()
}

// maxCallers bounds the callers whose rates are remembered.
const maxCallers = 100_000

// Deps is what the API works with. Users, Operations, Requests, Tags, OnError and OnRefusal may be nil.
type Deps struct {
	Store campaigns.Store
	Keys  campaigns.KeyStore
	// Users is where people sign in; nil: API keys alone.
	Users campaigns.UserStore
	// Operations keeps the bulk edits; nil: there are none.
	Operations campaigns.OperationStore
	// Requests keeps the answers of requests with an Idempotency-Key; nil: none is kept.
	Requests campaigns.RequestStore
	Tags     campaigns.TagResolver
	Now      func() time.Time
	// KnowsExchange says whether an exchange of that name is configured; nil: any may be.
	KnowsExchange func(name string) bool
	// CheckEdit says whether the ledger can take an edit; note is for the editor, of
	// what holds only later. The error may be a *campaigns.ValidationError or a
	// *Problem. Nil: there is no ledger.
	CheckEdit func(ctx context.Context, before, after campaigns.Entity) (note string, err error)
	// Uploads takes files; nil: none are taken.
	Uploads Uploads
	// OnRefusedUpload is told who sent which file and why it was refused; nil: nobody
	// is. It must not block.
	OnRefusedUpload func(by campaigns.Principal, advertiser campaigns.ID, why *campaigns.ValidationError)
	// OnError gets the errors behind the answers of 500. It must not block.
	OnError func(r *http.Request, err error)
	// OnRefusal gets the requests that were refused for who asked. It must not block.
	OnRefusal func(Refusal)
}

// API serves HTTP. It is safe for concurrent use once every operation is registered.
type API struct {
	cfg    Config
	deps   Deps
	editor *campaigns.Editor
	mux    *http.ServeMux
	huma   huma.API

	undoers           map[campaigns.Kind]func(context.Context, campaigns.Change, bool) (campaigns.Entity, error)
	recallers         map[campaigns.Kind]func(context.Context, campaigns.Change) (doc campaigns.Document, path string, err error)
	provider          *provider // of sign-ins; nil: none
	requests, signIns *limiter
	bulks             chan struct{} // a token for each bulk edit that runs
	work              work
	hashing           chan struct{} // a token for each password that is being hashed
	decoy             string        // a hash that no password has

	document struct {
		once sync.Once
		json []byte
		err  error
	}
}

// New registers this package's operations. Others register theirs with Huma
// before Handler serves. The caller must Close it.
func New(cfg Config, deps Deps) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Keys == nil || deps.Now == nil {
		return nil, errors.New("api: Store, Keys and Now must be given")
	}
	if cfg.MaxBodyBytes == 0 {
		cfg.MaxBodyBytes = 1 << 20
	}
	if deps.OnError == nil {
		deps.OnError = func(*http.Request, error) {}
	}
	if deps.OnRefusal == nil {
		deps.OnRefusal = func(Refusal) {}
	}
	if cfg.SessionFor == 0 {
		cfg.SessionFor = 12 * time.Hour
	}
	if cfg.RequestsPerSecond == 0 {
		cfg.RequestsPerSecond = 200
	}
	if cfg.Burst == 0 {
		cfg.Burst = 1_000
	}
	if cfg.PasswordCost == 0 {
		cfg.PasswordCost = PasswordCost
	}
	categories, err := content.Load()
	if err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, deps: deps, mux: http.NewServeMux(),
		recallers: map[campaigns.Kind]func(context.Context, campaigns.Change) (campaigns.Document, string, error){},
		bulks:     make(chan struct{}, maxBulks),
		requests:  newLimiter(cfg.Burst, time.Second/time.Duration(cfg.RequestsPerSecond), maxCallers),
		undoers:   map[campaigns.Kind]func(context.Context, campaigns.Change, bool) (campaigns.Entity, error){},
		editor:    campaigns.NewEditor(deps.Store, deps.Tags, categories, deps.Now),
		signIns:   newLimiter(signInBurst, signInEvery, signInBuckets), hashing: make(chan struct{}, hashers), decoy: decoyHash}
	if cfg.PasswordCost != PasswordCost { // an unknown user is to take as long as a known one
		h, err := bcrypt.GenerateFromPassword([]byte(decoyHash), cfg.PasswordCost)
		if err != nil {
			return nil, fmt.Errorf("api: %w", err)
		}
		a.decoy = string(h)
	}
	a.work.ctx, a.work.cancel = context.WithCancel(context.Background())
	a.huma = humago.New(a.mux, a.humaConfig())
	a.huma.UseMiddleware(a.authenticate, a.limit, a.once, a.auditRefusals)
	a.mux.HandleFunc("GET /openapi.json", a.openAPI)
	if err := a.register(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *API) humaConfig() huma.Config {
	c := huma.DefaultConfig("Bidhawk", a.cfg.Version)
	c.CreateHooks = nil // no $schema fields in answers
	// huma's own routes share an unguarded buffer and a page from another host.
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{toProblem}
	c.Security = []map[string][]string{{securityScheme: {}}, {sessionScheme: {}}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		securityScheme: {Type: "http", Scheme: "bearer", Description: "An API key: Authorization: Bearer bhk_..."},
		sessionScheme:  {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "A session: POST /v1/sessions. What changes something needs the header X-CSRF-Token too"},
	}
	return c
}

func (a *API) register() error {
	errs := []error{
		registerKind(a, resource[*campaigns.Agency]{path: "agencies", required: []string{"name"}}),
		registerKind(a, resource[*campaigns.Advertiser]{path: "advertisers",
			required: []string{"agency_id", "name", "currency", "time_zone", "domain"}}),
		registerKind(a, resource[*campaigns.Campaign]{path: "campaigns",
			required: []string{"advertiser_id", "name", "start", "end"}}),
		registerKind(a, resource[*campaigns.LineItem]{path: "line-items",
			required: []string{"campaign_id", "name", "pricing", "max_bid_micros"}}),
		registerKind(a, resource[*campaigns.Creative]{path: "creatives",
			required: []string{"advertiser_id", "name"}}),
		a.registerAssets(),
		a.registerReviews(),
		registerKind(a, resource[*campaigns.ConversionDefinition]{path: "conversion-definitions",
			required: []string{"advertiser_id", "name", "type"}}),
		registerKind(a, resource[*campaigns.Segment]{path: "segments", required: []string{"advertiser_id", "name", "tags"}}),
		registerKind(a, resource[*campaigns.SiteList]{path: "lists", required: []string{"advertiser_id", "name", "type", "entries"}}),
		registerKind(a, resource[*campaigns.BidModifier]{path: "bid-modifiers", required: []string{"line_item_id", "name", "dimension", "values"}}),
		registerKind(a, resource[*campaigns.Experiment]{path: "experiments",
			required: []string{"campaign_id", "name", "holdout_ppm", "salt", "start", "end"}}),
	}
	a.registerHistory()
	if a.deps.Operations != nil {
		a.registerOperations()
	}
	a.registerKillSwitches()
	a.registerKeys()
	if a.deps.Users != nil {
		a.registerSessions()
		a.registerUsers()
		if a.cfg.OIDC.Issuer != "" {
			a.registerOIDC()
		}
	}
	describeProblems(a.huma.OpenAPI())
	return errors.Join(append(errs, describeFields(a.huma.OpenAPI().Components.Schemas))...)
}

// Huma is where other packages register operations: they share the listener,
// the keys (campaigns.PrincipalFrom has the caller) and the shape of errors.
func (a *API) Huma() huma.API { return a.huma }

// Handler serves everything that is registered.
func (a *API) Handler() http.Handler { return http.HandlerFunc(a.serve) }

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			a.deps.OnError(r, fmt.Errorf("%s %s: panic: %v", r.Method, r.URL.Path, p))
			writeProblem(w, newProblem(http.StatusInternalServerError, ""))
		}
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if _, pattern := a.mux.Handler(r); pattern == "" {
		a.serveUnknown(w, r)
		return
	}
	a.mux.ServeHTTP(w, r.WithContext(withErrorSink(r.Context(), func(err error) { a.deps.OnError(r, err) })))
}

// serveUnknown answers what no operation serves: the mux decides between 404
// and 405 and names the allowed methods; its plain text becomes a problem.
func (a *API) serveUnknown(w http.ResponseWriter, r *http.Request) {
	d := discard{header: w.Header(), status: http.StatusNotFound}
	a.mux.ServeHTTP(&d, r)
	if d.status >= 300 && d.status < 400 { // a path to be cleaned: the Location is set
		w.WriteHeader(d.status)
		return
	}
	writeProblem(w, newProblem(d.status, "no operation at "+r.Method+" "+r.URL.Path))
}

// discard keeps the status and the headers of an answer.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// openAPI serves the document as it stands at the first call.
func (a *API) openAPI(w http.ResponseWriter, r *http.Request) {
	d := &a.document
	d.once.Do(func() {
		complete(a.huma.OpenAPI())
		d.json, d.err = json.Marshal(a.huma.OpenAPI())
	})
	if d.err != nil {
		a.deps.OnError(r, fmt.Errorf("marshal OpenAPI: %w", d.err))
		writeProblem(w, newProblem(http.StatusInternalServerError, ""))
		return
	}
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(d.json) // the client went away: nobody to tell
}
