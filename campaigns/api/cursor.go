package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"bidhawk/campaigns"
)

// cursor is where a page ended. Clients get it as opaque text.
type cursor struct {
	Of  string       `json:"o"` // the list and its order
	ID  campaigns.ID `json:"i"`
	Key string       `json:"k,omitempty"`
}

func (c cursor) text() string {
	b, _ := json.Marshal(c) // strings and numbers always marshal
	return base64.RawURLEncoding.EncodeToString(b)
}

// readCursor reads the cursor of a list; "" is its beginning.
func readCursor(text, of string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, &c) != nil || c.ID <= 0 || c.Of != of {
		return c, violation(http.StatusUnprocessableEntity, "query.cursor", valueText(text), "must be the next of a page of this list in the same order")
	}
	return c, nil
}
