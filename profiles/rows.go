package profiles

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"bidhawk/internal/ids"
)

// lineReader splits text into lines of at most maxLineBytes, whatever follows.
type lineReader struct {
	r *bufio.Reader
	n int64 // lines read
}

// line is one line without its end; text is valid until the next one.
type line struct {
	text    []byte
	tooLong bool
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, maxLineBytes)}
}

// next returns io.EOF after the last line.
func (l *lineReader) next() (line, error) {
	text, err := l.r.ReadSlice('\n')
	if len(text) == 0 && err != nil {
		return line{}, err
	}
	l.n++
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) { // skip the rest of the line
		tooLong = true
		_, err = l.r.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return line{}, err
	}
	if tooLong {
		return line{tooLong: true}, nil
	}
	if l.n == 1 {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	return line{text: bytes.TrimSpace(text)}, nil
}

// firstField appends the first field of a CSV row to dst, without the quotes
// around it; false when they do not match.
func firstField(dst, row []byte) ([]byte, bool) {
	if len(row) == 0 || row[0] != '"' {
		field, _, _ := bytes.Cut(row, []byte(","))
		return append(dst, bytes.TrimSpace(field)...), true
	}
	for row = row[1:]; ; {
		i := bytes.IndexByte(row, '"')
		if i < 0 {
			return dst, false
		}
		dst = append(dst, row[:i]...)
		row = row[i+1:]
		switch {
		case len(row) == 0 || row[0] == ',':
			return dst, true
		case row[0] == '"':
			dst = append(dst, '"')
			row = row[1:]
		default:
			return dst, false
		}
	}
}

// isHeader says whether the first field of the first line names a column.
func isHeader(field []byte) bool {
	switch strings.ToLower(string(field)) {
	case "id", "ids", "uid", "user", "user_id", "userid", "buyeruid", "buyer_uid", "ifa", "idfa", "gaid", "aaid", "device_id", "eid",
		"customer", "customer_id", "external_id", "identifier":
		return true
	}
	return false
}

// cleanID checks an identifier and brings it, in place, to the form that is
// hashed. rule, if not empty, is what it breaks.
func cleanID(kind byte, id []byte) (clean []byte, rule string) {
	switch {
	case len(id) == 0:
		return nil, "empty"
	case len(id) > maxRawIDBytes:
		return nil, "longer than 512 bytes"
	case !utf8.Valid(id):
		return nil, "not UTF-8"
	case bytes.ContainsFunc(id, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return nil, "has a control character"
	case kind != ids.KindIFA:
		return id, ""
	case !isUUID(id):
		return nil, "not a device id: want 8-4-4-4-12 hex digits"
	case len(bytes.Trim(id, "0-")) == 0:
		return nil, "all zeros: tracking is off"
	}
	for i, c := range id {
		if c >= 'A' && c <= 'Z' {
			id[i] = c + 'a' - 'A'
		}
	}
	return id, ""
}

func isUUID(id []byte) bool {
	if len(id) != 36 {
		return false
	}
	for i, c := range id {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}
