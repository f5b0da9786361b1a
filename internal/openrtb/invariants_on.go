//go:build invariants

package openrtb

// invariants: Reset wipes what it takes back, so that a view kept too long is seen.
const invariants = true
