//go:build race

package pacing

const simDefault = 15

const raceEnabled = true
