//go:build race

package attribution

// raceEnabled: the race detector makes SQLite, which is Go here, 15 times slower.
const raceEnabled = true
