package content

import (
	"fmt"
	"slices"
	"strings"
)

// relation says how a category of the older taxonomy stands to one of the newer.
type relation string

const (
	same   relation = "same"   // the same subject
	near   relation = "near"   // about the same: for a block list each counts as the other
	within relation = "within" // the older is part of the newer
	spans  relation = "spans"  // the older is more than the newer
	takes  relation = "takes"  // the newer counts as the older too, and not the older as the newer
	joins  relation = "joins"  // the older counts as the newer too, and not the newer as the older
)

// edge is one link between two taxonomies.
type edge struct {
	older, newer string
	relation     relation
}

// bridge is every link between two neighbouring taxonomies.
type bridge struct {
	older, newer *table
	edges        []edge
}

// readBridge joins the links that names make and those of the file; what stands
// in the file, but for takes and joins, replaces what names say of that category.
func readBridge(older, newer *table) (*bridge, error) {
	name := "links/" + older.edition.String() + "-" + newer.edition.String() + ".tsv"
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	b := &bridge{older: older, newer: newer}
	if err := b.parse(string(text)); err != nil {
		return nil, fmt.Errorf("content: %s: %w", name, err)
	}
	written := map[string]bool{}
	for _, e := range b.edges {
		written[e.older] = written[e.older] || e.relation != takes && e.relation != joins
	}
	b.byName(written)
	return b, nil
}

// parse reads lines of: older id, relation, newer ids. Empty lines and those
// that begin with # say nothing.
func (b *bridge) parse(text string) error {
	n := 0
	for line := range lines(text, 0) {
		n++
		if line == "" || line[0] == '#' {
			continue
		}
		cells := split(line)
		if len(cells) != 3 {
			return fmt.Errorf("line %d: got %d columns; want the older id, a relation and newer ids", n, len(cells))
		}
		switch relation(cells[1]) {
		case same, near, within, spans, takes, joins:
		default:
			return fmt.Errorf("line %d: relation %q: must be same, near, within, spans, takes or joins", n, cells[1])
		}
		if !b.older.has(cells[0]) {
			return fmt.Errorf("line %d: %q: must be a category of %s", n, cells[0], b.older.edition)
		}
		for _, id := range strings.Fields(cells[2]) {
			if !b.newer.has(id) {
				return fmt.Errorf("line %d: %q: must be a category of %s", n, id, b.newer.edition)
			}
			b.edges = append(b.edges, edge{cells[0], id, relation(cells[1])})
		}
	}
	return nil
}

// byName links namesakes. 2.2 and 3.1 share ids, and a namesake there has the
// same one; 1.0 has ids of its own, and a namesake counts where it is the only one.
func (b *bridge) byName(written map[string]bool) {
	namesakes := map[string][]string{}
	for _, id := range b.newer.order {
		if !b.newer.isVector(id) {
			name := plain(b.newer.categories[id].name)
			namesakes[name] = append(namesakes[name], id)
		}
	}
	for _, id := range b.older.order {
		if written[id] || b.older.isVector(id) {
			continue
		}
		found := namesakes[plain(b.older.categories[id].name)]
		if b.older.edition == v22 {
			found = slices.DeleteFunc(slices.Clone(found), func(f string) bool { return f != id })
		}
		if len(found) == 1 {
			b.edges = append(b.edges, edge{id, found[0], same})
		}
	}
}

func (b *bridge) forth() map[string]equivalence {
	side := newSide(b.older)
	for _, e := range b.edges {
		if e.relation != takes {
			side.add(e.older, link{e.newer, e.relation != spans, e.relation == same, e.relation == joins})
		}
	}
	return side.equivalences()
}

func (b *bridge) back() map[string]equivalence {
	side := newSide(b.newer)
	for _, e := range b.edges {
		if e.relation != joins {
			side.add(e.newer, link{e.older, e.relation != within, e.relation == same, e.relation == takes})
		}
	}
	return side.equivalences()
}
