package openrtb

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// jsonText draws JSON, then perhaps breaks it in one place.
func jsonText(t *rapid.T) []byte {
	var b []byte
	b = appendValue(t, b, 4)
	if len(b) > 0 && rapid.Bool().Draw(t, "break") {
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			b = b[:i]
		case 1:
			b = slices.Insert(b, i, rapid.Byte().Draw(t, "byte"))
		default:
			b[i] = rapid.SampledFrom([]byte("{}[]\",:\\ \n0-.eEtfnu\x00\x1f\x7f\x80\xff")).Draw(t, "replace")
		}
	}
	return b
}

func appendValue(t *rapid.T, b []byte, depth int) []byte {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return append(b, "null"...)
	case 1:
		return append(b, rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")...)
	case 2, 3:
		if rapid.Bool().Draw(t, "number") {
			return append(b, rapid.SampledFrom([]string{"0", "-0", "1.5", "-12e+3", "9E-9", "120", "0.00"}).Draw(t, "text")...)
		}
		fallthrough
	case 4:
		return appendQuoted(t, b)
	case 5:
		return appendList(t, b, '[', ']', func(b []byte) []byte { return appendValue(t, b, depth-1) })
	default:
		return appendList(t, b, '{', '}', func(b []byte) []byte {
			b = append(append(appendQuoted(t, b), ':'), blanks(t)...)
			return appendValue(t, b, depth-1)
		})
	}
}

func appendQuoted(t *rapid.T, b []byte) []byte {
	quoted, err := json.Marshal(rapid.StringN(0, 20, 40).Draw(t, "string"))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, quoted...)
}

func appendList(t *rapid.T, b []byte, open, end byte, element func([]byte) []byte) []byte {
	b = append(append(b, open), blanks(t)...)
	for i := range rapid.IntRange(0, 3).Draw(t, "n") {
		if i > 0 {
			b = append(append(b, ','), blanks(t)...)
		}
		b = append(element(b), blanks(t)...)
	}
	return append(b, end)
}

func blanks(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "", " ", "\n\t", "\r "}).Draw(t, "space")
}

// TestSkipAcceptsJSONAlone: skip takes exactly what encoding/json calls valid.
func TestSkipAcceptsJSONAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := jsonText(t)
		s := scanner{b: b}
		s.space()
		s.skip()
		s.space()
		ours := s.err == nil && s.i == len(b)
		if want := json.Valid(b); ours != want {
			t.Fatalf("%q: got %v (%v); want %v", b, ours, s.err, want)
		}
	})
}

// TestStringsReadAsEncodingJSON compares str with json.Unmarshal, on any bytes
// between the quotes.
func TestStringsReadAsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(
			rapid.StringN(0, 12, 24),
			rapid.SampledFrom([]string{`\n`, `\u0041`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\\`, `\"`, `\/`, "\xff", "\xed\xa0\x80", "\xe2\x80", "é"}),
		), 0, 6).Draw(t, "parts")
		text := []byte(`"` + strings.Join(parts, "") + `"`)
		var want string
		err := json.Unmarshal(text, &want)
		p := parser{scanner: scanner{b: text}, r: new(BidRequest)}
		got := p.str()
		if (err == nil) != (p.err == nil && p.i == len(text)) {
			t.Fatalf("%q: got %v; encoding/json says %v", text, p.err, err)
		}
		if err == nil && string(got) != want {
			t.Fatalf("%q: got %q; want %q", text, got, want)
		}
	})
}

// TestIntegersAgainstBig compares with exact arithmetic.
func TestIntegersAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strconv.FormatInt(rapid.Int64Range(-1e12, 1e12).Draw(t, "int"), 10)
		if rapid.Bool().Draw(t, "fraction") {
			text += "." + rapid.StringMatching(`[0-9]{1,12}`).Draw(t, "digits")
		}
		if rapid.Bool().Draw(t, "exponent") {
			text += rapid.StringMatching(`[eE][+-]?0?[0-9]`).Draw(t, "exp")
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("big.Rat does not read %q", text)
		}
		want := new(big.Int).Quo(exact.Num(), exact.Denom())
		p := parser{scanner: scanner{b: []byte(text)}, r: new(BidRequest)}
		got, sent := p.integer()
		if p.err != nil {
			// Beyond 12 digits only plain ones are read.
			if want.CmpAbs(big.NewInt(9_000_000_000_000)) < 0 || ReasonOf(p.err) != ReasonRange {
				t.Fatalf("%s: %v", text, p.err)
			}
			return
		}
		if !sent || want.Cmp(big.NewInt(int64(got))) != 0 {
			t.Fatalf("%s: got %d; want %s", text, got, want)
		}
	})
}

func TestPlainLenAgainstBytes(t *testing.T) {
	naive := func(b []byte) int {
		n := bytes.IndexFunc(b, func(r rune) bool { return r < ' ' || r >= utf8.RuneSelf || r == '"' || r == '\\' })
		if n < 0 {
			return len(b)
		}
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.ByteRange('a', 'z'), rapid.ByteRange('a', 'z'), rapid.ByteRange(0x1e, 0x23)), 0, 40).Draw(t, "b")
		if got, want := plainLen(b), naive(b); got != want {
			t.Fatalf("%q: got %d; want %d", b, got, want)
		}
	})
}
