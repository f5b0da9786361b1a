package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"bidhawk/cmd/node"
)

type ledgerCommand struct {
	Statement statementCommand `cmd:"" help:"Print an advertiser's or agency's account: balances, and what was charged and paid by day."`
	Balance   balanceCommand   `cmd:"" help:"Print what is posted, held and available, by level and horizon."`
	Pay       payCommand       `cmd:"" help:"Book what an advertiser has paid, or got back."`
	Adjust    adjustCommand    `cmd:"" help:"Correct what was posted, by a counter-record."`
	Rebuild   rebuildCommand   `cmd:"" help:"Restore a stopped node's ledger directory from the log, and audit it."`
}

type statementCommand struct {
	configFlag
	Advertiser int64  `help:"The advertiser's id." xor:"whose" required:""`
	Agency     int64  `help:"The agency's id." xor:"whose" required:""`
	From       string `help:"First day; absent: the first of this month."`
	To         string `help:"Last day, included; absent: today (UTC)."`
	CSV        bool   `help:"Print CSV." name:"csv" xor:"form"`
	JSON       bool   `help:"Print the API's JSON." name:"json" xor:"form"`
}

func (c *statementCommand) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return c.print(ctx, api, os.Stdout)
}

type statementView struct {
	Advertiser int64  `json:"advertiser"`
	Currency   string `json:"currency"`
	From       string `json:"from"`
	To         string `json:"to"`
	Funded     bool   `json:"funded"`
	Opening    string `json:"opening_balance"`
	Closing    string `json:"closing_balance"`
	Paid       string `json:"paid"`
	Charged    string `json:"charged"`
	Left       string `json:"left"`
	Status     string `json:"status"`
	Lag        int64  `json:"lag_records"`
	Lines      []struct {
		Day      string `json:"day"`
		Type     string `json:"type"`
		LineItem int64  `json:"line_item"`
		Exchange string `json:"exchange"`
		Postings int64  `json:"postings"`
		Charge   string `json:"charge"`
		Media    string `json:"media_cost"`
		Margin   string `json:"margin"`
		Payment  string `json:"payment"`
		Balance  string `json:"balance"`
	} `json:"lines"`
}

func (c *statementCommand) print(ctx context.Context, api *client, w io.Writer) error {
	now := node.Clock()
	if c.To == "" {
		c.To = now.Format(time.DateOnly)
	}
	if c.From == "" {
		c.From = now.AddDate(0, 0, 1-now.Day()).Format(time.DateOnly)
	}
	path := "/v1/advertisers/" + strconv.FormatInt(c.Advertiser, 10)
	if c.Agency != 0 {
		path = "/v1/agencies/" + strconv.FormatInt(c.Agency, 10)
	}
	q := url.Values{"from": {c.From}, "to": {c.To}}
	if c.CSV {
		q.Set("format", "csv")
	}
	raw, err := api.send(ctx, http.MethodGet, path+"/statement?"+q.Encode(), nil)
	if err != nil || c.CSV || c.JSON {
		return writeOr(err, w, raw)
	}
	var one struct {
		statementView
		Statements []statementView `json:"statements"`
	}
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	all := one.Statements
	if c.Agency == 0 {
		all = []statementView{one.statementView}
	}
	for i := range all {
		if err := all[i].print(w); err != nil {
			return err
		}
	}
	return nil
}

func writeOr(err error, w io.Writer, b []byte) error {
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

func (s *statementView) print(w io.Writer) error {
	fmt.Fprintf(w, "Advertiser %d, %s to %s, %s, %s (%d records wait to be counted)\n", s.Advertiser, s.From, s.To, s.Currency, s.Status, s.Lag)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "day\ttype\tline item\texchange\tpostings\tcharge\tmedia\tmargin\tpayment\tbalance\t")
	fmt.Fprintf(t, "%s\topening\t\t\t\t\t\t\t\t%s\t\n", s.From, s.Opening)
	for _, l := range s.Lines {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", l.Day, l.Type, l.LineItem, l.Exchange, l.Postings, l.Charge, l.Media, l.Margin, l.Payment, l.Balance)
	}
	fmt.Fprintf(t, "%s\tclosing\t\t\t\t\t\t\t\t%s\t\n", s.To, s.Closing)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "Paid %s, charged %s of all days up to %s.", s.Paid, s.Charged, s.To)
	if s.Funded {
		fmt.Fprintf(w, " Left, credit included: %s.", s.Left)
	}
	_, err := fmt.Fprintln(w)
	return err
}

type balanceCommand struct {
	configFlag
	Advertiser int64 `help:"The advertiser's id." required:""`
}

