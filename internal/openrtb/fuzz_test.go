package openrtb

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/prebid/openrtb/v20/openrtb2"
)

// FuzzDecode holds Decode to: no panic; what it accepts is JSON (a byte order
// mark aside); its strings are valid UTF-8; what r held before does not matter;
// and where prebid's types accept the body too, the fields agree.
func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{
		filepath.Join("testdata", "*.json"),
		filepath.Join("..", "..", "..", "shared", "data", "openrtb", "*", "*.json"),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			if b, err := os.ReadFile(name); err == nil && len(b) < 16<<10 {
				f.Add(b)
			}
		}
	}
	f.Add([]byte(`{"id":"\ud83d\ude00\u0000\/","imp":[{"id":1e2,"bidfloor":-0.0000001}],"cur":[null,"",1]}`))
	rich, err := os.ReadFile(filepath.Join("testdata", "pod.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkDecode(t, body, rich) })
}

func checkDecode(t *testing.T, body, before []byte) {
	sent := bytes.Clone(body)
	var r, used BidRequest
	err := r.Decode(body)
	if e := used.Decode(before); e != nil {
		t.Fatal(e)
	}
	usedErr := used.Decode(body)
	if !bytes.Equal(sent, body) {
		t.Fatal("Decode changed the body")
	}
	if (err == nil) != (usedErr == nil) || snapshot(t, &r) != snapshot(t, &used) {
		t.Fatalf("a used BidRequest reads it otherwise: %v, %v", err, usedErr)
	}
	if err != nil {
		if ReasonOf(err) == ReasonOther || err.Error() == "" {
			t.Fatalf("error %#v has no reason", err)
		}
		return
	}
	text := body[bomLen(body):]
	if !json.Valid(text) {
		t.Fatalf("accepted what is no JSON: %q", body)
	}
	checkUTF8(t, reflect.ValueOf(&r).Elem(), "request")
	if e := r.Validate(); e != nil && ReasonOf(e) == ReasonOther {
		t.Fatalf("Validate: %#v", e)
	}
	var q openrtb2.BidRequest
	if r.Truncated > 0 || json.Unmarshal(text, &q) != nil || !comparable(text) {
		return
	}
	if diffs := prebidDiff(&r, &q); len(diffs) > 0 {
		t.Fatalf("prebid reads %q otherwise:\n%q", body, diffs)
	}
}

// checkUTF8 walks all exported strings but the raw JSON ones.
func checkUTF8(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			checkUTF8(t, v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && f.Name != "Ext" && f.Name != "Request" {
				checkUTF8(t, v.Field(i), path+"."+f.Name)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if !utf8.Valid(v.Bytes()) {
				t.Fatalf("%s is no valid UTF-8: %q", path, v.Bytes())
			}
			return
		}
		for i := range v.Len() {
			checkUTF8(t, v.Index(i), path)
		}
	}
}
