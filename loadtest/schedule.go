package loadtest

import (
	"context"
	"fmt"
	"time"
)

// schedule is when the requests of an open loop are due: arithmetic on the
// seed, whatever the server does.
//
//	uniform: due(n) = n / rate
//	poisson: due(n) = due(n-1) + Exp(1) / rate, Exp(1) drawn from (seed, n)
//
// Instants are kept in float64 seconds from the start: at 1e6 requests/s for a
// day the error stays below a microsecond.
type schedule struct {
	seed    uint64
	rate    float64
	poisson bool
	n       uint64
	at      float64
}

// next returns the instant of the next request, from the start of the run.
func (s *schedule) next() time.Duration {
	if s.poisson {
		s.at += exponential(draw(s.seed, forArrival, s.n)) / s.rate
	} else {
		s.at = float64(s.n) / s.rate
	}
	s.n++
	return time.Duration(s.at * float64(time.Second))
}

func (s *schedule) String() string {
	if s.poisson {
		return fmt.Sprintf("poisson %g/s", s.rate)
	}
	return fmt.Sprintf("uniform %g/s", s.rate)
}

// alarm sleeps until about d has passed or ctx ends. It may wake early: the
// caller looks at its clock. It belongs to one goroutine.
type alarm interface {
	sleep(ctx context.Context, d time.Duration)
	close() error
}

// maxSleep is how long a sleep may hold up the end of a run.
const maxSleep = 50 * time.Millisecond
