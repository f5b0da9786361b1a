package openrtb

import (
	"strconv"
	"unicode/utf8"

	"bidhawk/internal/money"
)

// AppendBidResponse appends r as JSON to dst. It allocates only when dst must
// grow; r is not retained.
func AppendBidResponse(dst []byte, r *BidResponse) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendString(dst, r.ID)
	dst = appendText(dst, `,"bidid":`, r.BidID)
	if r.Cur != (money.Currency{}) {
		dst = append(dst, `,"cur":"`...)
		dst = append(dst, r.Cur[:]...)
		dst = append(dst, '"')
	}
	if r.HasNBR {
		dst = append(dst, `,"nbr":`...)
		dst = strconv.AppendInt(dst, int64(r.NBR), 10)
	}
	for i := range r.SeatBid {
		if i == 0 {
			dst = append(dst, `,"seatbid":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = appendSeatBid(dst, &r.SeatBid[i])
	}
	if len(r.SeatBid) > 0 {
		dst = append(dst, ']')
	}
	dst = appendRaw(dst, `,"ext":`, r.Ext)
	return append(dst, '}')
}

func appendSeatBid(dst []byte, s *SeatBid) []byte {
	dst = append(dst, `{"bid":[`...)
	for i := range s.Bid {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendBid(dst, &s.Bid[i])
	}
	dst = append(dst, ']')
	dst = appendText(dst, `,"seat":`, s.Seat)
	return append(dst, '}')
}

func appendBid(dst []byte, b *Bid) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendString(dst, b.ID)
	dst = append(dst, `,"impid":`...)
	dst = AppendString(dst, b.ImpID)
	dst = append(dst, `,"price":`...)
	dst = appendPrice(dst, b.Price)
	dst = appendText(dst, `,"adid":`, b.AdID)
	dst = appendText(dst, `,"nurl":`, b.NURL)
	dst = appendText(dst, `,"burl":`, b.BURL)
	dst = appendText(dst, `,"lurl":`, b.LURL)
	dst = appendText(dst, `,"adm":`, b.AdM)
	dst = appendTexts(dst, `,"adomain":`, b.ADomain)
	dst = appendText(dst, `,"bundle":`, b.Bundle)
	dst = appendText(dst, `,"iurl":`, b.IURL)
	dst = appendText(dst, `,"cid":`, b.CID)
	dst = appendText(dst, `,"crid":`, b.CrID)
	dst = appendTexts(dst, `,"cat":`, b.Cat)
	dst = appendNumber(dst, `,"cattax":`, b.CatTax)
	dst = appendNumbers(dst, `,"attr":`, b.Attr)
	dst = appendNumbers(dst, `,"apis":`, b.APIs)
	dst = appendNumber(dst, `,"protocol":`, b.Protocol)
	dst = appendNumber(dst, `,"mtype":`, int(b.MType))
	dst = appendText(dst, `,"language":`, b.Language)
	dst = appendText(dst, `,"dealid":`, b.DealID)
	dst = appendNumber(dst, `,"w":`, b.W)
	dst = appendNumber(dst, `,"h":`, b.H)
	dst = appendNumber(dst, `,"dur":`, b.Dur)
	dst = appendNumber(dst, `,"exp":`, b.Exp)
	dst = appendNumber(dst, `,"slotinpod":`, b.SlotInPod)
	dst = appendRaw(dst, `,"ext":`, b.Ext)
	return append(dst, '}')
}

// appendPrice rounds down to the four decimals that exchanges read.
func appendPrice(dst []byte, p money.CPM) []byte {
	const step = 100 // micros in the fourth decimal
	p = max(p, 0)
	return money.AppendMicros(dst, int64(p-p%step))
}

func appendText(dst []byte, name string, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	return AppendString(append(dst, name...), v)
}

func appendRaw(dst []byte, name string, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	return append(append(dst, name...), v...)
}

func appendNumber(dst []byte, name string, v int) []byte {
	if v == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, name...), int64(v), 10)
}

func appendTexts(dst []byte, name string, list [][]byte) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(dst, name...)
	for i, v := range list {
		dst = append(dst, separator(i))
		dst = AppendString(dst, v)
	}
	return append(dst, ']')
}

func appendNumbers(dst []byte, name string, list []int) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(dst, name...)
	for i, v := range list {
		dst = append(dst, separator(i))
		dst = strconv.AppendInt(dst, int64(v), 10)
	}
	return append(dst, ']')
}

// separator is what stands before element i of an array.
func separator(i int) byte {
	if i == 0 {
		return '['
	}
	return ','
}

// AppendString appends v as a JSON string. Bytes that are no UTF-8 are written
// as U+FFFD; U+2028 and U+2029 are escaped, for readers that take JSON for
// JavaScript.
func AppendString(dst, v []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plainLen(v)
		dst = append(dst, v[:n]...)
		if n == len(v) {
			return append(dst, '"')
		}
		v = v[n:]
		if c := v[0]; c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			v = v[1:]
			continue
		}
		r, size := utf8.DecodeRune(v)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\ufffd`...)
		case r == '\u2028':
			dst = append(dst, `\u2028`...)
		case r == '\u2029':
			dst = append(dst, `\u2029`...)
		default:
			dst = append(dst, v[:size]...)
		}
		v = v[size:]
	}
}

// appendEscaped appends a quote, a backslash or a control character.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
