package bidder

import (
	"bytes"

	"bidhawk/campaigns"
	"bidhawk/internal/openrtb"
)

// The Digital Services Act wants people told who pays for an ad and why they see
// it (IAB Tech Lab, DSA Transparency 1.0 for OpenRTB: regs.ext.dsa, bid.ext.dsa).

// dsaRequired is the least dsarequired that refuses bids without bid.ext.dsa.
const dsaRequired = 2

// maxDSAName bounds behalf and paid, as that document does.
const maxDSAName = 100

// dsaHead is the part of bid.ext.dsa that is the same for all bids: for whom the
// ad is, and who pays, which is the advertiser's account.
func dsaHead(adv *campaigns.Advertiser) []byte {
	name := openrtb.AppendString(nil, []byte(cutText(adv.Name, maxDSAName)))
	var b bytes.Buffer
	b.WriteString(`"dsa":{"behalf":`)
	b.Write(name)
	b.WriteString(`,"paid":`)
	b.Write(name)
	b.WriteString(`,"adrender":0,"transparency":[{"domain":"`)
	return b.Bytes()
}

// cutText cuts s to at most n bytes, between characters.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// appendDSA appends the member dsa of bid.ext. What of the user was used: 1 a
// profile, 2 the context alone, 3 a precise place.
func (b *Bidder) appendDSA(dst []byte, a *auction, p *placed) []byte {
	dst = append(dst, a.book.lines[p.row].dsa...)
	dst = append(dst, b.host...)
	dst = append(dst, `","dsaparams":[`...)
	if a.user != 0 {
		dst = append(dst, '1', ',')
	}
	return append(dst, `2]}]}`...)
}
