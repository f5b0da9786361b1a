//go:build race

package pacing

// simTestAuctions is how many auctions a seed plays in the tests: under the
// race detector everything is slower.
const simTestAuctions = 600

const raceEnabled = true
