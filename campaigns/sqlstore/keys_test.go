package sqlstore_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/sqldb/sqldbtest"
)

func TestOperatorKeyIsIssuedOnce(t *testing.T) {
	source := sqldbtest.Source(t)
	s := open(t, source)
	plain := ""
	keep := func(key string) error { plain = key; return nil }
	never := func(string) error { t.Error("a second key was issued"); return nil }
	created, err := s.EnsureOperatorKey(t.Context(), keep)
	if err != nil || !created || !strings.HasPrefix(plain, "bhk_") || len(plain) != 4+43 {
		t.Fatalf("got %q, %v, %v", plain, created, err)
	}
	if created, err := s.EnsureOperatorKey(t.Context(), never); created || err != nil {
		t.Errorf("second time: got %v, %v", created, err)
	}
	p, err := s.Authenticate(t.Context(), plain)
	if err != nil || p.Role != campaigns.RoleOperator || p.Owner != (campaigns.Owner{}) {
		t.Errorf("got %+v, %v", p, err)
	}
	if err := s.RevokeKey(t.Context(), p.KeyID); err != nil {
		t.Fatal(err)
	}
	if created, err := s.EnsureOperatorKey(t.Context(), keep); !created || err != nil {
		t.Errorf("after the only one was revoked: got %v, %v; want a new one", created, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if source.Postgres() {
		return // the rows are looked at in a file
	}
	b, err := os.ReadFile(source.File)
	if err != nil || bytes.Contains(b, []byte(plain)) || bytes.Contains(b, []byte(plain[4:])) {
		t.Errorf("the file holds the key in clear, or is unreadable: %v", err)
	}
}

// A key that could not be kept is not in force, and the next start issues another.
func TestOperatorKeyIsInForceOnlyOnceItIsKept(t *testing.T) {
	s := open(t, sqldbtest.Source(t))
	errFull := errors.New("the disk is full")
	lost, kept := "", ""
	created, err := s.EnsureOperatorKey(t.Context(), func(key string) error { lost = key; return errFull })
	if created || !errors.Is(err, errFull) {
		t.Errorf("got %v, %v; want %v", created, err, errFull)
	}
	if _, err := s.Authenticate(t.Context(), lost); !errors.Is(err, campaigns.ErrUnknownKey) {
		t.Errorf("the key that was not kept: got %v; want ErrUnknownKey", err)
	}
	created, err = s.EnsureOperatorKey(t.Context(), func(key string) error {
		kept = key
		if _, err := s.Authenticate(t.Context(), key); !errors.Is(err, campaigns.ErrUnknownKey) {
			t.Errorf("before it is kept the key is in force: %v", err)
		}
		return nil
	})
	if !created || err != nil || kept == lost {
		t.Errorf("got %v, %v", created, err)
	}
	if _, err := s.Authenticate(t.Context(), kept); err != nil {
		t.Errorf("the kept key: %v", err)
	}
}

func TestKeysOfTenants(t *testing.T) {
	s, ed := openTemp(t)
	w := plant(t, ed, "a")
	ctx := t.Context()
	plain, k, err := s.CreateKey(ctx, campaigns.APIKey{Name: "acme", Role: campaigns.RoleAdvertiser, AdvertiserID: w.advertiser.ID})
	if err != nil || k.AgencyID != w.agency.ID {
		t.Fatalf("got %+v, %v", k, err)
	}
	p, err := s.Authenticate(ctx, plain)
	want := campaigns.Principal{KeyID: k.ID, Name: "acme", Role: campaigns.RoleAdvertiser,
		Owner: campaigns.Owner{Agency: w.agency.ID, Advertiser: w.advertiser.ID}}
	if err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, %v; want %+v", p, err, want)
	}
	for _, bad := range []string{"", "bhk_", plain + "x", plain[:20], strings.ToUpper(plain), strings.TrimPrefix(plain, "bhk_")} {
		if _, err := s.Authenticate(ctx, bad); !errors.Is(err, campaigns.ErrUnknownKey) {
			t.Errorf("%q: got %v; want ErrUnknownKey", bad, err)
		}
	}
	f := func(field string, k campaigns.APIKey) {
		t.Helper()
		var ve *campaigns.ValidationError
		if _, _, err := s.CreateKey(ctx, k); !errors.As(err, &ve) || ve.Violations[0].Field != "api_key."+field {
			t.Errorf("%+v: got %v; want a violation of %s", k, err, field)
		}
	}
	f("role", campaigns.APIKey{Name: "x", Role: "god"})
	f("name", campaigns.APIKey{Role: campaigns.RoleOperator})
	f("agency_id", campaigns.APIKey{Name: "x", Role: campaigns.RoleOperator, AgencyID: 1})
	f("advertiser_id", campaigns.APIKey{Name: "x", Role: campaigns.RoleOperator, AdvertiserID: 1})
	f("agency_id", campaigns.APIKey{Name: "x", Role: campaigns.RoleAgency, AgencyID: 99})
	f("agency_id", campaigns.APIKey{Name: "x", Role: campaigns.RoleAgency})
	f("advertiser_id", campaigns.APIKey{Name: "x", Role: campaigns.RoleAgency, AgencyID: 1, AdvertiserID: 1})
	f("advertiser_id", campaigns.APIKey{Name: "x", Role: campaigns.RoleAdvertiser})

	if err := s.RevokeKey(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, plain); !errors.Is(err, campaigns.ErrUnknownKey) {
		t.Errorf("a revoked key: got %v; want ErrUnknownKey", err)
	}
	if err := s.RevokeKey(ctx, 99); !errors.Is(err, campaigns.ErrNotFound) {
		t.Errorf("got %v; want ErrNotFound", err)
	}
	keys, err := s.Keys(ctx)
	if err != nil || len(keys) != 1 || keys[0].RevokedAt.IsZero() || !keys[0].CreatedAt.Equal(now()) {
		t.Errorf("got %+v, %v", keys, err)
	}
}
