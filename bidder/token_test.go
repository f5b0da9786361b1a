package bidder

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

func testTokens(t testing.TB, secrets ...string) *Tokens {
	t.Helper()
	var raw [][]byte
	for _, s := range secrets {
		raw = append(raw, []byte(s))
	}
	keys, err := ids.NewKeyring(raw...)
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewTokens(keys, []byte("fedcba9876543210"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const keyA, keyB = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"

func drawToken(r *rapid.T) Token {
	id := func(name string) campaigns.ID { return campaigns.ID(rapid.Int64Range(0, 1<<52).Draw(r, name)) }
	text := func(name string) string { return rapid.StringN(0, -1, maxTokenField).Draw(r, name) }
	return Token{
		Bid:   ids.BidID{Incarnation: rapid.Uint64().Draw(r, "incarnation"), Counter: rapid.Uint64().Draw(r, "counter")},
		BidAt: time.Unix(rapid.Int64Range(0, 1<<33).Draw(r, "at"), 0).UTC(), User: ids.UserKey(rapid.Uint64().Draw(r, "user")),
		Exchange: text("exchange"), Deal: text("deal"), Site: text("site"),
		Advertiser: id("advertiser"), Campaign: id("campaign"), LineItem: id("line item"), Creative: id("creative"),
		Lease: rapid.Int64Range(0, 1<<62).Draw(r, "lease"), Day: pacing.Day(rapid.Int32Range(0, 99991231).Draw(r, "day")),
		Reserved: pacing.Amounts{Media: money.Nanos(rapid.Int64Range(0, 1<<62).Draw(r, "media")), Charge: money.Nanos(rapid.Int64Range(0, 1<<62).Draw(r, "charge"))},
		FXRate:   money.Rate(rapid.Int64Range(0, 1<<62).Draw(r, "fx")), Currency: money.USD,
		App: rapid.Bool().Draw(r, "app"), Test: rapid.Bool().Draw(r, "test"), Charges: campaigns.ChargeEvent(rapid.IntRange(0, int(campaigns.ChargeAtConversion)).Draw(r, "charges")),
		Format:    Format(rapid.IntRange(0, int(formats)-1).Draw(r, "format")),
		Placement: rapid.Uint32().Draw(r, "placement"),
		Shown: pacing.Shown{W: rapid.IntRange(0, 4096).Draw(r, "w"), H: rapid.IntRange(0, 4096).Draw(r, "h"), DeviceType: rapid.IntRange(0, 8).Draw(r, "device"),
			Country: rapid.StringN(0, -1, pacing.MaxPlace).Draw(r, "country"), Region: rapid.StringN(0, -1, pacing.MaxPlace).Draw(r, "region")},
		Multiplier: rapid.SampledFrom([]money.PPM{oneImpression, 1, 14_200_000, 1 << 40}).Draw(r, "multiplier"),
	}
}

func TestTokensComeBackAsTheyWere(t *testing.T) {
	k := testTokens(t, keyA)
	rapid.Check(t, func(r *rapid.T) {
		want := drawToken(r)
		text, _ := k.Sign(nil, k.AppendPayload(nil, &want), PurposeBilling, nil)
		got, err := k.Parse(text, PurposeBilling)
		if err != nil {
			r.Fatal(err)
		}
		if got != want {
			r.Fatalf("got  %+v\nwant %+v", got, want)
		}
		if _, err := k.Parse(text, PurposeWin); !errors.Is(err, ErrTokenForged) {
			r.Fatalf("for another purpose: got %v; want ErrTokenForged", err)
		}
	})
}

func TestNoAlterationVerifies(t *testing.T) {
	k := testTokens(t, keyA)
	rapid.Check(t, func(r *rapid.T) {
		tok := drawToken(r)
		text, _ := k.Sign(nil, k.AppendPayload(nil, &tok), PurposeClick, nil)
		altered := bytes.Clone(text)
		at := rapid.IntRange(0, len(text)-1).Draw(r, "at")
		altered[at] = rapid.Byte().Filter(func(b byte) bool { return b != text[at] }).Draw(r, "byte")
		if _, err := k.Parse(altered, PurposeClick); err == nil {
			r.Fatalf("altered at %d, and it verifies", at)
		}
	})
}

func TestKeysRotate(t *testing.T) {
	old, both, next := testTokens(t, keyA), testTokens(t, keyB, keyA), testTokens(t, keyB)
	tok := Token{Bid: ids.BidID{Incarnation: 1, Counter: 2}, BidAt: testNow, Exchange: "demo"}
	text, _ := old.Sign(nil, old.AppendPayload(nil, &tok), PurposeWin, nil)
	if _, err := both.Parse(text, PurposeWin); err != nil {
		t.Fatalf("the old key still holds: %v", err)
	}
	if _, err := next.Parse(text, PurposeWin); !errors.Is(err, ErrTokenForged) {
		t.Fatalf("the old key is gone: got %v; want ErrTokenForged", err)
	}
}

func TestTokensHideTheUser(t *testing.T) {
	k := testTokens(t, keyA)
	payload := func(counter uint64) []byte {
		tok := Token{Bid: ids.BidID{Incarnation: 1, Counter: counter}, User: 0x1122334455667788}
		return k.AppendPayload(nil, &tok)[18:26]
	}
	if bytes.Equal(payload(1), payload(2)) {
		t.Fatal("two bids of one user look alike: a page could follow them")
	}
}

func FuzzParseToken(f *testing.F) {
	k := testTokens(f, keyA)
	tok := Token{Bid: ids.BidID{Incarnation: 1, Counter: 2}, BidAt: testNow, Exchange: "demo", Site: "news.example"}
	text, _ := k.Sign(nil, k.AppendPayload(nil, &tok), PurposeWin, nil)
	f.Add(text)
	f.Add([]byte("AAAA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = k.Parse(text, PurposeWin)
		// The decoder behind the signature must hold too: a leaked key is no panic.
		_, _ = k.decode(text)
	})
}

func BenchmarkSignFive(b *testing.B) {
	k := testTokens(b, keyA)
	tok := Token{Bid: ids.BidID{Incarnation: 1 << 60, Counter: 2}, BidAt: testNow, Exchange: "demo", Site: "news.example", Advertiser: 3, LineItem: 1000, Lease: 1 << 20, Reserved: pacing.Amounts{Media: 2e6, Charge: 3e6}, FXRate: money.One}
	var payload, out, scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		payload = k.AppendPayload(payload[:0], &tok)
		for _, p := range [...]Purpose{PurposeWin, PurposeBilling, PurposeLoss, PurposeImpression, PurposeClick} {
			out, scratch = k.Sign(out[:0], payload, p, scratch)
		}
	}
}

// TestTokensOfBeforeFormatsWereTold: notices of bids of the version before still
// come after an upgrade.
func TestTokensOfBeforeFormatsWereTold(t *testing.T) {
	k := testTokens(t, keyA)
	tok := Token{Bid: ids.BidID{Incarnation: 1, Counter: 2}, BidAt: testNow.Truncate(time.Second), Exchange: "demo", Multiplier: 2 * oneImpression}
	old := k.AppendPayload(nil, &tok)
	old = old[:len(old)-1] // the byte of flagMore, without a placement
	for flag, want := range map[byte]campaigns.ChargeEvent{0: campaigns.ChargeAtBill, flagPerClick: campaigns.ChargeAtClick} {
		old[1] = old[1]&^(flagMore|flagPerClick) | flag
		text, _ := k.Sign(nil, old, PurposeClick, nil)
		got, err := k.Parse(text, PurposeClick)
		if err != nil || got.Charges != want || got.Format != FormatNone || got.Format.String() != "" || got.Multiplier != tok.Multiplier {
			t.Errorf("flags %b: got %+v, %v; want event %d and no format", old[1], got, err, want)
		}
	}
}

// TestTokenBitsThatMeanNothing are refused, though they verify.
func TestTokenBitsThatMeanNothing(t *testing.T) {
	k := testTokens(t, keyA)
	tok := Token{Bid: ids.BidID{Incarnation: 1, Counter: 2}, BidAt: testNow, Exchange: "demo"}
	good := k.AppendPayload(nil, &tok)
	f := func(want error, tail ...byte) {
		t.Helper()
		text, _ := k.Sign(nil, append(bytes.Clone(good[:len(good)-1]), tail...), PurposeClick, nil)
		if _, err := k.Parse(text, PurposeClick); !errors.Is(err, want) {
			t.Errorf("%x: got %v; want %v", tail, err, want)
		}
	}
	f(nil, 1|2<<moreFormat)
	f(nil, morePlacement, 5)
	f(ErrTokenMalformed)                                              // no byte at all
	f(ErrTokenMalformed, 5)                                           // no such event
	f(ErrTokenMalformed, 7<<moreFormat)                               // no such format
	f(ErrTokenMalformed, 1<<7)                                        // a bit of nothing
	f(ErrTokenMalformed, morePlacement)                               // no placement
	f(ErrTokenMalformed, morePlacement, 0)                            // placement 0
	f(ErrTokenMalformed, morePlacement, 0xff, 0xff, 0xff, 0xff, 0x7f) // beyond 32 bits
	f(ErrTokenMalformed, 0, 0)                                        // bytes behind
}
