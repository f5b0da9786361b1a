package models

import (
	"math"

	"bidhawk/internal/money"
)

// markov shares by removal effect: customers move from touch to touch as a chain of
// the first order, with the frequencies of the paths; a channel's effect is by how much
// the probability to convert falls where everybody who would come to it is lost
// (Anderl, Becker, von Wangenheim, Schumann: Mapping the customer journey, IJRM 33
// (2016), 457-474). All conversions and all value are shared in the proportion of the
// effects; where paths that led nowhere are not known, a channel's effect is the share
// of conversions that passed it.
func markov(paths []Path, channels int) []Credit {
	c := newChain(paths, channels)
	weights := make([]uint64, channels)
	if base := c.converts(-1); base > 0 {
		for i := range weights {
			if c.visited[i] {
				weights[i] = weightOf(1 - c.converts(i)/base)
			}
		}
	}
	return shareAll(paths, weights)
}

// RemovalEffects are the chain's: by which part the probability to convert falls
// without each channel.
func RemovalEffects(paths []Path, channels int) []float64 {
	c := newChain(paths, channels)
	effects := make([]float64, channels)
	base := c.converts(-1)
	for i := range effects {
		if c.visited[i] && base > 0 {
			effects[i] = 1 - c.converts(i)/base
		}
	}
	return effects
}

// weightOf is a ratio as an integer weight; rounding errors of a chain may take it a
// hair out of 0 to 1.
func weightOf(ratio float64) uint64 {
	return uint64(math.Round(math.Min(math.Max(ratio, 0), 1) * one))
}

// shareAll shares what all paths with a touch brought by weights.
func shareAll(paths []Path, weights []uint64) []Credit {
	var conversions, value int64
	for i := range paths {
		if len(paths[i].Touches) > 0 && paths[i].Conversions > 0 {
			conversions += paths[i].Conversions
			value += int64(paths[i].Value)
		}
	}
	credits := make([]Credit, len(weights))
	if conversions == 0 {
		return credits
	}
	n, v := Split(conversions*Whole, weights), Split(value, weights)
	for i := range credits {
		credits[i] = Credit{n[i], money.Nanos(v[i])}
	}
	return credits
}

// chain is the frequencies of the moves between channels. Row n is the start, column n
// a conversion; what is not counted leads nowhere.
type chain struct {
	n       int
	moves   [][]float64 // probabilities, once normalised
	visited []bool
}

func newChain(paths []Path, n int) *chain {
	c := &chain{n: n, moves: make([][]float64, n+1), visited: make([]bool, n)}
	for i := range c.moves {
		c.moves[i] = make([]float64, n+1)
	}
	out := make([]float64, n+1)
	for i := range paths {
		p := &paths[i]
		times := float64(p.Conversions + p.Nowhere)
		if len(p.Touches) == 0 || times == 0 {
			continue
		}
		from := n
		for _, t := range p.Touches {
			c.moves[from][t.Channel] += times
			out[from] += times
			from = t.Channel
			c.visited[from] = true
		}
		c.moves[from][n] += float64(p.Conversions)
		out[from] += times
	}
	for i, row := range c.moves {
		for j := range row {
			if out[i] > 0 {
				row[j] /= out[i]
			}
		}
	}
	return c
}

// converts is the probability to convert from the start where channel removed leads
// nowhere; -1: none does. It solves (I - Q) x = r by elimination, without which every
// row but the removed has a pivot: each visited channel leads out in the end.
func (c *chain) converts(removed int) float64 {
	n := c.n
	a := make([][]float64, n)
	for i := range a {
		a[i] = make([]float64, n+1)
		a[i][i] = 1
		if i == removed || !c.visited[i] {
			continue
		}
		for j := range n {
			if j != removed {
				a[i][j] -= c.moves[i][j]
			}
		}
		a[i][n] = c.moves[i][n]
	}
	solve(a)
	p := c.moves[n][n]
	for j := range n {
		if j != removed {
			p += c.moves[n][j] * a[j][n]
		}
	}
	return p
}

// solve leaves the solution of the linear system in the last column of a.
func solve(a [][]float64) {
	n := len(a)
	for k := range n {
		best := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i][k]) > math.Abs(a[best][k]) {
				best = i
			}
		}
		a[k], a[best] = a[best], a[k]
		if a[k][k] == 0 {
			continue // nobody comes here
		}
		for i := range n {
			if f := a[i][k] / a[k][k]; i != k && f != 0 {
				for j := k; j <= n; j++ {
					a[i][j] -= f * a[k][j]
				}
			}
		}
	}
	for i := range n {
		if a[i][i] != 0 {
			a[i][n] /= a[i][i]
		}
	}
}
