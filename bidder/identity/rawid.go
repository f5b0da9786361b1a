package identity

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"bidhawk/internal/ids"
)

// An id of our own is 128 random bits in 22 characters of unpadded base64url. It
// is what our cookie holds, what exchanges are told, and what they send back as
// user.buyeruid.
const (
	ownIDBytes = 16
	ownIDLen   = 22
)

func newOwnID(dst []byte) ([]byte, error) {
	var raw [ownIDBytes]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return dst, fmt.Errorf("make a cookie's id: %w", err)
	}
	return base64.RawURLEncoding.AppendEncode(dst, raw[:]), nil
}

// isOwnID says whether id has the form of our own. An exchange's id of the same
// form passes for one: all that follows is that the exchange's name is no part of
// its key.
func isOwnID(id []byte) bool {
	if len(id) != ownIDLen {
		return false
	}
	for _, c := range id {
		if !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	// 22 characters hold 132 bits, the last 4 of which are 0.
	switch id[ownIDLen-1] {
	case 'A', 'Q', 'g', 'w':
		return true
	}
	return false
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// ownUserKey is the same whichever exchange sends the id back.
func ownUserKey(keys *ids.Keyring, id []byte) ids.UserKey {
	return keys.User(ids.KindBuyerUID, "", id)
}

// exchangeUserKey is the key of an exchange's own id of a user. Another
// exchange's equal id is another user.
func exchangeUserKey(keys *ids.Keyring, exchange string, id []byte) ids.UserKey {
	return keys.User(ids.KindBuyerUID, exchange, id)
}

// optOutID is what the sender of an id puts in its place for a user who opted
// out: the status of UID2's POST /token/refresh (unifiedid.com/docs).
var optOutID = []byte("optout")

// usable refuses what can be no identifier: empty, too long, all zeros (as
// "tracking is off" and "no consent" are sent), or a word for nothing.
func usable(id []byte) bool {
	if len(id) == 0 || len(id) > maxIDBytes || allZero(id) {
		return false
	}
	switch len(id) {
	case 4:
		return !bytes.EqualFold(id, wordNull) && !bytes.EqualFold(id, wordNone)
	case 7:
		return !bytes.EqualFold(id, wordUnknown)
	case 9:
		return !bytes.EqualFold(id, wordUndefined)
	}
	return true
}

var (
	wordNull      = []byte("null")
	wordNone      = []byte("none")
	wordUnknown   = []byte("unknown")
	wordUndefined = []byte("undefined")
)

func allZero(id []byte) bool {
	for _, c := range id {
		if c != '0' && c != '-' {
			return false
		}
	}
	return true
}

// Bounds of a device's advertising id; a UUID has 36 characters.
const (
	minIFABytes = 8
	maxIFABytes = 64
)

func validIFA(ifa []byte) bool {
	return len(ifa) >= minIFABytes && len(ifa) <= maxIFABytes && usable(ifa)
}

func appendLower(dst, s []byte) []byte {
	for _, c := range s {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
