package pacing

import (
	"fmt"
	"slices"
)

// MarshalText writes a refusal's name.
func (r Refusal) MarshalText() ([]byte, error) {
	if r >= refusals {
		return nil, fmt.Errorf("refusal %d has no name", uint8(r))
	}
	return []byte(refusalNames[r]), nil
}

// UnmarshalText reads a refusal's name. One that this binary does not know, of a
// newer pacer, is RefusedInactive: there is no money either way.
func (r *Refusal) UnmarshalText(b []byte) error {
	*r = RefusedInactive
	if i := slices.Index(refusalNames[:], string(b)); i >= 0 {
		*r = Refusal(i)
	}
	return nil
}
