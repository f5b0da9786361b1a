package feed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
)

// maxDays bounds the days of one list.
const maxDays = 35

// handlers answers for advertisers that their callers see.
type handlers struct {
	feed    *Feed
	catalog func() *campaigns.Catalog
}

// Register adds GET /v1/feed and the files below it to api, whose middleware must
// have put a campaigns.Principal into the context.
func Register(api huma.API, f *Feed, catalog func() *campaigns.Catalog) {
	h := &handlers{f, catalog}
	errs := []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity}
	huma.Register(api, huma.Operation{
		OperationID: "list-feed-files", Method: http.MethodGet, Path: "/v1/feed", Tags: []string{"feed"}, Errors: errs,
		Summary: "List an advertiser's files of raw events", RejectUnknownQueryParameters: true,
		Description: "Each hour's events by kind, final once they are listed; late: what came after. See docs/feed.md for the lines.",
	}, h.list)
	huma.Register(api, huma.Operation{
		OperationID: "get-feed-file", Method: http.MethodGet, Path: "/v1/feed/{advertiser_id}/{day}/{hour}/{name}", Tags: []string{"feed"},
		Errors: errs, Summary: "Download a file of raw events", RejectUnknownQueryParameters: true,
		Description: "NDJSON, gzipped. A file never changes: its SHA-256 is its ETag.",
	}, h.get)
}

type listInput struct {
	Advertiser int64  `query:"advertiser_id" required:"true" minimum:"1" doc:"Whose events"`
	From       string `query:"from" required:"true" doc:"First day in UTC, such as 2026-11-01"`
	To         string `query:"to" required:"true" doc:"Last day in UTC, included; at most 35 days in all"`
}

type listOutput struct {
	Body struct {
		Files []File `json:"files"`
		More  bool   `json:"more" doc:"There are more than 5000: ask for fewer days"`
	}
}

// File is a part and where it is.
type File struct {
	Part
	Path string `json:"path" doc:"Of its download"`
}

func (h *handlers) list(ctx context.Context, in *listInput) (*listOutput, error) {
	if err := h.sees(ctx, in.Advertiser); err != nil {
		return nil, err
	}
	from, err := day("from", in.From)
	if err != nil {
		return nil, err
	}
	to, err := day("to", in.To)
	if err != nil {
		return nil, err
	}
	if to.Before(from) || to.Sub(from) >= maxDays*24*time.Hour {
		return nil, huma.Error422UnprocessableEntity("the request breaks a rule", &huma.ErrorDetail{
			Location: "query.to", Value: in.To, Message: fmt.Sprintf("want a day from %s on, at most %d days in all", in.From, maxDays)})
	}
	parts, err := h.feed.List(ctx, campaigns.ID(in.Advertiser), from, to.AddDate(0, 0, 1))
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Files = make([]File, len(parts))
	for i, p := range parts {
		out.Body.Files[i] = File{p, "/v1/feed/" + p.Key()}
	}
	out.Body.More = len(parts) == MaxParts
	return out, nil
}

func day(field, text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, huma.Error422UnprocessableEntity("the request breaks a rule", &huma.ErrorDetail{
			Location: "query." + field, Value: text, Message: "want a day, such as 2026-11-01"})
	}
	return t, nil
}

// sees refuses an advertiser that is not the caller's as one that does not exist.
func (h *handlers) sees(ctx context.Context, advertiser int64) error {
	p, ok := campaigns.PrincipalFrom(ctx)
	if !ok {
		return huma.Error401Unauthorized("no API key; want one of the advertiser")
	}
	a := h.catalog().Advertisers[campaigns.ID(advertiser)]
	if a == nil || !p.Sees(campaigns.Owner{Agency: a.AgencyID, Advertiser: a.ID}) {
		return huma.Error404NotFound(fmt.Sprintf("advertiser %d: not found", advertiser))
	}
	return nil
}

type getInput struct {
	Advertiser int64  `path:"advertiser_id" minimum:"1" doc:"Whose events"`
	Day        string `path:"day" doc:"In UTC, such as 2026-11-26"`
	Hour       string `path:"hour" pattern:"^([01][0-9]|2[0-3])$" doc:"Of the day, such as 04"`
	Name       string `path:"name" maxLength:"64" doc:"Such as wins.ndjson.gz or wins.late-0001.ndjson.gz"`
}

var fileName = regexp.MustCompile(`^(wins|losses|exposures|conversions)(?:\.late-([0-9]{4,9}))?\.ndjson\.gz$`)

func (h *handlers) get(ctx context.Context, in *getInput) (*huma.StreamResponse, error) {
	if err := h.sees(ctx, in.Advertiser); err != nil {
		return nil, err
	}
	missing := huma.Error404NotFound(fmt.Sprintf("%s/%s/%s: no such file", in.Day, in.Hour, in.Name))
	name := fileName.FindStringSubmatch(in.Name)
	hour, err := time.Parse("2006-01-02 15", in.Day+" "+in.Hour)
	if err != nil || name == nil {
		return nil, missing
	}
	late, _ := strconv.Atoi(name[2]) // digits, or nothing
	p, ok, err := h.feed.Find(ctx, campaigns.ID(in.Advertiser), hour, name[1], late)
	if err != nil {
		return nil, err
	}
	if !ok || in.Name != p.Key()[len(p.Key())-len(in.Name):] {
		return nil, missing
	}
	file, err := h.feed.deps.Files.Open(ctx, p.Key(), 0, -1)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", p.Key(), err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer file.Close()
		c.SetHeader("Content-Type", "application/x-ndjson+gzip")
		c.SetHeader("Content-Length", strconv.FormatInt(p.Bytes, 10))
		c.SetHeader("ETag", `"`+p.SHA256+`"`)
		c.SetHeader("X-Content-Type-Options", "nosniff")
		c.SetHeader("Content-Disposition", `attachment; filename="`+in.Name+`"`)
		_, _ = io.Copy(c.BodyWriter(), file) // the length says whether all arrived
	}}, nil
}
