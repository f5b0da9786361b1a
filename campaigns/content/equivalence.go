package content

import "slices"

// equivalence is what a category means in another taxonomy.
type equivalence struct {
	links []link
	exact bool
}

// link leads to a category of another taxonomy.
type link struct {
	id     string
	covers bool // it holds all of what the category means; else only a part or an aspect
	same   bool
	extra  bool // added to what the category means anyway
}

// side is the links of one taxonomy to another.
type side struct {
	table *table
	links map[string][]link
}

func newSide(t *table) *side { return &side{t, map[string][]link{}} }

func (s *side) add(id string, l link) { s.links[id] = append(s.links[id], l) }

func (s *side) equivalences() map[string]equivalence {
	out := make(map[string]equivalence, len(s.table.order))
	for _, id := range s.table.order {
		own := s.links[id]
		out[id] = equivalence{merged(s.of(id)), len(own) == 1 && own[0].same}
	}
	return out
}

// of is a category's own links, and its parents' where none of its own holds all
// of what it means.
func (s *side) of(id string) []link {
	own := s.links[id]
	if slices.ContainsFunc(own, func(l link) bool { return l.covers && !l.extra }) {
		return own
	}
	up := s.table.ancestors(id)
	for _, a := range up {
		if found := covering(s.links[a]); len(found) > 0 {
			return slices.Concat(own, found)
		}
	}
	if len(own) > 0 {
		return own
	}
	// Nothing above holds it all either: what is linked above, or else beside or
	// below, may be meant.
	for _, a := range up {
		if found := s.links[a]; len(found) > 0 {
			return partial(found)
		}
	}
	if s.table.isVector(id) {
		return nil
	}
	for _, a := range slices.Concat([]string{id}, up) {
		if found := s.below(a); len(found) > 0 {
			return partial(found)
		}
	}
	return nil
}

func (s *side) below(id string) (found []link) {
	for _, child := range s.table.categories[id].children {
		found = append(found, s.links[child]...)
	}
	return found
}

func covering(links []link) (found []link) {
	for _, l := range links {
		if l.covers && !l.extra {
			found = append(found, link{id: l.id, covers: true})
		}
	}
	return found
}

func partial(links []link) (found []link) {
	for _, l := range links {
		found = append(found, link{id: l.id})
	}
	return found
}

// merged holds each category once, with the best that was said of it, sorted by id.
func merged(links []link) []link {
	links = slices.SortedFunc(slices.Values(links), func(a, b link) int {
		if a.id < b.id {
			return -1
		} else if a.id > b.id {
			return 1
		}
		return 0
	})
	out := links[:0]
	for _, l := range links {
		if n := len(out); n > 0 && out[n-1].id == l.id {
			out[n-1].covers = out[n-1].covers || l.covers
			out[n-1].same = out[n-1].same || l.same
			continue
		}
		out = append(out, l)
	}
	return out
}

// via leads from 1.0 to 3.1 or back by 2.2, which knows both.
func (t *Taxonomies) via(from, to edition) map[string]equivalence {
	out := make(map[string]equivalence, len(t.tables[from].order))
	for _, id := range t.tables[from].order {
		first := t.equivalents[from][v22][id]
		var links []link
		exact := first.exact
		for _, l := range first.links {
			second := t.equivalents[v22][to][l.id]
			exact = exact && second.exact
			for _, m := range second.links {
				links = append(links, link{id: m.id, covers: l.covers && m.covers, same: l.same && m.same})
			}
		}
		out[id] = equivalence{merged(links), exact}
	}
	return out
}
