package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// The keys and the raw id of the UID2 SDKs' tests
// (github.com/IABTechLab/uid2-client-net test/UID2.Client.Test/EncryptionTestsV4.cs).
const (
	masterKeyID, siteKeyID = 164, 165
	exampleSite            = 9000
	exampleRaw             = "ywsvDNINiZOVSsfkHpLpSJzXzhr6Jx9Z/4Q0+lsEUvM="
)

var (
	masterSecret = []byte{139, 37, 241, 173, 18, 92, 36, 232, 165, 168, 23, 18, 38, 195, 123, 92, 160, 136, 185, 40, 91, 173, 165, 221, 168, 16, 169, 164, 38, 139, 8, 155}
	siteSecret   = []byte{32, 251, 7, 194, 132, 154, 250, 86, 202, 116, 104, 29, 131, 192, 139, 215, 48, 164, 11, 65, 226, 110, 167, 14, 108, 51, 254, 125, 65, 24, 23, 133}
)

// spec is what a test's token says. It is encoded by code of its own, from the
// layout that Tokens documents.
type spec struct {
	version            int // 2, 3 or 4
	scope              Scope
	masterID, siteID   uint32 // of keys
	site               uint32
	privacy            uint32
	generated, expires time.Time
	raw                []byte
}

func newSpec(version int) spec {
	raw, err := base64.StdEncoding.DecodeString(exampleRaw)
	if err != nil {
		panic(err)
	}
	return spec{version: version, scope: ScopeUID2, masterID: masterKeyID, siteID: siteKeyID, site: exampleSite,
		generated: testNow.Add(-time.Minute), expires: testNow.Add(time.Hour), raw: raw}
}

func (s spec) encode() string {
	if s.version == 2 {
		return base64.StdEncoding.EncodeToString(s.bytesV2())
	}
	b := s.bytesV3()
	if s.version == 3 {
		return base64.StdEncoding.EncodeToString(b)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s spec) bytesV2() []byte {
	var id bytes.Buffer
	text := base64.StdEncoding.EncodeToString(s.raw)
	write(&id, s.site, uint32(len(text)), []byte(text), s.privacy, uint64(s.generated.UnixMilli()))
	iv1, iv2 := bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{9}, 16)
	var master bytes.Buffer
	write(&master, uint64(s.expires.UnixMilli()), s.siteID, iv1, cbc(siteSecret, iv1, id.Bytes()))
	var token bytes.Buffer
	write(&token, byte(2), s.masterID, iv2, cbc(masterSecret, iv2, master.Bytes()))
	return token.Bytes()
}

func (s spec) bytesV3() []byte {
	scope, version := byte(0), byte(112)
	if s.scope == ScopeEUID {
		scope = 1
	}
	if s.version == 4 {
		version = 128
	}
	var id bytes.Buffer
	write(&id, s.site, uint64(1), uint32(2), s.privacy, uint64(testNow.UnixMilli()), uint64(testNow.UnixMilli()), s.raw)
	var master bytes.Buffer
	write(&master, uint64(s.expires.UnixMilli()), uint64(s.generated.UnixMilli()), uint32(3), byte(1), uint32(4), uint32(5), s.siteID, gcm(siteSecret, id.Bytes()))
	var token bytes.Buffer
	write(&token, scope<<4|3, version, s.masterID, gcm(masterSecret, master.Bytes()))
	return token.Bytes()
}

func write(b *bytes.Buffer, fields ...any) {
	for _, f := range fields {
		if err := binary.Write(b, binary.BigEndian, f); err != nil {
			panic(err)
		}
	}
}

func cbc(secret, iv, text []byte) []byte {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err)
	}
	pad := 16 - len(text)%16
	text = append(bytes.Clone(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	return text
}

func gcm(secret, text []byte) []byte {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	nonce := bytes.Repeat([]byte{3}, aead.NonceSize())
	return aead.Seal(nonce, nonce, text, nil)
}

// keysJSON is a key file with the tests' keys; fields go into its body.
func keysJSON(fields string) string {
	key := func(id int, secret []byte) string {
		return fmt.Sprintf(`{"id":%d,"keyset_id":1,"created":1609459200,"activates":1609459210,"expires":%d,"secret":%q}`,
			id, testNow.Add(24*time.Hour).Unix(), base64.StdEncoding.EncodeToString(secret))
	}
	return `{"body":{` + fields + `"keys":[` + key(masterKeyID, masterSecret) + `,` + key(siteKeyID, siteSecret) +
		`],"site_data":[{"id":9000,"domain_names":["example.com","Com.Example.App"],"unknown":1}],"token_expiry_seconds":1},"status":"success"}`
}

func loaded(t testing.TB, scope Scope, fields string) *Tokens {
	t.Helper()
	tokens := NewTokens(scope)
	if err := tokens.LoadKeys(strings.NewReader(keysJSON(fields))); err != nil {
		t.Fatal(err)
	}
	return tokens
}
