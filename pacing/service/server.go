// Package service is the pacer's own HTTP API and its client. Bidders in other
// processes get their leases by it; operators see who owns what, and what the
// ledger holds. OpenAPI 3.1 describes it at /openapi.json; errors are problem
// details (RFC 9457) that name field, value and rule.
//
// The API carries no user of its own: whoever has the installation's token may
// call everything. Whoever serves it may do so by TLS, and want certificates of
// its callers.
package service

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/internal/eventlog"
	"bidhawk/pacing"
)

// Bounds of a request.
const (
	maxBodyBytes = 1 << 20 // more than pacing.MaxLeaseItems
	leaseTimeout = 5 * time.Second
)

// Config configures the API.
type Config struct {
	Version string // of the server, for the OpenAPI document
	Token   string // what callers must give; empty: nothing
}

// Ledger is what the API tells of: a pacing.Pacer.
type Ledger interface {
	RequestPartition(ctx context.Context, partition int32, req pacing.LeaseRequest) (pacing.LeaseGrant, error)
	Partitions() int32
	State() []pacing.PartitionState
	Ready() error
	Figures() pacing.Figures
	Balances(advertiser campaigns.ID) []pacing.AccountBalance
	CheckLimits(pacing.LimitEdit) (note string, err error)
}

// Deps is what the API works with.
type Deps struct {
	Ledger Ledger
	Log    eventlog.Log // history is read back from it
	Now    func() time.Time
	// OnError gets the errors behind the answers of 500. It must not block.
	OnError func(r *http.Request, err error)
}

// Server serves the API. It is safe for concurrent use.
type Server struct {
	cfg      Config
	deps     Deps
	token    [sha256.Size]byte
	mux      *http.ServeMux
	document []byte
}

// New registers the operations.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Ledger == nil || deps.Log == nil || deps.Now == nil || deps.OnError == nil {
		return nil, errors.New("pacing service: ledger, log, clock and error sink are needed")
	}
	s := &Server{cfg: cfg, deps: deps, token: sha256.Sum256([]byte(cfg.Token)), mux: http.NewServeMux()}
	h := humago.New(s.mux, humaConfig(cfg.Version))
	s.registerLeases(h)
	s.registerState(h)
	s.registerLimits(h)
	s.registerHistory(h)
	describeProblem(h.OpenAPI())
	var err error
	s.document, err = json.Marshal(h.OpenAPI())
	return s, err
}

func humaConfig(version string) huma.Config {
	c := huma.DefaultConfig("Bidhawk pacer", version)
	c.CreateHooks = nil // no $schema fields in answers
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.RejectUnknownQueryParameters = true
	c.AllowAdditionalPropertiesByDefault = true // of a newer bidder
	c.Transformers = []huma.Transformer{toProblem}
	c.Security = []map[string][]string{{"token": {}}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "The installation's token, of the file pacing.token_file"},
	}
	return c
}

// HTTP is a server for h with bounds on everything that a caller may stretch.
func HTTP(h http.Handler, errors *log.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: errors,
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			s.deps.OnError(r, fmt.Errorf("panic: %v", p))
			writeProblem(w, http.StatusInternalServerError, "")
		}
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path == "/openapi.json" && r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(s.document) // the client went away: nobody to tell
		return
	}
	if !s.knows(r.Header.Get("Authorization")) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="bidhawk pacer"`)
		writeProblem(w, http.StatusUnauthorized, "the installation's token is needed: Authorization: Bearer ...")
		return
	}
	if _, pattern := s.mux.Handler(r); pattern == "" {
		writeProblem(w, http.StatusNotFound, "no operation at "+r.Method+" "+r.URL.Path)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// knows compares hashes, so that neither length nor prefix shows in its time.
func (s *Server) knows(header string) bool {
	if s.cfg.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(header, " ")
	got := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(got[:], s.token[:]) == 1
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Problem{Title: http.StatusText(status), Status: status, Detail: detail})
}

// toProblem gives huma's errors the shape that the campaign API has.
func toProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &api.Problem{Title: m.Title, Status: m.Status, Detail: m.Detail}
	for _, e := range m.Errors {
		value := ""
		if e.Value != nil {
			value = fmt.Sprintf("%.120v", e.Value)
		}
		p.Errors = append(p.Errors, campaigns.Violation{Field: e.Location, Value: value, Rule: e.Message})
	}
	return p, nil
}

// describeProblem puts api.Problem in the place of huma's error model.
func describeProblem(doc *huma.OpenAPI) {
	text := func(about string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: about} }
	doc.Components.Schemas.Map()["ErrorModel"] = &huma.Schema{
		Type: huma.TypeObject, Description: "Problem details (RFC 9457)", Required: []string{"title", "status"},
		Properties: map[string]*huma.Schema{
			"title": text("The status in words"), "status": {Type: huma.TypeInteger}, "detail": text("What happened"),
			"errors": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
				"field": text("Path of the field, such as body.items[0].line_item"), "value": text("As given, cut to a readable length"),
				"rule": text("What was expected"),
			}}},
		},
	}
}

// violation is a 422 of one field.
func violation(field string, value any, rule string) error {
	return huma.Error422UnprocessableEntity("a rule is broken", &huma.ErrorDetail{Location: field, Value: value, Message: rule})
}
