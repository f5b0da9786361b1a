package replay

import (
	"time"

	"bidhawk/internal/money"
)

// Auction is one that was recorded.
type Auction struct {
	// At is when it was; zero where the log does not say.
	At time.Time
	// Price is the market's: the highest bid of the others, which is what a
	// winner of a second-price auction pays and the least that wins any.
	Price money.CPM
	// Value is what the impression is worth where a click is worth one unit of
	// currency: pCTR in billionths, which is the same number.
	Value money.CPM
	// Clicked says whether the impression that was shown then was clicked.
	Clicked bool
}

// Log is a recording.
type Log struct {
	Name     string
	Form     Form
	Auctions []Auction
}

// Cost is what winning all of the auctions costs.
func Cost(auctions []Auction) (sum money.Nanos) {
	for i := range auctions {
		sum += auctions[i].Price.PerImpression()
	}
	return sum
}

// Split parts a log where its parameters end: the first share and the rest.
func (l *Log) Split(share money.PPM) (first, rest []Auction) {
	k := int(int64(len(l.Auctions)) * int64(share) / 1_000_000)
	return l.Auctions[:k], l.Auctions[k:]
}

// Unit is iPinYou's price of 1: a fen per mille, a hundredth of a yuan.
const Unit money.CPM = 10_000
