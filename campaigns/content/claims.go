package content

import "slices"

// Claims are, for each known taxonomy, the categories under which a block list
// refuses a creative that declares cats of cattax: it is refused where the list
// holds one of them. They are the declared categories, what these mean in the
// other taxonomy, and everything above both: "IAB7" of a list blocks a creative
// of IAB7-39, and so do 2.2's ids of that subject and of its parents. A list's
// narrower category does not block a creative that declares a wider one of the
// same taxonomy.
//
// Across taxonomies they are rather too many than too few: a block list refuses
// too much, never too little. For an allow list (acat) the same sets are as
// generous, and there that errs the other way: one hit lets through what a strict
// reader might not. Who must not err there asks for each of cats alone.
//
// A list is sorted. It is empty where no category says anything in that taxonomy
// (see Equivalents): nobody can tell then, and a block list must refuse. Of a
// taxonomy that is not known there is no entry but its own, with cats as they are.
func (t *Taxonomies) Claims(cattax int, cats []string) map[int][]string {
	out := map[int][]string{}
	own, known := editionOf(cattax)
	if !known {
		out[cattax] = distinct(slices.Clone(cats))
		return out
	}
	var lists [editions][]string
	for e := v10; e <= v31; e++ {
		for _, id := range cats {
			lists[e] = append(lists[e], t.claims(own, id, e)...)
		}
		lists[e] = distinct(lists[e])
	}
	for _, n := range CatTaxes() {
		e, _ := editionOf(n)
		out[n] = lists[e]
	}
	return out
}

// claims of one category in one table.
func (t *Taxonomies) claims(from edition, id string, to edition) (ids []string) {
	up := t.tables[from].ancestors(id)
	if from == to {
		return append(append(ids, id), up...)
	}
	add := func(l link) { ids = append(append(ids, l.id), t.tables[to].ancestors(l.id)...) }
	for _, l := range t.equivalents[from][to][id].links {
		add(l)
	}
	for _, a := range up {
		for _, l := range t.equivalents[from][to][a].links {
			if l.covers { // it holds the parent, hence the category
				add(l)
			}
		}
	}
	return ids
}

func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
