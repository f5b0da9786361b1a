package exchanges

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

// Google's published example keys (Authorized Buyers, Decrypt Price Confirmations).
const (
	exampleEncryption = "skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o="
	exampleIntegrity  = "arO23ykdNqUQ5LEoQ0FVmPkBd7xB5CO89PDZlSjpFxo="
)

func google(t testing.TB) *Exchange {
	t.Helper()
	e := Default("google")
	e.PriceEncryption, e.PriceUnit = EncryptionGoogle, PriceImpressionMicros
	if err := e.ReadPriceKeys(strings.NewReader(exampleEncryption + " " + exampleIntegrity)); err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestClearingPrice(t *testing.T) {
	cpm, micros, each := Default("cpm"), Default("micros"), Default("each")
	micros.PriceUnit, each.PriceUnit = PriceCPMMicros, PriceImpressionMicros
	f := func(e *Exchange, text string, want money.CPM, problem PriceProblem) {
		t.Helper()
		if got, bad := e.ClearingPrice([]byte(text)); got != want || bad != problem {
			t.Fatalf("%s %q: got %d %q; want %d %q", e.Name, text, got, bad, want, problem)
		}
	}
	f(&cpm, "2.5", 2_500_000, PriceOK)
	f(&cpm, " 2.5\n", 2_500_000, PriceOK)
	f(&cpm, "0", 0, PriceOK)
	f(&cpm, "0.0000001", 1, PriceOK) // what we may owe is rounded up
	f(&cpm, "1e2", 100_000_000, PriceOK)
	f(&cpm, "1%2E5", 1_500_000, PriceOK)
	f(&cpm, "1%252E5", 1_500_000, PriceOK)
	f(&cpm, "1000000", money.MaxCPM, PriceOK)
	f(&micros, "2500000", 2_500_000, PriceOK)
	f(&micros, "0.5", 1, PriceOK)
	f(&each, "2500", 2_500_000, PriceOK)
	f(&each, "0.0005", 1, PriceOK)
	f(&each, "1000000000", money.MaxCPM, PriceOK)

	f(&cpm, "", 0, PriceMissing)
	f(&cpm, "  ", 0, PriceMissing)
	f(&cpm, "-1", 0, PriceNegative)
	f(&cpm, "-1e99", 0, PriceNegative)
	f(&cpm, "-0", 0, PriceOK)
	f(&cpm, "1000000.000001", 0, PriceOverflow)
	f(&cpm, "1e99", 0, PriceOverflow)
	f(&micros, "1000000000001", 0, PriceOverflow)
	f(&each, "1000000001", 0, PriceOverflow)
	for _, s := range []string{"x", "1,5", "1.2.3", "NaN", "+1", ".5", "1 2", "0x10", "1e", "----", "====", strings.Repeat("1", maxPriceText+1)} {
		f(&cpm, s, 0, PriceSyntax)
	}
	for _, s := range []string{
		"${AUCTION_PRICE}", "${AUCTION_PRICE:B64}", "%24%7BAUCTION_PRICE%7D", "%24%7bauction_price%7d", "%2524%257BAUCTION_PRICE%257D",
		"{AUCTION_PRICE}", "AUCTION_PRICE", "%%WINNING_PRICE%%", "%25%25WINNING_PRICE%25%25", "{winning_price}", "[PRICE]", "$", "1%",
		"${AUCTION_PRICE:OXCRYPT}", "${AUCTION PRICE:B64}",
	} {
		f(&cpm, s, 0, PriceUnreplaced)
		f(google(t), s, 0, PriceUnreplaced)
	}
	f(&cpm, "AUDIT", 0, PriceAudit)
	f(google(t), "audit", 0, PriceAudit)
}

func TestClearingPriceInBase64(t *testing.T) {
	e := Default("x")
	f := func(plain string, want money.CPM, problem PriceProblem) {
		t.Helper()
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString([]byte(plain))
			for _, s := range []string{text, url.QueryEscape(text)} {
				if got, bad := e.ClearingPrice([]byte(s)); got != want || bad != problem {
					t.Fatalf("%q as %s: got %d %q; want %d %q", plain, s, got, bad, want, problem)
				}
			}
		}
	}
	f("1.25", 1_250_000, PriceOK)
	f("0", 0, PriceOK)
	f("12345.678901", 12_345_678_901, PriceOK)
	f("-3", 0, PriceNegative)
	f("1e50", 0, PriceOverflow)
	f("free", 0, PriceSyntax)
	f("\x00\xff", 0, PriceSyntax)
}

// The published vectors: prices in micros per impression.
func TestGooglesVectors(t *testing.T) {
	e := google(t)
	f := func(text string, micros int64) {
		t.Helper()
		if got, bad := e.ClearingPrice([]byte(text)); bad != PriceOK || got != money.CPM(micros*1000) {
			t.Fatalf("%s: got %d %q; want %d", text, got, bad, micros*1000)
		}
	}
	f("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw", 100)
	f("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCAWJRxOgA", 1900)
	f("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw", 2700)
	f("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw==", 2700)
	f("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw%3D%3D", 2700)
	f("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce/6msaw", 100)
}

