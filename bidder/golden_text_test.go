package bidder

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// node is a JSON value whose members stay in their order.
type node struct {
	scalar string // as JSON; of others empty
	object bool
	keys   []string // of an object
	items  []*node
}

func parseNode(t testing.TB, text []byte) *node {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	n, err := readNode(in)
	if err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return n
}

func readNode(in *json.Decoder) (*node, error) {
	token, err := in.Token()
	if err != nil {
		return nil, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		var b bytes.Buffer
		out := json.NewEncoder(&b)
		out.SetEscapeHTML(false)
		err := out.Encode(token)
		return &node{scalar: strings.TrimSuffix(b.String(), "\n")}, err
	}
	n := &node{object: open == '{'}
	for in.More() {
		if n.object {
			key, err := in.Token()
			if err != nil {
				return nil, err
			}
			n.keys = append(n.keys, key.(string))
		}
		item, err := readNode(in)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err = in.Token()
	return n, err
}

// text writes n on one line where that is short enough to read.
func (n *node) text(indent string) string {
	const width = 150
	one := n.line()
	if n.scalar != "" || len(indent)+len(one) <= width || len(n.items) == 0 {
		return one
	}
	// Short parts share lines; what needs several lines begins one.
	inner := indent + "  "
	var b strings.Builder
	room := 0
	for i, item := range n.items {
		part := item.text(inner)
		if n.object {
			part = strconv.Quote(n.keys[i]) + ": " + part
		}
		if i < len(n.items)-1 {
			part += ","
		}
		tall := strings.Contains(part, "\n") || len(part) > width/2
		if tall || len(part)+1 > room {
			b.WriteString("\n" + inner)
			room = width - len(inner)
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(part)
		if room -= len(part) + 1; tall {
			room = 0
		}
	}
	open, end := "[", "]"
	if n.object {
		open, end = "{", "}"
	}
	return open + b.String() + "\n" + indent + end
}

func (n *node) line() string {
	if n.scalar != "" {
		return n.scalar
	}
	var parts []string
	for i, item := range n.items {
		part := item.line()
		if n.object {
			part = strconv.Quote(n.keys[i]) + ": " + part
		}
		parts = append(parts, part)
	}
	if n.object {
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// set puts value at a path of names and positions; null takes it away. A
// position at a list's end appends.
func (n *node) set(path []string, value *node) error {
	at := -1
	if n.object {
		at = slices.Index(n.keys, path[0])
	} else if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(n.items) {
		at = i
	} else if err != nil || i != len(n.items) || n.scalar != "" {
		return fmt.Errorf("%s: no such position", path[0])
	}
	switch {
	case at >= 0 && len(path) > 1:
		return n.items[at].set(path[1:], value)
	case at >= 0 && value.scalar == "null":
		n.items = slices.Delete(n.items, at, at+1)
		if n.object {
			n.keys = slices.Delete(n.keys, at, at+1)
		}
		return nil
	case at >= 0:
		n.items[at] = value
		return nil
	case len(path) > 1:
		inner := &node{object: true}
		if err := inner.set(path[1:], value); err != nil {
			return err
		}
		value = inner
	}
	if n.object {
		n.keys = append(n.keys, path[0])
	}
	n.items = append(n.items, value)
	return nil
}

// changed is raw with the fields of set.
func changed(t testing.TB, raw json.RawMessage, set map[string]json.RawMessage) []byte {
	t.Helper()
	n := parseNode(t, raw)
	paths := make([]string, 0, len(set))
	for p := range set {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		if err := n.set(strings.Split(p, "."), parseNode(t, set[p])); err != nil {
			t.Fatalf("set %s: %v", p, err)
		}
	}
	return []byte(n.line())
}

// writtenGolden is the file of g.
func writtenGolden(t testing.TB, g *golden) string {
	t.Helper()
	data, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return parseNode(t, data).text("") + "\n"
}

// difference shows the lines that two texts do not share.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for len(w) > 0 && len(g) > 0 && w[0] == g[0] {
		w, g = w[1:], g[1:]
	}
	for len(w) > 0 && len(g) > 0 && w[len(w)-1] == g[len(g)-1] {
		w, g = w[:len(w)-1], g[:len(g)-1]
	}
	return "- " + strings.Join(w, "\n- ") + "\n+ " + strings.Join(g, "\n+ ")
}

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// encryptPrice hides micros per impression as Google does (Authorized Buyers,
// Decrypt Price Confirmations): the other side of what the bidder opens, with the
// keys of testdata/price.keys, which are good for nothing else.
func encryptPrice(t testing.TB, micros uint64) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "price.keys"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	pair := strings.Fields(lines[len(lines)-1])
	encryption, err := hex.DecodeString(pair[0])
	if err != nil {
		t.Fatal(err)
	}
	integrity, err := hex.DecodeString(pair[1])
	if err != nil {
		t.Fatal(err)
	}
	sum := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(sha1.New, key)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	iv := []byte("golden-auction-1")
	price := binary.BigEndian.AppendUint64(nil, micros)
	hidden := make([]byte, 8)
	for i, p := range sum(encryption, iv)[:8] {
		hidden[i] = price[i] ^ p
	}
	message := slices.Concat(iv, hidden, sum(integrity, price, iv)[:4])
	return base64.RawURLEncoding.EncodeToString(message)
}
