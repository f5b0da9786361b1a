package media

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"bidhawk/campaigns"
)

// reference is what a file loads or leads to.
type reference struct {
	where  string // tag and attribute, or css
	target string
	leads  bool // a link that people follow; else it is loaded
}

// references lists what a page or a style sheet says that it loads. What a script
// puts together is not seen: the policy that pages are served with keeps that to https.
func references(u *Unzipped) ([]reference, error) {
	switch u.MIME {
	case "text/html":
		return pageReferences(u)
	case "text/css":
		return styleReferences("css", string(u.Content)), nil
	case "text/javascript":
		return scriptReferences(u.Content), nil
	}
	return nil, nil
}

// loads are the attributes that load, whatever their tag; href loads in a link and
// an image, and else leads.
var loads = map[string]bool{"src": true, "srcset": true, "poster": true, "data": true, "background": true, "xlink:href": true, "imagesrcset": true, "code": true, "archive": true}

func pageReferences(u *Unzipped) (refs []reference, err error) {
	z := html.NewTokenizer(bytes.NewReader(u.Content))
	inStyle, inScript := false, false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return refs, nil // the end: a tokenizer takes whatever a browser would
		case html.TextToken:
			if inStyle {
				refs = append(refs, styleReferences("style", string(z.Raw()))...)
			} else if inScript {
				refs = append(refs, scriptReferences(z.Raw())...)
			}
		case html.EndTagToken:
			inStyle, inScript = false, false
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			inStyle, inScript = t.Data == "style", t.Data == "script"
			if t.Data == "base" {
				return nil, refuse(partField(u.Path), t.String(), "must not have a base: it would lead all addresses elsewhere")
			}
			for _, a := range t.Attr {
				refs = append(refs, attributeReferences(t.Data, a)...)
			}
		}
	}
}

func attributeReferences(tag string, a html.Attribute) []reference {
	name := strings.ToLower(a.Key)
	where := tag + " " + name
	switch {
	case name == "style":
		return styleReferences(where, a.Val)
	case name == "srcset" || name == "imagesrcset":
		var refs []reference
		for part := range strings.SplitSeq(a.Val, ", ") {
			if fields := strings.Fields(part); len(fields) > 0 {
				refs = append(refs, reference{where, strings.TrimSuffix(fields[0], ","), false})
			}
		}
		return refs
	case loads[name]:
		return []reference{{where, a.Val, false}}
	case name == "href":
		return []reference{{where, a.Val, tag != "link" && tag != "image" && tag != "use"}}
	case name == "action" || name == "formaction":
		return []reference{{where, a.Val, true}}
	case tag == "meta" && name == "content" && strings.Contains(strings.ToLower(a.Val), "url="):
		i := strings.Index(strings.ToLower(a.Val), "url=")
		return []reference{{where, strings.Trim(a.Val[i+len("url="):], ` '"`), true}}
	}
	return nil
}

var (
	cssURL    = regexp.MustCompile(`(?i)url\(\s*(?:"([^"]*)"|'([^']*)'|([^"')\s][^)]*))\s*\)`)
	cssImport = regexp.MustCompile(`(?i)@import\s+(?:"([^"]*)"|'([^']*)')`)
	scriptURL = regexp.MustCompile(`(?i)["'` + "`" + `](https?:)?//([a-z0-9.-]+\.[a-z]{2,})[/"'?:` + "`" + `]`)
)

func styleReferences(where, css string) (refs []reference) {
	for _, re := range []*regexp.Regexp{cssURL, cssImport} {
		for _, m := range re.FindAllStringSubmatch(css, -1) {
			refs = append(refs, reference{where, strings.TrimSpace(strings.Join(m[1:], "")), false})
		}
	}
	return refs
}

// scriptReferences finds addresses in a script's strings, for the list of hosts:
// whether it calls them only the script knows.
func scriptReferences(js []byte) (refs []reference) {
	for _, m := range scriptURL.FindAllSubmatch(js, -1) {
		refs = append(refs, reference{"script", "https://" + string(m[2]), true})
	}
	return refs
}

// check wants a file of the zip, data, or https; the hosts go into calls.
func (r reference) check(from string, names, calls map[string]bool) error {
	target := strings.TrimSpace(r.target)
	at := partField(from) + "." + r.where
	if target == "" || strings.HasPrefix(target, "#") || strings.HasPrefix(target, "${") {
		return nil
	}
	u, err := url.Parse(strings.Map(dropControl, target))
	if err != nil {
		return refuse(at, target, "must be an address")
	}
	scheme := strings.ToLower(u.Scheme)
	switch {
	case scheme == "" && u.Host != "", scheme == "https" && u.Host != "":
		calls[strings.ToLower(u.Hostname())] = true
	case scheme == "data" && !r.leads && !strings.HasPrefix(strings.ToLower(target), "data:text/html"):
	case scheme == "javascript" && r.leads: // what the page's own scripts may do as well
	case (scheme == "mailto" || scheme == "tel" || scheme == "sms") && r.leads:
	case scheme == "about":
	case scheme == "" && u.Path == "mraid.js": // the app brings it (MRAID 3.0)
	case scheme == "":
		file := path.Join(path.Dir(from), u.Path)
		if strings.HasPrefix(u.Path, "/") {
			file = strings.TrimPrefix(path.Clean(u.Path), "/")
		}
		if strings.HasPrefix(u.Path, "/") || !names[file] {
			return refuse(at, target, "must be a file of the zip, by a path relative to this one")
		}
	default:
		return refuse(at, target, "must be in the zip or on https")
	}
	return nil
}

func dropControl(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

var adSizeContent = regexp.MustCompile(`(?i)width\s*=\s*(\d{1,5})\D+height\s*=\s*(\d{1,5})`)

// adSize reads <meta name="ad.size" content="width=300,height=250">; 0 where there is none.
func adSize(page []byte) (w, h int) {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return 0, 0
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			name, content := "", ""
			for _, a := range t.Attr {
				switch a.Key {
				case "name":
					name = a.Val
				case "content":
					content = a.Val
				}
			}
			if m := adSizeContent.FindStringSubmatch(content); t.Data == "meta" && strings.EqualFold(name, "ad.size") && m != nil {
				w, _ = strconv.Atoi(m[1]) // digits
				h, _ = strconv.Atoi(m[2])
				return w, h
			}
		}
	}
}

// withClickTag adds to a page what tells its clickTag where a click leads. It goes
// last, since pages set clickTag themselves for a test; what they declare by const or
// let stays theirs.
func withClickTag(page []byte) []byte {
	script := fmt.Sprintf(`<script>(function(){var u=new URLSearchParams(location.search).get(%q);`+
		`if(u&&/^https?:\/\//.test(u)){try{window.clickTag=window.clickTAG=window.clicktag=u}catch(e){}}})()</script>`, campaigns.ClickTagParam)
	at := len(page)
	if i := bytes.LastIndex(bytes.ToLower(page), []byte("</body>")); i >= 0 && len(bytes.ToLower(page)) == len(page) {
		at = i
	}
	out := make([]byte, 0, len(page)+len(script))
	return append(append(append(out, page[:at]...), script...), page[at:]...)
}
