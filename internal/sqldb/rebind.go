package sqldb

import "strconv"

// rebind turns the parameters "?" of a statement into Postgres's "$1", "$2" and
// so on, but for those in texts, quoted names and comments.
func rebind(query string) string {
	var out []byte
	n, from := 0, 0
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '?':
			n++
			out = append(out, query[from:i]...)
			out = strconv.AppendInt(append(out, '$'), int64(n), 10)
			from = i + 1
		case c == '\'' || c == '"':
			i = skipTo(query, i+1, string(c))
		case c == '-' && i+1 < len(query) && query[i+1] == '-':
			i = skipTo(query, i+2, "\n")
		case c == '/' && i+1 < len(query) && query[i+1] == '*':
			i = skipTo(query, i+2, "*/")
		}
	}
	if n == 0 {
		return query
	}
	return string(append(out, query[from:]...))
}

// skipTo is the last byte of the next end in query from i on.
func skipTo(query string, i int, end string) int {
	for ; i+len(end) <= len(query); i++ {
		if query[i:i+len(end)] == end {
			return i + len(end) - 1
		}
	}
	return len(query)
}
