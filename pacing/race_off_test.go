//go:build !race

package pacing

// simTestAuctions is how many auctions a seed plays in the tests.
const simTestAuctions = 3000

const raceEnabled = false
