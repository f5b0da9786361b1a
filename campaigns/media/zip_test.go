package media

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// entry is a file of a zip.
type entry struct{ name, content string }

const goodPage = `<!doctype html><html><head><meta name="ad.size" content="width=300,height=250"><link rel="stylesheet" href="css/a.css">
<script>var clickTag = "https://advertiser.example/";</script><script src="https://s0.example/lib.js"></script></head>
<body><a href="javascript:window.open(clickTag)"><img src="img/a.png" srcset="img/a.png 1x, img/a.png 2x"></a></body></html>`

func goodZip(t testing.TB) []entry {
	return []entry{{"index.html", goodPage}, {"css/a.css", `body { background: url("../img/a.png") }`}, {"img/a.png", string(pngOf(t, picture(3, 2)))},
		{"a.js", `fetch("https://api.example/v1?x=1"); // http://www.w3.org/2000/svg`}, {"__MACOSX/._index.html", "x"}}
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		content := e.content
		if target, ok := strings.CutPrefix(content, "symlink:"); ok {
			h.SetMode(fs.ModeSymlink | 0o777)
			content = target
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHTML5Zip(t *testing.T) {
	f, err := inspect(zipOf(t, goodZip(t)...))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != "html5" || f.W != 300 || f.H != 250 || f.File != f.SHA256+"/index.html" || len(f.Parts) != 4 || fmt.Sprint(f.Calls) != "[advertiser.example api.example s0.example]" {
		t.Errorf("got %+v", f.FileFacts)
	}
	page := string(f.Unzipped[0].Content)
	if i := strings.Index(page, "URLSearchParams"); i < strings.Index(page, "var clickTag") || !strings.HasSuffix(page, "</script></body></html>") {
		t.Errorf("the page does not learn its click last: %s", page)
	}
}

func TestHTML5ZipsThatAreRefused(t *testing.T) {
	f := func(field, value, rule string, extra ...entry) {
		t.Helper()
		refuses(t, zipOf(t, append(goodZip(t), extra...)...), field, value, rule)
	}
	f(`asset.parts["../a.js"]`, "../a.js", "a path within the zip", entry{"../a.js", "x"})
	f(`asset.parts["x/../../a.js"]`, "x/../../a.js", "a path within the zip", entry{"x/../../a.js", "x"})
	f(`asset.parts["/etc/a.js"]`, "/etc/a.js", "a path within the zip", entry{"/etc/a.js", "x"})
	f(`asset.parts["C:\\a.js"]`, `C:\a.js`, "a path within the zip", entry{`C:\a.js`, "x"})
	f(`asset.parts[".htaccess"]`, ".htaccess", "beginning with a dot", entry{".htaccess", "x"})
	f(`asset.parts["l.js"]`, "a symbolic link", "links lead out", entry{"l.js", "symlink:/etc/passwd"})
	f(`asset.parts["INDEX.html"]`, "INDEX.html", "once", entry{"INDEX.html", "x"})
	f(`asset.parts["evil.php"]`, ".php", "must end in html", entry{"evil.php", "<?php"})
	f(`asset.parts["inner.js"]`, "HTML5 zip", "no archive", entry{"inner.js", string(zipOf(t, entry{"a.js", "x"}))})
	f(`asset.parts["inner.zip"]`, ".zip", "must end in html", entry{"inner.zip", "PK\x03\x04"})
	f(`asset.parts["b.png"]`, "", "must be image/png as its name says", entry{"b.png", string(jpegOf(t, picture(3, 2)))})
	f(`asset.parts["b.gif"].duration_ms`, "for ever", "must end within", entry{"b.gif", string(gifOf(t, 3, 2, 3, 10, 0))})
	f(`asset.parts["s.svg"].svg`, "<script>", "no script", entry{"s.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><script>1</script></svg>`})
	f(`asset.parts["f.woff2"]`, "3 bytes", "the font", entry{"f.woff2", "abc"})
	f(`asset.parts["c.css"]`, "a zero", "text as its name says", entry{"c.css", "a\x00b"})
	// Bombs: one file of which little makes much, and many that together do.
	f(`asset.parts["bomb.txt"]`, "from", "unpack to more than", entry{"bomb.txt", strings.Repeat("0", 8<<20)})
	l := DefaultLimits()
	l.UnpackedBytes = 1000
	_, err := Inspect(bytes.NewReader(zipOf(t, append(goodZip(t), entry{"big.txt", strings.Repeat("0", 900)})...)), l)
	if err == nil || !strings.Contains(err.Error(), "asset.unpacked_bytes") || !strings.Contains(err.Error(), "at most 1000 bytes unpacked") {
		t.Errorf("got %v", err)
	}
	var many []entry
	for i := range 200 {
		many = append(many, entry{fmt.Sprintf("f%d.txt", i), "x"})
	}
	f("asset.parts", "205 files", "at most 200 files", many...)

	refuses(t, append(zipOf(t, goodZip(t)...), "tail"...), "asset.file", "", "a zip that can be decoded")
	refuses(t, zipOf(t, entry{"a.js", "x"}), "asset.parts", "0 pages", "index.html")
	refuses(t, zipOf(t, entry{"a/index.html", "x"}, entry{"b/index.html", "x"}), "asset.parts", "2 pages", "index.html")
	refuses(t, []byte("PK\x03\x04 but no zip"), "asset.file", "", "a zip that can be decoded")
}

// TestAZipThatLies: what unpacks to more than it says is refused when it does.
func TestAZipThatLies(t *testing.T) {
	b := zipOf(t, goodZip(t)...)
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	e := z.File[0]
	l := DefaultLimits()
	if _, err := unpack(e, l, 10); err == nil || !strings.Contains(err.Error(), "bytes unpacked") {
		t.Errorf("got %v", err)
	}
}

func TestPagesLoadFromTheZipOrHTTPS(t *testing.T) {
	f := func(html, value, rule string) {
		t.Helper()
		refuses(t, zipOf(t, entry{"index.html", html}), fieldOf(html), value, rule)
	}
	f(`<img src="http://cdn.example/a.png">`, "http://cdn.example/a.png", "in the zip or on https")
	f(`<img src="missing.png">`, "missing.png", "a file of the zip")
	f(`<img src="/abs.png">`, "/abs.png", "a file of the zip")
	f(`<img srcset="https://a.example/1.png 1x, two.png 2x">`, "two.png", "a file of the zip")
	f(`<div style="background: url(x.png)">`, "x.png", "a file of the zip")
	f(`<style>@import "y.css";</style>`, "y.css", "a file of the zip")
	f(`<script src="z.js"></script>`, "z.js", "a file of the zip")
	f(`<iframe src="data:text/html,x"></iframe>`, "data:text/html", "in the zip or on https")
	f(`<img src="javascript:1">`, "javascript:1", "in the zip or on https")
	f(`<a href="http://x.example/">`, "http://x.example/", "in the zip or on https")
	f(`<meta http-equiv="refresh" content="0;url=http://x.example/">`, "http://x.example/", "in the zip or on https")
	f(`<form action="ftp://x.example/">`, "ftp://x.example/", "in the zip or on https")
	f(`<base href="https://x.example/">`, "base", "must not have a base")
	for _, ok := range []string{`<img src="https://cdn.example/a.png">`, `<img src="//cdn.example/a.png">`, `<img src="data:image/png;base64,AAAA">`, `<a href="#x">`,
		`<script src="mraid.js"></script>`, `<a href="mailto:a@b.example">`, `<a href="javascript:go()">`} {
		if _, err := inspect(zipOf(t, entry{"index.html", ok})); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
}

// fieldOf is what a violation in a page of one tag is called.
func fieldOf(html string) string {
	const at = `asset.parts["index.html"]`
	for tag, where := range map[string]string{`<img srcset`: ".img srcset", `<img src=`: ".img src", `<div style`: ".div style", `<style>`: ".style", `<script src`: ".script src",
		`<iframe`: ".iframe src", `<a href`: ".a href", `<meta`: ".meta content", `<form`: ".form action"} {
		if strings.HasPrefix(html, tag) {
			return at + where
		}
	}
	return at
}

func TestSVG(t *testing.T) {
	takes(t, []byte(`<?xml version="1.0"?><!-- a --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 250"><rect width="1" height="1" fill="url(#g)"/></svg>`),
		"image/svg+xml 300x250 1 frames 0 ms rgb-alpha .svg")
	f := func(inner, field, value, rule string) {
		t.Helper()
		refuses(t, []byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="30px" height="20">`+inner+`</svg>`), field, value, rule)
	}
	f(`<script>alert(1)</script>`, "asset.svg", "<script>", "no script")
	f(`<SCRIPT/>`, "asset.svg", "<SCRIPT>", "no script")
	f(`<foreignObject><p>x</p></foreignObject>`, "asset.svg", "<foreignObject>", "no foreign content")
	f(`<g onload="x()"/>`, "asset.svg.g.onload", "x()", "run a script")
	f(`<image href="https://evil.example/a.png"/>`, "asset.svg.image.href", "https://evil.example/a.png", "a part of the image itself")
	f(`<use xlink:href="other.svg#a"/>`, "asset.svg.use.href", "other.svg#a", "a part of the image itself")
	f(`<a href="java&#10;script:alert(1)"><text>x</text></a>`, "asset.svg.a.href", "script:", "a part of the image itself")
	f(`<animate attributeName="href" to="javascript:1"/>`, "asset.svg.animate.attributename", "href", "animate an address")
	f(`<set attributeName="onclick" to="x"/>`, "asset.svg.set.attributename", "onclick", "animate an address")
	f(`<style>@import url(https://evil.example/a.css);</style>`, "asset.svg.style", "@import", "import styles")
	f(`<rect style="fill: url(https://evil.example/a#b)"/>`, "asset.svg.rect.style", "https://evil.example/a#b", "a part of the image itself")
	f(`<image href="data:image/svg+xml;base64,AAAA"/>`, "asset.svg.image.href", "data:image/svg", "a part of the image itself")
	f(`<g`, "asset.file", "", "decoded to its end")
	refuses(t, []byte(`<!DOCTYPE svg [<!ENTITY a "b">]><svg width="1" height="1">&a;</svg>`), "asset.file", "ENTITY", "must not declare entities")
	refuses(t, []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "asset.w", "0 x 0", "must say its width")
	refuses(t, []byte(`<?xml-stylesheet href="a"?><svg width="1" height="1"/>`), "asset.file", "xml-stylesheet", "no instruction")
	refuses(t, []byte("<svg>"+strings.Repeat("<g>", 100)), "asset.file", "deeper", "decoded to its end")
}

func FuzzInspect(f *testing.F) {
	f.Add(zipOf(f, goodZip(f)...))
	f.Add(gifOf(f, 3, 2, 2, 10, -1))
	f.Add(apngOf(f, 2, 1, 1, 2))
	f.Add(jpegOf(f, picture(3, 2)))
	f.Add(mp4Of(1000, 2500, 640, 360, "avc1"))
	f.Add(webmOf(2500, 640, 360, "V_VP9"))
	f.Add(mp3Of(40))
	f.Add(adtsOf(40))
	f.Add(oggOf(3*48000 + 312))
	f.Add([]byte(vastText))
	f.Add([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 250"><g style="fill:url(#a)"/></svg>`))
	l := DefaultLimits()
	l.UnpackedBytes = 1 << 20
	f.Fuzz(func(t *testing.T, b []byte) {
		found, err := Inspect(bytes.NewReader(b), l)
		if err != nil {
			if !isRefusal(err) {
				t.Fatalf("an error that names no rule: %v", err)
			}
			return
		}
		if found.Type == "" || found.MIME == "" || len(found.SHA256) != 64 || found.W < 0 || found.H < 0 || found.Duration < 0 || ContentType(found.File) == "" {
			t.Fatalf("taken as %+v", found.FileFacts)
		}
	})
}
