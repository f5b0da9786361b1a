package markup

import (
	"bytes"
	"encoding/xml"
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

// marks stand for slots while XML is built: plain ASCII that XML never escapes
// and that occurs nowhere else in the document.
type marks struct{ prefix string }

// newMarks chooses marks that do not occur in texts.
func newMarks(texts []byte) marks {
	for n := 0; ; n++ {
		prefix := "slot" + strconv.Itoa(n) + "-"
		if !bytes.Contains(texts, []byte(prefix)) {
			return marks{prefix}
		}
	}
}

// at is the mark of s.
func (m marks) at(s slot) string { return m.prefix + string('a'+rune(s)) }

// compile makes the document whose root is e a template, with slots for marks;
// f is what becomes of the texts between them.
func (m marks) compile(b *builder, e *element, f func(string) string) error {
	doc, err := xml.Marshal(e)
	if err != nil {
		return err
	}
	rest := string(doc)
	for {
		before, after, ok := strings.Cut(rest, m.prefix)
		b.add(f(before))
		if !ok {
			return nil
		}
		b.slot(slot(after[0] - 'a'))
		rest = after[1:]
	}
}