// encrypt is the scheme again, written from Google's page.
func encrypt(encryption, integrity, iv []byte, price uint64) string {
	sum := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(sha1.New, key)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	plain := binary.BigEndian.AppendUint64(nil, price)
	pad := sum(encryption, iv)
	message := append([]byte{}, iv...)
	for i := range plain {
		message = append(message, plain[i]^pad[i])
	}
	message = append(message, sum(integrity, plain, iv)[:4]...)
	return base64.RawURLEncoding.EncodeToString(message)
}

func TestGoogleComesBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := func(name string) []byte { return rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(r, name) }
		encryption, integrity, older := key("encryption"), key("integrity"), key("older")
		e := Default("google")
		e.PriceEncryption, e.PriceUnit = EncryptionGoogle, PriceImpressionMicros
		keys := fmt.Sprintf("%x %x\n%s %s\n", older, integrity, hex.EncodeToString(encryption), base64.StdEncoding.EncodeToString(integrity))
		if err := e.ReadPriceKeys(strings.NewReader(keys)); err != nil {
			return // drawn the same key twice
		}
		price := rapid.Uint64().Draw(r, "price")
		text := []byte(encrypt(encryption, integrity, rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "iv"), price))
		got, bad := e.ClearingPrice(text)
		want := new(big.Int).Mul(new(big.Int).SetUint64(price), big.NewInt(1000))
		if want.Cmp(big.NewInt(int64(money.MaxCPM))) > 0 {
			if bad != PriceOverflow {
				r.Fatalf("%d: got %d %q; want overflow", price, got, bad)
			}
			return
		}
		if bad != PriceOK || want.Int64() != int64(got) {
			r.Fatalf("%d: got %d %q", price, got, bad)
		}
	})
}

func TestGoogleRefusesForgeries(t *testing.T) {
	e := google(t)
	good, err := base64.RawURLEncoding.DecodeString("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw")
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(good) * 8 {
		bad := append([]byte{}, good...)
		bad[i/8] ^= 1 << (i % 8)
		if got, problem := e.ClearingPrice([]byte(base64.RawURLEncoding.EncodeToString(bad))); problem != PriceForged || got != 0 {
			t.Fatalf("bit %d flipped: got %d %q; want forged", i, got, problem)
		}
	}
	f := func(e *Exchange, text string, want PriceProblem) {
		t.Helper()
		if got, bad := e.ClearingPrice([]byte(text)); bad != want || got != 0 {
			t.Fatalf("%q: got %d %q; want %q", text, got, bad, want)
		}
	}
	f(e, "2.5", PriceSyntax) // anybody could have written it
	f(e, "MS41", PriceSyntax)
	f(e, "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6ms", PriceSyntax)
	f(e, "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msawAA", PriceSyntax)
	none := Default("google")
	none.PriceEncryption, none.PriceUnit = EncryptionGoogle, PriceImpressionMicros
	f(&none, "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw", PriceNoKeys)
}

func TestReadPriceKeys(t *testing.T) {
	e := google(t)
	before := e.keys
	f := func(text, want string) {
		t.Helper()
		err := e.ReadPriceKeys(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v; want %q", err, want)
		}
		if strings.Contains(err.Error(), exampleEncryption[:8]) {
			t.Fatalf("an error shows a key: %v", err)
		}
		if len(e.keys) != 1 || &e.keys[0] != &before[0] {
			t.Fatal("a broken file must leave the keys as they were")
		}
	}
	pair := exampleEncryption + " " + exampleIntegrity + "\n"
	f("", "got 0 pairs")
	f("# nothing\n\n", "got 0 pairs")
	f(strings.Repeat(pair, 9), "got 9 pairs")
	f(pair+exampleEncryption, "line 2: got 1 keys")
	f(exampleEncryption[:20]+" "+exampleIntegrity, "line 1: encryption key: want 32 bytes")
	f(exampleEncryption+" zz", "line 1: integrity key: want 32 bytes")
	f(exampleEncryption+" "+exampleEncryption, "one key twice")
}

func FuzzClearingPrice(f *testing.F) {
	for _, s := range []string{"2.5", "MS41", "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw", "${AUCTION_PRICE}", "%24%7B", "%%%", "%2525", "AUDIT", "-1", "1e999"} {
		f.Add(s)
	}
	plain, hidden := Default("plain"), google(f)
	f.Fuzz(func(t *testing.T, text string) {
		before := text
		for _, e := range []*Exchange{&plain, hidden} {
			p, bad := e.ClearingPrice([]byte(text))
			if bad >= PriceProblems || bad != PriceOK && p != 0 || p < 0 || p > money.MaxCPM {
				t.Fatalf("%q: got %d %q", text, p, bad)
			}
			if (bad == PriceOK) != (bad.String() == "") {
				t.Fatalf("%d has the name %q", bad, bad)
			}
		}
		if text != before {
			t.Fatal("the notice's text was changed")
		}
	})
}
