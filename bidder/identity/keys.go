package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Scope is the framework that a token belongs to. UID2 and EUID are the same
// code with keys, ids and operators of their own.
type Scope uint8

const (
	ScopeNone Scope = iota
	ScopeUID2       // eids source uidapi.com
	ScopeEUID       // eids source euid.eu
	scopeCount
)

var scopeNames = [scopeCount]string{ScopeNone: "none", ScopeUID2: "UID2", ScopeEUID: "EUID"}

// String is the name that key files use: "UID2" or "EUID".
func (s Scope) String() string { return scopeNames[s] }

// ParseScope reads what a setting says of an eids source: "uid2", "euid", or
// nothing where its ids are no tokens.
func ParseScope(name string) (Scope, error) {
	switch name {
	case "":
		return ScopeNone, nil
	case "uid2":
		return ScopeUID2, nil
	case "euid":
		return ScopeEUID, nil
	}
	return ScopeNone, fmt.Errorf("token: got %.40q; want uid2, euid or nothing", name)
}

// Bounds of a key file.
const (
	maxKeysFile = 64 << 20 // bytes
	maxKeys     = 100_000
	maxSites    = 1_000_000
	keyBytes    = 32 // AES-256
)

// defaultClockSkew is how far in the future a token may have been made where the
// key file says nothing: what the SDKs' tests use.
const defaultClockSkew = 30 * time.Minute

// keySet is what one key file holds, prepared. It is immutable.
type keySet struct {
	keys        map[uint32]*tokenKey
	sites       map[uint32]map[string]struct{} // a site's domains and apps, lower case
	lastExpiry  time.Time                      // of any key
	maxLifetime time.Duration                  // of a token; 0: no bound
	clockSkew   time.Duration
}

// tokenKey is one key's ciphers, safe for concurrent use.
type tokenKey struct {
	block cipher.Block // token version 2
	aead  cipher.AEAD  // versions 3 and 4
}

// keyFile is the decrypted answer of POST /v2/key/bidstream or /v2/key/sharing,
// as https://unifiedid.com/docs/guides/integration-dsp-no-sdk (read 2026-11)
// refers to it:
//
//	{"body": {
//	   "identity_scope": "UID2",
//	   "max_bidstream_lifetime_seconds": 259200,
//	   "allow_clock_skew_seconds": 1800,
//	   "keys": [{"id": 3, "keyset_id": 99999, "created": 1609459200, "activates": 1609459210,
//	             "expires": 1893456000, "secret": "base64 of 32 bytes"}],
//	   "site_data": [{"id": 9, "domain_names": ["example.com", "com.example.app"]}]},
//	 "status": "success"}
//
// Other fields are ignored. In the older answer of /key/latest the body is the
// list of keys.
type keyFile struct {
	Status *string         `json:"status"`
	Body   json.RawMessage `json:"body"`
}

type keyBody struct {
	Scope              *string   `json:"identity_scope"`
	MaxLifetimeSeconds int64     `json:"max_bidstream_lifetime_seconds"`
	ClockSkewSeconds   *int64    `json:"allow_clock_skew_seconds"`
	Keys               []keyRow  `json:"keys"`
	Sites              []siteRow `json:"site_data"`
}

type keyRow struct {
	ID      *int64 `json:"id"`
	Expires int64  `json:"expires"` // Unix seconds
	Secret  string `json:"secret"`
}

type siteRow struct {
	ID          int64    `json:"id"`
	DomainNames []string `json:"domain_names"`
}

// readKeys reads a key file. No error has a secret.
func readKeys(r io.Reader, scope Scope) (*keySet, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKeysFile+1))
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", scope, err)
	}
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("keys of %s: %s: got %v; want %s", scope, field, value, rule)
	}
	if len(text) > maxKeysFile {
		return nil, f("file", "more", fmt.Sprintf("at most %d bytes", maxKeysFile))
	}
	var file keyFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, f("file", "no such JSON", `an object with "body"`)
	}
	if file.Status != nil && *file.Status != "success" {
		return nil, f("status", fmt.Sprintf("%.40q", *file.Status), `"success"`)
	}
	var body keyBody
	if b := bytes.TrimSpace(file.Body); len(b) > 0 && b[0] == '[' {
		err = json.Unmarshal(b, &body.Keys)
	} else {
		err = json.Unmarshal(b, &body)
	}
	if err != nil {
		return nil, f("body", "no such JSON", "an object with keys, or a list of keys")
	}
	return newKeySet(&body, scope, f)
}

