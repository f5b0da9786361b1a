package models

import (
	"slices"

	"bidhawk/internal/money"
)

// shapley shares by the Shapley value of the game whose coalitions of channels earn
// what the paths within them brought: v(S) is the sum over the paths all of whose
// channels are in S (Zhao, Mahboobi, Bagheri: Shapley value methods for attribution
// modeling in online advertising, arXiv:1804.05327). That game is a sum of unanimity
// games, one for each set of channels that a path has, whose Shapley value is an equal
// share for each member: exact for any number of channels, without sampling.
func shapley(paths []Path, channels int) []Credit {
	type sum struct {
		members     []int
		conversions int64
		value       int64
	}
	sets := map[string]*sum{}
	var order []*sum // so that leftovers go the same way each time
	var key []byte
	for i := range paths {
		p := &paths[i]
		if len(p.Touches) == 0 || p.Conversions == 0 {
			continue
		}
		members := membersOf(p)
		key = key[:0]
		for _, m := range members {
			key = append(key, byte(m), byte(m>>8), byte(m>>16), byte(m>>24))
		}
		s := sets[string(key)]
		if s == nil {
			s = &sum{members: members}
			sets[string(key)] = s
			order = append(order, s)
		}
		s.conversions += p.Conversions
		s.value += int64(p.Value)
	}
	credits := make([]Credit, channels)
	for _, s := range order {
		equal := slices.Repeat([]uint64{1}, len(s.members))
		n, v := Split(s.conversions*Whole, equal), Split(s.value, equal)
		for i, m := range s.members {
			credits[m].Conversions += n[i]
			credits[m].Value += money.Nanos(v[i])
		}
	}
	return credits
}

// membersOf are the channels of p, each once, in order.
func membersOf(p *Path) []int {
	members := make([]int, 0, len(p.Touches))
	for _, t := range p.Touches {
		members = append(members, t.Channel)
	}
	slices.Sort(members)
	return slices.Compact(members)
}
