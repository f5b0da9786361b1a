package sqlstore_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"bidhawk/campaigns"
	"bidhawk/internal/sqldb"
)

// TestMigrationKeepsWhatWasStored: a file of the first schema opens with every
// entity, key and queued record, and gives away no id twice.
func TestMigrationKeepsWhatWasStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: "_pragma=foreign_keys(1)"}).String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	const body = `{"id":2,"revision":3,"created_at":"2026-11-20T00:00:00.5Z","updated_at":"2026-11-21T12:00:00.000000123Z","name":"Öl AG","status":"active"`
	for _, q := range []string{
		`INSERT INTO agencies VALUES (2, 'active', 3, CAST('` + body + `}' AS BLOB))`,
		`INSERT INTO advertisers VALUES (2, 2, 'active', 3, CAST('` + body + `,"agency_id":2,"currency":"USD"}' AS BLOB))`,
		`INSERT INTO campaigns VALUES (2, 2, 2, 'active', 3, CAST('` + body + `,"advertiser_id":2}' AS BLOB))`,
		`INSERT INTO creatives VALUES (2, 2, 2, 'active', 3, CAST('` + body + `,"advertiser_id":2}' AS BLOB))`,
		`INSERT INTO line_items VALUES (2, 2, 2, 2, 'active', 3, CAST('` + body + `,"campaign_id":2}' AS BLOB))`,
		`INSERT INTO api_keys (hash, name, role, agency_id, created_at) VALUES (x'01', 'k', 'agency', 2, '2026-11-20T00:00:00Z')`,
		`INSERT INTO outbox (topic_key, value) VALUES ('agency/2', x'7b7d')`,
	} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s := open(t, sqldb.Source{File: path})
	for _, k := range []campaigns.Kind{campaigns.KindAgency, campaigns.KindAdvertiser, campaigns.KindCampaign, campaigns.KindCreative, campaigns.KindLineItem} {
		e, owner, err := s.Get(t.Context(), k, 2)
		if err != nil || e.Label() != "Öl AG" || e.Head().Revision != 3 || owner.Agency != 2 || (k != campaigns.KindAgency) != (owner.Advertiser == 2) {
			t.Errorf("%s: got %+v of %+v, %v", k, e, owner, err)
		}
		if list, err := s.List(t.Context(), k, campaigns.Filter{Agency: 2, Name: "öL", Order: campaigns.OrderUpdated}); err != nil || len(list) != 1 {
			t.Errorf("%s: listed %d, %v", k, len(list), err)
		}
	}
	if list, err := s.List(t.Context(), campaigns.KindLineItem, campaigns.Filter{Campaign: 2, Advertiser: 2}); err != nil || len(list) != 1 {
		t.Errorf("listed %d line items of the campaign, %v", len(list), err)
	}
	if keys, err := s.Keys(t.Context()); err != nil || len(keys) != 1 || keys[0].AgencyID != 2 {
		t.Errorf("got keys %+v, %v", keys, err)
	}
	a := create(t, campaigns.NewEditor(s, nil, nil, now), &campaigns.Agency{Name: "new"})
	if a.ID != 3 {
		t.Errorf("the next agency has the id %d; want 3", a.ID)
	}
}
