package bidder

import (
	"errors"
	"sync"
	"time"

	"bidhawk/internal/openrtb"
)

// RefusedRequest is a request that was answered with a 400, without anything
// that it said: no ids, no values.
type RefusedRequest struct {
	At       time.Time `json:"at"`
	Exchange string    `json:"exchange"`
	Reason   string    `json:"reason"` // a NoBid's name
	Bytes    int       `json:"bytes"`
	Field    string    `json:"field,omitempty"`  // the path that breaks a rule
	Offset   int       `json:"offset,omitempty"` // or where the JSON breaks
	Rule     string    `json:"rule"`
}

// refusedLog keeps a sample of the last refused requests for the operator. A
// flood of them costs no bid anything: whoever finds the log taken leaves.
type refusedLog struct {
	mu   sync.Mutex // guards all below
	ring [64]RefusedRequest
	next int
	last time.Time
}

// sampleEvery is the least time between two samples.
const sampleEvery = 50 * time.Millisecond

func (l *refusedLog) keep(exchange string, now time.Time, reason NoBid, bytes int, err error) {
	if !l.mu.TryLock() {
		return
	}
	defer l.mu.Unlock()
	if since := now.Sub(l.last); since >= 0 && since < sampleEvery {
		return // a clock that was set back starts anew
	}
	l.last = now
	r := RefusedRequest{At: now, Exchange: exchange, Reason: reason.String(), Bytes: bytes, Rule: err.Error()}
	var field *openrtb.FieldError
	var syntax *openrtb.SyntaxError
	switch {
	case errors.As(err, &field):
		r.Field, r.Rule = field.Field, field.Rule
	case errors.As(err, &syntax):
		r.Offset, r.Rule = syntax.Offset, syntax.Rule
	}
	l.ring[l.next%len(l.ring)] = r
	l.next++
}

// Refused returns the sampled requests that were answered with a 400, newest first.
func (b *Bidder) Refused() []RefusedRequest {
	l := &b.refused
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(l.next, len(l.ring))
	out := make([]RefusedRequest, 0, n)
	for i := range n {
		out = append(out, l.ring[(l.next-1-i)%len(l.ring)])
	}
	return out
}
