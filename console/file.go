package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// hashed is where the build puts files whose names change with their content.
const hashed = "/assets/"

// file is one embedded file, ready to be served.
type file struct {
	contentType string
	immutable   bool
	variants    []variant // as browsers prefer them; the last is the file as it is
}

// variant is the file in one content coding; "" is as it is.
type variant struct {
	coding string
	body   []byte
	etag   string
}

// codings are the extensions of compressed files that stand beside the file itself.
var codings = []struct{ name, ext string }{{"br", ".br"}, {"gzip", ".gz"}, {"", ""}}

// load reads the files below dir by their URL paths. The page of a directory is at
// the directory's path alone: one page, one address.
func load(from fs.FS, dir string) (map[string]*file, error) {
	files := make(map[string]*file)
	err := fs.WalkDir(from, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".br" || path.Ext(name) == ".gz" {
			return err
		}
		f, err := open(from, name)
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(name, dir)
		f.immutable = dir == "dist" && strings.HasPrefix(at, hashed)
		files[strings.TrimSuffix(at, "index.html")] = f
		return nil
	})
	if err != nil {
		return nil, err
	}
	if files["/"] == nil {
		return nil, fmt.Errorf("console: %s has no index.html", dir)
	}
	return files, nil
}

// open reads one file with the compressed ones beside it.
func open(from fs.FS, name string) (*file, error) {
	kind, ok := contentType(name)
	if !ok {
		return nil, fmt.Errorf("console: %s: extension %q has no content type", name, path.Ext(name))
	}
	f := &file{contentType: kind}
	for _, c := range codings {
		body, err := fs.ReadFile(from, name+c.ext)
		if err != nil && c.name != "" {
			continue // the build compresses only what becomes smaller
		}
		if err != nil {
			return nil, fmt.Errorf("console: read %s: %w", name, err)
		}
		sum := sha256.Sum256(body)
		f.variants = append(f.variants, variant{c.name, body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`})
	}
	return f, nil
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
	case ".json":
		return "application/json", true
	case ".woff2":
		return "font/woff2", true
	default:
		t := mime.TypeByExtension(ext)
		return t, t != ""
	}
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	v := f.choose(r.Header.Get("Accept-Encoding"))
	h := w.Header()
	// What is not named by its content is asked for again: a new binary's page
	// never runs an old one's modules.
	h.Set("Cache-Control", "no-cache")
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", v.etag)
	if len(f.variants) > 1 {
		h.Set("Vary", "Accept-Encoding")
	}
	if v.coding != "" {
		h.Set("Content-Encoding", v.coding)
		r.Header.Del("Range") // a range is of the file, not of what is sent
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(v.body))
}

// choose returns the first variant that the header takes, RFC 9110 section 12.5.3.
func (f *file) choose(accept string) variant {
	for _, v := range f.variants {
		if v.coding == "" || accepts(accept, v.coding) {
			return v
		}
	}
	return f.variants[len(f.variants)-1]
}

func accepts(header, coding string) bool {
	for _, part := range strings.Split(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q := strings.TrimSpace(params)
			return strings.Trim(strings.TrimPrefix(q, "q="), "0.") != "" || !strings.HasPrefix(q, "q=")
		}
	}
	return false
}
