// Package models shares a conversion, and what it was worth, among the channels that
// touched the customer before it. It is pure: paths in, integers out.
//
// Credits are exact: every model's credits sum to the conversions and the value that
// went in, by the largest remainder (Split). Rules (last, first, linear, time decay,
// position) share each path by itself. Markov and Shapley look at all paths together.
package models

import (
	"fmt"
	"slices"
	"time"

	"bidhawk/internal/money"
)

// Model names a way to share.
type Model string

// The models.
const (
	Last      Model = "last"       // all to the last touch
	First     Model = "first"      // all to the first
	Linear    Model = "linear"     // the same to each touch
	TimeDecay Model = "time_decay" // half as much to a touch that lies a half-life before another
	Position  Model = "position"   // 40% to the first, 40% to the last, 20% to those between
	Markov    Model = "markov"     // by removal effect
	Shapley   Model = "shapley"    // by the channel's part in all coalitions
)

// Models lists all of them.
func Models() []Model {
	return []Model{Last, First, Linear, TimeDecay, Position, Markov, Shapley}
}

// Known says whether m is one of Models.
func (m Model) Known() bool { return slices.Contains(Models(), m) }

// Touch is one contact with a channel, by its number.
type Touch struct {
	Channel int
	At      time.Time // TimeDecay alone reads it
}

// Path is a customer's touches, the earliest first, and what followed.
type Path struct {
	Touches []Touch
	At      time.Time // of the conversion
	// Conversions that followed this path, and their value; none of a path that led
	// nowhere.
	Conversions int64
	Value       money.Nanos
	// Nowhere is how many customers went this way and did not convert. Markov alone
	// reads it.
	Nowhere int64
}

// Params are a model's own settings.
type Params struct {
	HalfLife time.Duration // of TimeDecay
}

// Credit is a channel's share.
type Credit struct {
	// Conversions are in millionths, since models share one among several.
	Conversions int64
	Value       money.Nanos
}

// Whole is a conversion in the unit of Credit.
const Whole = 1_000_000

// Bounds.
const (
	// MaxChannels of Markov, whose work grows with their fourth power.
	MaxChannels = 64
	// MaxConversions of one call keeps sums within 64 bits.
	MaxConversions = 1 << 40
)

// Attribute shares the paths' conversions and value among channels 0 to channels-1. A
// path without touches, or without conversions, gives credit to nobody.
func Attribute(m Model, p Params, paths []Path, channels int) ([]Credit, error) {
	if err := check(m, p, paths, channels); err != nil {
		return nil, err
	}
	switch m {
	case Markov:
		return markov(paths, channels), nil
	case Shapley:
		return shapley(paths, channels), nil
	}
	credits := make([]Credit, channels)
	var weights []uint64
	for i := range paths {
		path := &paths[i]
		if len(path.Touches) == 0 || path.Conversions == 0 {
			continue
		}
		weights = appendWeights(weights[:0], m, p, path)
		conversions, value := Split(path.Conversions*Whole, weights), Split(int64(path.Value), weights)
		for j, t := range path.Touches {
			credits[t.Channel].Conversions += conversions[j]
			credits[t.Channel].Value += money.Nanos(value[j])
		}
	}
	return credits, nil
}

func check(m Model, p Params, paths []Path, channels int) error {
	switch {
	case !m.Known():
		return fmt.Errorf("model: got %q; want one of %v", m, Models())
	case m == TimeDecay && (p.HalfLife < time.Minute || p.HalfLife > 365*24*time.Hour):
		return fmt.Errorf("half-life: got %v; want a minute to a year", p.HalfLife)
	case m == Markov && channels > MaxChannels:
		return fmt.Errorf("channels: got %d; want at most %d for %s", channels, MaxChannels, m)
	}
	var conversions int64
	var value money.Nanos
	for i := range paths {
		path := &paths[i]
		if path.Conversions < 0 || path.Nowhere < 0 || path.Value < 0 {
			return fmt.Errorf("path %d: got %d conversions, %d that led nowhere and a value of %d; want none negative",
				i, path.Conversions, path.Nowhere, path.Value)
		}
		for _, t := range path.Touches {
			if t.Channel < 0 || t.Channel >= channels {
				return fmt.Errorf("path %d: got channel %d; want 0 to %d", i, t.Channel, channels-1)
			}
		}
		conversions += path.Conversions
		if conversions > MaxConversions || path.Conversions > MaxConversions {
			return fmt.Errorf("conversions: got more than %d", int64(MaxConversions))
		}
		if value += path.Value; value < 0 {
			return fmt.Errorf("value: the sum passes 64 bits at path %d", i)
		}
	}
	return nil
}

// appendWeights appends how much each touch of a path weighs by a rule.
func appendWeights(dst []uint64, m Model, p Params, path *Path) []uint64 {
	n := len(path.Touches)
	for i, t := range path.Touches {
		w := uint64(0)
		switch m {
		case Last:
			w = ifElse(i == n-1, 1, 0)
		case First:
			w = ifElse(i == 0, 1, 0)
		case Linear:
			w = 1
		case TimeDecay:
			w = halved(path.Touches[n-1].At.Sub(t.At), p.HalfLife)
		case Position:
			w = positionWeight(i, n)
		}
		dst = append(dst, w)
	}
	return dst
}

func ifElse(cond bool, yes, no uint64) uint64 {
	if cond {
		return yes
	}
	return no
}

// positionWeight: 40/20/40; of two touches half each, of one all.
func positionWeight(i, n int) uint64 {
	switch {
	case n <= 2:
		return 1
	case i == 0 || i == n-1:
		return 2 * uint64(n-2)
	}
	return 1
}
