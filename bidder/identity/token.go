package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// TokenResult says how the decoding of a token ended.
type TokenResult uint8

const (
	TokenUsed       TokenResult = iota // decrypted, or a raw id
	TokenMalformed                     // no token, or damaged inside
	TokenVersion                       // of a version that is not known
	TokenScope                         // of the other framework
	TokenNoKeys                        // no key file was loaded
	TokenKeysStale                     // every key of the file has expired
	TokenUnknownKey                    // made with a master or site key that we don't have
	TokenForged                        // does not authenticate
	TokenExpired                       // its time is over
	TokenLifetime                      // valid for longer than bid requests may carry, or from the future
	TokenPlace                         // made in a browser or app that is not its site's
	TokenOptedOut                      // its user opted out
	tokenResults
)

var tokenResultNames = [tokenResults]string{
	TokenUsed: "used", TokenMalformed: "malformed", TokenVersion: "version", TokenScope: "scope", TokenNoKeys: "no_keys",
	TokenKeysStale: "keys_stale", TokenUnknownKey: "unknown_key", TokenForged: "forged", TokenExpired: "expired",
	TokenLifetime: "lifetime", TokenPlace: "place", TokenOptedOut: "opted_out",
}

func (t TokenResult) String() string { return tokenResultNames[t] }

// Tokens decrypts the advertising tokens of one scope, versions 2, 3 and 4. It is
// safe for concurrent use.
//
// The layouts are those of the operator that makes tokens and of the SDKs that
// read them (github.com/IABTechLab/uid2-operator EncryptedTokenEncoder.java,
// uid2-client-net UID2Encryption.cs, read 2026-11), the checks those of "DSP
// Direct Integration Instructions" (unifiedid.com/docs/guides/integration-dsp-no-sdk).
// All numbers are big endian:
//
//	version 2, standard base64, 133 bytes:
//	  version=2 | master key id:4 | iv:16 | AES-256-CBC, PKCS#7 of
//	    expires ms:8 | site key id:4 | iv:16 | AES-256-CBC, PKCS#7 of
//	      site id:4 | length:4 | base64 of the raw id | privacy bits:4 | established ms:8
//	version 3, standard base64, and 4, base64url without padding, from 163 bytes:
//	  scope<<4 | type<<2 | 3 | version=112 or 128 | master key id:4 | nonce:12 | AES-256-GCM with tag:16 of
//	    expires ms:8 | generated ms:8 | operator:13 | site key id:4 | nonce:12 | AES-256-GCM with tag:16 of
//	      site id:4 | publisher:8 | client key:4 | privacy bits:4 | established ms:8 | refreshed ms:8 | raw id:32 or 33
//
// Privacy bit 1 says that a browser or app had the token made, bit 2 that the
// user opted out: the operator then puts an id in that is nobody's.
type Tokens struct {
	scope  Scope
	keys   atomic.Pointer[keySet] // nil until the first LoadKeys
	pool   sync.Pool
	counts [tokenResults]atomic.Uint64
}

// Bounds and sizes of a token.
const (
	maxTokenChars = 512
	tokenV2Bytes  = 133
	minTokenV3    = 163
	versionV2     = 2
	versionV3     = 112
	versionV4     = 128
	masterV3Bytes = 33 // before the site's part
	siteV3Bytes   = 36 // before the raw id
	nonceBytes    = 12
	rawBytes      = 32
	maxRawBytes   = 33 // with a byte of metadata in front
	rawTextLen    = 44 // base64 of either, with padding

	bitClientSide = 1 << 1
	bitOptedOut   = 1 << 2
)

// tokenScratch is the memory of one decryption.
type tokenScratch struct {
	token  [maxTokenChars]byte
	master [maxTokenChars]byte
	site   [maxTokenChars]byte
}

// NewTokens has no keys: until LoadKeys only raw ids are read.
func NewTokens(scope Scope) *Tokens {
	t := &Tokens{scope: scope}
	t.pool.New = func() any { return new(tokenScratch) }
	return t
}

// LoadKeys replaces the keys by those of a key file (see keyFile), for the
// tokens that are decoded from now on. On an error the old ones stay.
func (t *Tokens) LoadKeys(r io.Reader) error {
	ks, err := readKeys(r, t.scope)
	if err != nil {
		return err
	}
	t.keys.Store(ks)
	return nil
}

// Count is how many tokens ended in result.
func (t *Tokens) Count(result TokenResult) uint64 { return t.counts[result].Load() }

