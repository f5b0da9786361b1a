package exchanges

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"bidhawk/internal/openrtb"
)

// SyncMacros are what a SyncURL may hold, in braces.
func SyncMacros() []string {
	return []string{"buyeruid", "gdpr", "gdpr_consent", "us_privacy", "gpp", "gpp_sid"}
}

var (
	exchangeName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	domainName   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)
	seatID       = regexp.MustCompile(`^[!-~]{0,64}$`)
	macroText    = regexp.MustCompile(`^[A-Za-z0-9_:${}%\[\]-]{0,64}$`) // needs no escape in HTML, XML or JSON
	syncMacro    = regexp.MustCompile(`\{([^{}]*)\}`)
)

// RuleError is a setting that breaks its rule.
type RuleError struct {
	Field string // as the file names it
	Value string
	Rule  string
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("%s: got %s; want %s", e.Field, e.Value, e.Rule)
}

// Validate names the first setting that breaks its rule, as a *RuleError.
func (e *Exchange) Validate() error {
	for _, check := range []func() error{e.validateNames, e.validateTimes, e.validateSizes, e.validatePrice, e.validateAnswer, e.validateSupply, e.validateSync} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func broken(field string, value any, rule string) error {
	if text, ok := value.(string); ok {
		value = fmt.Sprintf("%.80q", text)
	}
	return &RuleError{field, fmt.Sprint(value), rule}
}

func (e *Exchange) validateNames() error {
	switch {
	case !exchangeName.MatchString(e.Name):
		return broken("name", e.Name, "1 to 32 lower-case letters, digits and dashes")
	case !exchangeName.MatchString(e.UserIDSpace):
		return broken("user_id_space", e.UserIDSpace, "1 to 32 lower-case letters, digits and dashes")
	case !seatID.MatchString(e.Seat):
		return broken("seat", e.Seat, "at most 64 visible ASCII characters")
	case e.AdSystem != "" && !domainName.MatchString(e.AdSystem):
		return broken("ad_system", e.AdSystem, "a domain in lower case, such as exchange.example")
	case !macroText.MatchString(e.ClickMacro):
		return broken("click_macro", e.ClickMacro, "a macro of at most 64 letters, digits and _:${}%[]-")
	case !macroText.MatchString(e.ClickMacroEscaped):
		return broken("click_macro_escaped", e.ClickMacroEscaped, "a macro of at most 64 letters, digits and _:${}%[]-")
	case e.PriceMacro == "" || !macroText.MatchString(e.PriceMacro):
		return broken("price_macro", e.PriceMacro, "a macro of 1 to 64 letters, digits and _:${}%[]-")
	}
	return nil
}

func (e *Exchange) validateTimes() error {
	f := func(field string, v, least, most time.Duration) error {
		if v < least || v > most {
			return broken(field, v, fmt.Sprintf("%v to %v", least, most))
		}
		return nil
	}
	if err := f("default_tmax", e.DefaultTMax, 10*time.Millisecond, 10*time.Second); err != nil {
		return err
	}
	if err := f("network_margin", e.NetworkMargin, 0, time.Second); err != nil {
		return err
	}
	if e.NetworkMargin >= e.DefaultTMax {
		return broken("network_margin", e.NetworkMargin, "less than default_tmax, "+e.DefaultTMax.String())
	}
	if err := f("win_deadline", e.WinDeadline, time.Second, 30*24*time.Hour); err != nil {
		return err
	}
	if err := f("billing_deadline", e.BillingDeadline, time.Second, 30*24*time.Hour); err != nil {
		return err
	}
	return f("keep_alive", e.KeepAlive, 0, time.Hour)
}

func (e *Exchange) validateSizes() error {
	if e.BidsPerImp < 1 || e.BidsPerImp > 20 {
		return broken("bids_per_imp", e.BidsPerImp, "1 to 20")
	}
	for _, b := range []struct {
		field          string
		v, least, most int
	}{
		{"max_answer_bytes", e.MaxAnswerBytes, 1 << 10, 1 << 20},
		{"max_crid_bytes", e.MaxCrIDBytes, 16, 1 << 10},
		{"max_nurl_bytes", e.MaxNURLBytes, 256, 16 << 10},
		{"max_qps", e.MaxQPS, 1, 10_000_000},
	} {
		if b.v != 0 && (b.v < b.least || b.v > b.most) {
			return broken(b.field, b.v, fmt.Sprintf("%d to %d, or 0 for no bound", b.least, b.most))
		}
	}
	return nil
}

func (e *Exchange) validatePrice() error {
	switch {
	case e.DefaultAuction != openrtb.AuctionFirstPrice && e.DefaultAuction != openrtb.AuctionSecondPrice:
		return broken("default_auction", int(e.DefaultAuction), "1 (first price) or 2 (second price)")
	case e.PriceEncryption == EncryptionNone && e.PriceKeysFile != "":
		return broken("price_keys_file", e.PriceKeysFile, "none where price_encryption is none")
	case e.PriceEncryption == EncryptionGoogle && e.PriceUnit == PriceCPM:
		return broken("price_unit", e.PriceUnit, "cpm_micros or micros_per_impression where price_encryption is google: it hides an integer")
	}
	if len(e.Currencies) > 0 && !slices.Contains(e.Currencies, e.Currency) {
		return broken("currency", e.Currency, "one of currencies, where that lists any")
	}
	for i, c := range e.Currencies {
		if slices.Contains(e.Currencies[:i], c) {
			return broken("currencies", c, "each currency once")
		}
	}
	return nil
}

func (e *Exchange) validateAnswer() error {
	for i, f := range e.Required {
		if slices.Contains(e.Required[:i], f) {
			return broken("required", f, "each field once")
		}
	}
	for i, f := range e.Omitted {
		switch {
		case slices.Contains(e.Omitted[:i], f):
			return broken("omitted", f, "each field once")
		case f != FieldNURL && f != FieldBURL && f != FieldLURL && f != FieldIURL:
			return broken("omitted", f, "nurl, burl, lurl or iurl")
		case slices.Contains(e.Required, f):
			return broken("omitted", f, "no field that is required")
		case f == FieldNURL && e.bills(BillingNURL), f == FieldBURL && e.bills(BillingBURL):
			return broken("omitted", f, "no notice that makes us pay")
		}
	}
	return e.validateBilling()
}

// validateBilling refuses what could never be answered, or never be billed.
func (e *Exchange) validateBilling() error {
	switch {
	case e.RegisteredCreatives && e.bills(BillingImpression):
		return broken("registered_creatives", true, "billing by burl or nurl in all formats: markup that the exchange hosts has no pixel of ours")
	case e.Requires(FieldBURL) && (e.bills(BillingNURL) || e.bills(BillingImpression)):
		return broken("required", FieldBURL, "burl only where it makes us pay in all formats: no other bid has one")
	case e.Requires(FieldAdID) && !e.RegisteredCreatives:
		return broken("required", FieldAdID, "adid only with registered_creatives: no other bid has one")
	}
	return nil
}

// bills says whether a format is paid on event.
func (e *Exchange) bills(event BillingEvent) bool {
	return e.BillingBanner == event || e.BillingVideo == event || e.BillingAudio == event || e.BillingNative == event
}

func (e *Exchange) validateSupply() error {
	if e.Supply.IncompleteSChain == PolicyRequire {
		return broken("supply.incomplete_schain", e.Supply.IncompleteSChain, "allow or deny")
	}
	if e.AdSystem == "" && (e.Supply.AdsTxt != PolicyAllow || e.Supply.SellersJSON != PolicyAllow) {
		return broken("ad_system", e.AdSystem, "its domain where supply.ads_txt or supply.sellers_json is checked")
	}
	if len(e.Supply.BlockedNodes) > maxList {
		return broken("supply.blocked_nodes", len(e.Supply.BlockedNodes), fmt.Sprintf("at most %d", maxList))
	}
	for _, node := range e.Supply.BlockedNodes {
		asi, sid, pair := strings.Cut(node, "/")
		if !domainName.MatchString(asi) || pair && sid == "" || len(sid) > 64 {
			return broken("supply.blocked_nodes", node, "an ad system's domain, alone or with /SELLER of at most 64 bytes")
		}
	}
	return nil
}

func (e *Exchange) validateSync() error {
	if e.SyncURL == "" {
		return nil
	}
	for _, m := range syncMacro.FindAllStringSubmatch(e.SyncURL, -1) {
		if !slices.Contains(SyncMacros(), m[1]) {
			return broken("sync_url", e.SyncURL, "no macros but {"+strings.Join(SyncMacros(), "}, {")+"}")
		}
	}
	u, err := url.Parse(e.SyncURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.ContainsAny(u.Host, "{}") || len(e.SyncURL) > 1<<10 {
		return broken("sync_url", e.SyncURL, "an https URL of at most 1024 bytes")
	}
	return nil
}

// Ready names the first thing that only an agreement can give and that is not
// there: the shipped files can't hold it. An exchange that is not ready loads,
// and must not be bid at.
func (e *Exchange) Ready() error {
	switch {
	case e.Requires(FieldSeat) && e.Seat == "":
		return broken("seat", "", "the seat that the exchange gave us: it requires one")
	case e.PriceEncryption != EncryptionNone && len(e.keys) == 0:
		return broken("price_keys_file", "", "the file with the exchange's price keys: its prices are encrypted")
	}
	return nil
}
