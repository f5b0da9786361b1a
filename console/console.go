// Package console is the web console, embedded: the application in dist, built
// from web by "make console", and the operators' live page. Both load nothing
// from another host; data comes from the API of the same origin.
package console

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed all:dist live
var embedded embed.FS

// policy lets the pages load and reach only their own origin, and forbids inline
// scripts and styles, framing and forms that leave the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Handler serves the application at every path that a person may open, its files
// below /assets/ and the live page below /live/. Safe for concurrent use.
func Handler() http.Handler {
	h, err := newHandler(embedded)
	if err != nil { // cannot be: the files are in the binary
		panic(err)
	}
	return h
}

// handler is every file by its path in a URL.
type handler struct {
	app, live map[string]*file
}

func newHandler(from fs.FS) (*handler, error) {
	app, err := load(from, "dist")
	if err != nil {
		return nil, err
	}
	live, err := load(from, "live")
	return &handler{app, live}, err
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.URL.Path == "/live" {
		http.Redirect(w, r, "/live/", http.StatusMovedPermanently)
		return
	}
	f := h.find(r.URL.Path)
	if f == nil {
		head.Set("Cache-Control", "no-store")
		http.Error(w, "404 not found", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "405 method not allowed; want GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	f.serve(w, r)
}

// find returns the application's page for every address that is no file's: the
// application itself knows its addresses, and says which it does not know.
func (h *handler) find(p string) *file {
	if name, live := strings.CutPrefix(p, "/live/"); live {
		return h.live["/"+name]
	}
	if f := h.app[p]; f != nil {
		return f
	}
	if path.Clean(p) != p || strings.HasPrefix(p, hashed) || path.Ext(p) != "" {
		return nil
	}
	return h.app["/"]
}
