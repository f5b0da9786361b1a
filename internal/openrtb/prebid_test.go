package openrtb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"bidhawk/internal/money"

	"github.com/prebid/openrtb/v20/native1/request"
	"github.com/prebid/openrtb/v20/openrtb2"
)

// prebidDiff lists where r differs from q, prebid's reading of the same body.
// Tolerances: strings drop "" from lists; floors are ours rounded up to the
// micro, negative ones 0; codes of currencies are upper case; defaults are
// filled in; coordinates out of range are not there; video.protocol is a list.
func prebidDiff(r *BidRequest, q *openrtb2.BidRequest) []string {
	d := &differ{}
	d.text("id", r.ID, q.ID)
	d.text("test", r.Test, q.Test != 0)
	d.text("at", int(r.AT), orInt(q.AT, 2))
	d.text("tmax", r.TMax, q.TMax)
	d.text("allimps", r.AllImps, q.AllImps != 0)
	d.texts("wseat", r.WSeat, q.WSeat)
	d.texts("bseat", r.BSeat, q.BSeat)
	d.texts("wlang", r.WLang, q.WLang)
	d.texts("wlangb", r.WLangB, q.WLangB)
	d.texts("bcat", r.BCat, q.BCat)
	d.texts("acat", r.ACat, q.ACat)
	d.texts("badv", r.BAdv, q.BAdv)
	d.texts("bapp", r.BApp, q.BApp)
	d.text("cattax", r.CatTax, orInt(int64(q.CatTax), 1))
	d.currencies(r.Cur, q.Cur)
	if d.length("imp", len(r.Imp), len(q.Imp)) {
		for i := range q.Imp {
			d.in(fmt.Sprintf("imp[%d]", i), func() { d.imp(&r.Imp[i], &q.Imp[i], r.AT) })
		}
	}
	if d.both("site", r.Site != nil, q.Site != nil) {
		d.in("site", func() { d.site(r.Site, q.Site) })
	}
	if d.both("app", r.App != nil, q.App != nil) {
		d.in("app", func() { d.app(r.App, q.App) })
	}
	if d.both("dooh", r.DOOH != nil, q.DOOH != nil) {
		d.in("dooh", func() { d.dooh(r.DOOH, q.DOOH) })
	}
	if d.both("device", r.Device != nil, q.Device != nil) {
		d.in("device", func() { d.device(r.Device, q.Device) })
	}
	if d.both("user", r.User != nil, q.User != nil) {
		d.in("user", func() { d.user(r.User, q.User) })
	}
	if d.both("regs", r.Regs != nil, q.Regs != nil) {
		d.in("regs", func() { d.regs(r.Regs, q.Regs) })
	}
	if d.both("source", r.Source != nil, q.Source != nil) {
		d.in("source", func() { d.source(r, q.Source) })
	}
	return d.diffs
}

type differ struct {
	path  []string
	diffs []string
}

func (d *differ) in(name string, f func()) {
	d.path = append(d.path, name)
	f()
	d.path = d.path[:len(d.path)-1]
}

func (d *differ) add(name string, ours, prebid any) {
	d.diffs = append(d.diffs, fmt.Sprintf("%s: ours %q, prebid's %q", strings.Join(append(d.path, name), "."), fmt.Sprint(ours), fmt.Sprint(prebid)))
}

// text compares what both print as.
func (d *differ) text(name string, ours, prebid any) {
	o, p := plainText(ours), plainText(prebid)
	if o != p {
		d.add(name, o, p)
	}
}

func plainText(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case Flag:
		return [...]string{"unset", "no", "yes"}[v]
	case *int8:
		switch {
		case v == nil:
			return "unset"
		case *v == 0:
			return "no"
		}
		return "yes"
	}
	return fmt.Sprint(v)
}

func (d *differ) texts(name string, ours [][]byte, prebid []string) {
	var want []string
	for _, s := range prebid {
		if s != "" {
			want = append(want, s)
		}
	}
	if d.length(name, len(ours), len(want)) {
		for i := range want {
			d.text(fmt.Sprintf("%s[%d]", name, i), ours[i], want[i])
		}
	}
}

// ints compares with a slice of any integer type.
func (d *differ) ints(name string, ours []int, prebid any) {
	v := reflect.ValueOf(prebid)
	if d.length(name, len(ours), v.Len()) {
		for i := range ours {
			d.text(fmt.Sprintf("%s[%d]", name, i), ours[i], v.Index(i).Int())
		}
	}
}

func (d *differ) length(name string, ours, prebid int) bool {
	if ours != prebid {
		d.add("len("+name+")", ours, prebid)
	}
	return ours == prebid
}

