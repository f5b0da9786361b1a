// Package replay runs the pacing and bidding code over auctions that were
// recorded, and says how well it did: how much of a budget it spent, on what plan,
// and how much of the value that the best bidder in hindsight would have got.
//
// It lives below pacing because it drives what is there: package control's
// multiplier, forecast, plan and win curve. Nothing that serves bids imports it.
//
// Prices and budgets are integers as everywhere. What a figure of a report is made
// of, a percentage or a deviation, is floating point.
package replay
