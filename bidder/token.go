package bidder

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// Purpose is what a token is good for; a token of one purpose is forged for
// every other.
type Purpose byte

// The purposes.
const (
	PurposeWin        Purpose = 'w'
	PurposeBilling    Purpose = 'b'
	PurposeLoss       Purpose = 'l'
	PurposeImpression Purpose = 'i'
	PurposeClick      Purpose = 'c'
	PurposeEvent      Purpose = 'e' // what a player reports
)

// Token is everything a notice needs to know of its bid, so that any node can
// post it without a memory of the bid.
type Token struct {
	Bid        ids.BidID
	BidAt      time.Time // to the second
	User       ids.UserKey
	Exchange   string
	Advertiser campaigns.ID
	Campaign   campaigns.ID
	LineItem   campaigns.ID
	Creative   campaigns.ID
	Lease      int64
	Day        pacing.Day // of the lease, in the advertiser's zone
	Reserved   pacing.Amounts
	FXRate     money.Rate // advertiser's unit for one of Currency
	Currency   money.Currency
	Deal       string
	Site       string // a site's domain, or an app's bundle
	App        bool
	Test       bool
	// Charges is the event that moves money beside the bill, and Format what is shown;
	// Placement is the slot's, of scoring.Place, where the line item's rates need it.
	Charges   campaigns.ChargeEvent
	Format    Format
	Placement uint32
	// Multiplier is how many impressions one play is at most, of screens that many
	// people see; 0 reads back as one.
	Multiplier money.PPM
	// Household is that of the bid's caps; 0: they have none, or it is not known.
	Household ids.UserKey
	// Shown is what reports tell impressions apart by.
	Shown pacing.Shown
}

// Errors of Tokens.Parse.
var (
	ErrTokenMalformed = errors.New("token is malformed")
	ErrTokenForged    = errors.New("token does not verify")
)

const (
	tokenVersion  = 1
	maxTokenText  = 1024
	maxTokenField = 128 // bytes of exchange, deal and site each; longer ones are cut
)

const (
	flagApp byte = 1 << iota
	flagTest
	flagPerClick                 // of older tokens: a click charges
	flagMultiplier               // the multiplier follows the texts
	flagHousehold                // the household, hidden as the user, follows that
	flagShown                    // what was shown where follows that
	flagMore       byte = 1 << 7 // last follow a byte of event, format and more, and what that says
)

// The byte that flagMore announces: three bits of ChargeEvent, three of Format.
const (
	moreFormat         = 3
	moreMask           = 7
	morePlacement byte = 1 << 6 // the placement follows
)

// Format is what an impression shows, as hold times and reports tell bids apart.
type Format uint8

// The formats. A token of before they were told has none.
const (
	FormatNone Format = iota
	FormatBanner
	FormatVideo
	FormatAudio
	FormatNative
	FormatDOOH // whatever is on a screen in the street
	formats
)

func (f Format) String() string {
	return [...]string{"", "banner", "video", "audio", "native", "dooh"}[f]
}

// Tokens makes and reads tokens. It is safe for concurrent use.
//
// The payload is readable by whoever sees the URL, so the user key is hidden
// under a keystream that the bid id selects: a page could otherwise follow a
// user from site to site.
type Tokens struct {
	keys *ids.Keyring
	mask cipher.Block
}

// NewTokens takes the signing keys and the 16-byte secret that hides user keys.
func NewTokens(keys *ids.Keyring, userMask []byte) (*Tokens, error) {
	if len(userMask) != 16 {
		return nil, fmt.Errorf("user mask: got %d bytes; want 16", len(userMask))
	}
	b, err := aes.NewCipher(userMask)
	if err != nil {
		return nil, fmt.Errorf("user mask: %w", err)
	}
	return &Tokens{keys: keys, mask: b}, nil
}

// AppendPayload appends the unsigned payload of t; Sign turns it into the text
// of one purpose, so that several purposes share the work.
func (k *Tokens) AppendPayload(dst []byte, t *Token) []byte {
	flags := flagMore
	if t.App {
		flags |= flagApp
	}
	if t.Test {
		flags |= flagTest
	}
	many := t.Multiplier != 0 && t.Multiplier != oneImpression
	if many {
		flags |= flagMultiplier
	}
	if t.Household != 0 {
		flags |= flagHousehold
	}
	if t.Shown != (pacing.Shown{}) {
		flags |= flagShown
	}
	dst = append(dst, tokenVersion, flags)
	dst = binary.BigEndian.AppendUint64(dst, t.Bid.Incarnation)
	dst = binary.BigEndian.AppendUint64(dst, t.Bid.Counter)
	dst = k.appendMasked(dst, t.Bid, t.User, 0)
	dst = append(dst, t.Currency[:]...)
	for _, v := range [...]uint64{
		uint64(t.BidAt.Unix()), uint64(t.Advertiser), uint64(t.Campaign), uint64(t.LineItem), uint64(t.Creative),
		uint64(t.Lease), uint64(t.Day), uint64(t.Reserved.Media), uint64(t.Reserved.Charge), uint64(t.FXRate),
	} {
		dst = binary.AppendUvarint(dst, v)
	}
	for _, s := range [...]string{t.Exchange, t.Deal, t.Site} {
		s = s[:min(len(s), maxTokenField)]
		dst = append(dst, byte(len(s)))
		dst = append(dst, s...)
	}
	if many {
		dst = binary.AppendUvarint(dst, uint64(t.Multiplier))
	}
	if t.Household != 0 {
		dst = k.appendMasked(dst, t.Bid, t.Household, 8)
	}
	if flags&flagShown != 0 {
		dst = appendShown(dst, &t.Shown)
	}
	return t.appendMore(dst)
}

