package pacing

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// simFigures is what one seed, or many, went through.
type simFigures struct {
	seeds, auctions, bids, steps, records, compared int64

	faults   [simFaults]int64
	refused  [refusals]int64
	outcomes map[Outcome]int64
	types    map[Type]int64 // of the records on the log
}

// simTypes is every record there is.
var simTypes = []Type{TypeClaim, TypeBudget, TypeDay, TypeClosing, TypeGrant, TypeUnwon, TypeClose, TypeHard, TypeReturn, TypeWin, TypeBill,
	TypeLoss, TypeClick, TypeView, TypeComplete, TypeConversion, TypePayment, TypeAdjust}

// end takes what the world knows when the run is over.
func (f *simFigures) end(w *simWorld) {
	f.seeds = 1
	f.types = map[Type]int64{}
	for i := range w.log.parts {
		f.records += int64(len(w.log.parts[i].records))
		for _, r := range w.log.parts[i].records {
			t, err := recordType(knownType(r.Value))
			w.fail(err)
			f.types[t]++
		}
	}
}

func (f *simFigures) add(o *simFigures) {
	f.seeds, f.auctions, f.bids, f.steps = f.seeds+o.seeds, f.auctions+o.auctions, f.bids+o.bids, f.steps+o.steps
	f.records, f.compared = f.records+o.records, f.compared+o.compared
	for i, n := range o.faults {
		f.faults[i] += n
	}
	for i, n := range o.refused {
		f.refused[i] += n
	}
	if f.outcomes == nil {
		f.outcomes, f.types = map[Outcome]int64{}, map[Type]int64{}
	}
	for k, n := range o.types {
		f.types[k] += n
	}
	for k, n := range o.outcomes {
		f.outcomes[k] += n
	}
}

// write tells people.
func (f *simFigures) write(w io.Writer, violations int, took time.Duration) {
	fmt.Fprintf(w, "seeds %d, auctions %d, steps %d, bids %d, money records %d, balances compared %d times\n",
		f.seeds, f.auctions, f.steps, f.bids, f.records, f.compared)
	fmt.Fprintln(w, "faults:")
	for k, n := range f.faults {
		fmt.Fprintf(w, "  %-38s %12d\n", simFault(k), n)
	}
	fmt.Fprintln(w, "records:")
	for _, t := range simTypes {
		fmt.Fprintf(w, "  %-38s %12d\n", t, f.types[t])
	}
	fmt.Fprintln(w, "outcomes:")
	for _, o := range slices.Sorted(maps.Keys(f.outcomes)) {
		fmt.Fprintf(w, "  %-38s %12d\n", o, f.outcomes[o])
	}
	fmt.Fprintln(w, "no bid:")
	for r := RefusedNot + 1; r < refusals; r++ {
		fmt.Fprintf(w, "  %-38s %12d\n", r, f.refused[r])
	}
	fmt.Fprintf(w, "violations %d; %v, %.0f auctions/s, %.1f seeds/s\n", violations, took.Round(time.Second),
		float64(f.auctions)/took.Seconds(), float64(f.seeds)/took.Seconds())
}
