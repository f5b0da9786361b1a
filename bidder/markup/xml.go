package markup

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
)

// element is an XML element: a text, or others within it.
type element struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	CDATA   string     `xml:",cdata"`
	Within  []*element `xml:",any"`
}

// el is an element around others; nil ones are left out.
func el(name string, within ...*element) *element {
	e := &element{XMLName: xml.Name{Local: name}}
	return e.add(within...)
}

// add puts others at the end within e; nil ones are left out.
func (e *element) add(within ...*element) *element {
	for _, w := range within {
		if w != nil {
			e.Within = append(e.Within, w)
		}
	}
	return e
}

// text is an element around a text that somebody typed.
func text(name, s string) *element {
	return &element{XMLName: xml.Name{Local: name}, Text: s}
}

// uri is an element around an address, wrapped in CDATA as VAST requires of all
// (VAST 4.3 of December 2022, section 2.3.3).
func uri(name, s string) *element {
	e := &element{XMLName: xml.Name{Local: name}}
	if strings.ContainsFunc(s, needsEscape) {
		e.Text = s
	} else {
		e.CDATA = s
	}
	return e
}

// needsEscape says of a character that XML has no place for it as it is: it reads
// a carriage return as a new line, and forbids most control characters. Escaped
// text holds the first as a reference and U+FFFD instead of the others.
func needsEscape(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' || r == 0xFFFD || r == 0xFFFE || r == 0xFFFF
}

// with adds an attribute.
func (e *element) with(name, value string) *element {
	e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Local: name}, Value: value})
	return e
}

// number adds an attribute that counts something.
func (e *element) number(name string, n int) *element { return e.with(name, strconv.Itoa(n)) }

// marks stand for slots while XML is built: plain ASCII that XML never escapes.
type marks struct {
	prefix string
	made   int
}

// at is a mark of s, for one place of the document.
func (m *marks) at(s slot) string {
	m.made++
	return m.prefix + string('a'+rune(s))
}

// compile makes the document whose root build returns a template, with slots for
// marks; f is what becomes of the texts between them. A prefix that occurs more
// often than there are marks is somebody's text, and the next one is tried.
func compile(b *builder, build func(m *marks) *element, f func(string) string) error {
	const tries = 1000
	for n := range tries {
		m := &marks{prefix: "slot" + strconv.Itoa(n) + "-"}
		doc, err := xml.Marshal(build(m))
		if err != nil {
			return err
		}
		if bytes.Count(doc, []byte(m.prefix)) == m.made {
			m.split(b, string(doc), f)
			return nil
		}
	}
	return errors.New("texts of the ad hold every mark of ours")
}

// split adds doc to b, with slots for the marks in it.
func (m *marks) split(b *builder, doc string, f func(string) string) {
	for {
		before, after, ok := strings.Cut(doc, m.prefix)
		b.add(f(before))
		if !ok {
			return
		}
		b.slot(slot(after[0] - 'a'))
		doc = after[1:]
	}
}
