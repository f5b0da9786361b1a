package exchanges

import (
	"errors"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
)

func TestDefaultIsValid(t *testing.T) {
	e := Default("demo")
	if err := errors.Join(e.Validate(), e.Ready()); err != nil {
		t.Fatal(err)
	}
}

func TestValidate(t *testing.T) {
	f := func(field, rule string, change func(*Exchange)) {
		t.Helper()
		e := Default("demo")
		change(&e)
		err := e.Validate()
		broken, ok := errors.AsType[*RuleError](err)
		if !ok || broken.Field != field || !strings.Contains(broken.Rule, rule) {
			t.Fatalf("got %v; want %s: %s", err, field, rule)
		}
	}
	f("name", "lower-case", func(e *Exchange) { e.Name = "Demo" })
	f("name", "lower-case", func(e *Exchange) { e.Name = "" })
	f("seat", "visible ASCII", func(e *Exchange) { e.Seat = "a b" })
	f("user_id_space", "lower-case", func(e *Exchange) { e.UserIDSpace = "a/b" })
	f("ad_system", "a domain", func(e *Exchange) { e.AdSystem = "https://x.example" })
	f("ad_system", "is checked", func(e *Exchange) { e.Supply.AdsTxt = PolicyDeny })
	f("click_macro", "a macro", func(e *Exchange) { e.ClickMacro = `"><script>` })
	f("click_macro_escaped", "a macro", func(e *Exchange) { e.ClickMacroEscaped = "a&b" })
	f("price_macro", "1 to 64", func(e *Exchange) { e.PriceMacro = "" })
	f("default_tmax", "10ms", func(e *Exchange) { e.DefaultTMax = time.Millisecond })
	f("network_margin", "1s", func(e *Exchange) { e.NetworkMargin = -1 })
	f("network_margin", "less than default_tmax", func(e *Exchange) { e.NetworkMargin = 200 * time.Millisecond })
	f("win_deadline", "1s", func(e *Exchange) { e.WinDeadline = 0 })
	f("billing_deadline", "720h", func(e *Exchange) { e.BillingDeadline = 1000 * time.Hour })
	f("keep_alive", "1h", func(e *Exchange) { e.KeepAlive = -time.Second })
	f("max_answer_bytes", "1024", func(e *Exchange) { e.MaxAnswerBytes = 10 })
	f("max_crid_bytes", "16", func(e *Exchange) { e.MaxCrIDBytes = 1 })
	f("max_nurl_bytes", "256", func(e *Exchange) { e.MaxNURLBytes = 1 })
	f("max_qps", "no bound", func(e *Exchange) { e.MaxQPS = -1 })
	f("bids_per_imp", "1 to 20", func(e *Exchange) { e.BidsPerImp = 0 })
	f("default_auction", "1 (first price)", func(e *Exchange) { e.DefaultAuction = openrtb.AuctionDealPrice })
	f("price_unit", "it hides an integer", func(e *Exchange) { e.PriceEncryption = EncryptionGoogle })
	f("price_keys_file", "none where", func(e *Exchange) { e.PriceKeysFile = "keys" })
	f("currencies", "once", func(e *Exchange) { e.Currencies = []money.Currency{money.USD, money.USD} })
	f("required", "once", func(e *Exchange) { e.Required = []Field{FieldSeat, FieldSeat} })
	f("omitted", "once", func(e *Exchange) { e.Omitted = []Field{FieldLURL, FieldLURL} })
	f("omitted", "nurl, burl, lurl or iurl", func(e *Exchange) { e.Omitted = []Field{FieldCrID} })
	f("omitted", "required", func(e *Exchange) { e.Required, e.Omitted = []Field{FieldIURL}, []Field{FieldIURL} })
	f("omitted", "makes us pay", func(e *Exchange) { e.Omitted = []Field{FieldBURL} })
	f("omitted", "makes us pay", func(e *Exchange) { e.BillingAudio, e.Omitted = BillingNURL, []Field{FieldNURL} })
	f("registered_creatives", "no pixel", func(e *Exchange) { e.RegisteredCreatives = true })
	f("required", "burl only", func(e *Exchange) { e.Required = []Field{FieldBURL} })
	f("required", "adid only", func(e *Exchange) { e.Required = []Field{FieldAdID} })
	f("currency", "one of currencies", func(e *Exchange) { e.Currencies = []money.Currency{{'E', 'U', 'R'}} })
	f("supply.incomplete_schain", "allow or deny", func(e *Exchange) { e.Supply.IncompleteSChain = PolicyRequire })
	f("supply.blocked_nodes", "an ad system", func(e *Exchange) { e.Supply.BlockedNodes = []string{"bad"} })
	f("supply.blocked_nodes", "SELLER", func(e *Exchange) { e.Supply.BlockedNodes = []string{"bad.example/"} })
	f("supply.blocked_nodes", "at most", func(e *Exchange) { e.Supply.BlockedNodes = make([]string, maxList+1) })
	f("sync_url", "https", func(e *Exchange) { e.SyncURL = "http://x.example/?id={buyeruid}" })
	f("sync_url", "https", func(e *Exchange) { e.SyncURL = "https://{gpp}.example/" })
	f("sync_url", "no macros but", func(e *Exchange) { e.SyncURL = "https://x.example/?id={uid}" })
	e := Default("demo")
	e.SyncURL = "https://x.example/match?id={buyeruid}&gdpr={gdpr}&gdpr_consent={gdpr_consent}&us_privacy={us_privacy}&gpp={gpp}&gpp_sid={gpp_sid}"
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
}

// Each value of an enum reads its own name back, and nothing else.
func TestEnumsReadTheirNames(t *testing.T) {
	readsNames(t, priceUnits)
	readsNames(t, priceEncryptions)
	readsNames(t, billingEvents)
	readsNames(t, noBidStyles)
	readsNames(t, billingIDs)
	readsNames(t, policies)
	readsNames(t, fields)
}

func readsNames[E enum](t *testing.T, end E) {
	t.Helper()
	seen := map[string]bool{}
	for v := E(0); v < end; v++ {
		back := end
		if err := parseEnum(&back, end, []byte(v.String())); err != nil || back != v || seen[v.String()] {
			t.Fatalf("%d: %q comes back as %d, %v", v, v, back, err)
		}
		seen[v.String()] = true
	}
	var v E
	for _, text := range []string{"", "none ", "NURL"} {
		if err := parseEnum(&v, end, []byte(text)); err == nil {
			t.Fatalf("%q was read as %v", text, v)
		}
	}
}
