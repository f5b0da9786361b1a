package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bidhawk/campaigns"
	"bidhawk/campaigns/taxonomy"
	"bidhawk/internal/ids"
	"bidhawk/profiles"
)

// MaxImportBytes bounds one request of an import; the command splits larger files.
const MaxImportBytes = 8 << 20

type importInput struct {
	Import     string       `query:"import" required:"true" maxLength:"64" doc:"name of the import: the same list under the same name changes nothing"`
	Advertiser campaigns.ID `query:"advertiser" required:"true" minimum:"1" doc:"owner of the tag"`
	Tag        string       `query:"tag" required:"true" maxLength:"200" doc:"path of the taxonomy, or list/NAME"`
	IDType     string       `query:"id_type" required:"true" maxLength:"160" doc:"ifa, buyeruid:EXCHANGE, eid:SOURCE or list:TYPE"`
	Expires    string       `query:"expires" doc:"RFC 3339; absent: never"`
	At         string       `query:"at" doc:"RFC 3339, when the users got the tag; absent: now. Parts of one list give the same"`
	RawBody    []byte
}

// ImportReport is what became of the rows of a list.
type ImportReport struct {
	Read     int64            `json:"read"`
	Accepted int64            `json:"accepted"`
	Refused  map[string]int64 `json:"refused" doc:"rows by the rule they break"`
	First    []RefusedRow     `json:"first_refused"`
}

// RefusedRow names a row and the rule it breaks, never what it holds.
type RefusedRow struct {
	Line  int64  `json:"line"`
	Field string `json:"field"`
	Rule  string `json:"rule"`
}

type importOutput struct{ Body ImportReport }

func (n *Node) registerAudience(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "import-audience", Method: http.MethodPost, Path: "/v1/audience-imports", Tags: []string{"audience"},
		Summary: "Give the users of a list a tag",
		Description: "The body is plain text or CSV, one identifier a line, in the first column. Identifiers are hashed at " +
			"once and neither stored nor logged. Bad rows are refused one by one; the others are durable when the answer comes.",
		MaxBodyBytes: MaxImportBytes,
		RequestBody:  &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"text/csv": {}, "text/plain": {}}},
		Errors:       []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity},
	}, n.importAudience)
}

func (n *Node) importAudience(ctx context.Context, in *importInput) (*importOutput, error) {
	p, ok := campaigns.PrincipalFrom(ctx)
	if !ok {
		return nil, huma.Error401Unauthorized("no API key")
	}
	a := n.feed.Catalog().Advertisers[in.Advertiser]
	if a == nil || !p.Sees(campaigns.Owner{Agency: a.AgencyID, Advertiser: a.ID}) {
		return nil, huma.Error404NotFound(fmt.Sprintf("advertiser %d: not found", in.Advertiser))
	}
	o, err := n.importOptions(in)
	if err != nil {
		return nil, err
	}
	r, err := profiles.ImportList(ctx, o, bytes.NewReader(in.RawBody))
	if err != nil {
		return nil, huma.Error503ServiceUnavailable(fmt.Sprintf("the import stopped after %d rows; the same import again goes on", r.Read), err)
	}
	out := ImportReport{Read: r.Read, Accepted: r.Accepted, Refused: r.Refused}
	for _, f := range r.First {
		out.First = append(out.First, RefusedRow{f.Line, f.Field, f.Rule})
	}
	return &importOutput{out}, nil
}

func (n *Node) importOptions(in *importInput) (o profiles.ImportOptions, err error) {
	var faults []error
	fault := func(name, value, rule string) {
		faults = append(faults, &huma.ErrorDetail{Location: "query." + name, Value: value, Message: rule})
	}
	o = profiles.ImportOptions{
		ID: in.Import, Tag: profiles.TagPath{Owner: in.Advertiser, Path: in.Tag, Weight: 100}, At: Clock(), Keys: n.keys.users, Log: n.log,
	}
	if o.IDType, err = profiles.ParseIDType(in.IDType); err != nil {
		fault("id_type", in.IDType, "want ifa, buyeruid:EXCHANGE, eid:SOURCE or list:TYPE")
	}
	if _, ok := n.taxonomy.Number(in.Tag); !ok {
		fault("tag", in.Tag, "want a path of the taxonomy, or list/NAME")
	}
	for _, t := range []struct {
		name, text string
		to         *time.Time
	}{{"at", in.At, &o.At}, {"expires", in.Expires, &o.Tag.Expires}} {
		if t.text == "" {
			continue
		}
		if *t.to, err = time.Parse(time.RFC3339Nano, t.text); err != nil {
			fault(t.name, t.text, "want a time of RFC 3339")
		}
	}
	if len(faults) == 0 && !o.Tag.Expires.IsZero() && !o.Tag.Expires.After(o.At) {
		fault("expires", in.Expires, "want a time after at")
	}
	if len(faults) > 0 {
		return o, huma.Error422UnprocessableEntity("the import breaks a rule", faults...)
	}
	return o, nil
}

// SeedUsers publishes random profiles for users of the exchange "demo", whose
// ids name makes, on the log of a node that does not run.
func SeedUsers(ctx context.Context, c Config, tags *taxonomy.Taxonomy, users int, name func(int) string, seed uint64) (err error) {
	keys, err := UserKeys(c)
	if err != nil {
		return err
	}
	log, err := OpenLog(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	var paths []string
	for _, t := range tags.Tags() {
		paths = append(paths, t.Path)
	}
	now := Clock()
	_, err = profiles.SeedProfiles(ctx, profiles.SeedOptions{
		Users: users, Version: 1, At: now, Log: log,
		User: func(i int) ids.UserKey { return keys.User(ids.KindBuyerUID, "demo", []byte(name(i))) },
		Tags: profiles.RandomTags(seed, 0, paths, 2, 20, now.AddDate(0, 1, 0)),
	})
	return err
}
