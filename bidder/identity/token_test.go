package identity

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const bidstream = `"identity_scope":"UID2","max_bidstream_lifetime_seconds":259200,"allow_clock_skew_seconds":1800,`

// TestPublishedToken decodes the token that the UID2 SDKs of every language check
// themselves against (crossPlatformConsistencyCheck_Decrypt in EncryptionTestsV4.cs):
// made 2023-01-01, valid for 20 years, so that no bound on lifetimes is set.
func TestPublishedToken(t *testing.T) {
	const token = "AIAAAACkOqJj9VoxXJNnuX3v-ymceRf8_Av0vA5asOj9YBZJc1kV1vHdmb0AIjlzWnFF-gxIlgXqhRFhPo3iXpugPBl3gv4GKnGkw-Zgm2QqMsDPPLpMCYiWrIUqHPm8hQiq9PuTU-Ba9xecRsSIAN0WCwKLwA_EDVdzmnLJu64dQoeYmuu3u1G2EuTkuMrevmP98tJqSUePKwnfK73-0Zdshw"
	got, result := loaded(t, ScopeUID2, "").Decode([]byte("x"), []byte(token), nil, false, testNow)
	if result != TokenUsed || string(got) != "x"+exampleRaw {
		t.Errorf("got %q, %v; want %q", got, result, exampleRaw)
	}
}

func TestDecode(t *testing.T) {
	tokens := loaded(t, ScopeUID2, bidstream)
	f := func(name string, token string, want TokenResult) {
		t.Helper()
		before := tokens.Count(want)
		got, result := tokens.Decode(nil, []byte(token), []byte("shop.example.com"), false, testNow)
		if result != want || (want == TokenUsed) != (string(got) == exampleRaw) || want != TokenUsed && len(got) != 0 {
			t.Errorf("%s: got %q, %v; want %v", name, got, result, want)
		}
		if tokens.Count(want) != before+1 {
			t.Errorf("%s: not counted as %v", name, want)
		}
	}
	for version := 2; version <= 4; version++ {
		token := func(change func(*spec)) string {
			s := newSpec(version)
			change(&s)
			return s.encode()
		}
		name := string(rune('0' + version))
		f(name, token(func(*spec) {}), TokenUsed)
		f(name+": expires now", token(func(s *spec) { s.expires = testNow }), TokenUsed)
		f(name+": expired", token(func(s *spec) { s.expires = testNow.Add(-time.Millisecond) }), TokenExpired)
		f(name+": master key unknown", token(func(s *spec) { s.masterID = 1 }), TokenUnknownKey)
		f(name+": site key unknown", token(func(s *spec) { s.siteID = 1 }), TokenUnknownKey)
		f(name+": keys swapped", token(func(s *spec) { s.masterID, s.siteID = siteKeyID, masterKeyID }), TokenForged)
		f(name+": site key wrong", token(func(s *spec) { s.siteID = masterKeyID }), TokenForged)
		f(name+": opted out", token(func(s *spec) { s.privacy = bitOptedOut }), TokenOptedOut)
		f(name+": opted out in a browser", token(func(s *spec) { s.privacy = bitOptedOut | bitClientSide | 1 }), TokenOptedOut)
		f(name+": made in a browser of the site", token(func(s *spec) { s.privacy = bitClientSide | 1 }), TokenUsed)
		f(name+": made in a browser of another site", token(func(s *spec) { s.privacy, s.site = bitClientSide, 9001 }), TokenPlace)
		f(name+": lives too long", token(func(s *spec) { s.expires = testNow.Add(72*time.Hour + time.Second) }), TokenLifetime)
		f(name+": zeros", token(func(s *spec) { s.raw = bytes.Repeat([]byte{0}, 32) }), TokenMalformed)
		f(name+": cut", token(func(*spec) {})[:170], TokenMalformed)
	}
	for version := 3; version <= 4; version++ {
		token := func(change func(*spec)) string {
			s := newSpec(version)
			change(&s)
			return s.encode()
		}
		f("future", token(func(s *spec) { s.generated = testNow.Add(31 * time.Minute) }), TokenLifetime)
		f("near future", token(func(s *spec) { s.generated = testNow.Add(29 * time.Minute) }), TokenUsed)
		f("other scope", token(func(s *spec) { s.scope = ScopeEUID }), TokenScope)
		f("raw id too short", token(func(s *spec) { s.raw = s.raw[:31] }), TokenMalformed)
		f("raw id too long", token(func(s *spec) { s.raw = append(s.raw, 1, 2) }), TokenMalformed)
		f("raw id of the other scope", token(func(s *spec) { s.raw = append([]byte{1 << 4}, s.raw...) }), TokenMalformed)
		b := newSpec(version).bytesV3()
		b[len(b)-1] ^= 1
		f("a bit of the tag", base64.StdEncoding.EncodeToString(b), TokenForged)
		b = newSpec(version).bytesV3()
		b[1] = 77
		f("version unknown", base64.StdEncoding.EncodeToString(b), TokenVersion)
	}
	f("padded base64url", newSpec(4).encode()+"==", TokenUsed)
	f("neither base64", strings.Repeat("!", 200), TokenMalformed)
	f("mixed base64", "-+"+newSpec(4).encode()[2:], TokenMalformed)
	f("too long", strings.Repeat("A", maxTokenChars+1), TokenMalformed)
	f("raw", exampleRaw, TokenUsed)
	f("raw without padding", strings.TrimRight(exampleRaw, "="), TokenUsed)
	f("raw as base64url", strings.NewReplacer("/", "_", "+", "-").Replace(exampleRaw), TokenUsed)
	f("raw zeros", base64.StdEncoding.EncodeToString(make([]byte, 32)), TokenMalformed)
	f("raw too short", exampleRaw[:40], TokenMalformed)
	f("nothing", "", TokenMalformed)
}

