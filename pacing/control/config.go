package control

import (
	"fmt"

	"bidhawk/internal/money"
)

// Config tunes a Controller. Its zero value is not valid: see DefaultConfig.
type Config struct {
	// Elasticity is how spend answers the multiplier: it grows as the
	// multiplier's power. It sets the step's size alone: where it is wrong, the
	// way to the right multiplier is longer, and the end of the way is the same.
	Elasticity money.PPM
	// Memory is the evidence kept, in wins: from then on the step stays as it
	// is, so that the multiplier follows a market that changes.
	Memory int64
	// Prior is how many wins a multiplier to start from counts for.
	Prior int64
	// Doubt is how many wins the spend may be off its rate before half of the
	// evidence is dropped, so that a wrong multiplier is left quickly.
	Doubt int64
	// LeastRate and MostRate bound the rate of spend after a re-plan, as shares
	// of the flight's own: no burst at its end.
	LeastRate, MostRate money.PPM
	// Floor and Ceiling bound the multiplier.
	Floor, Ceiling Multiplier
}

// DefaultConfig was chosen on the first 30% of a recorded log and read on the
// rest: docs/decisions/2026-11-25-multiplier.md.
func DefaultConfig() Config {
	return Config{Elasticity: 1_000_000, Memory: 1000, Prior: 5, Doubt: 22, LeastRate: 200_000, MostRate: 3_000_000,
		Floor: Least, Ceiling: Most}
}

// Validate names the first setting that makes no sense, its value and its rule.
func (c Config) Validate() error {
	bad := func(field string, v int64, rule string) error {
		return fmt.Errorf("control: %s is %d; want %s", field, v, rule)
	}
	switch {
	case c.Elasticity < 100_000 || c.Elasticity > 10_000_000:
		return bad("elasticity", int64(c.Elasticity), "100000 to 10000000 parts per million")
	case c.Prior < 1 || c.Prior > 1_000_000:
		return bad("prior", c.Prior, "1 to 1000000 wins")
	case c.Memory < c.Prior || c.Memory > 1_000_000_000:
		return bad("memory", c.Memory, "at least the prior and at most 1000000000 wins")
	case c.Doubt < 1 || c.Doubt > 1_000_000:
		return bad("doubt", c.Doubt, "1 to 1000000 wins")
	case c.LeastRate < 1 || c.LeastRate > 1_000_000:
		return bad("least rate", int64(c.LeastRate), "1 to 1000000 parts per million")
	case c.MostRate < 1_000_000 || c.MostRate > 1_000_000_000:
		return bad("most rate", int64(c.MostRate), "1000000 to 1000000000 parts per million")
	case c.Floor < Least || c.Floor > c.Ceiling:
		return bad("floor", int64(c.Floor), "at least 1 billionth and at most the ceiling")
	case c.Ceiling > Most:
		return bad("ceiling", int64(c.Ceiling), "at most 1000000 times the value")
	}
	return nil
}
