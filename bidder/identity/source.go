// Package identity tells who the user of a bid request is, and exchanges ids
// with exchanges through the user's browser. It turns identifiers into user
// keys at once: nothing of it stores or logs a raw one.
package identity

import "fmt"

// Source says which identifier a user key came from.
type Source uint8

const (
	SourceNone     Source = iota // the request has no identifier that is used
	SourceBuyerUID               // user.buyeruid: our cookie's id, or what the exchange matched for us
	SourceEID                    // user.eids of a source on the list, UID2 and EUID tokens decrypted
	SourceIFA                    // device.ifa
	SourceMatch                  // user.id, through the match table
	SourceUserID                 // user.id as the exchange's own
	SourceScreen                 // none: the request is of a screen, whose ids are no person's
	SourceOptedOut               // none: the identifier says, or we know, that its user opted out
	sourceCount
)

var sourceNames = [sourceCount]string{
	SourceNone: "none", SourceBuyerUID: "buyeruid", SourceEID: "eid", SourceIFA: "ifa", SourceMatch: "match",
	SourceUserID: "user_id", SourceScreen: "screen", SourceOptedOut: "opted_out",
}

func (s Source) String() string { return sourceNames[s] }

// ParseSource reads the name of a source that an order may hold.
func ParseSource(name string) (Source, error) {
	for s := SourceBuyerUID; s <= SourceUserID; s++ {
		if sourceNames[s] == name {
			return s, nil
		}
	}
	return SourceNone, fmt.Errorf("identity source: got %.40q; want one of buyeruid, eid, ifa, match, user_id", name)
}
