package exchanges

import (
	"fmt"
	"strings"
)

// PriceUnit is the unit of a clearing price.
type PriceUnit uint8

// The units.
const (
	PriceCPM              PriceUnit = iota // currency units per mille, a decimal
	PriceCPMMicros                         // millionths of that
	PriceImpressionMicros                  // millionths of a currency unit for one impression: 1,000 CPM micros each
	priceUnits
)

func (u PriceUnit) String() string {
	return [...]string{"cpm", "cpm_micros", "micros_per_impression"}[u]
}

// UnmarshalText reads String's names.
func (u *PriceUnit) UnmarshalText(b []byte) error { return parseEnum(u, priceUnits, b) }

// PriceEncryption is how clearing prices are hidden.
type PriceEncryption uint8

// The schemes.
const (
	EncryptionNone   PriceEncryption = iota
	EncryptionGoogle                 // Authorized Buyers' "private data" scheme; OpenX has it too
	priceEncryptions
)

func (e PriceEncryption) String() string { return [...]string{"none", "google"}[e] }

// UnmarshalText reads String's names.
func (e *PriceEncryption) UnmarshalText(b []byte) error { return parseEnum(e, priceEncryptions, b) }

// BillingEvent is what makes us pay for an impression.
type BillingEvent uint8

// The events.
const (
	BillingBURL       BillingEvent = iota // the billing notice
	BillingNURL                           // the win notice
	BillingImpression                     // the VAST impression, or our pixel in other markup
	billingEvents
)

func (e BillingEvent) String() string { return [...]string{"burl", "nurl", "impression"}[e] }

// UnmarshalText reads String's names.
func (e *BillingEvent) UnmarshalText(b []byte) error { return parseEnum(e, billingEvents, b) }

// NoBidStyle is what a no-bid looks like.
type NoBidStyle uint8

// The styles.
const (
	NoBidEmpty NoBidStyle = iota // 204 without a body
	NoBidBody                    // 200 with a body that names nbr
	noBidStyles
)

func (s NoBidStyle) String() string { return [...]string{"status_204", "body"}[s] }

// UnmarshalText reads String's names.
func (s *NoBidStyle) UnmarshalText(b []byte) error { return parseEnum(s, noBidStyles, b) }

// BillingID is how requests offer billing ids and bids name one.
type BillingID uint8

// The ways.
const (
	BillingIDNone   BillingID = iota
	BillingIDGoogle           // imp.ext.billing_id, a list; bid.ext.billing_id, one of them
	billingIDs
)

func (i BillingID) String() string { return [...]string{"none", "google"}[i] }

// UnmarshalText reads String's names.
func (i *BillingID) UnmarshalText(b []byte) error { return parseEnum(i, billingIDs, b) }

// Policy is about one kind of proof that a seller may sell.
type Policy uint8

// The policies.
const (
	PolicyAllow   Policy = iota // no check
	PolicyDeny                  // refuse what is known to be unauthorised
	PolicyRequire               // refuse also what is not known to be authorised
	policies
)

func (p Policy) String() string { return [...]string{"allow", "deny", "require"}[p] }

// UnmarshalText reads String's names.
func (p *Policy) UnmarshalText(b []byte) error { return parseEnum(p, policies, b) }

// Field is a field of an answer that an exchange can require or ignore.
type Field uint8

// The fields, named as in OpenRTB; FieldSize is w and h, FieldSeat seatbid.seat.
const (
	FieldSeat Field = iota
	FieldADomain
	FieldBundle
	FieldCID
	FieldCrID
	FieldAdID
	FieldIURL
	FieldAttr
	FieldCat
	FieldLanguage
	FieldSize
	FieldMType
	FieldProtocol
	FieldDur
	FieldAPIs
	FieldNURL
	FieldBURL
	FieldLURL
	fields
)

func (f Field) String() string {
	return [...]string{"seat", "adomain", "bundle", "cid", "crid", "adid", "iurl", "attr", "cat", "language",
		"w_h", "mtype", "protocol", "dur", "apis", "nurl", "burl", "lurl"}[f]
}

// UnmarshalText reads String's names.
func (f *Field) UnmarshalText(b []byte) error { return parseEnum(f, fields, b) }

// enum is a closed set of names, numbered from 0.
type enum interface {
	~uint8
	String() string
}

// parseEnum sets to to the value below end whose name is text.
func parseEnum[E enum](to *E, end E, text []byte) error {
	names := make([]string, 0, end)
	for v := E(0); v < end; v++ {
		if v.String() == string(text) {
			*to = v
			return nil
		}
		names = append(names, v.String())
	}
	return fmt.Errorf("one of %s", strings.Join(names, ", "))
}
