package node

import (
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"bidhawk/attribution"
	"bidhawk/attribution/feed"
	"bidhawk/bidder"
	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/console"
	"bidhawk/pacing"
)

// apiHandler is the campaign API with the other rooms' operations, and the console.
func (n *Node) apiHandler() (http.Handler, error) {
	uploads, err := n.uploads()
	if err != nil {
		return nil, err
	}
	cfg, err := n.cfg.api()
	if err != nil {
		return nil, err
	}
	a, err := api.New(cfg, api.Deps{
		Store: n.store, Keys: n.store, Users: n.store, Requests: n.store, Operations: n.store, Tags: n.taxonomy, Now: Clock, KnowsExchange: n.knowsExchange, CheckEdit: n.checkEdit,
		Uploads: uploads, OnRefusedUpload: n.refusedUpload,
		OnError: func(r *http.Request, err error) {
			n.logger.Error("an API request failed", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Error(err))
		},
		OnRefusal: func(r api.Refusal) {
			n.logger.Info("an API request was refused", zap.String("who", r.Actor), zap.String("method", r.Method),
				zap.String("path", r.Path), zap.Int("status", r.Status), zap.String("reason", r.Reason))
		},
	})
	if err != nil {
		return nil, err
	}
	n.edits = a
	if n.reports != nil {
		err = attribution.Register(a.Huma(), attribution.APIDeps{
			Service: n.reports, Users: n.keys.users, ConversionIDs: n.bidIDs, VerifyClick: n.verifyClick,
		})
		if err != nil {
			return nil, err
		}
		if n.events != nil {
			feed.Register(a.Huma(), n.events, n.feed.Catalog)
		}
		n.registerReportTotals(a.Huma())
		n.registerLive(a.Huma())
	}
	n.registerLedger(a.Huma())
	n.registerBooks(a.Huma())
	n.registerBrakes(a.Huma())
	n.registerVocabulary(a.Huma())
	n.registerAudience(a.Huma())
	if n.bidder != nil {
		n.registerExplain(a.Huma())
		n.registerExposures(a.Huma())
	}
	mux := http.NewServeMux()
	mux.Handle("/", console.Handler())
	mux.Handle("/v1/", a.Handler())
	mux.Handle("/openapi.json", a.Handler())
	return mux, nil
}

// api is the API's configuration; it reads the file of the OpenID client's secret.
func (c Config) api() (api.Config, error) {
	out := api.Config{RequestsPerSecond: c.API.RequestsPerSecond, Burst: c.API.Burst, SessionFor: c.API.SessionFor}
	o := c.API.OIDC
	if o.Issuer == "" {
		return out, nil
	}
	out.OIDC = api.OIDC{Issuer: o.Issuer, ClientID: o.ClientID, PublicURL: c.API.PublicURL}
	if o.ClientSecretFile != "" {
		b, err := os.ReadFile(o.ClientSecretFile)
		if err != nil {
			return out, wrong("api.oidc.client_secret_file", o.ClientSecretFile, "a file that can be read: "+err.Error())
		}
		out.OIDC.ClientSecret = strings.TrimSpace(string(b))
	}
	if err := out.OIDC.Validate(); err != nil {
		return out, wrong("api.oidc.issuer", o.Issuer, "a complete provider: "+err.Error())
	}
	return out, nil
}

// verifyClick reads a click id. Who has opted out is known where bids are made;
// elsewhere a click tells of no user.
func (n *Node) verifyClick(text string) (attribution.Click, error) {
	if n.bidder != nil {
		t, err := n.bidder.VerifyClick(text)
		return attribution.Click{Bid: t.Bid, Advertiser: t.Advertiser, LineItem: t.LineItem, User: t.User}, err
	}
	t, err := n.keys.tokens.Parse([]byte(text), bidder.PurposeClick)
	return attribution.Click{Bid: t.Bid, Advertiser: t.Advertiser, LineItem: t.LineItem}, err
}

// operator refuses everybody else.
func operator(ctx context.Context) error {
	p, ok := campaigns.PrincipalFrom(ctx)
	if !ok {
		return huma.Error401Unauthorized("no API key; want an operator's")
	}
	if p.Role != campaigns.RoleOperator {
		return huma.Error403Forbidden("the key's role is " + string(p.Role) + "; want operator")
	}
	return nil
}

