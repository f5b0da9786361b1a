package offers

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// maxExt is how much of an imp.ext is searched.
const maxExt = 4 << 10

// placementIDs finds the texts ext.gpid and ext.tid, as JSON has them between
// its quotes, in an object that was checked before; nil where there is none. They
// are views of ext. In anything else it finds nothing or nonsense.
func placementIDs(ext []byte) (gpid, tid []byte) {
	ext = ext[:min(len(ext), maxExt)]
	depth := 0
	var name []byte // of the value that follows, in the outermost object
	for i := 0; i < len(ext); {
		c := ext[i]
		i++
		switch c {
		case '{', '[':
			depth++
			name = nil
		case '}', ']':
			depth--
		case '"':
			end := closing(ext, i)
			if end < 0 {
				return gpid, tid
			}
			text := ext[i:end]
			i = end + 1
			if depth != 1 {
				continue
			}
			isName := named(ext[i:])
			if isName {
				name, text = text, nil // of two equal names the last holds, whatever its value
			}
			switch string(name) {
			case "gpid":
				gpid = text
			case "tid":
				tid = text
			}
			if !isName {
				name = nil
			}
		}
	}
	return gpid, tid
}

// closing is where the text that begins at from ends, -1 where it does not.
func closing(s []byte, from int) int {
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// named says that a colon follows: the text before it was a name.
func named(rest []byte) bool {
	for _, c := range rest {
		switch c {
		case ' ', '\t', '\n', '\r':
		case ':':
			return true
		default:
			return false
		}
	}
	return false
}

// textHash hashes a text between its quotes. Some encoders write / as \/, and ids
// of placements are full of it; other escapes are taken as they are, so that two
// ways to write one id may be two ids.
func textHash(s []byte) uint64 {
	if bytes.IndexByte(s, '\\') < 0 {
		return xxhash.Sum64(s)
	}
	var buf [512]byte
	plain := buf[:0]
	for i, c := range s[:min(len(s), len(buf))] {
		if c == '\\' && i+1 < len(s) && s[i+1] == '/' {
			continue
		}
		plain = append(plain, c)
	}
	return xxhash.Sum64(plain)
}
