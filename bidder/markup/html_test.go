package markup

import (
	"html"
	"strings"
	"testing"

	"bidhawk/campaigns"
)

// tag is an HTML tag with its attributes in order.
type tag struct {
	name  string // with '/' where it closes
	attrs [][2]string
}

// scanHTML reads markup of ours: tags with attributes in double quotes, no text
// between them, no comment. It knows nothing else, so that whatever broke out of
// an attribute fails.
func scanHTML(s string) (tags []tag, ok bool) {
	for s != "" {
		if s[0] != '<' {
			return tags, false
		}
		name := s[1:]
		end := strings.IndexAny(name, " >")
		if end <= 0 || strings.Trim(name[:end], "/abcdefghijklmnopqrstuvwxyz") != "" {
			return tags, false
		}
		t := tag{name: name[:end]}
		s = name[end:]
		for s != "" && s[0] == ' ' {
			a, rest, found := strings.Cut(s[1:], `="`)
			value, after, closed := strings.Cut(rest, `"`)
			if !found || !closed || strings.Trim(a, "abcdefghijklmnopqrstuvwxyz") != "" || strings.ContainsAny(value, "<>") {
				return tags, false
			}
			t.attrs = append(t.attrs, [2]string{a, html.UnescapeString(value)})
			s = after
		}
		if s == "" || s[0] != '>' {
			return tags, false
		}
		s = s[1:]
		tags = append(tags, t)
	}
	return tags, true
}

func (t tag) attr(name string) string {
	for _, a := range t.attrs {
		if a[0] == name {
			return a[1]
		}
	}
	return ""
}

func box() *campaigns.Creative {
	return &campaigns.Creative{Name: "Tea", W: 300, H: 250, ImageURL: "https://cdn.example/a.png", LandingURL: "https://shop.example"}
}

func banner(c *campaigns.Creative) string {
	t := Banner(c, options)
	return string(t.Append(nil, &Values{Click: []byte("CLICK"), ClickEscaped: []byte("ESCAPED"), Impression: []byte("IMP")}))
}

const pixel = `<img src="IMP" width="1" height="1" style="display:none" alt="">`

// TestMeasuredBanner: the same banner, and behind it the script with its size.
func TestMeasuredBanner(t *testing.T) {
	f := func(c *campaigns.Creative, fragment string) {
		t.Helper()
		tm := MeasuredBanner(c, options)
		got := string(tm.Append(nil, &Values{Click: []byte("CLICK"), ClickEscaped: []byte("ESCAPED"), Impression: []byte("IMP"), Event: []byte("TOKEN")}))
		want := banner(c) + `<script src="` + options.PublicURL + `/t/view.js#` + fragment + `!TOKEN" async=""></script>`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if size := tm.Size(Lengths{Click: 5, ClickEscaped: 7, Impression: 3, Event: 5}); size < len(got) {
			t.Errorf("size: got %d; want at least %d", size, len(got))
		}
	}
	f(box(), "300x250")
	film := box()
	film.Attr = []int{1, 7}
	f(film, "v300x250")
	f(&campaigns.Creative{W: 320, H: 50, HTML: `<a href="${CLICK_URL}">x</a>`}, "320x50")
}

func TestImageBanner(t *testing.T) {
	want := `<a href="CLICK" target="_blank" rel="noopener"><img src="https://cdn.example/a.png" width="300" height="250" alt="Tea" border="0"></a>` + pixel
	if got := banner(box()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c := box()
	c.Name = `"><script>alert(1)</script>${CLICK_URL}`
	c.ImageURL = `https://cdn.example/a.png?x="y"&z=1&lt;`
	c.API = []int{5}
	checkImageBanner(t, c)
}

// checkImageBanner reads c's markup back: nothing left its attribute.
func checkImageBanner(t testing.TB, c *campaigns.Creative) {
	t.Helper()
	got := banner(c)
	tags, ok := scanHTML(got)
	if !ok || len(tags) != 4 || tags[0].name != "a" || tags[1].name != "img" || tags[2].name != "/a" || tags[3].name != "img" {
		t.Fatalf("no link around an image, and a pixel: %q", got)
	}
	for _, f := range []struct{ what, got, want string }{
		{"link", tags[0].attr("href"), "CLICK"}, {"image", tags[1].attr("src"), c.ImageURL}, {"name", tags[1].attr("alt"), c.Name},
		{"pixel", tags[3].attr("src"), "IMP"},
	} {
		if f.got != f.want {
			t.Fatalf("%s: got %q; want %q in %q", f.what, f.got, f.want, got)
		}
	}
}

func TestScanHTMLSeesBreaks(t *testing.T) {
	f := func(s string, want bool) {
		t.Helper()
		if _, ok := scanHTML(s); ok != want {
			t.Errorf("scanHTML(%s) = %v; want %v", s, ok, want)
		}
	}
	f(`<a href="x"><img src="&lt;"></a>`, true)
	f(`<a href="x" onclick="y">`, true)
	f(`<a href="x"z">`, false)
	f(`<a href="x>">`, false)
	f(`<a href='x'>`, false)
	f(`<a>text</a>`, false)
	f(`<!-- x -->`, false)
}

func TestTagBanner(t *testing.T) {
	f := func(html, want string, api ...int) {
		t.Helper()
		c := box()
		c.ImageURL, c.HTML, c.API = "", html, api
		if got := banner(c); got != want+pixel {
			t.Errorf("%s: got %s; want %s", html, got, want+pixel)
		}
	}
	f(`<a href="${CLICK_URL}">x</a><iframe src="https://t.example/?c=${CLICK_URL_ESC}&p=${AUCTION_PRICE}"></iframe>`,
		`<a href="CLICK">x</a><iframe src="https://t.example/?c=ESCAPED&p=${AUCTION_PRICE}"></iframe>`)
	f(`${CLICK_URL}${CLICK_URL}`, `CLICKCLICK`)
	f(`${CLICK_URL ${CLICK_URL_ESCAPED} $${CLICK_URL_ESC}`, `${CLICK_URL ${CLICK_URL_ESCAPED} $ESCAPED`)
	f(`<b>&"'</b>`, `<b>&"'</b>`)

	const script = `<script src="mraid.js"></script>`
	f(`<div></div>`, `<div></div>`, 7)
	for _, api := range []int{3, 5, 6} {
		f(`<div></div>`, script+`<div></div>`, 7, api)
	}
	f(`<script src="MRAID.js"></script>`, `<script src="MRAID.js"></script>`, 5)
	f(`<!DOCTYPE html><html><HEAD data-x="1"><title></title></head></html>`,
		`<!DOCTYPE html><html><HEAD data-x="1">`+script+`<title></title></head></html>`, 6)
	f(`<html><head></head></html>`, `<html><head>`+script+`</head></html>`, 6)
	f(`<header>x</header>`, script+`<header>x</header>`, 6)
	f(`<head`, script+`<head`, 6)
	f("\u212a<head>x", script+"\u212a<head>x", 6) // whose lower case is shorter
	f(`<a onclick="mraid.open('${CLICK_URL}')">`, script+`<a onclick="mraid.open('CLICK')">`, 3)
}

func TestAppendURLEscaped(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := string(AppendURLEscaped([]byte("x"), []byte(s))); got != "x"+want {
			t.Errorf("got %s; want x%s", got, want)
		}
	}
	f("", "")
	f("aZ09-_.~", "aZ09-_.~")
	f("https://a/?b=c&d=${X}", "https%3A%2F%2Fa%2F%3Fb%3Dc%26d%3D%24%7BX%7D")
	f("\x00é", "%00%C3%A9")
}
