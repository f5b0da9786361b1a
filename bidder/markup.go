package bidder

import (
	"bytes"
	"html"
	"strconv"

	"bidhawk/campaigns"
)

// markup is a creative's HTML, compiled once per index into pieces between the
// places that change from bid to bid.
type markup struct {
	parts [][]byte
	slots []slot // slots[i] stands between parts[i] and parts[i+1]
}

type slot uint8

const (
	slotClickURL slot = iota
	slotClickURLEscaped
	slotImpressionURL
)

// What a creative's own HTML may hold. OpenRTB's macros (${AUCTION_...}) stay
// as they are: the exchange replaces them.
var macros = []struct {
	text string
	slot slot
}{
	{"${CLICK_URL}", slotClickURL},
	{"${CLICK_URL_ESC}", slotClickURLEscaped},
}

// compileMarkup builds the markup of a banner: its image in a link, or its own
// HTML, and the impression tracker. Everything that an advertiser typed is
// escaped, but for the HTML of a third-party tag, which is the ad.
func compileMarkup(c *campaigns.Creative) markup {
	var b bytes.Buffer
	if c.HTML != "" {
		b.WriteString(c.HTML)
	} else {
		b.WriteString(`<a href="${CLICK_URL}" target="_blank" rel="noopener"><img src="`)
		b.WriteString(html.EscapeString(c.ImageURL))
		b.WriteString(`" width="` + strconv.Itoa(c.W) + `" height="` + strconv.Itoa(c.H) + `" alt="`)
		b.WriteString(html.EscapeString(c.Name))
		b.WriteString(`" border="0"></a>`)
	}
	m := split(b.Bytes())
	tail := len(m.parts) - 1
	m.parts[tail] = append(m.parts[tail], `<img src="`...)
	m.parts = append(m.parts, []byte(`" width="1" height="1" style="display:none" alt="">`))
	m.slots = append(m.slots, slotImpressionURL)
	return m
}

func split(text []byte) (m markup) {
	start := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '$' {
			continue
		}
		for _, mc := range macros {
			if bytes.HasPrefix(text[i:], []byte(mc.text)) {
				m.parts = append(m.parts, bytes.Clone(text[start:i]))
				m.slots = append(m.slots, mc.slot)
				i += len(mc.text) - 1
				start = i + 1
				break
			}
		}
	}
	m.parts = append(m.parts, bytes.Clone(text[start:]))
	return m
}

// append renders the markup. The URLs hold no character that HTML or a URL
// component would have to escape, but ':', '/' and '?', which click's escaped
// form takes care of.
func (m *markup) append(dst, click, impression []byte) []byte {
	for i, p := range m.parts {
		dst = append(dst, p...)
		if i == len(m.slots) {
			break
		}
		switch m.slots[i] {
		case slotClickURL:
			dst = append(dst, click...)
		case slotClickURLEscaped:
			dst = appendQueryEscaped(dst, click)
		case slotImpressionURL:
			dst = append(dst, impression...)
		}
	}
	return dst
}

func appendQueryEscaped(dst, s []byte) []byte {
	const hexDigits = "0123456789ABCDEF"
	for _, c := range s {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}