// shownLen is how much appendShown appends.
func shownLen(s *pacing.Shown) int {
	n := 2 + min(len(s.Country), pacing.MaxPlace) + min(len(s.Region), pacing.MaxPlace)
	for _, v := range [...]int{s.W, s.H, s.DeviceType} {
		n += (bits.Len32(uint32(v)|1) + 6) / 7
	}
	return n
}

func appendShown(dst []byte, s *pacing.Shown) []byte {
	for _, v := range [...]int{s.W, s.H, s.DeviceType} {
		dst = binary.AppendUvarint(dst, uint64(uint32(v)))
	}
	for _, v := range [...]string{s.Country, s.Region} {
		v = v[:min(len(v), pacing.MaxPlace)]
		dst = append(append(dst, byte(len(v))), v...)
	}
	return dst
}

// decodeShown reads what appendShown wrote, and returns what follows.
func decodeShown(p []byte, s *pacing.Shown) ([]byte, error) {
	for _, to := range [...]*int{&s.W, &s.H, &s.DeviceType} {
		n, size := binary.Uvarint(p)
		if size <= 0 || n > math.MaxInt32 {
			return nil, ErrTokenMalformed
		}
		*to, p = int(n), p[size:]
	}
	for _, to := range [...]*string{&s.Country, &s.Region} {
		if len(p) == 0 || p[0] > pacing.MaxPlace || len(p) < 1+int(p[0]) {
			return nil, ErrTokenMalformed
		}
		*to, p = string(p[1:1+p[0]]), p[1+p[0]:]
	}
	return p, nil
}

// appendMore appends what flagMore announces.
func (t *Token) appendMore(dst []byte) []byte {
	more := byte(t.Charges) | byte(t.Format)<<moreFormat
	if t.Placement == 0 {
		return append(dst, more)
	}
	return binary.AppendUvarint(append(dst, more|morePlacement), uint64(t.Placement))
}

// decodeMore reads what appendMore wrote, and returns what follows.
func (t *Token) decodeMore(p []byte) ([]byte, error) {
	if len(p) == 0 {
		return nil, ErrTokenMalformed
	}
	more := p[0]
	p = p[1:]
	t.Charges, t.Format = campaigns.ChargeEvent(more&moreMask), Format(more>>moreFormat&moreMask)
	if t.Charges > campaigns.ChargeAtConversion || t.Format >= formats || more > morePlacement|moreMask<<moreFormat|moreMask {
		return nil, ErrTokenMalformed
	}
	if more&morePlacement != 0 {
		n, size := binary.Uvarint(p)
		if size <= 0 || n == 0 || n > math.MaxUint32 {
			return nil, ErrTokenMalformed
		}
		t.Placement, p = uint32(n), p[size:]
	}
	return p, nil
}

// textLen is the length of a token's text, at most a few bytes more.
func textLen(t *Token) int {
	n := 2 + 16 + 8 + 3 + 3 + 1 + ids.TagSize
	if t.Placement != 0 {
		n += binary.MaxVarintLen32
	}
	if t.Multiplier != oneImpression {
		n += binary.MaxVarintLen64
	}
	if t.Household != 0 {
		n += 8
	}
	if t.Shown != (pacing.Shown{}) {
		n += shownLen(&t.Shown)
	}
	for _, v := range [...]uint64{
		uint64(t.BidAt.Unix()), uint64(t.Advertiser), uint64(t.Campaign), uint64(t.LineItem), uint64(t.Creative),
		max(uint64(t.Lease), 1<<34), uint64(t.Day), uint64(t.Reserved.Media), uint64(t.Reserved.Charge), uint64(t.FXRate),
	} {
		n += (bits.Len64(v|1) + 6) / 7
	}
	for _, s := range [...]string{t.Exchange, t.Deal, t.Site} {
		n += min(len(s), maxTokenField)
	}
	return base64.RawURLEncoding.EncodedLen(n)
}

