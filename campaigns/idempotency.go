package campaigns

import (
	"context"
	"time"
)

// MaxRequests bounds the answers that are kept for one actor; the oldest go first.
const MaxRequests = 20_000

// Claim is what is known of a request that names itself.
type Claim struct {
	// Fingerprint is of the request that came first under the name.
	Fingerprint []byte
	// Answer is what was answered; nil: nothing yet.
	Answer []byte
	At     time.Time
	Mine   bool // it is this call's to answer
}

// RequestStore keeps the answers of requests that named themselves.
type RequestStore interface {
	// ClaimRequest takes the name, or says who did. A claim from before staleSince
	// that has no answer is taken over, unless an edit was recorded under it. Names
	// from before expired are forgotten.
	ClaimRequest(ctx context.Context, actor, name string, fingerprint []byte, staleSince, expired time.Time) (Claim, error)
	// AnswerRequest keeps the answer of a claim; ReleaseRequest gives the claim up, so
	// that the next try runs, unless an edit was recorded under it.
	AnswerRequest(ctx context.Context, actor, name string, answer []byte) error
	ReleaseRequest(ctx context.Context, actor, name string) error
}

// RequestName is how the history names a request: see WithRequest.
func RequestName(actor, name string) string { return actor + " " + name }