// TestDecodeNewRawIDs: raw ids of 33 bytes start with a byte of metadata.
func TestDecodeNewRawIDs(t *testing.T) {
	f := func(scope Scope, first byte, want TokenResult) {
		t.Helper()
		tokens := loaded(t, scope, "")
		s := newSpec(4)
		s.scope, s.raw = scope, append([]byte{first}, s.raw...)
		text := base64.StdEncoding.EncodeToString(s.raw)
		for _, token := range []string{s.encode(), text} {
			got, result := tokens.Decode(nil, []byte(token), nil, false, testNow)
			if result != want || (want == TokenUsed) != (string(got) == text) {
				t.Errorf("%v, first byte %02x, %d characters: got %q, %v; want %v", scope, first, len(token), got, result, want)
			}
		}
	}
	f(ScopeUID2, 0x00, TokenUsed)
	f(ScopeUID2, 0xa4, TokenUsed) // version 4, production, a phone's
	f(ScopeUID2, 0x10, TokenMalformed)
	f(ScopeEUID, 0x10, TokenUsed)
	f(ScopeEUID, 0x00, TokenMalformed)
}

func TestDecodeNeedsCurrentKeys(t *testing.T) {
	tokens, token := NewTokens(ScopeUID2), []byte(newSpec(4).encode())
	f := func(now time.Time, want TokenResult) {
		t.Helper()
		if _, result := tokens.Decode(nil, token, nil, false, now); result != want {
			t.Errorf("got %v; want %v", result, want)
		}
	}
	f(testNow, TokenNoKeys)
	if err := tokens.LoadKeys(strings.NewReader(keysJSON(""))); err != nil {
		t.Fatal(err)
	}
	f(testNow, TokenUsed)
	f(testNow.Add(24*time.Hour), TokenKeysStale)
	if err := tokens.LoadKeys(strings.NewReader(`{"body":{"keys":[]}}`)); err == nil {
		t.Error("no keys: want an error")
	}
	f(testNow, TokenUsed) // the last good file stays
}

func TestPlaces(t *testing.T) {
	ks := loaded(t, ScopeUID2, "").keys.Load()
	f := func(place string, app, want bool) {
		t.Helper()
		if got := ks.allows(exampleSite, []byte(place), app); got != want {
			t.Errorf("%q, app %v: got %v; want %v", place, app, got, want)
		}
	}
	f("example.com", false, true)
	f("EXAMPLE.com", false, true)
	f("www.shop.example.com", false, true)
	f("notexample.com", false, false)
	f("com", false, false)
	f("example.com.evil.org", false, false)
	f("com.example.app", true, true)
	f("com.example.app.other", true, false)
	f("my.com.example.app", true, false)
	f("", false, false)
	f(strings.Repeat("a.", 200)+"example.com", false, false)
	if ks.allows(1, []byte("example.com"), false) {
		t.Error("a site without names allows none")
	}
}

