package openrtb

import "strconv"

// pathAt names the value at offset of b, such as "imp[0].banner.w". What stands
// before offset must be well formed. It walks b again: errors are rare, and the
// fast path keeps no path.
func pathAt(b []byte, offset int) string {
	type level struct {
		object bool
		key    []byte
		index  int
	}
	levels := make([]level, 0, 8)
	s := scanner{b: b, i: bomLen(b)}
	for s.space(); s.i < offset; s.space() {
		n := len(levels) - 1
		switch c := s.peek(); c {
		case '{', '[':
			levels = append(levels, level{object: c == '{'})
			s.i++
		case '}', ']':
			levels = levels[:max(n, 0)]
			s.i++
		case ',':
			if n >= 0 {
				levels[n].index++
			}
			s.i++
		case ':':
			s.i++
		case '"':
			raw, _ := s.rawString()
			s.space()
			if n >= 0 && levels[n].object && s.peek() == ':' {
				levels[n].key = raw
			}
		default:
			s.scalar(c)
		}
	}
	var path []byte
	for _, l := range levels {
		if !l.object {
			path = append(path, '[')
			path = strconv.AppendInt(path, int64(l.index), 10)
			path = append(path, ']')
			continue
		}
		if len(path) > 0 {
			path = append(path, '.')
		}
		path = append(path, l.key...)
	}
	return string(path)
}

// bomLen is the length of the byte order mark that b begins with.
func bomLen(b []byte) int {
	if len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF {
		return 3
	}
	return 0
}
