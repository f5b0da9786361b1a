package profiles

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

const user17 = "0000000000000011"

func decodeProfile(value string) (decoded, error) {
	d := decoder{numbers: someTags}
	return d.profile(&eventlog.Record{Key: []byte(user17), Value: []byte(value)})
}

func TestDecodeProfile(t *testing.T) {
	f := func(value string, unknown int, want ...Tag) {
		t.Helper()
		p, err := decodeProfile(value)
		if err != nil || p.user != 17 || p.version != 3 || p.unknown != unknown || !slices.Equal(p.tags, want) ||
			!p.at.Equal(time.Date(2026, 11, 21, 1, 2, 3, 5e8, time.UTC)) {
			t.Errorf("%s:\ngot %+v, %v; want %+v", value, p, err, want)
		}
	}
	head := `{"v":1,"user":"` + user17 + `","version":3,"at":"2026-11-21T01:02:03.5Z","tags":`
	f(head+`[]}`, 0)
	f(head+`[{"owner":0,"tag":"auto/suv","weight":100,"expires":"2026-11-21T02:00:59Z"}]}`, 0,
		Tag{Key: 2, Weight: 100, Expires: MinuteOf(time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC))})
	f(head+`[{"tag":"auto","weight":255,"expires":null,"owner":7},{"owner":0,"tag":"nobody/knows","weight":1},{"owner":0,"tag":"travel","weight":1}]}`, 1,
		Tag{Key: 3, Weight: 1}, Tag{Key: campaigns.NewTagKey(7, 1), Weight: 255})
	f(head+`[{"tag":"\u0061uto","weight":9}]}`, 0, Tag{Key: 1, Weight: 9})
	f(head+`[{"tag":"auto","weight":9},{"tag":"auto","weight":8}]}`, 0, Tag{Key: 1, Weight: 9})
	f(" \t\r\n"+head+`[ ] , "x" : [{"a":[null,true,-1.5e3,"\"]"]}] } `, 0)
	f(`{"tags":[],"at":"2026-11-21T02:02:03.5+01:00","version":3,"user":"`+strings.ToUpper(user17)+`","v":1}`, 0)
}

func TestDecodeProfileRefuses(t *testing.T) {
	f := func(value string, wants ...string) {
		t.Helper()
		_, err := decodeProfile(value)
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.200s: got %v; want %q", value, err, want)
			}
		}
	}
	tags := func(s string) string {
		return `{"v":1,"user":"` + user17 + `","version":3,"at":"2026-11-21T01:02:03Z","tags":` + s + `}`
	}
	f("", "want an object")
	f("[]", "want an object")
	f("{", "want a string")
	f(tags(`[]`)+"x", "want the end")
	f(`{"v":2}`, "v: got 2; want 1")
	f(`{"v":2,"user":5}`, "v: got 2; want 1")
	f(`{"v":1.5}`, "v: want an integer")
	f(`{"user":"`+user17+`"}`, "v: missing")
	f(`{"v":1}`, "user: missing")
	f(strings.Replace(tags(`[]`), user17, "0000000000000012", 1), "user: differs")
	f(strings.Replace(tags(`[]`), user17, "0000000000000000", 1), "user: want 16 hex digits")
	f(strings.Replace(tags(`[]`), `"version":3`, `"version":0`, 1), "version: got 0; want 1 to")
	f(strings.Replace(tags(`[]`), `"version":3`, `"version":18446744073709551616`, 1), "version: got 1844674407370955161")
	f(strings.Replace(tags(`[]`), `"version":3`, `"version":03`, 1), "version: want an integer")
	f(strings.Replace(tags(`[]`), `2026-11-21T`, `2026-21-21T`, 1), "at: got")
	f(tags(`null`), "tags: got", "want an array")
	f(tags(`[{"tag":"auto"}]`), "tags[0].weight: missing")
	f(tags(`[{"tag":"auto","weight":1},{"weight":1}]`), "tags[1].tag: missing")
	f(tags(`[{"tag":"auto","weight":256}]`), "tags[0].weight: got 256; want 1 to 255")
	f(tags(`[{"tag":"","weight":1}]`), "tags[0].tag: got 0 bytes")
	f(tags(`[{"tag":"`+"\xff"+`","weight":1}]`), "UTF-8")
	f(tags(`[{"tag":"a`+"\n"+`","weight":1}]`), "control character")
	f(tags(`[{"tag":"a\q","weight":1}]`), "not a JSON string")
	f(tags(`[{"tag":"auto","weight":1,"owner":4294967296}]`), "tags[0].owner: got 4294967296")
	f(tags(`[{"tag":"auto","weight":1,"owner":-1}]`), "tags[0].owner")
	f(tags(`[{"tag":"auto","weight":1,"expires":"soon"}]`), "tags[0].expires")
	f(tags(`[`+strings.Repeat(`{"tag":"auto","weight":1},`, MaxTags)+`{"tag":"auto","weight":1}]`), "more than 1000")
	f(`{"x":`+strings.Repeat("[", 100_000), "nested deeper")
	f(`{"x":tru}`, "want true or false")
	f(`{"x":-}`, "want a value")
}