type ledgerOutput struct{ Body ledgerBody }

type ledgerBody struct {
	AsOf     time.Time               `json:"as_of"`
	Payables []pacing.Payable        `json:"payables" doc:"owed to exchanges, by currency"`
	Accounts []pacing.AccountBalance `json:"accounts" doc:"every account of every advertiser's tree"`
	Plans    []pacing.PlanView       `json:"plans" doc:"plan against spend, by line item"`
}

func (n *Node) registerLedger(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-ledger", Method: http.MethodGet, Path: "/v1/ledger", Tags: []string{"money"},
		Summary: "Balances of the ledger", Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}, func(ctx context.Context, _ *struct{}) (*ledgerOutput, error) {
		if err := operator(ctx); err != nil {
			return nil, err
		}
		f, err := n.figures(ctx)
		if err != nil {
			return nil, huma.Error503ServiceUnavailable("the ledger can't be read: " + err.Error())
		}
		return &ledgerOutput{ledgerBody{Clock(), f.Payables, f.Accounts, f.Plans}}, nil
	})
}

type reportTotalsOutput struct{ Body reportTotals }

type reportTotals struct {
	Payables    []pacing.Payable `json:"payables" doc:"media that reports count, by exchange and currency"`
	Impressions int64            `json:"impressions"`
	Clicks      int64            `json:"clicks"`
	Conversions int64            `json:"conversions"`
	LagRecords  int64            `json:"lag_records" doc:"records that reports have not read yet"`
}

// registerReportTotals adds what is compared with the ledger and the exchanges' bills.
func (n *Node) registerReportTotals(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-report-totals", Method: http.MethodGet, Path: "/v1/report-totals", Tags: []string{"money"},
		Summary: "What the reports add up to, of all days", Errors: []int{http.StatusUnauthorized, http.StatusForbidden},
	}, func(ctx context.Context, _ *struct{}) (*reportTotalsOutput, error) {
		if err := operator(ctx); err != nil {
			return nil, err
		}
		from, to := attribution.EveryDay()
		totals, err := n.reports.Totals(ctx, from, to)
		if err != nil {
			return nil, err
		}
		summary, err := n.reports.Summary(ctx, from, to)
		if err != nil {
			return nil, err
		}
		fresh, err := n.reports.Freshness(ctx)
		if err != nil {
			return nil, err
		}
		out := reportTotals{LagRecords: fresh.LagRecords}
		for _, p := range totals.Payables {
			out.Payables = append(out.Payables, pacing.Payable{Exchange: p.Exchange, Currency: p.Currency, Owed: p.Amount.Wide()})
		}
		for _, s := range summary {
			out.Impressions += s.Impressions
			out.Clicks += s.Clicks
			out.Conversions += s.Conversions()
		}
		return &reportTotalsOutput{out}, nil
	})
}

type liveOutput struct{ Body liveBody }

type liveBody struct {
	At         time.Time  `json:"at"`
	Ready      bool       `json:"ready"`
	NotReady   string     `json:"not_ready,omitempty" doc:"why"`
	Generation int64      `json:"generation" doc:"of the campaigns in force"`
	Killed     bool       `json:"killed" doc:"the kill switch of everything is on"`
	Seconds    []second   `json:"seconds" doc:"the last two minutes, oldest first"`
	Lines      []liveLine `json:"lines"`
	Spill      int64      `json:"spill_records"`
	OpenLeases int        `json:"open_leases"`
	Stopped    int        `json:"ledger_partitions_stopped"`
	Profiles   int        `json:"profiles"`
	Freshness  float64    `json:"report_lag_seconds"`
}

