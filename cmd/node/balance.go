package node

import (
	"context"
	"math/bits"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

type balanceInput struct {
	ID int64 `path:"id"`
}

type balanceOutput struct{ Body balanceBody }

type balanceBody struct {
	Advertiser campaigns.ID     `json:"advertiser"`
	Currency   string           `json:"currency"`
	AsOf       time.Time        `json:"as_of"`
	Day        string           `json:"day,omitempty" doc:"the advertiser's, of the horizon today"`
	Paid       string           `json:"paid"`
	Charged    string           `json:"charged"`
	Left       string           `json:"left,omitempty" doc:"of funded advertisers: paid, and credit, less what is posted and held"`
	Accounts   []balanceAccount `json:"accounts" doc:"the advertiser's, and each campaign's before its line items'"`
	Plans      []balancePlan    `json:"plans" doc:"of line items that have been given a lease"`
}

// balancePlan is how far a line item's plan is, of the horizon that is furthest along.
type balancePlan struct {
	LineItem campaigns.ID `json:"line_item"`
	Planned  string       `json:"planned" doc:"of the charge, that should be posted by now; of asap the limit"`
	Spent    string       `json:"spent" doc:"of the charge, posted"`
	Limit    string       `json:"limit" doc:"where the plan ends"`
}

type balanceAccount struct {
	Level    string           `json:"level" enum:"advertiser,campaign,line_item"`
	ID       campaigns.ID     `json:"id"`
	Horizons []balanceHorizon `json:"horizons"`
}

type balanceHorizon struct {
	Of        string `json:"of" enum:"charge,media"`
	Horizon   string `json:"horizon" doc:"today, lifetime, or a flight by its start"`
	Posted    string `json:"posted"`
	Held      string `json:"held" doc:"leased, reserved or pending"`
	Limit     string `json:"limit,omitempty" doc:"absent: none"`
	Available string `json:"available,omitempty" doc:"limit less posted and held, at least 0; parents may leave less"`
}

func (n *Node) registerBalance(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-balance", Method: http.MethodGet, Path: "/v1/advertisers/{id}/balance", Tags: []string{"money"},
		Summary: "What is posted, held and available, by level and horizon",
		Errors:  []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *balanceInput) (*balanceOutput, error) {
		a, _, err := n.advertiserFor(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		f, err := n.figures(ctx)
		if err != nil {
			return nil, huma.Error503ServiceUnavailable("the ledger can't be read: " + err.Error())
		}
		return &balanceOutput{balanceOf(a, f)}, nil
	})
}

// balanceOf picks the accounts of one advertiser; none where the ledger does not
// know it yet.
func balanceOf(a *campaigns.Advertiser, f pacing.Figures) balanceBody {
	b := balanceBody{Advertiser: a.ID, Currency: a.Currency.String(), AsOf: Clock(), Paid: "0", Charged: "0", Accounts: []balanceAccount{}, Plans: []balancePlan{}}
	for _, p := range f.Plans {
		if p.Advertiser == a.ID && p.Limit > 0 {
			b.Plans = append(b.Plans, balancePlan{p.LineItem, p.Planned.String(), p.Spent.String(), p.Limit.String()})
		}
	}
	for i := range f.Accounts {
		acc := &f.Accounts[i]
		if acc.Advertiser != a.ID {
			continue
		}
		out := balanceAccount{Level: string(acc.Level), ID: a.ID}
		switch acc.Level {
		case pacing.LevelCampaign:
			out.ID = acc.Campaign
		case pacing.LevelLineItem:
			out.ID = acc.LineItem
		}
		life := horizon("charge", "lifetime", acc.Lifetime, false)
		if acc.Level == pacing.LevelAdvertiser {
			b.Paid, b.Charged = acc.Paid.String(), acc.Lifetime.Posted.String()
			if acc.Day != 0 {
				b.Day = acc.Day.String()
			}
			if acc.Funded {
				h := acc.Lifetime
				if funds := plus(acc.Paid, acc.Credit); h.Limit == 0 || funds < h.Limit {
					h.Limit = funds
				}
				life = horizon("charge", "lifetime", h, true)
				b.Left = (plus(acc.Paid, acc.Credit) - plus(h.Posted, h.Held)).String()
			}
		}
		out.Horizons = append(out.Horizons, horizon("charge", "today", acc.Today, false), life)
		for _, l := range acc.Flights {
			out.Horizons = append(out.Horizons, horizon("charge", time.Unix(l.Start, 0).UTC().Format(time.RFC3339), l.Horizon, true))
		}
		if acc.Level == pacing.LevelLineItem {
			out.Horizons = append(out.Horizons, horizon("media", "today", acc.MediaToday, false), horizon("media", "lifetime", acc.Media, false))
		}
		b.Accounts = append(b.Accounts, out)
	}
	return b
}

// horizon writes one; bound: its limit of 0 is a limit.
func horizon(of, name string, h pacing.Horizon, bound bool) balanceHorizon {
	out := balanceHorizon{Of: of, Horizon: name, Posted: h.Posted.String(), Held: h.Held.String()}
	if bound || h.Limit != 0 {
		out.Limit, out.Available = h.Limit.String(), max(0, h.Limit-plus(h.Posted, h.Held)).String()
	}
	return out
}

// plus adds amounts that are not negative; what passes the type's end is its end.
func plus(a, b money.Nanos) money.Nanos {
	sum, _ := bits.Add64(uint64(a), uint64(b), 0)
	if sum > 1<<63-1 {
		return 1<<63 - 1
	}
	return money.Nanos(sum)
}