func TestDecodeEvent(t *testing.T) {
	f := func(value, wantErr string, want event) {
		t.Helper()
		d := decoder{numbers: someTags}
		got, err := d.event(&eventlog.Record{Key: []byte(user17), Value: []byte(value)})
		if wantErr == "" && err != nil || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) || got != want {
			t.Errorf("%s:\ngot %+v, %v; want %+v, %q", value, got, err, want, wantErr)
		}
	}
	head := `{"v":1,"id":"x1","user":"` + user17 + `","at":"2026-11-21T12:00:00.007Z","type":`
	seen := testNow.UnixMilli() + 7
	f(head+`"tag","owner":7,"tag":"auto","weight":5,"expires":"1970-01-01T00:02:30Z"}`, "",
		event{user: 17, known: true, tag: Tag{Key: campaigns.NewTagKey(7, 1), Weight: 5, Expires: 2, Seen: seen}})
	f(head+`"tag","owner":7,"tag":"auto","remove":true}`, "",
		event{user: 17, known: true, tag: Tag{Key: campaigns.NewTagKey(7, 1), Seen: seen}})
	f(head+`"tag","tag":"who","weight":5}`, "", event{user: 17, tag: Tag{Weight: 5, Seen: seen}})
	f(head+`"page_view","url":{"a":[]}}`, "", event{ignore: true})
	f(head+`"tag","tag":"auto"}`, "weight: missing", event{})
	f(head+`"tag","weight":1}`, "tag: missing", event{})
	f(head+`"tag","tag":"auto","weight":1,"remove":1}`, "remove", event{})
	f(strings.Replace(head, `"id":"x1",`, "", 1)+`"tag","tag":"auto","weight":1}`, "id: missing", event{})
	f(strings.Replace(head, `"v":1`, `"v":9`, 1)+`"tag"}`, "v: got 9", event{})
}

// TestEncodeIsStandardJSON reads what is written with encoding/json.
func TestEncodeIsStandardJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringN(1, 40, maxPathBytes).Draw(t, "path")
		tag := TagPath{
			Owner: campaigns.ID(rapid.Int64Range(0, 1<<32-1).Draw(t, "owner")), Path: path,
			Weight: rapid.Uint8Min(1).Draw(t, "weight"), Expires: time.Unix(rapid.Int64Range(1, 1<<32).Draw(t, "expires"), 0).UTC(),
		}
		if err := tag.Validate(); err != nil {
			t.Fatalf("validate: %v", err)
		}
		e := TagEvent{ID: rapid.StringN(1, 20, maxEventIDBytes).Draw(t, "id"), User: ids.UserKey(rapid.Uint64Min(1).Draw(t, "user")), At: testNow, Tag: tag, Remove: rapid.Bool().Draw(t, "remove")}
		var got struct {
			V       int
			ID      string
			User    string
			Type    string
			At      time.Time
			Owner   campaigns.ID
			Tag     string
			Weight  uint8
			Expires time.Time
			Remove  bool
		}
		b := e.AppendJSON(nil)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if got.V != 1 || got.ID != e.ID || got.User != e.User.String() || got.Type != "tag" || !got.At.Equal(e.At) || got.Owner != tag.Owner ||
			got.Tag != path || got.Weight != tag.Weight || !got.Expires.Equal(tag.Expires) || got.Remove != e.Remove {
			t.Fatalf("%s: got %+v; want %+v", b, got, e)
		}
		d := decoder{numbers: testNumbers{path: 5}}
		ev, err := d.event(&eventlog.Record{Key: userKey(e.User), Value: b})
		if err != nil || !ev.known || ev.user != e.User {
			t.Fatalf("%s: got %+v, %v", b, ev, err)
		}
	})
}

// FuzzDecode compares the scanner with encoding/json: what one takes for JSON
// the other must too, and no input may panic either decoder.
func FuzzDecode(f *testing.F) {
	full := Full{User: 17, Version: 3, At: testNow, Tags: []TagPath{{7, "auto", 5, testNow}, {0, "list/\"odd\" é", 1, time.Time{}}}}
	f.Add(full.AppendJSON(nil))
	f.Add(TagEvent{ID: "a", User: 17, At: testNow, Tag: full.Tags[0], Remove: true}.AppendJSON(nil))
	f.Add([]byte(`{"v":1,"x":{"a":[1,-2.5e+3,true,false,null,"\u00e9\n"]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := decoder{numbers: someTags}
		r := &eventlog.Record{Key: []byte(user17), Value: b}
		p, errProfile := d.profile(r)
		if errProfile == nil {
			checkAgainstJSON(t, b, p)
		}
		_, errEvent := d.event(r)
		if (errProfile == nil || errEvent == nil) && !json.Valid(b) && !hasRawInvalidUTF8(b) {
			t.Fatalf("accepted what is no JSON: %q", b)
		}
	})
}

// hasRawInvalidUTF8: unknown strings are not checked for UTF-8; encoding/json
// does not mind either, so this only documents the tolerance.
func hasRawInvalidUTF8(b []byte) bool { return strings.ToValidUTF8(string(b), "") != string(b) }

func checkAgainstJSON(t *testing.T, b []byte, p decoded) {
	var std struct {
		V       uint64
		User    string
		Version uint64
		At      time.Time
	}
	if err := json.Unmarshal(b, &std); err != nil {
		return // encoding/json matches names in any case, and so meets other types
	}
	if got := fmt.Sprintf("%016x", uint64(p.user)); !strings.EqualFold(got, user17) {
		t.Fatalf("%q: user %s", b, got)
	}
	if len(p.tags)+p.unknown > MaxTags || p.version == 0 {
		t.Fatalf("%q: got %+v", b, p)
	}
}
