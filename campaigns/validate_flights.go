package campaigns

import (
	"fmt"
	"time"
)

// flights checks the flights of an entity that runs from start to end: each has
// its own time within it and a budget, and they follow one another.
func (c *checker) flights(list []Flight, start, end time.Time) {
	c.length("flights", len(list), MaxFlights)
	for i, f := range list[:min(len(list), MaxFlights)] {
		field := index("flights", i)
		span(c, field+".budget_nanos", f.Budget, 1, MaxBudget)
		s, e := timeRule(f.Start), timeRule(f.End)
		c.check(s == "", field+".start", f.Start.Format(time.RFC3339), s)
		c.check(e == "", field+".end", f.End.Format(time.RFC3339), e)
		switch {
		case s != "" || e != "":
		case !f.Start.Before(f.End):
			c.fail(field+".end", f.End.Format(time.RFC3339), "must be after the start")
		case f.Start.Before(start) || f.End.After(end):
			c.fail(field, f.String(), fmt.Sprintf("must be within its dates, %s to %s", start.Format(time.RFC3339), end.Format(time.RFC3339)))
		case i > 0 && !list[i-1].Start.Before(f.End):
			c.fail(field, f.String(), fmt.Sprintf("must come after %s, %s", index("flights", i-1), list[i-1]))
		case i > 0 && f.Start.Before(list[i-1].End):
			c.fail(field, f.String(), fmt.Sprintf("must not overlap %s, %s", index("flights", i-1), list[i-1]))
		}
	}
}

// String is the flight's time.
func (f Flight) String() string {
	return f.Start.Format(time.RFC3339) + " to " + f.End.Format(time.RFC3339)
}
