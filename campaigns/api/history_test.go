package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
)

// fields is what a change did, as "field: before -> after".
func fields(change any) string {
	var out []string
	for _, f := range change.(map[string]any)["fields"].([]any) {
		f := f.(map[string]any)
		show := func(v any) string {
			b, _ := json.Marshal(v)
			return string(b)
		}
		out = append(out, fmt.Sprintf("%v: %s -> %s", f["field"], show(f["before"]), show(f["after"])))
	}
	return strings.Join(out, "; ")
}

func TestHistoryTellsEveryChange(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	one := "/v1/line-items/" + w.lineItem
	s.clock.Store(int64(time.Minute))
	s.want(200, w.advertiserKey, "PATCH", one, `{"name":"renamed","budget":{"daily_nanos":9000000000000001},"targeting":{"tags":null}}`, "If-Match", "*")
	s.want(200, w.agencyKey, "POST", one+"/pause", "")
	s.want(200, w.agencyKey, "POST", one+"/pause", "") // changes nothing
	items := func(key, path string) []any {
		t.Helper()
		return s.want(200, key, "GET", path, "").body["items"].([]any)
	}
	h := items(w.advertiserKey, one+"/history")
	if len(h) != 3 {
		t.Fatalf("got %v", h)
	}
	pause, update, create := h[0].(map[string]any), h[1].(map[string]any), h[2].(map[string]any)
	if fields(pause) != `status: "active" -> "paused"` || pause["action"] != "pause" || pause["revision"] != 3.0 || fmt.Sprint(pause["actor"]) != "map[id:2 kind:api_key name:agency]" {
		t.Errorf("got %v", pause)
	}
	if got := fields(update); got != `budget.daily_nanos: 0 -> 9000000000000001; name: "L" -> "renamed"; targeting.tags.any_of: [["auto"]] -> null` &&
		got != `budget.daily_nanos: 0 -> 9e+15; name: "L" -> "renamed"; targeting.tags.any_of: [["auto"]] -> null` || update["at"] != "2026-11-21T12:01:00Z" {
		t.Errorf("got %s at %v", got, update["at"])
	}
	if raw := s.want(200, s.operator, "GET", one+"/history", "").raw; !strings.Contains(raw, `"after":9000000000000001`) {
		t.Errorf("digits were lost: %s", raw)
	}
	if create["action"] != "create" || !strings.Contains(fields(create), `name: null -> "L"`) {
		t.Errorf("got %v", create)
	}
	s.want(404, w.advertiserKey, "GET", "/v1/line-items/"+other.lineItem+"/history", "")

	f := func(key, query string, want int) {
		t.Helper()
		if got := items(key, "/v1/changes"+query); len(got) != want {
			t.Errorf("%s: got %d changes; want %d", query, len(got), want)
		}
	}
	f(s.operator, "", 12)
	f(w.agencyKey, "", 7)
	f(w.advertiserKey, "", 6) // without the agency's
	f(s.operator, "?kind=line_item", 4)
	f(s.operator, "?kind=line_item&entity_id="+w.lineItem, 3)
	f(s.operator, "?action=pause", 1)
	f(s.operator, "?api_key_id=3", 1)
	f(s.operator, "?user_id=3", 0)
	f(s.operator, "?since=2026-11-21T12:01:00Z", 2)
	f(s.operator, "?until=2026-11-21T12:01:00Z", 10)
	f(s.operator, "?advertiser_id="+other.advertiser, 4)
	s.want(404, w.agencyKey, "GET", "/v1/changes?advertiser_id="+other.advertiser, "")
	s.wantViolation(422, s.operator, "GET", "/v1/changes?entity_id=1", "", "query.entity_id", "1", "with kind")
	s.wantViolation(422, s.operator, "GET", "/v1/changes?kind=moon", "", "query.kind", "moon", "one of")
	seen := 0
	for cursor := ""; cursor != "<nil>"; {
		a := s.want(200, s.operator, "GET", "/v1/changes?limit=5&cursor="+cursor, "")
		seen += len(a.body["items"].([]any))
		cursor = fmt.Sprint(a.body["next"])
	}
	if seen != 12 {
		t.Errorf("pages hold %d changes; want 12", seen)
	}
}