// both says whether to compare what only one may have.
func (d *differ) both(name string, ours, prebid bool) bool {
	if ours != prebid {
		d.add(name+" present", ours, prebid)
	}
	return ours && prebid
}

func (d *differ) floor(name string, ours money.CPM, prebid float64) {
	want := max(0, prebid*1e6)
	if diff := float64(ours) - want; diff < -1e-3-want*1e-12 || diff > 1+want*1e-12 {
		d.add(name, ours, prebid)
	}
}

func (d *differ) currency(name string, ours money.Currency, prebid string) {
	d.text(name, ours.String(), wantCurrency(prebid))
}

func wantCurrency(sent string) string {
	if sent == "" {
		return "USD"
	}
	c, err := money.ParseCurrency(strings.ToUpper(sent))
	if err != nil {
		return ""
	}
	return c.String()
}

func (d *differ) currencies(ours []money.Currency, prebid []string) {
	var want []string
	for _, s := range prebid {
		if s != "" {
			want = append(want, s)
		}
	}
	if d.length("cur", len(ours), len(want)) {
		for i := range want {
			d.currency("cur", ours[i], want[i])
		}
	}
}

func (d *differ) degrees(name string, ours int32, prebid float64) {
	if math.Abs(float64(ours)-prebid*1e6) > 1.001 {
		d.add(name, ours, prebid)
	}
}

func orInt(v, def int64) int64 {
	if v == 0 {
		return def
	}
	return v
}

func intPtr[T ~int8 | ~int64](p *T) int64 {
	if p == nil {
		return 0
	}
	return int64(*p)
}

// comparable says whether prebid's decoder reads body by the same rules as
// ours: it folds the case of names and merges what is sent twice, keeps null
// elements of lists as zeros, and does not know a byte order mark.
func comparable(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	type level struct {
		object bool
		name   bool // a name is next
		seen   map[string]bool
	}
	var levels []level
	for {
		tok, err := dec.Token()
		if err != nil {
			return true
		}
		n := len(levels) - 1
		if n >= 0 && levels[n].object && levels[n].name {
			if name, ok := tok.(string); ok {
				folded := strings.ToLower(strings.Map(unfold, name))
				if levels[n].seen[folded] || folded != name && prebidNames[folded] {
					return false
				}
				levels[n].seen[folded] = true
				levels[n].name = false
				continue
			}
		}
		if tok == nil && n >= 0 && !levels[n].object {
			return false
		}
		switch tok {
		case json.Delim('{'):
			levels = append(levels, level{object: true, name: true, seen: map[string]bool{}})
			continue
		case json.Delim('['):
			levels = append(levels, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:n]
			n--
		}
		if n >= 0 {
			levels[n].name = true
		}
	}
}

// unfold maps the two letters beyond ASCII that fold into it.
func unfold(r rune) rune {
	switch r {
	case 'ſ':
		return 's'
	case '\u212a': // Kelvin
		return 'k'
	}
	return r
}

var prebidNames = func() map[string]bool {
	names := map[string]bool{}
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names[name] = true
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[openrtb2.BidRequest]())
	walk(reflect.TypeFor[request.Request]())
	return names
}()

func TestPrebidDiffSeesDifferences(t *testing.T) {
	body := readFile(t, "testdata/banner.json")
	var q openrtb2.BidRequest
	if err := json.Unmarshal(body, &q); err != nil {
		t.Fatal(err)
	}
	r := mustDecode(t, string(body))
	if diffs := prebidDiff(r, &q); len(diffs) > 0 {
		t.Fatalf("differs before it was changed: %v", diffs)
	}
	r.Imp[0].PMP.Deals[1].BidFloor += 2
	r.Device.Geo.LonMicroDeg += 3
	r.User.EIDs[0].UIDs[0].ID = []byte("x")
	if diffs := prebidDiff(r, &q); len(diffs) != 3 {
		t.Errorf("got %d differences; want 3: %q", len(diffs), diffs)
	}
}

func TestComparable(t *testing.T) {
	f := func(body string, want bool) {
		t.Helper()
		if got := comparable([]byte(body)); got != want {
			t.Errorf("comparable(%s) = %v; want %v", body, got, want)
		}
	}
	f(`{"id":"1","imp":[{"id":"2"}],"ext":{"placementId":1}}`, true)
	f(`{"id":"1","id":"2"}`, false)
	f(`{"id":"1","ID":"2"}`, false)
	f(`{"Id":"1"}`, false)
	f(`{"a":[{"\u0069d":"1"},{"id":"1"}]}`, true)
	f(`{"bcat":["a",null]}`, false)
	f(`{"uſer":{}}`, false)
}