func newKeySet(body *keyBody, scope Scope, f func(field string, value any, rule string) error) (*keySet, error) {
	switch {
	case body.Scope != nil && *body.Scope != scope.String():
		return nil, f("body.identity_scope", fmt.Sprintf("%.40q", *body.Scope), fmt.Sprintf("%q", scope))
	case len(body.Keys) == 0 || len(body.Keys) > maxKeys:
		return nil, f("body.keys", fmt.Sprintf("%d keys", len(body.Keys)), fmt.Sprintf("1 to %d", maxKeys))
	case len(body.Sites) > maxSites:
		return nil, f("body.site_data", fmt.Sprintf("%d sites", len(body.Sites)), fmt.Sprintf("at most %d", maxSites))
	case body.MaxLifetimeSeconds < 0 || body.MaxLifetimeSeconds > maxSeconds:
		return nil, f("body.max_bidstream_lifetime_seconds", body.MaxLifetimeSeconds, fmt.Sprintf("0 to %d", int64(maxSeconds)))
	case body.ClockSkewSeconds != nil && (*body.ClockSkewSeconds < 0 || *body.ClockSkewSeconds > maxSeconds):
		return nil, f("body.allow_clock_skew_seconds", *body.ClockSkewSeconds, fmt.Sprintf("0 to %d", int64(maxSeconds)))
	}
	ks := &keySet{
		keys: make(map[uint32]*tokenKey, len(body.Keys)), sites: make(map[uint32]map[string]struct{}, len(body.Sites)),
		maxLifetime: time.Duration(body.MaxLifetimeSeconds) * time.Second, clockSkew: defaultClockSkew,
	}
	if s := body.ClockSkewSeconds; s != nil {
		ks.clockSkew = time.Duration(*s) * time.Second
	}
	for i := range body.Keys {
		if err := ks.addKey(&body.Keys[i], fmt.Sprintf("body.keys[%d].", i), f); err != nil {
			return nil, err
		}
	}
	for i, s := range body.Sites {
		if s.ID < 0 || s.ID > 1<<32-1 {
			return nil, f(fmt.Sprintf("body.site_data[%d].id", i), s.ID, "a number of 32 bits")
		}
		names := make(map[string]struct{}, len(s.DomainNames))
		for _, n := range s.DomainNames {
			names[strings.ToLower(n)] = struct{}{}
		}
		ks.sites[uint32(s.ID)] = names
	}
	return ks, nil
}

// maxSeconds keeps durations of a key file within a time.Duration: 100 years.
const maxSeconds = 100 * 366 * 24 * 3600

func (ks *keySet) addKey(row *keyRow, name string, f func(field string, value any, rule string) error) error {
	switch {
	case row.ID == nil:
		return f(name+"id", "none", "a number of 32 bits")
	case *row.ID < 0 || *row.ID > 1<<32-1:
		return f(name+"id", *row.ID, "a number of 32 bits")
	case ks.keys[uint32(*row.ID)] != nil:
		return f(name+"id", *row.ID, "each key once")
	}
	secret, err := base64.StdEncoding.DecodeString(row.Secret)
	if err != nil || len(secret) != keyBytes {
		return f(name+"secret", fmt.Sprintf("%d bytes", len(secret)), "base64 of 32 bytes")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return fmt.Errorf("%ssecret: %w", name, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("%ssecret: %w", name, err)
	}
	ks.keys[uint32(*row.ID)] = &tokenKey{block, aead}
	if e := time.Unix(row.Expires, 0); e.After(ks.lastExpiry) {
		ks.lastExpiry = e
	}
	return nil
}

// allows says whether a token that a browser or app had made for site may come
// from place. Sites register their root domain, apps their whole name
// (https://unifiedid.com/docs/portal/client-side-integration, read 2026-11).
func (ks *keySet) allows(site uint32, place []byte, app bool) bool {
	names := ks.sites[site]
	var buf [256]byte
	if len(names) == 0 || len(place) == 0 || len(place) > len(buf) {
		return false
	}
	low := appendLower(buf[:0], place)
	for {
		if _, ok := names[string(low)]; ok {
			return true
		}
		dot := bytes.IndexByte(low, '.')
		if app || dot < 0 {
			return false
		}
		low = low[dot+1:]
	}
}