// appendMasked appends the 8 bytes of u under the keystream of b, from its byte half
// on: each half hides one key. It works in dst's own tail: a block on the stack would
// escape through the cipher.
func (k *Tokens) appendMasked(dst []byte, b ids.BidID, u ids.UserKey, half int) []byte {
	at := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, b.Incarnation)
	dst = binary.BigEndian.AppendUint64(dst, b.Counter)
	block := dst[at : at+aes.BlockSize]
	k.mask.Encrypt(block, block)
	stream := binary.BigEndian.Uint64(block[half:])
	return binary.BigEndian.AppendUint64(dst[:at], stream^uint64(u))
}

// unmask reads what appendMasked wrote.
func (k *Tokens) unmask(b ids.BidID, masked uint64, half int) ids.UserKey {
	var block [aes.BlockSize]byte
	b.Put(block[:])
	k.mask.Encrypt(block[:], block[:])
	return ids.UserKey(binary.BigEndian.Uint64(block[half:]) ^ masked)
}

// Sign appends the URL-safe text of payload for purpose. scratch is reused and
// returned; it must not overlap dst or payload.
func (k *Tokens) Sign(dst, payload []byte, purpose Purpose, scratch []byte) (out, reuse []byte) {
	tag := k.keys.Tag(byte(purpose), payload)
	scratch = append(append(scratch[:0], payload...), tag[:]...)
	return base64.RawURLEncoding.AppendEncode(dst, scratch), scratch
}

// Parse verifies text for purpose and decodes it. The error is
// ErrTokenMalformed or ErrTokenForged.
func (k *Tokens) Parse(text []byte, purpose Purpose) (Token, error) {
	var buf [maxTokenText]byte
	if len(text) == 0 || len(text) > maxTokenText {
		return Token{}, ErrTokenMalformed
	}
	n, err := base64.RawURLEncoding.Strict().Decode(buf[:], text)
	if err != nil || n <= ids.TagSize || n != base64.RawURLEncoding.DecodedLen(len(text)) { // the decoder skips line ends
		return Token{}, ErrTokenMalformed
	}
	payload, tag := buf[:n-ids.TagSize], buf[n-ids.TagSize:n]
	if k.keys.Verify(byte(purpose), payload, tag) != nil {
		return Token{}, ErrTokenForged
	}
	return k.decode(payload)
}

func (k *Tokens) decode(p []byte) (t Token, err error) {
	const fixed = 2 + 16 + 8 + 3
	if len(p) < fixed || p[0] != tokenVersion {
		return t, ErrTokenMalformed
	}
	t.App, t.Test = p[1]&flagApp != 0, p[1]&flagTest != 0
	if p[1]&flagPerClick != 0 {
		t.Charges = campaigns.ChargeAtClick
	}
	more := p[1]&flagMore != 0
	many := p[1]&flagMultiplier != 0
	t.Bid = ids.GetBidID(p[2:18])
	t.User = k.unmask(t.Bid, binary.BigEndian.Uint64(p[18:26]), 0)
	home, shown := p[1]&flagHousehold != 0, p[1]&flagShown != 0
	copy(t.Currency[:], p[26:29])
	p = p[fixed:]
	var v [10]uint64
	for i := range v {
		n, size := binary.Uvarint(p)
		if size <= 0 {
			return Token{}, ErrTokenMalformed
		}
		v[i], p = n, p[size:]
	}
	t.BidAt = time.Unix(int64(v[0]), 0).UTC()
	t.Advertiser, t.Campaign, t.LineItem, t.Creative = campaigns.ID(v[1]), campaigns.ID(v[2]), campaigns.ID(v[3]), campaigns.ID(v[4])
	t.Lease, t.Day = int64(v[5]), pacing.Day(v[6])
	t.Reserved = pacing.Amounts{Media: money.Nanos(v[7]), Charge: money.Nanos(v[8])}
	t.FXRate = money.Rate(v[9])
	for _, s := range [...]*string{&t.Exchange, &t.Deal, &t.Site} {
		if len(p) == 0 || len(p) < 1+int(p[0]) {
			return Token{}, ErrTokenMalformed
		}
		*s, p = string(p[1:1+p[0]]), p[1+p[0]:]
	}
	if t.Multiplier = oneImpression; many {
		n, size := binary.Uvarint(p)
		if size <= 0 {
			return Token{}, ErrTokenMalformed
		}
		t.Multiplier, p = money.PPM(n), p[size:]
	}
	if home {
		if len(p) < 8 {
			return Token{}, ErrTokenMalformed
		}
		t.Household, p = k.unmask(t.Bid, binary.BigEndian.Uint64(p), 8), p[8:]
	}
	if shown {
		if p, err = decodeShown(p, &t.Shown); err != nil {
			return Token{}, err
		}
	}
	if more {
		if p, err = t.decodeMore(p); err != nil {
			return Token{}, err
		}
	}
	if len(p) != 0 {
		return Token{}, ErrTokenMalformed
	}
	return t, nil
}
