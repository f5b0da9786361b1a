package replay

import (
	"fmt"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// Episodes are short flights in a row, as papers on bidding report them: each has
// a budget of its own and what one leaves is gone. What the controller knows is
// carried over.
type Episodes struct {
	// Length of one in auctions.
	Length int
	// Budget of all of them together; each has its share by its auctions.
	Budget  money.Nanos
	Control control.Config
	Start   control.State
	Every   int // auctions between two re-plans; 0: 10
}

// Run replays auctions in second price.
func (e Episodes) Run(auctions []Auction) (total Result, err error) {
	if e.Length <= 0 {
		return total, fmt.Errorf("replay: an episode has %d auctions; want at least 1", e.Length)
	}
	if e.Every <= 0 {
		e.Every = 10
	}
	state, done := e.Start, 0
	var granted money.Nanos
	for len(auctions) > done {
		part := auctions[done:min(done+e.Length, len(auctions))]
		done += len(part)
		upTo, err := money.MulDiv(int64(e.Budget), int64(done), int64(len(auctions)))
		if err != nil {
			return total, err
		}
		budget := money.Nanos(upTo) - granted
		granted = money.Nanos(upTo)
		if budget <= 0 {
			continue
		}
		r, err := Run(part, Config{Budget: budget, Control: e.Control, Start: state, Every: e.Every})
		if err != nil {
			return total, err
		}
		state = r.End
		total.Auctions += r.Auctions
		total.Bids += r.Bids
		total.Wins += r.Wins
		total.Clicks += r.Clicks
		total.Spent += r.Spent
		total.Value += r.Value
	}
	total.End = state
	return total, nil
}
