// Package control steers a line item's spend: what its bids should be of what
// impressions are worth (Controller), when its traffic comes (Forecast), and how
// much should be spent by when (Plan).
//
// It is arithmetic alone: no clock, no I/O, no ledger, no locks. What goes in and
// comes out are integers; inside, logarithms and powers are floating point. No
// cent depends on them: a multiplier only makes a bid higher or lower and a plan
// only says when to lease, and whatever they say, a bid is reserved from a lease
// and the ledger bounds what is leased.
package control
