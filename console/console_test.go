package console

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func get(t *testing.T, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestServes(t *testing.T) {
	f := func(method, target string, status int, contentType string) {
		t.Helper()
		res := get(t, method, target)
		if res.StatusCode != status || res.Header.Get("Content-Type") != contentType {
			t.Errorf("%s %s: %d %q; want %d %q", method, target, res.StatusCode, res.Header.Get("Content-Type"), status, contentType)
		}
		// Errors too: what is served must never be a script's way in.
		if csp := res.Header.Get("Content-Security-Policy"); csp != policy || strings.Contains(csp, "unsafe") {
			t.Errorf("%s %s: Content-Security-Policy: %q", method, target, csp)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s %s: headers %v", method, target, res.Header)
		}
	}
	const text, html = "text/plain; charset=utf-8", "text/html; charset=utf-8"
	f("GET", "/", 200, html)
	f("HEAD", "/", 200, html)
	f("GET", "/?next=1", 200, html)
	f("GET", "/line-items/12", 200, html) // the application's own addresses
	f("GET", "/live/", 200, html)
	f("GET", "/live/main.js", 200, "text/javascript; charset=utf-8")
	f("GET", "/live/base.css", 200, "text/css; charset=utf-8")
	f("GET", "/live/mark.svg", 200, "image/svg+xml")
	f("GET", "/live", 301, html)
	f("GET", "/index.html", 404, text)
	f("GET", "/live/index.html", 404, text)
	f("GET", "/live/nothing", 404, text)
	f("GET", "/nothing.js", 404, text)
	f("GET", "/assets/nothing", 404, text)
	f("GET", "/live/main.js/", 404, text)
	f("GET", "//", 404, text)
	f("GET", "/../console.go", 404, text)
	f("POST", "/", 405, text)
	f("POST", "/line-items/12", 405, text)
	f("DELETE", "/live/main.js", 405, text)
	f("POST", "/nothing.js", 404, text)
}

func TestCaching(t *testing.T) {
	first := get(t, "GET", "/live/main.js")
	etag := first.Header.Get("ETag")
	if len(etag) < 20 || !strings.HasPrefix(etag, `"`) || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("ETag %q, Cache-Control %q; want a strong tag and no-cache", etag, first.Header.Get("Cache-Control"))
	}
	f := func(target, tag string, status int) {
		t.Helper()
		if res := get(t, "GET", target, "If-None-Match", tag); res.StatusCode != status {
			t.Errorf("%s If-None-Match %s: %d; want %d", target, tag, res.StatusCode, status)
		}
	}
	f("/live/main.js", etag, 304)
	f("/live/main.js", `"other", `+etag, 304)
	f("/live/main.js", `"other"`, 200)
	f("/live/api.js", etag, 200) // another file, another tag
	if res := get(t, "GET", "/assets/nothing.js"); res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("ETag") != "" {
		t.Errorf("a 404 must not be kept: %v", res.Header)
	}
}

// A build as "make console" leaves it.
func built() fstest.MapFS {
	return fstest.MapFS{
		"dist/index.html":         {Data: []byte("<!doctype html>")},
		"dist/assets/a-1f.js":     {Data: []byte("export default 1")},
		"dist/assets/a-1f.js.br":  {Data: []byte("brotli")},
		"dist/assets/a-1f.js.gz":  {Data: []byte("gzip")},
		"dist/assets/b-2e.css":    {Data: []byte("a{}")},
		"dist/assets/b-2e.css.gz": {Data: []byte("gzipped")},
		"live/index.html":         {Data: []byte("<!doctype html>")},
	}
}

