package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const videoBody = `{"advertiser_id":%s,"name":"V","format":"video","vast":{"duration_seconds":30,"skip_offset_seconds":5,
	"media_files":[{"url":"https://cdn.example/a.mp4","mime":"video/mp4","w":1280,"h":720}]},"cattax":6,"cat":["211"]}`

const nativeBody = `{"advertiser_id":%s,"name":"N","format":"native","landing_url":"https://a.example/","native":{"title":"T",
	"icon":{"url":"https://cdn.example/i.png","w":80,"h":80},"data":[{"type":1,"value":"A"}]}}`

func TestCreativesOfEveryFormat(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	a := s.want(201, w.advertiserKey, "POST", "/v1/creatives", fmt.Sprintf(videoBody, w.advertiser))
	if a.body["format"] != "video" || a.body["cattax"] != 6.0 || a.body["native"] != nil || a.body["exchanges"] != nil {
		t.Errorf("got %s", a.raw)
	}
	s.want(201, w.advertiserKey, "POST", "/v1/creatives", fmt.Sprintf(nativeBody, w.advertiser))
	s.want(201, w.advertiserKey, "POST", "/v1/creatives", fmt.Sprintf(
		`{"advertiser_id":%s,"name":"A","format":"audio","vast":{"tag_url":"https://tag.example/v","tag_version":4,"duration_seconds":15}}`, w.advertiser))

	f := func(old, new, field, value, rule string) {
		t.Helper()
		body := strings.Replace(fmt.Sprintf(videoBody, w.advertiser), old, new, 1)
		s.wantViolation(422, w.advertiserKey, "POST", "/v1/creatives", body, field, value, rule)
	}
	f(`"mime":"video/mp4"`, `"mime":7`, "creative.vast.media_files[0].mime", "7", "string")
	f(`"mime":"video/mp4",`, ``, "creative.vast.media_files[0].mime", "", "media type")
	f(`"url":`, `"href":`, "creative.vast.media_files[0].href", "https://cdn.example/a.mp4", "not a known field")
	f(`"url":"https:`, `"url":"http:`, "creative.vast.media_files[0].url", "http://cdn.example/a.mp4", "https")
	f(`"cat":["211"]`, `"cat":["IAB8-18"]`, "creative.cat[0]", "IAB8-18", "cattax 6")
	f(`"format":"video"`, `"format":"film"`, "creative.format", "film", "banner, video, audio or native")
	s.wantViolation(422, w.advertiserKey, "POST", "/v1/creatives", fmt.Sprintf(`{"advertiser_id":%s,"name":"V","w":300,"image_url":"https://cdn.example/a","landing_url":"https://a.example/"}`, w.advertiser),
		"creative.h", "0", "1 to 10000")
	s.wantViolation(422, w.advertiserKey, "PATCH", "/v1/line-items/"+w.lineItem, `{"guaranteed":true}`, "line_item.targeting.deals", "[]", "guaranteed", "If-Match", "*")
	if a := s.want(200, w.advertiserKey, "PATCH", "/v1/line-items/"+w.lineItem, `{"guaranteed":true,"targeting":{"deals":["d"]}}`, "If-Match", "*"); a.body["guaranteed"] != true {
		t.Errorf("got %s", a.raw)
	}
	if n := s.failures.Load(); n != 0 {
		t.Errorf("%d errors behind answers of 500", n)
	}
}

func TestPatchesOfNestedObjects(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	one := "/v1/creatives/" + s.want(201, w.advertiserKey, "POST", "/v1/creatives", fmt.Sprintf(videoBody, w.advertiser)).id()
	patch := func(body string) map[string]any {
		t.Helper()
		return s.want(200, w.advertiserKey, "PATCH", one, body, "If-Match", "*").body
	}
	vast := patch(`{"vast":{"duration_seconds":20}}`)["vast"].(map[string]any)
	if vast["duration_seconds"] != 20.0 || vast["skip_offset_seconds"] != 5.0 || len(vast["media_files"].([]any)) != 1 {
		t.Errorf("got %v", vast)
	}
	vast = patch(`{"vast":{"skip_offset_seconds":null,"companions":[{"w":300,"h":250,"image_url":"https://cdn.example/c"}]}}`)["vast"].(map[string]any)
	if vast["skip_offset_seconds"] != nil || len(vast["companions"].([]any)) != 1 {
		t.Errorf("got %v", vast)
	}
	vast = patch(`{"vast":{"media_files":null,"tag_url":"https://tag.example/v","tag_version":3}}`)["vast"].(map[string]any)
	if vast["media_files"] != nil || vast["tag_version"] != 3.0 {
		t.Errorf("got %v", vast)
	}
	s.wantViolation(422, w.advertiserKey, "PATCH", one, `{"vast":null}`, "creative.vast", "", "must be given", "If-Match", "*")
	s.wantViolation(422, w.advertiserKey, "PATCH", one, `{"vast":{"colour":1}}`, "creative.vast.colour", "1", "not a known field", "If-Match", "*")
	s.wantViolation(422, w.advertiserKey, "PATCH", one, `{"vast":5}`, "creative.vast", "5", "object", "If-Match", "*")
	// Another format takes the place of this one.
	got := patch(`{"format":"native","vast":null,"landing_url":"https://a.example/","native":{"title":"T"}}`)
	if got["vast"] != nil || got["native"].(map[string]any)["title"] != "T" {
		t.Errorf("got %v", got)
	}
}

