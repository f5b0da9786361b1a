package pacing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

func rehearse(t *testing.T, watch func(int64, []byte, *Posting) error) *Rehearsal {
	t.Helper()
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	r, err := NewRehearsal(RehearsalConfig{Pacer: testConfig(), Wallet: DefaultWalletConfig(), Catalog: testCatalog(), Start: start, Watch: watch})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A bid is reserved from a lease of the rehearsal's own shard, and its bill is
// posted when its time has come, not before.
func TestRehearsal(t *testing.T) {
	records := 0
	r := rehearse(t, func(offset int64, _ []byte, _ *Posting) error {
		if offset != int64(records) {
			t.Errorf("offset %d; want %d", offset, records)
		}
		records++
		return nil
	})
	advance := func(d time.Duration) {
		t.Helper()
		if err := r.Advance(r.Now().Add(d)); err != nil {
			t.Fatal(err)
		}
	}
	advance(time.Second)
	need := Amounts{Media: 2_500_000, Charge: 3_200_000}
	res, why := r.Wallet().Reserve(2, r.Now(), need, 0)
	for range 10 {
		if why == RefusedNot {
			break
		}
		advance(time.Second)
		res, why = r.Wallet().Reserve(2, r.Now(), need, 0)
	}
	if why != RefusedNot {
		t.Fatalf("refused: %v", why)
	}
	at := r.Now().Add(3 * time.Second)
	m, err := BillMessage(&Notice{At: at, BidAt: r.Now(), Advertiser: 1, Campaign: 1, LineItem: 2, Creative: 1, Lease: res.Lease, Exchange: "demo",
		Format: "banner", Bid: ids.BidID{Incarnation: 1, Counter: 1}, ReservedMedia: need.Media, ReservedCharge: need.Charge, Price: 1_000_000,
		PriceCurrency: money.USD, FXRate: money.One, Day: res.Day})
	if err != nil {
		t.Fatal(err)
	}
	r.Send(at, m)
	advance(2 * time.Second)
	if posted, _ := r.Posted(2, res.Day); posted != 0 {
		t.Errorf("posted %d before its time", posted)
	}
	advance(2 * time.Second)
	if posted, _ := r.Posted(2, res.Day); posted != need.Charge {
		t.Errorf("posted %d; want %d", posted, need.Charge)
	}
	if records < 10 {
		t.Errorf("%d records were seen", records)
	}
}

func TestRehearsalRefuses(t *testing.T) {
	if _, err := NewRehearsal(RehearsalConfig{Pacer: testConfig(), Wallet: DefaultWalletConfig()}); err == nil {
		t.Error("no catalogue was taken")
	}
	if _, err := NewRehearsal(RehearsalConfig{Catalog: testCatalog(), Wallet: DefaultWalletConfig()}); err == nil {
		t.Error("an empty pacer configuration was taken")
	}
	stop := errors.New("enough")
	r := rehearse(t, func(offset int64, _ []byte, _ *Posting) error {
		if offset == 1 {
			return stop
		}
		return nil
	})
	if err := r.Advance(r.Now().Add(time.Second)); !errors.Is(err, stop) || !strings.Contains(err.Error(), "offset 1") {
		t.Errorf("got %v; want what the watcher said", err)
	}
}

// What a plan learns of a won bid of dynamic CPM is its charge, not what it
// reserved: a second-price auction clears below.
func TestYieldOfDynamicCPM(t *testing.T) {
	f := func(pricing string, want money.Nanos) {
		t.Helper()
		x := &notice{Notice: &Notice{ReservedCharge: 3_000_000}, line: &node{}}
		x.line.terms.Pricing = campaigns.PricingModel(pricing)
		if got := x.kept(1_000_000); got != want {
			t.Errorf("%s keeps %d; want %d", pricing, got, want)
		}
	}
	f("dcpm", 1_000_000)
	f("cpm", 3_000_000)
	f("cpc", 3_000_000)
}
