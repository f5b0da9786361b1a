// Package taxonomy holds the audience tags: four levels (industry, category,
// interest, item) from one file. Targeting a tag matches everything below it, so
// a user's tags are completed with their ancestors before they are matched.
package taxonomy

import (
	"io"
	"slices"

	"bidhawk/campaigns"
	"bidhawk/campaigns/yamltree"
)

const (
	// Levels is the depth of the tree.
	Levels = 4
	// MaxNumber bounds the numbers of tags, so that ancestors are found in a
	// dense array (4 MB at most) instead of a hash table. The numbers of lists
	// have their top bit set and never meet them.
	MaxNumber campaigns.TagNumber = 1<<20 - 1

	maxFileBytes    = 16 << 20
	maxSegmentBytes = 60 // four of them and three slashes fit into campaigns.MaxTagBytes
)

// Tag is one entry of the taxonomy.
type Tag struct {
	Path   string // "auto/suv/compact-suv"
	Name   string // for people
	Number campaigns.TagNumber
	IAB    int // id in the IAB Audience Taxonomy 1.1; 0 where there is none
	Level  int // 1 is an industry, 4 an item
}

// Taxonomy is immutable and safe for concurrent use.
type Taxonomy struct {
	tags     []Tag // in the order of the file: parents before their children
	byPath   map[string]int
	byNumber map[campaigns.TagNumber]int
	children map[campaigns.TagNumber][]campaigns.TagNumber // of 0: the industries
	parents  []campaigns.TagNumber                         // by number; 0 is none
}

var _ campaigns.TagResolver = (*Taxonomy)(nil)

// Load reads a taxonomy file. An error is a *yamltree.Error, which names the
// line of each problem, or an error of r.
func Load(r io.Reader) (*Taxonomy, error) {
	var f file
	lines, err := yamltree.Decode(r, yamltree.Options{MaxBytes: maxFileBytes}, &f)
	if err != nil {
		return nil, err
	}
	b := newBuilder(lines)
	b.check(f.Version == 1, "version", f.Version, "must be 1")
	b.check(len(f.Tags) > 0, "tags", "[]", "must hold at least one tag")
	b.add(f.Tags, 0, "", "tags", 1)
	if len(b.problems) > 0 {
		return nil, &yamltree.Error{Problems: b.problems}
	}
	return b.t, nil
}

// Number resolves a path ("auto/suv") or a list ("list/vip"). ok is false for an
// unknown path or a bad list name.
func (t *Taxonomy) Number(path string) (n campaigns.TagNumber, ok bool) {
	if i, found := t.byPath[path]; found {
		return t.tags[i].Number, true
	}
	const p = len(campaigns.ListPrefix)
	if len(path) > p && path[:p] == campaigns.ListPrefix && campaigns.ValidListName(path[p:]) {
		return campaigns.ListNumber(path[p:]), true
	}
	return 0, false
}

// ListNumber is campaigns.ListNumber, for those who hold a Taxonomy.
func (t *Taxonomy) ListNumber(name string) campaigns.TagNumber { return campaigns.ListNumber(name) }

// Path is the path of number n; ok is false for an unknown one and for lists,
// whose names are not kept.
func (t *Taxonomy) Path(n campaigns.TagNumber) (path string, ok bool) {
	tag, ok := t.Tag(n)
	return tag.Path, ok
}

// Tag is the entry with number n.
func (t *Taxonomy) Tag(n campaigns.TagNumber) (Tag, bool) {
	i, ok := t.byNumber[n]
	if !ok {
		return Tag{}, false
	}
	return t.tags[i], true
}

// Tags are all entries, parents before their children. The caller owns the slice.
func (t *Taxonomy) Tags() []Tag { return slices.Clone(t.tags) }

// AppendAncestors appends the ancestors of k, nearest first and at most three,
// held by the same owner. Lists and unknown numbers have none. It allocates only
// when dst must grow.
func (t *Taxonomy) AppendAncestors(dst []campaigns.TagKey, k campaigns.TagKey) []campaigns.TagKey {
	owner := k &^ campaigns.TagKey(^campaigns.TagNumber(0)) // the upper half
	for n := t.parent(k.Number()); n != 0; n = t.parents[n] {
		dst = append(dst, owner|campaigns.TagKey(n))
	}
	return dst
}

func (t *Taxonomy) parent(n campaigns.TagNumber) campaigns.TagNumber {
	if int(n) >= len(t.parents) {
		return 0
	}
	return t.parents[n]
}

// Children are the tags directly below n, in the order of the file; 0 asks for
// the industries. The caller owns the slice.
func (t *Taxonomy) Children(n campaigns.TagNumber) []campaigns.TagNumber {
	return slices.Clone(t.children[n])
}

// Descendants are all tags below n, parents before their children.
func (t *Taxonomy) Descendants(n campaigns.TagNumber) []campaigns.TagNumber {
	out := t.Children(n)
	for i := 0; i < len(out); i++ { // out grows: breadth first
		out = append(out, t.children[out[i]]...)
	}
	return out
}