// TestRegistrationsAreTheOperators: whoever may write "approved" needs no review.
func TestRegistrationsAreTheOperators(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	one := "/v1/creatives/" + w.creative
	a := s.want(200, s.operator, "PATCH", one, `{"exchanges":{"google":{"status":"approved","id":"77"},"index":{"status":"rejected","reason":"blurred"}}}`, "If-Match", "*")
	if a.body["exchanges"].(map[string]any)["google"].(map[string]any)["id"] != "77" {
		t.Errorf("got %s", a.raw)
	}
	s.wantViolation(422, s.operator, "PATCH", one, `{"exchanges":{"google":{"status":"fine"}}}`, "creative.exchanges.google.status", "fine", "pending, approved", "If-Match", "*")
	s.wantViolation(422, s.operator, "PATCH", one, `{"exchanges":{"google":{"state":"x"}}}`, "creative.exchanges.google.state", "x", "not a known field", "If-Match", "*")
	s.wantViolation(422, s.operator, "PATCH", one, `{"exchanges":{"google":{"status":7}}}`, "creative.exchanges.google.status", "7", "string", "If-Match", "*")
	s.wantViolation(422, s.operator, "PATCH", one, `{"exchanges":{"Go ogle":{"status":"pending"}}}`, "creative.exchanges", "Go ogle", "exchange's name", "If-Match", "*")
	for _, key := range []string{w.agencyKey, w.advertiserKey} {
		f := func(body, field, value string) {
			t.Helper()
			s.wantViolation(403, key, "PATCH", one, body, field, value, "operator", "If-Match", "*")
		}
		f(`{"exchanges":{"index":{"status":"approved","reason":null}}}`, "creative.exchanges.index.status", "approved")
		f(`{"exchanges":{"google":{"id":"78"}}}`, "creative.exchanges.google.id", "78")
		f(`{"exchanges":{"index":{"reason":"none"}}}`, "creative.exchanges.index.reason", "none")
		f(`{"exchanges":{"openx":{"status":"pending"}}}`, "creative.exchanges.openx.status", "pending")
		f(`{"exchanges":{"google":null}}`, "creative.exchanges.google", "")
		f(`{"exchanges":null}`, "creative.exchanges.google", "")
		s.wantViolation(403, key, "POST", "/v1/creatives", fmt.Sprintf(`{"advertiser_id":%s,"name":"V","w":1,"h":1,"html":"x","exchanges":{"google":{"status":"approved"}}}`, w.advertiser),
			"creative.exchanges.google.status", "approved", "operator")
		// What it read it may send back, and change the rest.
		s.want(200, key, "PATCH", one, `{"name":"N","exchanges":{"google":{"status":"approved","id":"77"}}}`, "If-Match", "*")
	}
	a = s.want(200, s.operator, "PATCH", one, `{"exchanges":{"google":null}}`, "If-Match", "*")
	if got := a.body["exchanges"].(map[string]any); len(got) != 1 || got["index"] == nil {
		t.Errorf("got %s", a.raw)
	}
	if a = s.want(200, s.operator, "PATCH", one, `{"exchanges":null}`, "If-Match", "*"); a.body["exchanges"] != nil {
		t.Errorf("got %s", a.raw)
	}
}

func TestOpenAPIDescribesCreatives(t *testing.T) {
	s := serve(t)
	a := s.want(200, "", "GET", "/openapi.json", "")
	schemas := a.body["components"].(map[string]any)["schemas"].(map[string]any)
	for _, name := range []string{"Creative", "VAST", "MediaFile", "Companion", "Verification", "NativeAd", "NativeImage", "NativeData", "Registration"} {
		schema, ok := schemas[name].(map[string]any)
		if !ok {
			t.Errorf("the document lacks %s", name)
			continue
		}
		for field, p := range schema["properties"].(map[string]any) {
			plain := []string{"id", "revision", "created_at", "updated_at", "advertiser_id", "name", "status"}
			if p.(map[string]any)["description"] == nil && (name != "Creative" || !slices.Contains(plain, field)) {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
	input := schemas["CreativeInput"].(map[string]any)
	if got := input["properties"].(map[string]any)["exchanges"].(map[string]any)["additionalProperties"]; got == nil || fmt.Sprint(input["required"]) != "[advertiser_id name]" {
		t.Errorf("got %v", input)
	}
}

// TestAnEditIsReviewedAnew: what was approved is the ad that was seen.
func TestAnEditIsReviewedAnew(t *testing.T) {
	s := serve(t)
	w := s.plant("one")
	one := "/v1/creatives/" + w.creative
	s.want(200, s.operator, "PATCH", one, `{"exchanges":{"google":{"status":"approved","id":"77"},"index":{"status":"rejected","reason":"blurred"}}}`, "If-Match", "*")
	f := func(key, edit, google, index string) {
		t.Helper()
		got := s.want(200, key, "PATCH", one, edit, "If-Match", "*").body["exchanges"].(map[string]any)
		for name, want := range map[string]string{"google": google, "index": index} {
			if r := got[name].(map[string]any); r["status"] != want {
				t.Errorf("%s: %s is %v; want %s", edit, name, r, want)
			}
		}
	}
	f(w.advertiserKey, `{"name":"another name"}`, "approved", "rejected")
	f(w.advertiserKey, `{"status":"paused"}`, "approved", "rejected")
	f(w.advertiserKey, `{"attr":[1,2]}`, "pending", "pending")
	f(s.operator, `{"attr":[1],"exchanges":{"google":{"status":"approved"}}}`, "approved", "pending")
	f(s.operator, `{"attr":[1]}`, "approved", "pending")
}