func TestConflictsShowBothVersions(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	one := "/v1/line-items/" + w.lineItem
	s.want(200, w.agencyKey, "PATCH", one, `{"name":"theirs","max_bid_micros":7,"budget":{"daily_nanos":5}}`, "If-Match", `"1"`)
	a := s.want(412, w.advertiserKey, "PATCH", one, `{"name":"mine","price_micros":9000000000000001,"budget":{"daily_nanos":5}}`, "If-Match", `"1"`)
	c := a.body["conflict"].(map[string]any)
	if c["your_revision"] != 1.0 || c["stored_revision"] != 2.0 || c["yours"].(map[string]any)["name"] != "mine" || c["stored"].(map[string]any)["name"] != "theirs" ||
		c["yours"].(map[string]any)["max_bid_micros"] != 1e6 {
		t.Errorf("got %s", a.raw)
	}
	var got []string
	for _, f := range c["fields"].([]any) {
		f := f.(map[string]any)
		got = append(got, fmt.Sprint(f["field"], " ", f["changed_by"]))
	}
	if fmt.Sprint(got) != "[max_bid_micros they name both price_micros you]" || !strings.Contains(a.raw, "9000000000000001") {
		t.Errorf("got %v in %s", got, a.raw)
	}
	// A status has one field.
	a = s.want(412, w.agencyKey, "POST", one+"/pause", "", "If-Match", `"1"`)
	if c := a.body["conflict"].(map[string]any); c["yours"].(map[string]any)["status"] != "paused" || c["stored"].(map[string]any)["status"] != "active" {
		t.Errorf("got %s", a.raw)
	}
	// A revision that never was: what would be made of the stored one.
	a = s.want(412, w.agencyKey, "PATCH", one, `{"name":"mine"}`, "If-Match", `"9"`)
	if fs := a.body["conflict"].(map[string]any)["fields"].([]any); len(fs) != 1 || fs[0].(map[string]any)["changed_by"] != "unknown" {
		t.Errorf("got %s", a.raw)
	}
}

func TestUndo(t *testing.T) {
	s := serve(t)
	w, other := s.plant("one"), s.plant("two")
	one := "/v1/line-items/" + w.lineItem
	newest := func() string {
		t.Helper()
		c := s.want(200, s.operator, "GET", one+"/history?limit=1", "").body["items"].([]any)[0].(map[string]any)
		return fmt.Sprintf("/v1/changes/%.0f/undo", c["id"])
	}
	create := newest()
	before := s.want(200, s.operator, "GET", one, "")
	s.want(200, w.advertiserKey, "PATCH", one, `{"name":"x","targeting":{"countries":null,"os":["ios"]},"budget":{"daily_nanos":5}}`, "If-Match", "*")
	edit := newest()
	s.want(200, w.advertiserKey, "PATCH", one, `{"max_bid_micros":7}`, "If-Match", "*")

	a := s.want(200, w.advertiserKey, "POST", edit+"?validate_only=true", "")
	if a.body["name"] != "L" {
		t.Errorf("got %s", a.raw)
	}
	if a := s.want(200, s.operator, "GET", one, ""); a.body["name"] != "x" || a.body["revision"] != 3.0 {
		t.Errorf("a rehearsal was kept: %s", a.raw)
	}
	a = s.want(200, w.advertiserKey, "POST", edit, "")
	if a.body["name"] != "L" || a.body["max_bid_micros"] != 7.0 || fmt.Sprint(a.body["targeting"]) != fmt.Sprint(before.body["targeting"]) || a.header.Get("ETag") != `"4"` {
		t.Errorf("got %s", a.raw)
	}
	undo := newest()
	if h := s.want(200, s.operator, "GET", one+"/history?limit=1", ""); !strings.Contains(h.raw, `"action":"undo"`) || !strings.Contains(h.raw, `"undoes":`) {
		t.Errorf("got %s", h.raw)
	}
	// The undo can be undone, and then the edit again.
	if a = s.want(200, w.advertiserKey, "POST", undo, ""); a.body["name"] != "x" {
		t.Errorf("got %s", a.raw)
	}
	s.want(200, w.agencyKey, "PATCH", one, `{"name":"later"}`, "If-Match", "*")
	a = s.want(409, w.advertiserKey, "POST", edit, "")
	c := a.body["conflict"].(map[string]any)
	if fs := c["fields"].([]any); len(fs) != 1 || fs[0].(map[string]any)["field"] != "name" || fs[0].(map[string]any)["stored"] != "later" || fs[0].(map[string]any)["yours"] != "L" {
		t.Errorf("got %s", a.raw)
	}
	s.wantViolation(422, w.advertiserKey, "POST", create, "", "path.id", strings.Split(create, "/")[3], "archive")
	s.want(404, w.advertiserKey, "POST", "/v1/changes/9999/undo", "")
	s.want(200, s.operator, "PATCH", "/v1/line-items/"+other.lineItem, `{"name":"y"}`, "If-Match", "*")
	theirs := s.want(200, s.operator, "GET", "/v1/changes?limit=1", "").body["items"].([]any)[0].(map[string]any)["id"]
	s.want(404, w.advertiserKey, "POST", fmt.Sprintf("/v1/changes/%.0f/undo", theirs), "")
	// What is archived stays so.
	s.want(200, w.advertiserKey, "POST", one+"/archive", "")
	s.want(422, w.advertiserKey, "POST", newest(), "")
}

