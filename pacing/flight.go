package pacing

import (
	"math"
	"time"
)

// flightAt is the flight of n's terms that t is in: 0 where it has none at all,
// -1 where t is in none of them.
func (n *node) flightAt(t time.Time) int64 {
	if len(n.flights) == 0 {
		return 0
	}
	for _, f := range n.flights {
		if !t.Before(f.Start) && t.Before(f.End) {
			return f.key()
		}
	}
	return -1
}

// flying is the flight of n's terms that t is in; nil where there is none.
func (n *node) flying(t time.Time) *Flight {
	for i := range n.flights {
		if f := &n.flights[i]; !t.Before(f.Start) && t.Before(f.End) {
			return f
		}
	}
	return nil
}

// flightLeft is how long the flight at t goes on; without flights, for good.
func (n *node) flightLeft(t time.Time) time.Duration {
	for _, f := range n.flights {
		if !t.Before(f.Start) && t.Before(f.End) {
			return f.End.Sub(t)
		}
	}
	return math.MaxInt64
}
