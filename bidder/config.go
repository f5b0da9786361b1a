package bidder

import (
	"fmt"
	"time"

	"bidhawk/bidder/consent"
)

// Config bounds the bidder.
type Config struct {
	// MaxBodyBytes bounds a request's body, unpacked.
	MaxBodyBytes int
	// MaxCandidates bounds the line items that are priced for one impression.
	MaxCandidates int
	// MaxTries bounds how many of the best are tried to be afforded.
	MaxTries int
	// PublicURL is the base of notice and tracker URLs: scheme, host, no slash at the end.
	PublicURL string
	// FilesURL is the base of uploaded creatives, without a slash at its end: a CDN's
	// whose origin is our /c, or empty for that itself.
	FilesURL string
	// PrivacyURL is a page on how we target, for ads that may show a link to one;
	// empty: none.
	PrivacyURL string
	// Privacy is what we are registered as and what we need to use personal data.
	Privacy consent.Policy
	// ContextualWithoutBasis bids without personal data where there is no legal
	// basis for it, on the exchanges whose own setting says so too; false answers
	// such requests with a no-bid.
	ContextualWithoutBasis bool
	// CountsEvery is how often bid counts are flushed to the log.
	CountsEvery time.Duration
	// MaxCountRows bounds the distinct rows of bid counts between two flushes;
	// beyond it sites are counted together as "(other)".
	MaxCountRows int
}

// Validate names the first field that breaks its rule.
func (c Config) Validate() error {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("bidder.%s: got %v; want %s", field, value, rule)
	}
	switch {
	case c.MaxBodyBytes < 4<<10 || c.MaxBodyBytes > 16<<20:
		return f("max_body_bytes", c.MaxBodyBytes, "4096 to 16777216")
	case c.MaxCandidates < 1 || c.MaxCandidates > 1_000_000:
		return f("max_candidates", c.MaxCandidates, "1 to 1000000")
	case c.MaxTries < 1 || c.MaxTries > 256:
		return f("max_tries", c.MaxTries, "1 to 256")
	case c.PublicURL == "":
		return f("public_url", `""`, "a URL such as https://dsp.example")
	case c.CountsEvery < 10*time.Millisecond || c.CountsEvery > time.Minute:
		return f("counts_every", c.CountsEvery, "10ms to 1m")
	case c.MaxCountRows < 1 || c.MaxCountRows > 1_000_000:
		return f("max_count_rows", c.MaxCountRows, "1 to 1000000")
	}
	return c.Privacy.Validate()
}
