package exchanges

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
)

const shipped = "../../configs/exchanges"

// loadText loads text as NAME.yaml, where NAME is x.
func loadText(t testing.TB, text string) (Exchange, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := LoadFile(path)
	return e, path, err
}

func TestLoadFile(t *testing.T) {
	e, _, err := loadText(t, `
seat: {value: 007, source: documented (2025-06)}
default_auction: {value: 1, source: assumed}
currencies: {value: [USD, EUR], source: documented (2025), see: "https://x.example/doc"}
billing_video: {value: nurl, source: documented (2025-06-30)}
required: {value: [seat, w_h], source: documented (undated)}
max_qps: {value: 10_000, source: assumed}
gzip: {value: false, source: assumed}
win_deadline: {value: 90s, source: assumed}
ad_system: {value: x.example, source: assumed}
supply:
  ads_txt: {value: require, source: assumed}
  blocked_nodes: {value: [bad.example, "bad.example/7"], source: assumed}
user_id_space: {value: "", source: assumed}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := Default("x")
	want.Seat, want.DefaultAuction, want.Currencies = "007", openrtb.AuctionFirstPrice, []money.Currency{money.USD, {'E', 'U', 'R'}}
	want.BillingVideo, want.Required = BillingNURL, []Field{FieldSeat, FieldSize}
	want.MaxQPS, want.Gzip, want.WinDeadline, want.AdSystem = 10_000, false, 90*time.Second, "x.example"
	want.Supply = Supply{AdsTxt: PolicyRequire, BlockedNodes: []string{"bad.example", "bad.example/7"}}
	want.sources = map[string]string{
		"seat": "documented (2025-06)", "default_auction": "assumed", "currencies": "documented (2025) https://x.example/doc",
		"billing_video": "documented (2025-06-30)", "required": "documented (undated)", "max_qps": "assumed", "gzip": "assumed",
		"win_deadline": "assumed", "ad_system": "assumed", "supply.ads_txt": "assumed", "supply.blocked_nodes": "assumed", "user_id_space": "assumed",
	}
	if !reflect.DeepEqual(e, want) {
		t.Fatalf("got  %+v\nwant %+v", e, want)
	}
	if !e.Requires(FieldSize) || e.Requires(FieldIURL) || e.Omits(FieldNURL) {
		t.Fatal("a list of fields does not hold what it should")
	}
}

func TestLoadFileRefuses(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		e, path, err := loadText(t, text)
		if err == nil || !reflect.DeepEqual(e, Exchange{}) {
			t.Fatalf("%q: got %+v, %v; want an error alone", text, e, err)
		}
		for _, w := range append(want, path) {
			if !strings.Contains(err.Error(), w) {
				t.Fatalf("%q: got %v; want it to say %q", text, err, w)
			}
		}
	}
	f("", "got nothing")
	f("seat: a\n---\nseat: b\n", "x.yaml:2", "second YAML document")
	f("a: [", "want YAML")
	f("- seat\n", "x.yaml:1: : got a list", "settings by name")
	f("# note\nseat: x\n", `x.yaml:2: seat: got "x"; want {value: ..., source: ...}`)
	f("seat: {value: x}\n", "x.yaml:1: seat: got a mapping; want {value: ..., source: ...}")
	f("seat: {source: assumed}\n", "seat")
	f("seat: {value: x, source: guessed}\n", `seat.source: got "guessed"; want "assumed"`)
	f("seat: {value: x, source: documented}\n", "seat.source")
	f("seat: {value: x, source: documented (June)}\n", "seat.source")
	f("seat: {value: x, source: assumed, why: y}\n", `seat.why: got "why"; want value, source or see`)
	f("seat: {value: [x], source: assumed}\n", "seat: got a list; want a single value")
	f("seat: {value: null, source: assumed}\n", "seat", "a single value")
	f("sead: {value: x, source: assumed}\n", "x.yaml:1: sead", "a setting that there is", "seat")
	f("Name: {value: x, source: assumed}\n", "a setting that there is")
	f("seat: {value: x, source: assumed}\nseat: {value: y, source: assumed}\n", "x.yaml:2: seat", "twice")
	f("seat: {value: x, value: y, source: assumed}\n", "seat.value", "twice")
	f("seat: x\ngzip: y\n", "x.yaml:1: seat", "x.yaml:2: gzip") // all at once
	f("gzip: {value: maybe, source: assumed}\n", `gzip: got "maybe"; want true or false`)
	f("max_qps: {value: many, source: assumed}\n", `max_qps: got "many"; want a whole number`)
	f("max_qps: {value: 99999999999, source: assumed}\n", "a whole number")
	f("win_deadline: {value: 5, source: assumed}\n", `win_deadline: got "5"; want a duration`)
	f("price_unit: {value: dollars, source: assumed}\n", "want one of cpm, cpm_micros, micros_per_impression")
	f("required: {value: seat, source: assumed}\n", `required: got "seat"; want a list`)
	f("required: {value: [seat, adm], source: assumed}\n", `required[1]: got "adm"; want one of seat, adomain`)
	f("currency: {value: usd, source: assumed}\n", "currency", "ISO 4217")
	f("supply: {value: x, source: assumed}\n", "supply.value", "a setting that there is: ads_txt")
	f("supply:\n  ads_txt: allow\n", "x.yaml:2: supply.ads_txt")
	f("# note\nmax_qps: {value: -1, source: assumed}\n", "x.yaml:2: max_qps: got -1; want 1 to 10000000, or 0 for no bound")
	f("price_keys_file: {value: keys, source: assumed}\n", "x.yaml:1: price_keys_file", "none where price_encryption is none")
	f("price_encryption: {value: google, source: assumed}\nprice_unit: {value: cpm_micros, source: assumed}\nprice_keys_file: {value: no-such-file, source: assumed}\n",
		"x.yaml:3", "no-such-file")
	f(strings.Repeat("#", maxFile+1), "65536 bytes")
}

func TestLoadFileReadsKeysBesideIt(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"keys":        "# ours\n" + exampleEncryption + " " + exampleIntegrity + "\n",
		"google.yaml": "price_encryption: {value: google, source: assumed}\nprice_unit: {value: micros_per_impression, source: assumed}\nprice_keys_file: {value: keys, source: assumed}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Load(dir)
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v", list, err)
	}
	e := &list[0]
	if e.Name != "google" || e.PriceKeysFile != filepath.Join(dir, "keys") || e.Ready() != nil {
		t.Fatalf("got %s with %s, %v", e.Name, e.PriceKeysFile, e.Ready())
	}
	if p, bad := e.ClearingPrice([]byte("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw")); p != 100_000 || bad != PriceOK {
		t.Fatalf("got %v %q", p, bad)
	}
}

func TestLoadNamesEveryBrokenFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("seat: x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Load(dir)
	if list != nil || err == nil || !strings.Contains(err.Error(), "a.yaml:1") || !strings.Contains(err.Error(), "b.yaml:1") {
		t.Fatalf("got %v, %v", list, err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "got 0 files") {
		t.Fatalf("got %v", err)
	}
	if _, err := LoadFile(filepath.Join(dir, "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
}

// Each shipped file gives every setting, and says where each value comes from;
// what is documented says where.
func TestShippedFiles(t *testing.T) {
	list, err := Load(shipped)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	want := settings(reflect.TypeFor[Exchange](), "")
	form := regexp.MustCompile(`^(assumed|documented \((\d{4}(-\d{2}(-\d{2})?)?|undated)\) \S.*)$`)
	for _, e := range list {
		names = append(names, e.Name)
		var got []string
		documented := 0
		for field, source := range e.Sources() {
			got = append(got, field)
			if !form.MatchString(source) {
				t.Errorf("%s: %s: got %q; want assumed, or documented (date) and where", e.Name, field, source)
			}
			if source != "assumed" {
				documented++
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got the settings %v; want all of %v", e.Name, got, want)
		}
		t.Logf("%-9s %2d of %d settings documented; ready: %v", e.Name, documented, len(got), e.Ready())
	}
	if all := []string{"applovin", "generic", "google", "index", "magnite", "openx", "pubmatic", "smaato", "unity", "xandr"}; !slices.Equal(names, all) {
		t.Errorf("got %v; want %v", names, all)
	}
}

// settings lists the settings that a file can give, sorted.
func settings(t reflect.Type, path string) (list []string) {
	for f := range t.Fields() {
		switch name := tag(f); {
		case name == "":
		case f.Type == reflect.TypeFor[Supply]():
			list = append(list, settings(f.Type, name)...)
		default:
			list = append(list, join(path, name))
		}
	}
	slices.Sort(list)
	return list
}

// The generic file is Default written down.
func TestGenericIsTheDefault(t *testing.T) {
	e, err := LoadFile(filepath.Join(shipped, "generic.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default("generic")
	want.sources, want.Currencies, want.Required, want.Omitted, want.Supply.BlockedNodes = e.sources, []money.Currency{}, []Field{}, []Field{}, []string{}
	if !reflect.DeepEqual(e, want) {
		t.Fatalf("got  %+v\nwant %+v", e, want)
	}
	if err := e.Ready(); err != nil {
		t.Fatal(err)
	}
}

func TestReady(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		e, err := LoadFile(filepath.Join(shipped, name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		err = e.Ready()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Fatalf("%s: got %v; want %q", name, err, want)
		}
	}
	f("google", "price_keys_file")
	f("openx", "price_keys_file")
	f("xandr", "seat")
	f("index", "seat")
	f("pubmatic", "seat")
	f("smaato", "")
	f("applovin", "")
}

func FuzzLoad(f *testing.F) {
	f.Add("seat: {value: x, source: assumed}\n")
	f.Add("supply:\n  schain: {value: deny, source: documented (2025-06)}\n")
	f.Add("&a seat: *a\n")
	generic, err := os.ReadFile(filepath.Join(shipped, "generic.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(generic))
	f.Fuzz(func(t *testing.T, text string) {
		e := Default("x")
		root, err := parse("x.yaml", strings.NewReader(text))
		if err != nil {
			return
		}
		e.sources = map[string]string{}
		r := reader{path: "x.yaml", sources: e.sources, lines: map[string]int{}}
		r.section(reflect.ValueOf(&e).Elem(), "", root)
		if len(r.errs) > 0 || e.Validate() != nil {
			return
		}
		for field, source := range e.sources {
			if source == "" {
				t.Fatalf("%s has no source", field)
			}
		}
	})
}
