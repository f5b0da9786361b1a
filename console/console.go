// Package console is the operators' web console: embedded files, no build step,
// nothing from another host. Data comes from the campaign API of the same origin.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// policy lets the page load and reach only its own origin, and forbids inline
// scripts and styles, framing and forms that leave the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// file is one asset, ready to be served.
type file struct {
	body        []byte
	contentType string
	etag        string
}

// Handler serves the console: its page at "/", its assets below it, 404 for
// everything else, 405 for methods other than GET and HEAD. Safe for concurrent use.
func Handler() http.Handler {
	files, err := load(assets)
	if err != nil { // cannot be: the files are in the binary
		panic(err)
	}
	return serve(files)
}

// load reads every asset by its URL path.
func load(from fs.FS) (map[string]file, error) {
	files := make(map[string]file)
	err := fs.WalkDir(from, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return fmt.Errorf("console: read %s: %w", name, err)
		}
		kind, ok := contentType(name)
		if !ok {
			return fmt.Errorf("console: %s: extension %q has no content type", name, path.Ext(name))
		}
		sum := sha256.Sum256(body)
		files[strings.TrimPrefix(name, "assets")] = file{
			body: body, contentType: kind, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`,
		}
		return nil
	})
	if page, ok := files["/index.html"]; ok {
		files["/"] = page
		delete(files, "/index.html") // one page, one address
	}
	return files, err
}

// contentType does not ask the machine's table of MIME types first: a wrong
// entry there would keep browsers from running modules.
func contentType(name string) (string, bool) {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".html":
		return "text/html; charset=utf-8", true
	case ".svg":
		return "image/svg+xml", true
	default:
		t := mime.TypeByExtension(ext)
		return t, t != ""
	}
}

func serve(files map[string]file) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		f, ok := files[r.URL.Path]
		if !ok {
			h.Set("Cache-Control", "no-store")
			http.Error(w, "404 not found", http.StatusNotFound)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "405 method not allowed; want GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		// Kept, but asked for again: a new binary's page never runs an old one's modules.
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Type", f.contentType)
		h.Set("ETag", f.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	})
}
