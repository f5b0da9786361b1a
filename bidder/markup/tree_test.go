package markup

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"bidhawk/campaigns"
)

// node is an XML element as a strict parser reads it.
type node struct {
	name  string
	space string
	attrs map[string]string
	text  string
	nodes []*node
}

// parse reads one document and nothing after it.
func parse(doc []byte) (*node, error) {
	dec := xml.NewDecoder(strings.NewReader(string(doc)))
	top := &node{}
	open := []*node{top}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		last := open[len(open)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{name: tok.Name.Local, space: tok.Name.Space, attrs: map[string]string{}}
			for _, a := range tok.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			last.nodes = append(last.nodes, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += string(tok)
		default:
			return nil, errors.New("comment, directive or instruction in it")
		}
	}
	if len(top.nodes) != 1 || top.text != "" {
		return nil, errors.New("not one element alone")
	}
	return top.nodes[0], nil
}

func mustParse(tb testing.TB, doc []byte) *node {
	tb.Helper()
	n, err := parse(doc)
	if err != nil {
		tb.Fatalf("%v in %s", err, doc)
	}
	return n
}

// all are the nodes at path below n, such as "Ad/InLine/Impression".
func (n *node) all(path string) []*node {
	found := []*node{n}
	for name := range strings.SplitSeq(path, "/") {
		var next []*node
		for _, f := range found {
			for _, c := range f.nodes {
				if c.name == name {
					next = append(next, c)
				}
			}
		}
		found = next
	}
	return found
}

// texts are the texts of the nodes at path.
func (n *node) texts(path string) string {
	var list []string
	for _, f := range n.all(path) {
		list = append(list, f.text)
	}
	return strings.Join(list, " ")
}

// attrs are the attributes name of the nodes at path.
func (n *node) attr(path, name string) string {
	var list []string
	for _, f := range n.all(path) {
		if v, ok := f.attrs[name]; ok {
			list = append(list, v)
		}
	}
	return strings.Join(list, " ")
}

// values are those of one bid.
func values() *Values {
	return &Values{
		Click:        []byte("https://ads.example/t/click/CLICK-token_1"),
		ClickEscaped: []byte("https%3A%2F%2Fads.example%2Ft%2Fclick%2FCLICK-token_1"),
		Impression:   []byte("https://ads.example/t/bill/IMP-token_1?p=${AUCTION_PRICE}&m=${AUCTION_MULTIPLIER}"),
		Event:        []byte("EVENT-token_1"),
		Bid:          []byte("0123456789abcdef0123456789abcdef"),
	}
}

func lengths(v *Values) Lengths {
	return Lengths{len(v.Click), len(v.ClickEscaped), len(v.Impression), len(v.Event), len(v.Bid)}
}

var options = Options{PublicURL: "https://ads.example", PrivacyURL: "https://ads.example/privacy"}

const eventBase = "https://ads.example/t/event/"

// film is a video ad with everything.
func film() *campaigns.Creative {
	c := &campaigns.Creative{
		Name: `Tea & "more" <now>`, Format: campaigns.FormatVideo, W: 640, H: 360, LandingURL: "https://shop.example/tea",
		ADomain: []string{"shop.example", "tea.example"}, Cat: []string{"IAB8-18", "IAB8"}, API: []int{7},
		VAST: &campaigns.VAST{
			Duration: 3725, SkipOffset: 5,
			MediaFiles: []campaigns.MediaFile{
				{URL: "https://cdn.example/tea.mp4?a=1&b=2", MIME: "video/mp4", W: 1280, H: 720, Bitrate: 2500},
				{URL: "https://cdn.example/tea.m3u8", MIME: "application/x-mpegurl", Streaming: true},
			},
			Companions: []campaigns.Companion{{W: 300, H: 250, ImageURL: "https://cdn.example/tea.png?v=2"}},
			Verification: []campaigns.Verification{
				{Vendor: "company.com-omid", ScriptURL: "https://v.example/omid.js", Parameters: `{"a":"<b>"}`},
				{Vendor: "other.com-omid", ScriptURL: "https://o.example/omid.js"},
			},
		},
	}
	c.ID = 42
	return c
}

// wrapped is an ad of another server, which answers with VAST of tagVersion.
func wrapped(tagVersion int) *campaigns.Creative {
	c := film()
	c.VAST.MediaFiles, c.VAST.TagURL, c.VAST.TagVersion = nil, "https://other.example/vast?a=1&b=2", tagVersion
	return c
}

// song is an audio ad.
func song() *campaigns.Creative {
	c := film()
	c.Format, c.W, c.H = campaigns.FormatAudio, 0, 0
	c.VAST.MediaFiles = []campaigns.MediaFile{{URL: "https://cdn.example/tea.mp3", MIME: "audio/mpeg", Bitrate: 128}}
	return c
}

// overlay is a non-linear ad.
func overlay() *campaigns.Creative {
	c := film()
	c.VAST.NonLinear, c.VAST.SkipOffset = true, 0
	c.VAST.MediaFiles = []campaigns.MediaFile{{URL: "https://cdn.example/bar.gif", MIME: "image/gif", W: 480, H: 70}}
	return c
}

// render is the document of c in version v for one bid.
func render(tb testing.TB, c *campaigns.Creative, v Version) []byte {
	tb.Helper()
	t, err := VAST(c, options, v)
	if err != nil {
		tb.Fatal(err)
	}
	return t.Append(nil, values())
}
