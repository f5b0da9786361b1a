package openrtb

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/prebid/openrtb/v20/openrtb2"
	"pgregory.net/rapid"
)

// TestGeneratedRequestsAgree fills prebid's whole request with drawn values,
// writes it as JSON and compares our reading, field by field.
func TestGeneratedRequestsAgree(t *testing.T) {
	var r BidRequest // reused, so that nothing may leak from one to the next
	rapid.Check(t, func(t *rapid.T) {
		var q openrtb2.BidRequest
		fill(t, reflect.ValueOf(&q).Elem(), "request")
		body, err := json.Marshal(&q)
		if err != nil {
			t.Fatal(err)
		}
		var read openrtb2.BidRequest // what JSON kept of q
		if err := json.Unmarshal(body, &read); err != nil {
			t.Fatal(err)
		}
		if err := r.Decode(body); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if diffs := prebidDiff(&r, &read); len(diffs) > 0 {
			t.Fatalf("%s:\n%q", body, diffs)
		}
	})
}

// fill draws a value for v: half of the pointers are nil, lists are short.
func fill(t *rapid.T, v reflect.Value, name string) {
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes([]byte(rapid.SampledFrom([]string{`{}`, `{"gdpr":1,"consent":"x","a":[1,{"b":"\u00e9"}]}`}).Draw(t, name)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, name+" is there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), name)
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 2).Draw(t, "n of "+name)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), name)
		}
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.SampledFrom([]string{"", "usd", "EUR", "a\"\\\n\u2028é😀"}), rapid.StringN(0, 9, 30)).Draw(t, name))
	case reflect.Int8:
		v.SetInt(rapid.Int64Range(0, 7).Draw(t, name))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.OneOf(rapid.Int64Range(-3, 3), rapid.Int64Range(-1e15, 1e15)).Draw(t, name))
	case reflect.Float64:
		v.SetFloat(rapid.OneOf(rapid.Float64Range(-200, 200), rapid.Float64Range(0, 1e6), rapid.Float64Range(0, 1e-6)).Draw(t, name))
	default:
		t.Fatalf("%s is a %s: fill does not know it", name, v.Kind())
	}
}
