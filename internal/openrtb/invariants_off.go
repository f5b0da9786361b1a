//go:build !invariants

package openrtb

const invariants = false