func TestLoadKeysRefuses(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString(siteSecret)
	f := func(text, want string) {
		t.Helper()
		err := NewTokens(ScopeUID2).LoadKeys(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v; want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("%.60s: the error has a secret", text)
		}
	}
	f("", "file: got no such JSON")
	f(`{"status":"error"}`, `status: got "error"`)
	f(`{"status":"success"}`, "body: got no such JSON")
	f(`{"body":"error"}`, "body: got no such JSON")
	f(`{"body":[1,2,3]}`, "body: got no such JSON")
	f(`{"body":[{}]}`, "keys[0].id: got none")
	f(`{"body":[{"id":5}]}`, "keys[0].secret: got 0 bytes; want base64 of 32 bytes")
	f(`{"body":[{"id":-5}]}`, "keys[0].id: got -5")
	f(`{"body":[{"id":5,"secret":"`+secret[:24]+`"}]}`, "keys[0].secret: got 18 bytes")
	f(`{"body":[{"id":5,"secret":"`+secret+`"},{"id":5,"secret":"`+secret+`"}]}`, "keys[1].id: got 5; want each key once")
	f(keysJSON(`"identity_scope":"EUID",`), `identity_scope: got "EUID"; want "UID2"`)
	f(keysJSON(`"max_bidstream_lifetime_seconds":-1,`), "max_bidstream_lifetime_seconds: got -1")
	f(keysJSON(`"allow_clock_skew_seconds":99999999999,`), "allow_clock_skew_seconds: got 99999999999")
	f(strings.Replace(keysJSON(""), `"id":9000`, `"id":-1`, 1), "site_data[0].id: got -1")
	old := NewTokens(ScopeUID2)
	if err := old.LoadKeys(strings.NewReader(`{"body":[{"id":5,"site_id":13,"expires":1893456000,"secret":"` + secret + `"}]}`)); err != nil {
		t.Errorf("the older form: %v", err)
	}
}

// TestDecodeAgreesWithEncoder: what the encoder wrote comes back, and a token
// with a changed bit never gives another id, where it is authenticated.
func TestDecodeAgreesWithEncoder(t *testing.T) {
	tokens := loaded(t, ScopeUID2, "")
	rapid.Check(t, func(t *rapid.T) {
		s := newSpec(rapid.IntRange(2, 4).Draw(t, "version"))
		s.raw = rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "raw")
		s.raw[5] |= 1
		s.expires = testNow.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "ms")) * time.Millisecond)
		want := base64.StdEncoding.EncodeToString(s.raw)
		got, result := tokens.Decode(nil, []byte(s.encode()), nil, false, testNow)
		if result != TokenUsed || string(got) != want {
			t.Fatalf("got %q, %v; want %q", got, result, want)
		}
		if s.version == 2 {
			return
		}
		b := s.bytesV3()
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		got, result = tokens.Decode(nil, []byte(base64.StdEncoding.EncodeToString(b)), nil, false, testNow)
		if result == TokenUsed && string(got) != want {
			t.Fatalf("bit %d: got another id", bit)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for version := 2; version <= 4; version++ {
		f.Add([]byte(newSpec(version).encode()))
	}
	f.Add([]byte(exampleRaw))
	f.Add([]byte(""))
	tokens := loaded(f, ScopeUID2, bidstream)
	f.Fuzz(func(t *testing.T, token []byte) {
		got, result := tokens.Decode([]byte("x"), token, token, len(token)%2 == 0, testNow)
		if (result == TokenUsed) != (len(got) == 1+rawTextLen) || got[0] != 'x' {
			t.Fatalf("got %q, %v", got, result)
		}
	})
}

func FuzzLoadKeys(f *testing.F) {
	f.Add(keysJSON(bidstream))
	f.Add(`{"body":[{"id":5,"secret":""}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		tokens := NewTokens(ScopeUID2)
		if err := tokens.LoadKeys(strings.NewReader(text)); (err == nil) != (tokens.keys.Load() != nil) {
			t.Fatalf("%v, and keys %v", err, tokens.keys.Load() != nil)
		}
	})
}