// Decode appends the raw id of token to dst, as 44 characters of standard base64,
// where the result is TokenUsed. A token may be a raw id already. place is the
// domain of the request's site or, where app, its bundle. Decode allocates only
// when dst must grow; token is not retained.
func (t *Tokens) Decode(dst, token, place []byte, app bool, now time.Time) ([]byte, TokenResult) {
	dst, result := t.decode(dst, token, place, app, now)
	t.counts[result].Add(1)
	return dst, result
}

func (t *Tokens) decode(dst, token, place []byte, app bool, now time.Time) ([]byte, TokenResult) {
	if len(token) <= rawTextLen {
		if dst, ok := appendRaw(dst, token, t.scope); ok {
			return dst, TokenUsed
		}
		return dst, TokenMalformed
	}
	if len(token) > maxTokenChars {
		return dst, TokenMalformed
	}
	ks := t.keys.Load()
	switch {
	case ks == nil:
		return dst, TokenNoKeys
	case !now.Before(ks.lastExpiry):
		return dst, TokenKeysStale
	}
	s := t.pool.Get().(*tokenScratch)
	id, result := t.open(ks, s, token, now)
	if result == TokenUsed {
		result = ks.check(&id, place, app, now)
	}
	if result == TokenUsed {
		var ok bool
		if dst, ok = appendOpened(dst, id.raw, t.scope); !ok {
			result = TokenMalformed
		}
	}
	*s = tokenScratch{} // no raw identifier stays in memory that is kept
	t.pool.Put(s)
	return dst, result
}

// opened is what a token says, once decrypted.
type opened struct {
	site      uint32
	privacy   uint32
	generated int64  // Unix ms; version 2 does not say it: now
	expires   int64  // Unix ms
	raw       []byte // the raw id's bytes; version 2: its text
}

func (t *Tokens) open(ks *keySet, s *tokenScratch, token []byte, now time.Time) (opened, TokenResult) {
	n, ok := decodeBase64(s.token[:], token)
	b := s.token[:n]
	switch {
	case !ok || n < tokenV2Bytes:
		return opened{}, TokenMalformed
	case b[0] == versionV2:
		return ks.openV2(s, b, now)
	case b[1] == versionV3 || b[1] == versionV4:
		if n < minTokenV3 {
			return opened{}, TokenMalformed
		}
		if !inScope(b[0], t.scope) {
			return opened{}, TokenScope
		}
		return ks.openV3(s, b, now)
	}
	return opened{}, TokenVersion
}

// openV2 reads the layout that is not authenticated: a wrong byte shows in the
// padding, the length or the base64 of the id.
func (ks *keySet) openV2(s *tokenScratch, b []byte, now time.Time) (o opened, result TokenResult) {
	if len(b) != tokenV2Bytes {
		return o, TokenMalformed
	}
	key := ks.keys[binary.BigEndian.Uint32(b[1:])]
	if key == nil {
		return o, TokenUnknownKey
	}
	master, ok := decryptCBC(s.master[:0], key.block, b[5:21], b[21:])
	if !ok || len(master) < 28 {
		return o, TokenForged
	}
	if o.expires, ok = millis(master); !ok {
		return o, TokenMalformed
	}
	o.generated = now.UnixMilli()
	if o.expires < now.UnixMilli() {
		return o, TokenExpired
	}
	if key = ks.keys[binary.BigEndian.Uint32(master[8:])]; key == nil {
		return o, TokenUnknownKey
	}
	site, ok := decryptCBC(s.site[:0], key.block, master[12:28], master[28:])
	if !ok || len(site) < 8+rawTextLen+4 {
		return o, TokenForged
	}
	if binary.BigEndian.Uint32(site[4:]) != rawTextLen {
		return o, TokenForged
	}
	o.site = binary.BigEndian.Uint32(site)
	o.raw = site[8 : 8+rawTextLen]
	o.privacy = binary.BigEndian.Uint32(site[8+rawTextLen:])
	return o, TokenUsed
}

