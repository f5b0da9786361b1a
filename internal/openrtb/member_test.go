package openrtb

import (
	"slices"
	"testing"
)

func TestMember(t *testing.T) {
	f := func(raw, want, wantFirst string) {
		t.Helper()
		got := Member([]byte(raw), "x")
		if string(got) != want || string(FirstText(got)) != wantFirst {
			t.Errorf("%s: got %q, first text %q; want %q, %q", raw, got, FirstText(got), want, wantFirst)
		}
	}
	f(`{"x":["a","b"]}`, `["a","b"]`, "a")
	f(`{"y":{"x":1},"x":17}`, "17", "17")
	f(` { "x" : [ 12 ] , "z" : null }`, "[ 12 ]", "12")
	f(`{"x":"a","x":"b"}`, `"b"`, "b")
	f(`{"x":[]}`, "[]", "")
	f(`{"x":{"a":"b"}}`, `{"a":"b"}`, "")
	f(`{"x":"a\u0022b"}`, `"a\u0022b"`, "") // an escape: none of our echoes
	f(`{"y":1}`, "", "")
	f(`[{"x":1}]`, "", "")
	f(``, "", "")
	f(`{"x":1`, "", "")
	f(`{"x":`, "", "")
}

func TestElements(t *testing.T) {
	f := func(value string, want ...string) {
		t.Helper()
		var got []string
		Elements([]byte(value), func(e []byte) bool {
			got = append(got, string(e))
			return string(e) != `"stop"`
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", value, got, want)
		}
	}
	f(`[1,{"a":[2]}, "x"]`, "1", `{"a":[2]}`, `"x"`)
	f(`[1,"stop",2]`, "1", `"stop"`)
	f(`[1,`, "1")
	f(`[]`)
	f(`{"a":1}`)
	f(``)
}

func FuzzMember(f *testing.F) {
	f.Add([]byte(`{"x":["a"],"y":{"x":2}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		FirstText(Member(raw, "x"))
		FirstText(raw)
		Elements(raw, func([]byte) bool { return true })
	})
}
