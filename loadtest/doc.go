// Package loadtest is an exchange and its users in one process: it sends bid
// requests at a scheduled rate or as fast as answers come, judges every answer
// against its request, clears the auction against random rivals, sends the win,
// billing and loss notices, and lets simulated people see, watch, click and
// buy. It knows the server only by its protocol.
//
// # Formats
//
// By default requests are banners, with a few videos: the workload that the
// benchmark compares over time. Config.Generate.Mix draws banners, video,
// television, audio, native, several media for one imp, ad pods and screens in
// public, by weight, with what such requests carry: deals, blocks under three
// taxonomies, consent, ids, supply chains. Result.Formats counts imps by
// format. An answer is held to every rule (see Rule) that can be checked from
// outside; a floor in another currency, a category of another taxonomy, a
// language or size that the bid does not say cannot.
//
// # Trackers
//
// People's devices fetch what the markup of a won bid holds, once macros are
// replaced: a banner's pixel and click by their paths, and of VAST and native
// ads those URLs whose host is the server's (that of the bid's notices, or the
// target): Impression, quartiles, Error, ViewableImpression, ClickTracking,
// ClickThrough; imptrackers, image eventtrackers, link. Others are third
// parties', and stay alone.
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
// micro is 1 nano per impression), times imp.qty.multiplier on screens in
// public, is then added once, however many copies of the notice were sent or
// acknowledged. With Config.Billing "vast", the Impression of a video or audio
// ad's VAST stands in for its billing notice. Result.BilledNanos is that sum in
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