func (ks *keySet) openV3(s *tokenScratch, b []byte, now time.Time) (o opened, result TokenResult) {
	key := ks.keys[binary.BigEndian.Uint32(b[2:])]
	if key == nil {
		return o, TokenUnknownKey
	}
	master, ok := decryptGCM(s.master[:0], key.aead, b[6:])
	if !ok {
		return o, TokenForged
	}
	if len(master) < masterV3Bytes {
		return o, TokenMalformed
	}
	expires, ok1 := millis(master)
	generated, ok2 := millis(master[8:])
	if !ok1 || !ok2 {
		return o, TokenMalformed
	}
	o.expires, o.generated = expires, generated
	if expires < now.UnixMilli() {
		return o, TokenExpired
	}
	if key = ks.keys[binary.BigEndian.Uint32(master[29:])]; key == nil {
		return o, TokenUnknownKey
	}
	site, ok := decryptGCM(s.site[:0], key.aead, master[masterV3Bytes:])
	if !ok {
		return o, TokenForged
	}
	if n := len(site) - siteV3Bytes; n != rawBytes && n != maxRawBytes {
		return o, TokenMalformed
	}
	o.site = binary.BigEndian.Uint32(site)
	o.privacy = binary.BigEndian.Uint32(site[16:])
	o.raw = site[siteV3Bytes:]
	return o, TokenUsed
}

// check says whether a token that opened may be used for a bid.
func (ks *keySet) check(o *opened, place []byte, app bool, now time.Time) TokenResult {
	switch {
	case o.privacy&bitOptedOut != 0:
		return TokenOptedOut
	case ks.maxLifetime > 0 && o.expires-o.generated > ks.maxLifetime.Milliseconds(),
		o.generated-now.UnixMilli() > ks.clockSkew.Milliseconds():
		return TokenLifetime
	case o.privacy&bitClientSide != 0 && !ks.allows(o.site, place, app):
		return TokenPlace
	}
	return TokenUsed
}

func appendOpened(dst, raw []byte, scope Scope) ([]byte, bool) {
	if len(raw) == rawTextLen { // version 2 holds the text
		return appendRaw(dst, raw, scope)
	}
	if !validRaw(raw, scope) {
		return dst, false
	}
	return base64.StdEncoding.AppendEncode(dst, raw), true
}

// validRaw says whether b is a raw id of scope: a hash, or a byte of metadata and
// a hash.
func validRaw(b []byte, scope Scope) bool {
	switch len(b) {
	case rawBytes:
		return !zeroBytes(b)
	case maxRawBytes:
		return inScope(b[0], scope) && !zeroBytes(b[1:])
	}
	return false
}

func zeroBytes(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// inScope reads the scope of a token's or a raw id's first byte: bit 4.
func inScope(b byte, scope Scope) bool { return (b>>4&1 == 1) == (scope == ScopeEUID) }

// millis reads a time that is within a signed number.
func millis(b []byte) (int64, bool) {
	v := binary.BigEndian.Uint64(b)
	return int64(v), v < 1<<62
}

// decodeBase64 reads standard base64 or base64url, padded or not, into dst, which
// must be as long as text; ok is false for anything else.
func decodeBase64(dst, text []byte) (n int, ok bool) {
	text = bytes.TrimRight(text, "=")
	enc := base64.RawStdEncoding
	if bytes.IndexByte(text, '-') >= 0 || bytes.IndexByte(text, '_') >= 0 {
		enc = base64.RawURLEncoding
	}
	if enc.DecodedLen(len(text)) > len(dst) {
		return 0, false
	}
	n, err := enc.Decode(dst, text)
	return n, err == nil
}

func decryptGCM(dst []byte, key cipher.AEAD, b []byte) ([]byte, bool) {
	if len(b) < nonceBytes {
		return nil, false
	}
	out, err := key.Open(dst, b[:nonceBytes], b[nonceBytes:], nil)
	return out, err == nil
}

// decryptCBC appends what src decrypts to, without its PKCS#7 padding, to dst,
// which has room for it. crypto/cipher's CBC would allocate for each token.
func decryptCBC(dst []byte, key cipher.Block, iv, src []byte) ([]byte, bool) {
	if len(src) == 0 || len(src)%aes.BlockSize != 0 {
		return nil, false
	}
	out := dst[:len(src)]
	for at := 0; at < len(src); at += aes.BlockSize {
		block := out[at : at+aes.BlockSize]
		key.Decrypt(block, src[at:at+aes.BlockSize])
		subtle.XORBytes(block, block, iv)
		iv = src[at : at+aes.BlockSize]
	}
	pad := int(out[len(out)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, false
	}
	for _, c := range out[len(out)-pad:] {
		if int(c) != pad {
			return nil, false
		}
	}
	return out[:len(out)-pad], true
}
