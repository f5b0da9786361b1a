package consent

import "bytes"

// Section ids of the GPP ("Section Information") that are named in code.
const (
	sectionTCFEU = 2
	sectionUSP   = 6
	sectionUSNat = 7
	sectionUSLow = sectionUSNat // the US sections are 7 to 27
	sectionUSTop = 27
)

// maxSections bounds the sections of one string; 27 ids are given out.
const maxSections = 32

// gpp is the table of contents of a GPP string ("Global Privacy Platform String",
// version 1.0): which section stands where. It is a view of the string.
type gpp struct {
	s     []byte
	n     int
	ids   [maxSections]uint8
	spans [maxSections]struct{ from, to uint16 }
}

// decode reads the header of s and finds its sections. What is in a section is
// not looked at.
func (g *gpp) decode(s []byte, r *reader) fault {
	*g = gpp{}
	if len(s) > maxString {
		return faultTooLong
	}
	header, _, more := bytes.Cut(s, tilde)
	if f := r.load(header); f != faultNone {
		return f
	}
	if f := g.header(r); f != faultNone {
		return f
	}
	g.s = s
	from, found := len(header), 0
	for more {
		from++ // past the tilde
		if found == g.n {
			return g.refuse(faultSections)
		}
		to := len(s)
		if end := bytes.IndexByte(s[from:], '~'); end >= 0 {
			to = from + end
		} else {
			more = false
		}
		g.spans[found].from, g.spans[found].to = uint16(from), uint16(to)
		found, from = found+1, to
	}
	if found != g.n {
		return g.refuse(faultSections)
	}
	return faultNone
}

var tilde = []byte{'~'}

// refuse forgets the sections: of an unreadable string none is used.
func (g *gpp) refuse(f fault) fault {
	*g = gpp{}
	return f
}

// header reads type, version and the ids, a Fibonacci range in ascending order.
func (g *gpp) header(r *reader) fault {
	if r.int(6) != 3 || r.int(6) != 1 {
		return faultVersion
	}
	last := 0
	for items := r.int(12); items > 0; items-- {
		group := r.flag()
		offset := r.fibonacci(63)
		length := 0
		if group {
			length = r.fibonacci(63)
		}
		if r.short {
			return g.refuse(faultShort)
		}
		first := last + offset
		last = first + length
		if offset == 0 || group && length == 0 || last > 63 {
			return g.refuse(faultRange)
		}
		for id := first; id <= last; id++ {
			if g.n == maxSections {
				return g.refuse(faultSections)
			}
			g.ids[g.n] = uint8(id)
			g.n++
		}
	}
	if r.short {
		return g.refuse(faultShort)
	}
	return faultNone
}

// section is the text of one section; ok is false where the string has none of that id.
func (g *gpp) section(id int) (text []byte, ok bool) {
	for i, have := range g.ids[:g.n] {
		if int(have) == id {
			return g.s[g.spans[i].from:g.spans[i].to], true
		}
	}
	return nil, false
}
