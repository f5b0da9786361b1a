package identity

import (
	"strings"
	"testing"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
	"bidhawk/profiles"
)

// house is a resolver and a syncer on a real profile store, as a node wires them.
type house struct {
	*syncWorld
	*Resolver
	profiles *profiles.Store
}

func openHouse(t *testing.T, dir string) *house {
	t.Helper()
	store, err := profiles.OpenStore(profiles.DefaultStoreConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{syncWorld: newSyncWorld(t), profiles: store}
	h.Syncer.deps.Store = store
	if err := store.OptOuts(testNow, func(u ids.UserKey) {
		if err := h.optOuts.Add(u); err != nil {
			t.Fatal(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	h.Resolver, err = NewResolver(testConfig(), Deps{Keys: h.keys, OptOuts: h.optOuts, Matches: store})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestTheSameUserEverywhere follows a browser: it is one user by the id that we
// gave, whichever exchange sends it, and by an exchange's id that we matched,
// until the match expires or the user opts out.
func TestTheSameUserEverywhere(t *testing.T) {
	dir := t.TempDir()
	h := openHouse(t, dir)
	a := h.get("redirects?uid=theirs")
	id := cookieValue(a.cookies[cookieUID])
	user := h.keys.User(ids.KindBuyerUID, "", []byte(id))
	theirs := h.keys.User(ids.KindBuyerUID, "redirects", []byte("theirs"))
	f := func(exchange, buyerUID, userID string, now time.Time, want ids.UserKey, source Source) {
		t.Helper()
		r := &openrtb.BidRequest{User: &openrtb.User{ID: []byte(userID), BuyerUID: []byte(buyerUID)}}
		if got, s := h.Resolve(r, exchange, now); got != want || s != source {
			t.Errorf("%s, %q, %q: got %v from %v; want %v from %v", exchange, buyerUID, userID, got, s, want, source)
		}
	}
	f("redirects", id, "theirs", testNow, user, SourceBuyerUID)
	f("plain", id, "", testNow, user, SourceBuyerUID)
	f("redirects", "", "theirs", testNow, user, SourceMatch)
	f("plain", "", "theirs", testNow, h.keys.User(ids.KindBuyerUID, "plain", []byte("theirs")), SourceUserID)
	f("redirects", "", "theirs", testNow.Add(90*day), theirs, SourceUserID)

	if a := h.get("optout", "bh_uid="+id); a.status != 200 {
		t.Fatalf("opt-out: got %+v", a)
	}
	for range 2 { // now, and after a restart
		f("redirects", id, "theirs", testNow, 0, SourceOptedOut)
		f("redirects", "", "theirs", testNow, theirs, SourceUserID) // no longer anybody of ours
		if a := h.get("redirects?uid=theirs", "bh_uid="+id); a.location != "" || len(a.cookies) != 0 {
			t.Errorf("a sync after the opt-out: got %+v; want the pixel", a)
		}
		if err := h.profiles.Close(); err != nil {
			t.Fatal(err)
		}
		h = openHouse(t, dir)
	}
	if err := h.profiles.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPrometheus(t *testing.T) {
	w, s := newWorld(t, testConfig()), newSyncWorld(t)
	w.Resolve(only(eid("uidapi.com", 3, newSpec(4).encode())), "demo", testNow)
	s.get("plain?uid=u")
	s.allowed = false
	s.get("plain?uid=u")
	var out strings.Builder
	w.WritePrometheus(&out)
	s.WritePrometheus(&out)
	for _, want := range []string{
		`bidhawk_users_total{source="eid"} 1`, `bidhawk_tokens_total{scope="UID2",result="used"} 1`,
		`bidhawk_syncs_total{exchange="plain",result="matched"} 1`, `bidhawk_syncs_without_consent_total{reason="gdpr_purpose"} 1`,
		`bidhawk_sync_cookies_set_total 1`,
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("want %s in\n%s", want, out.String())
		}
	}
}
