package yamltree

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

type inner struct {
	ID   int64  `json:"id"`
	Name string `json:"name,omitempty"`
}

type file struct {
	inner
	Key    string           `json:"key"`
	Number uint32           `json:"number"`
	On     bool             `json:"on"`
	At     time.Time        `json:"at"`
	List   []item           `json:"list"`
	F      float64          `json:"f"`
	One    *item            `json:"one"`
	Named  map[string]inner `json:"named"`
	Hidden string           `json:"-"`
}

type Embedded struct {
	Micros int64 `json:"micros"`
}

type item struct {
	Embedded
	Hours []int `json:"hours"`
}

func decode(s string) (file, Lines, error) {
	var f file
	lines, err := Decode(strings.NewReader(s), Options{MaxBytes: 1000, Refuse: map[string]string{"id": "is assigned"}}, &f)
	return f, lines, err
}

func TestDecode(t *testing.T) {
	f, lines, err := decode("key: on\nnumber: 1_000\non: true\nat: 2026-11-21T10:00:00Z\nlist:\n  - micros: -5\n    hours: [1, 2]\n  - {micros: 7}\n")
	if f.One != nil || f.Named != nil {
		t.Errorf("got %+v; what is not given is nil", f)
	}
	want := file{Key: "on", Number: 1000, On: true, At: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
		List: []item{{Embedded{-5}, []int{1, 2}}, {Embedded{7}, nil}}}
	if err != nil || !reflect.DeepEqual(f, want) {
		t.Fatalf("got %+v, %v\nwant %+v", f, err, want)
	}
	for path, line := range map[string]int{"key": 1, "list[0].hours[1]": 7, "list[1].micros": 8, "list[1].hours": 8, "list[9].x": 6, "none": 1} {
		if got := lines.At(path); got != line {
			t.Errorf("%s: got line %d; want %d", path, got, line)
		}
	}
}

func TestDecodePointersAndNames(t *testing.T) {
	f, lines, err := decode("one: {micros: 3, hours: [4]}\nnamed:\n  google: {id: 7, name: x}\n  Index: {name: y}\n")
	want := file{One: &item{Embedded{3}, []int{4}}, Named: map[string]inner{"google": {7, "x"}, "Index": {0, "y"}}}
	if err != nil || !reflect.DeepEqual(f, want) {
		t.Fatalf("got %+v, %v\nwant %+v", f, err, want)
	}
	if got := lines.At("named.Index.name"); got != 4 {
		t.Errorf("got line %d; want 4", got)
	}
}

func TestProblemsNameLinePathAndRule(t *testing.T) {
	f := func(yaml string, line int, path, rule string) {
		t.Helper()
		_, _, err := decode(yaml)
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) != 1 {
			t.Errorf("%q: got %v; want one problem", yaml, err)
			return
		}
		if p := e.Problems[0]; p.Line != line || p.Path != path || !strings.Contains(p.Rule, rule) {
			t.Errorf("%q: got %+v; want line %d, %s, %s", yaml, p, line, path, rule)
		}
	}
	f("key: a\nkez: b", 2, "kez", "not a known key")
	f("Hidden: a", 1, "Hidden", "not a known key")
	f("key: a\nkey: b", 2, "key", "twice")
	f("id: 4", 1, "id", "is assigned")
	f("number: 1.5", 1, "number", "whole number")
	f("number: 1e3", 1, "number", "whole number")
	f("number: '5'", 1, "number", "whole number")
	f("number: -1", 1, "number", "out of range")
	f("number: 4294967296", 1, "number", "out of range")
	f("number: 99999999999999999999", 1, "number", "whole number")
	f("number: [1]", 1, "number", "whole number")
	f("on: maybe", 1, "on", "true or false")
	f("key:", 1, "key", "single value")
	f("key: {a: b}", 1, "key", "single value")
	f("at: yesterday", 1, "at", "must be a time")
	f("list: x", 1, "list", "must be a list")
	f("list:\n- x", 2, "list[0]", "must be a mapping")
	f("list:\n- hours: [1, x]", 2, "list[0].hours[1]", "whole number")
	f("f: 1.5", 1, "f", "cannot be given")
	f("one:", 1, "one", "must be a mapping of keys")
	f("one: {micros: x}", 1, "one.micros", "whole number")
	f("one: {micro: 1}", 1, "one.micro", "not a known key")
	f("named:", 1, "named", "must be a mapping of names")
	f("named: [a]", 1, "named", "must be a mapping of names")
	f("named:\n  a: {id: 1}\n  a: {id: 2}", 3, "named.a", "twice")
	f("named:\n  a: {ID: 1}", 2, "named.a.ID", "not a known key")
	f("named:\n  [a]: {id: 1}", 2, "named.", "must be a name")
	f("list:\n- {id: 1}", 2, "list[0].id", "is assigned")
	f("- a", 1, "", "must be a mapping")
	f("", 0, "", "must hold a document")
	f("key: a\n---\nkey: b", 2, "", "must hold one document")
	f("key: a\n---\nkey: [", 3, "", "must be YAML")
	f("key: [", 1, "", "must be YAML")
	f("key: "+strings.Repeat("a", 1000), 0, "", "at most 1000 bytes")
	f("list: &a [{micros: 1}]\nkey: *a", 2, "key", "single value")
}

func TestAllProblemsAreReported(t *testing.T) {
	_, _, err := decode("a: 1\nb: 2\nnumber: x\n")
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 3 {
		t.Fatalf("got %v; want three problems", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("key: on\nlist:\n - micros: 1\n   hours: [1]\n")
	f.Add("a: &x [*x]")
	f.Add("one: {micros: 1}\nnamed: {a: {id: 1}, b: {}}")
	f.Add("? [a]\n: b")
	f.Fuzz(func(t *testing.T, s string) {
		var v file
		lines, err := Decode(strings.NewReader(s), Options{MaxBytes: 1 << 16}, &v)
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("got %v; want an *Error", err)
		}
		if err == nil && len(lines) == 0 {
			t.Fatal("a decoded file has lines")
		}
	})
}