func TestServesABuild(t *testing.T) {
	h, err := newHandler(built())
	if err != nil {
		t.Fatal(err)
	}
	f := func(target, accept, coding, body, cache string) {
		t.Helper()
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 || w.Header().Get("Content-Encoding") != coding || w.Body.String() != body {
			t.Errorf("%s, %q: %d %q %q; want %q %q", target, accept, w.Code, w.Header().Get("Content-Encoding"), w.Body, coding, body)
		}
		if got := w.Header().Get("Cache-Control"); got != cache {
			t.Errorf("%s: Cache-Control %q; want %q", target, got, cache)
		}
		if compressible := target != "/"; (w.Header().Get("Vary") == "Accept-Encoding") != compressible {
			t.Errorf("%s: Vary %q", target, w.Header().Get("Vary"))
		}
	}
	const forever = "public, max-age=31536000, immutable"
	f("/assets/a-1f.js", "gzip, deflate, br, zstd", "br", "brotli", forever)
	f("/assets/a-1f.js", "gzip", "gzip", "gzip", forever)
	f("/assets/a-1f.js", "br;q=0, gzip;q=0.5", "gzip", "gzip", forever)
	f("/assets/a-1f.js", "BR;q=1.0", "br", "brotli", forever)
	f("/assets/a-1f.js", "gzip;q=0.000", "", "export default 1", forever)
	f("/assets/a-1f.js", "", "", "export default 1", forever)
	f("/assets/b-2e.css", "br, gzip", "gzip", "gzipped", forever)
	f("/", "br, gzip", "", "<!doctype html>", "no-cache")
	for _, compressed := range []string{"/assets/a-1f.js.br", "/assets/a-1f.js.gz"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", compressed, nil))
		if w.Code != 404 {
			t.Errorf("%s: %d; want 404", compressed, w.Code)
		}
	}
}

// everyAsset calls f with each file's name below live/ and its text.
func everyAsset(t *testing.T, f func(name, text string)) {
	t.Helper()
	files := 0
	err := fs.WalkDir(embedded, "live", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := embedded.ReadFile(name)
		files++
		f(strings.TrimPrefix(name, "live"), string(b))
		return err
	})
	if err != nil || files < 15 {
		t.Fatalf("%d assets, %v", files, err)
	}
}

func TestAssetsNeedNoOtherHost(t *testing.T) {
	external := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]`)
	everyAsset(t, func(name, text string) {
		text = strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "") // a name, not an address
		if found := external.FindString(text); found != "" {
			t.Errorf("%s names another host: %s", name, found)
		}
	})
}

func TestAssetsKeepThePolicy(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`)
	everyAsset(t, func(name, text string) {
		if ext := path.Ext(name); ext == ".html" || ext == ".svg" {
			if found := inline.FindString(text); found != "" {
				t.Errorf("%s: %q breaks the policy", name, found)
			}
		} else if found := markup.FindString(text); found != "" {
			t.Errorf("%s: %q makes markup or code of text", name, found)
		}
		if n := strings.Count(text, "\n"); n > 500 {
			t.Errorf("%s has %d lines; want one idea in 500 at most", name, n)
		}
	})
}

// Every file that a file names is served, and every served file is named.
func TestAssetsReferToEachOther(t *testing.T) {
	reference := regexp.MustCompile(`(?:src|href)="/live(/[a-z-]+\.[a-z]+)"|from '\.(/[a-z]+\.js)'`)
	named := map[string]bool{"/index.html": true}
	everyAsset(t, func(name, text string) {
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			target := m[1] + m[2]
			named[target] = true
			if res := get(t, "GET", "/live"+target); res.StatusCode != 200 {
				t.Errorf("%s names %s: %d", name, target, res.StatusCode)
			}
		}
	})
	for _, level := range []string{"good", "warn", "bad", "idle"} {
		named["/icon-"+level+".svg"] = true // main.js puts the name together
	}
	everyAsset(t, func(name, _ string) {
		if !named[name] {
			t.Errorf("nothing names %s", name)
		}
	})
}

// The page finds its elements by id; one that is missing would stop it whole.
func TestScriptsFindTheirElements(t *testing.T) {
	page, err := embedded.ReadFile("live/index.html")
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]bool)
	for _, m := range regexp.MustCompile(`\sid="([^"]+)"`).FindAllStringSubmatch(string(page), -1) {
		if ids[m[1]] {
			t.Errorf("index.html has two elements of id %q", m[1])
		}
		ids[m[1]] = true
	}
	everyAsset(t, func(name, text string) {
		for _, m := range regexp.MustCompile(`\$\('([^']+)'\)`).FindAllStringSubmatch(text, -1) {
			if !ids[m[1]] {
				t.Errorf("%s: no element has the id %q", name, m[1])
			}
		}
	})
}

func TestLoadRefuses(t *testing.T) {
	f := func(change func(fstest.MapFS), want string) {
		t.Helper()
		files := built()
		change(files)
		if _, err := newHandler(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want an error that names %s", err, want)
		}
	}
	f(func(m fstest.MapFS) { m["dist/page.unheard-of"] = &fstest.MapFile{} }, "page.unheard-of")
	f(func(m fstest.MapFS) { delete(m, "dist/index.html") }, "dist has no index.html")
}