func (c *balanceCommand) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	var b struct {
		Currency string `json:"currency"`
		Paid     string `json:"paid"`
		Charged  string `json:"charged"`
		Left     string `json:"left"`
		Accounts []struct {
			Level    string `json:"level"`
			ID       int64  `json:"id"`
			Horizons []struct {
				Of, Horizon, Posted, Held, Limit, Available string
			} `json:"horizons"`
		} `json:"accounts"`
	}
	if err := api.get(ctx, "/v1/advertisers/"+strconv.FormatInt(c.Advertiser, 10)+"/balance", &b); err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "account\t\tof\thorizon\tposted\theld\tlimit\tavailable\t")
	for _, a := range b.Accounts {
		for _, h := range a.Horizons {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", a.Level, a.ID, h.Of, h.Horizon, h.Posted, h.Held, h.Limit, h.Available)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Printf("Paid %s, charged %s %s.", b.Paid, b.Charged, b.Currency)
	if b.Left != "" {
		fmt.Printf(" Left, credit included and what is held not: %s.", b.Left)
	}
	fmt.Println()
	return nil
}

// bookingFlags name a booking: the id makes a repeat of the command harmless.
type bookingFlags struct {
	configFlag
	Advertiser int64  `help:"The advertiser's id." required:""`
	ID         string `help:"Counts once per advertiser, for good: the bank's reference, a ticket." name:"id" required:""`
	Currency   string `help:"The advertiser's." required:""`
}

type payCommand struct {
	bookingFlags
	Amount    string `help:"Decimal, above 0." required:""`
	Refund    bool   `help:"The advertiser gets the amount back."`
	Reference string `help:"For people."`
}

func (c *payCommand) Run(ctx context.Context) error {
	return c.post(ctx, os.Stdout, "payments", map[string]any{"amount": c.Amount, "refund": c.Refund, "reference": c.Reference})
}

type adjustCommand struct {
	bookingFlags
	LineItem        int64  `help:"The line item's id." required:""`
	Charge          string `help:"Decimals that are added to what was posted; below 0 takes away (--charge=-1.5)."`
	Media           string `help:"As charge."`
	DataFee         string `help:"As charge."`
	PlatformFee     string `help:"As charge."`
	HouseLate       string `help:"As charge."`
	HouseUnbilled   string `help:"As charge."`
	Exchange        string `help:"Whose payable it is."`
	Payable         string `help:"What is owed to the exchange; in the advertiser's currency it must be the media."`
	PayableCurrency string `help:"Of the payable."`
	Cause           string `help:"A word for reports: invalid_traffic, fx, dispute, late." required:""`
	Reason          string `help:"For people." required:""`
}

func (c *adjustCommand) Run(ctx context.Context) error {
	return c.post(ctx, os.Stdout, "adjustments", map[string]any{
		"line_item": c.LineItem, "charge": c.Charge, "media": c.Media, "data_fee": c.DataFee, "platform_fee": c.PlatformFee,
		"house_late": c.HouseLate, "house_unbilled": c.HouseUnbilled, "exchange": c.Exchange, "payable": c.Payable,
		"payable_currency": c.PayableCurrency, "cause": c.Cause, "reason": c.Reason,
	})
}

// post sends a booking to the API and prints the ledger's decision.
func (c *bookingFlags) post(ctx context.Context, w io.Writer, what string, fields map[string]any) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	fields["id"], fields["currency"] = c.ID, c.Currency
	for name, v := range fields {
		if v == "" && name != "currency" && name != "amount" {
			delete(fields, name)
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	var out map[string]any
	if err := api.do(ctx, http.MethodPost, "/v1/advertisers/"+strconv.FormatInt(c.Advertiser, 10)+"/"+what, bytes.NewReader(body), &out); err != nil {
		return err
	}
	fmt.Fprintf(w, "%v %v: %v", what[:len(what)-1], c.ID, out["outcome"])
	for _, name := range []string{"payment", "charge", "media", "margin", "payable"} {
		if v, ok := out[name]; ok {
			fmt.Fprintf(w, ", %s %v", name, v)
		}
	}
	if out["outcome"] == "waiting" {
		fmt.Fprint(w, " for the ledger; the same command again asks for its decision")
	}
	_, err = fmt.Fprintln(w)
	return err
}

type rebuildCommand struct{ configFlag }

func (c *rebuildCommand) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return rebuildLedger(ctx, cfg, os.Stdout)
}

func rebuildLedger(ctx context.Context, cfg node.Config, w io.Writer) error {
	out, err := node.RebuildLedger(ctx, cfg)
	if err != nil {
		return fmt.Errorf("ledger rebuild: %w", err)
	}
	fmt.Fprintf(w, "%d records folded\n", out.Records)
	var partitions []int32
	for p := range out.Next {
		partitions = append(partitions, p)
	}
	slices.Sort(partitions)
	for _, p := range partitions {
		fmt.Fprintf(w, "partition %d: up to offset %d\n", p, out.Next[p])
	}
	if out.Aside != "" {
		fmt.Fprintf(w, "the old directory is %s\n", out.Aside)
	}
	if _, err := out.Audit.WriteTo(w); err != nil {
		return err
	}
	if !out.Audit.Clean() {
		return errNotClean
	}
	return nil
}
