//go:build race

package pacing

const simDefault = 40