// liveLine is a line item's row of the live page; amounts are lifetime, in the
// advertiser's currency.
type liveLine struct {
	LineItem      campaigns.ID `json:"line_item"`
	Name          string       `json:"name"`
	Advertiser    string       `json:"advertiser"`
	Campaign      string       `json:"campaign"`
	Currency      string       `json:"currency"`
	Status        string       `json:"status"`
	Pricing       string       `json:"pricing"`
	Pacing        string       `json:"pacing"`
	Limit         int64        `json:"limit_nanos" doc:"of the plan's horizon; 0: nothing planned yet"`
	Planned       int64        `json:"planned_nanos" doc:"that should be spent by now"`
	Spent         int64        `json:"spent_nanos"`
	Charge        int64        `json:"charge_nanos"`
	Media         int64        `json:"media_nanos"`
	Bids          int64        `json:"bids"`
	Wins          int64        `json:"wins"`
	Impressions   int64        `json:"impressions"`
	Clicks        int64        `json:"clicks"`
	Conversions   int64        `json:"conversions"`
	HouseLate     string       `json:"house_late_nanos"`
	HouseUnbilled string       `json:"house_unbilled_nanos"`
}

func (n *Node) registerLive(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-live", Method: http.MethodGet, Path: "/v1/live", Tags: []string{"operations"},
		Summary: "What the node does now, second by second", Errors: []int{http.StatusUnauthorized, http.StatusForbidden},
	}, func(ctx context.Context, _ *struct{}) (*liveOutput, error) {
		if err := operator(ctx); err != nil {
			return nil, err
		}
		body, err := n.live(ctx)
		return &liveOutput{body}, err
	})
}

func (n *Node) live(ctx context.Context) (liveBody, error) {
	now := Clock()
	b := liveBody{
		At: now, Ready: true, Killed: n.feed.Catalog().Kill.All, Seconds: []second{}, Spill: n.publisher.Stats().SpillRecords,
	}
	if n.bidder != nil { // else bids are other nodes', each with a page of its own
		b.Generation, b.Seconds, b.Profiles = n.bidder.Generation(), n.sampler.window(), n.profileStore.Stats().Users
	}
	figures, err := n.figures(ctx)
	if err != nil {
		n.logger.Warn("the live page is without the ledger", zap.Error(err))
	}
	b.OpenLeases, b.Stopped = figures.OpenLeases, figures.Stopped
	if err := n.Ready(); err != nil {
		b.Ready, b.NotReady = false, err.Error()
	}
	fresh, err := n.reports.Freshness(ctx)
	if err != nil {
		return b, err
	}
	if !fresh.AsOf.IsZero() {
		b.Freshness = now.Sub(fresh.AsOf).Seconds()
	}
	b.Lines, err = n.liveLines(ctx, figures)
	return b, err
}

func (n *Node) liveLines(ctx context.Context, f pacing.Figures) ([]liveLine, error) {
	from, to := attribution.EveryDay()
	summary, err := n.reports.Summary(ctx, from, to)
	if err != nil {
		return nil, err
	}
	rows := make(map[campaigns.ID]*liveLine)
	cat := n.feed.Catalog()
	var order []campaigns.ID
	for _, p := range f.Plans {
		l, ok := cat.Lineage(p.LineItem)
		if !ok {
			continue
		}
		rows[p.LineItem] = &liveLine{
			LineItem: p.LineItem, Name: l.LineItem.Name, Advertiser: l.Advertiser.Name, Campaign: l.Campaign.Name,
			Currency: l.Advertiser.Currency.String(), Status: string(l.LineItem.Status), Pricing: string(l.LineItem.Pricing),
			Pacing: string(p.Pacing), Limit: int64(p.Limit), Planned: int64(p.Planned), Spent: int64(p.Spent),
		}
		order = append(order, p.LineItem)
	}
	for _, a := range f.Accounts {
		if r := rows[a.LineItem]; r != nil && a.Level == pacing.LevelLineItem {
			r.Charge, r.Media = int64(a.Lifetime.Posted), int64(a.Media.Posted)
			r.HouseLate, r.HouseUnbilled = a.Late.String(), a.Unbilled.String()
		}
	}
	for _, s := range summary {
		if r := rows[s.LineItem]; r != nil {
			r.Bids, r.Wins, r.Impressions, r.Clicks, r.Conversions = s.Bids, s.Wins, s.Impressions, s.Clicks, s.Conversions()
		}
	}
	out := make([]liveLine, len(order))
	for i, id := range order {
		out[i] = *rows[id]
	}
	return out, nil
}
