// Package loadtest is an exchange and its users in one process: it sends bid
// requests at a scheduled rate or as fast as answers come, judges every answer
// against its request, clears the auction against random rivals, sends the win,
// billing and loss notices, and lets simulated people see, click and buy. It
// knows the server only by its protocol.
//
// # Time
//
// In an open loop (Config.Rate > 0) the instant of each request is arithmetic
// on the seed; latency is counted from that instant, not from when a
// connection became free, so a stalled server cannot hide its queue
// (coordinated omission). In a closed loop each connection sends its next
// request when the answer to the last has been read.
//
// # The exchange's bill
//
// A bid enters the bill when it won, was rendered, and its billing notice
// (burl) was answered 2xx for the first time: its clearing price (a CPM of 1
// micro is 1 nano per impression) is then added once, however many copies of
// the notice were sent or acknowledged. Result.BilledNanos is that sum in
// Config.Currency; other currencies stand apart in Result.Billed. A billing
// notice that never got its 2xx is in Result.Undelivered with its nanos, split
// into those that surely never reached the server (every attempt failed to
// connect), those the server refused, and those in doubt (an attempt was
// written, the answer never came). A server that keeps its promise has posted
// at least the bill and at most the bill plus what is in doubt.
//
// Bids of requests with test=1, late answers and invalid bids are never
// cleared and so never billed.
//
// # Determinism
//
// Bodies, users, schedules, rivals and people's decisions are pure functions of
// (Config.Seed, the request's sequence number): two runs with one seed send the
// same requests in the same order. What the server answers is its own affair.
package loadtest
