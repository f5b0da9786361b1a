//go:build !race

package pacing

const simDefault = 300

const raceEnabled = false