func TestValidateOnlyStoresNothing(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	a := s.want(200, s.operator, "POST", "/v1/agencies?validate_only=true", `{"name":" x "}`)
	if a.body["name"] != "x" || a.id() != "0" || a.header.Get("Location") != "" {
		t.Errorf("got %v %s", a.header, a.raw)
	}
	s.want(422, s.operator, "POST", "/v1/agencies?validate_only=true", `{"name":""}`)
	one := "/v1/line-items/" + w.lineItem
	if a = s.want(200, s.operator, "PATCH", one+"?validate_only=true", `{"name":"x"}`, "If-Match", `"1"`); a.body["name"] != "x" {
		t.Errorf("got %s", a.raw)
	}
	if a = s.want(200, s.operator, "POST", one+"/archive?validate_only=true", ""); a.body["status"] != "archived" {
		t.Errorf("got %s", a.raw)
	}
	s.want(412, s.operator, "PATCH", one+"?validate_only=true", `{"name":"x"}`, "If-Match", `"9"`)
	if a = s.want(200, s.operator, "GET", one, ""); a.body["name"] != "L" || a.body["status"] != "active" || a.body["revision"] != 1.0 {
		t.Errorf("got %s", a.raw)
	}
	if a = s.want(201, s.operator, "POST", "/v1/agencies", `{"name":"x"}`); a.id() != "2" {
		t.Errorf("got the id %s; want 2", a.id())
	}
	if h := s.want(200, s.operator, "GET", "/v1/changes", ""); len(h.body["items"].([]any)) != 6 {
		t.Errorf("got %s", h.raw)
	}
}

// TestRewindIsExact: whatever the edits, the history gives each revision back.
func TestRewindIsExact(t *testing.T) {
	leaf := rapid.SampledFrom([]string{`1`, `"a"`, `null`, `[1,2]`, `{}`, `{"x":1}`, `{"x":{"y":2},"z":[{}]}`, `9007199254740993`})
	doc := rapid.Custom(func(t *rapid.T) campaigns.Document {
		d := campaigns.Document{"revision": json.RawMessage("0")}
		for _, name := range []string{"a", "b", "c"} {
			if rapid.Bool().Draw(t, "has") {
				d[name] = json.RawMessage(leaf.Draw(t, name))
			}
		}
		return d
	})
	rapid.Check(t, func(t *rapid.T) {
		versions := rapid.SliceOfN(doc, 2, 6).Draw(t, "versions")
		var changes []campaigns.Change
		for i := 1; i < len(versions); i++ {
			versions[i]["revision"] = json.RawMessage(fmt.Sprint(i))
			changes = append([]campaigns.Change{{Revision: int64(i), Fields: campaigns.Diff(versions[i-1], versions[i])}}, changes...)
		}
		b, _ := json.Marshal(versions[len(versions)-1])
		var d campaigns.Document
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
		for i, c := range changes {
			if err := campaigns.Rewind(d, []campaigns.Change{c}); err != nil {
				t.Fatal(err)
			}
			want := versions[len(versions)-2-i]
			for _, name := range []string{"a", "b", "c"} {
				// An object that a change emptied is as good as absent.
				got, was := string(d[name]), string(want[name])
				if got != was && !(got == "" && was == "{}") {
					t.Fatalf("revision %d: %s is %s; want %s", i, name, got, was)
				}
			}
		}
	})
}
