package exchanges

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"math"
)

// Google's scheme hides a price in 28 bytes: an initialization vector, 8 bytes
// of price under a pad, and 4 bytes of signature.
//
//	pad       = HMAC-SHA1(encryption key, iv)[:8]
//	price     = 8 bytes XOR pad, big-endian
//	signature = HMAC-SHA1(integrity key, price || iv)[:4]
//
// Source: Authorized Buyers, Decrypt Price Confirmations (undated, its keys and
// vectors are in this package's tests).
//
// The number is micros of the account's currency for ONE impression: "a winning
// CPM of $5 USD corresponds to 5,000,000 micros CPM, or 5,000 micros CPI. The
// decoded value of WINNING_PRICE in this case would be 5,000" (Authorized Buyers
// help, Macro support, undated). PriceImpressionMicros multiplies it by 1,000,
// exactly; what Google rounded off below a micro per impression is lost there.
//
// The vector holds the time of encryption, which is not looked at: our token
// says when the bid was, and a repeated notice is the ledger's to find.
const (
	googleIV    = 16
	googlePrice = 8
	googleSum   = 4
	googleBytes = googleIV + googlePrice + googleSum
)

// decrypt tries each key and gives the price in millionths of its unit.
func decrypt(keys []priceKeys, text []byte) (int64, PriceProblem) {
	var buf [maxPriceText]byte
	message, ok := decodeBase64(buf[:0], text)
	switch {
	case !ok || len(message) != googleBytes:
		return 0, PriceSyntax
	case len(keys) == 0:
		return 0, PriceNoKeys
	}
	for i := range keys {
		if price, ok := keys[i].open(message); ok {
			if price > math.MaxInt64/micro {
				return 0, PriceOverflow
			}
			return int64(price) * micro, PriceOK
		}
	}
	return 0, PriceForged
}

// open decrypts message, of googleBytes; ok is whether its signature holds.
func (k *priceKeys) open(message []byte) (price uint64, ok bool) {
	iv, hidden, sum := message[:googleIV], message[googleIV:googleIV+googlePrice], message[googleIV+googlePrice:]
	pad := hmac.New(sha1.New, k.encryption)
	pad.Write(iv)
	var digest [sha1.Size]byte
	price = binary.BigEndian.Uint64(hidden) ^ binary.BigEndian.Uint64(pad.Sum(digest[:0]))

	signature := hmac.New(sha1.New, k.integrity)
	var plain [googlePrice]byte
	binary.BigEndian.PutUint64(plain[:], price)
	signature.Write(plain[:])
	signature.Write(iv)
	return price, hmac.Equal(signature.Sum(digest[:0])[:googleSum], sum)
}
