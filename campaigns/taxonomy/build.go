package taxonomy

import (
	"fmt"
	"strings"

	"bidhawk/campaigns"
	"bidhawk/campaigns/yamltree"
)

// file is the shape of the YAML file.
type file struct {
	Version int     `json:"version"`
	Tags    []entry `json:"tags"`
}

type entry struct {
	Tag    string  `json:"tag"` // one segment of the path
	Number int64   `json:"number"`
	Name   string  `json:"name"`
	IAB    int     `json:"iab"`
	Tags   []entry `json:"tags"`
}

// builder fills a Taxonomy and collects what is wrong with the file.
type builder struct {
	t        *Taxonomy
	lines    yamltree.Lines
	problems []yamltree.Problem
}

func newBuilder(lines yamltree.Lines) *builder {
	return &builder{lines: lines, t: &Taxonomy{
		byPath:   map[string]int{},
		byNumber: map[campaigns.TagNumber]int{},
		children: map[campaigns.TagNumber][]campaigns.TagNumber{},
	}}
}

func (b *builder) check(ok bool, path string, value any, rule string) {
	if !ok {
		b.problems = append(b.problems, yamltree.Problem{Line: b.lines.At(path), Path: path, Value: fmt.Sprintf("%.80v", value), Rule: rule})
	}
}

// add adds the entries below parent; at is their place in the file.
func (b *builder) add(entries []entry, parent campaigns.TagNumber, prefix, at string, level int) {
	if level > Levels && len(entries) > 0 {
		b.check(false, at, prefix, fmt.Sprintf("must not nest deeper than %d levels", Levels))
		return
	}
	for i, e := range entries {
		here := fmt.Sprintf("%s[%d]", at, i)
		path := strings.TrimPrefix(prefix+"/"+e.Tag, "/")
		b.entry(e, path, here, level)
		n := campaigns.TagNumber(e.Number)
		if e.Number < 1 || e.Number > int64(MaxNumber) {
			b.check(false, here+".number", e.Number, fmt.Sprintf("must be 1 to %d", MaxNumber))
			n = 0
		} else if other, taken := b.t.byNumber[n]; taken {
			b.check(false, here+".number", e.Number, fmt.Sprintf("must be unique: %s has it", b.t.tags[other].Path))
		} else {
			b.link(Tag{Path: path, Name: e.Name, Number: n, IAB: e.IAB, Level: level}, parent)
		}
		b.add(e.Tags, n, path, here+".tags", level+1)
	}
}

func (b *builder) entry(e entry, path, here string, level int) {
	b.check(validSegment(e.Tag), here+".tag", e.Tag, fmt.Sprintf("must be a-z, 0-9 and -, at most %d, beginning with a letter or digit", maxSegmentBytes))
	b.check(level > 1 || e.Tag != strings.TrimSuffix(campaigns.ListPrefix, "/"), here+".tag", e.Tag, "is kept for lists")
	name := strings.TrimSpace(e.Name)
	b.check(name != "" && len(e.Name) <= campaigns.MaxNameBytes, here+".name", e.Name, fmt.Sprintf("must be 1 to %d bytes", campaigns.MaxNameBytes))
	b.check(e.IAB >= 0 && e.IAB <= 1_000_000, here+".iab", e.IAB, "must be an id of the IAB Audience Taxonomy 1.1")
	_, taken := b.t.byPath[path]
	b.check(!taken, here+".tag", path, "must be unique among its siblings")
}

func (b *builder) link(tag Tag, parent campaigns.TagNumber) {
	t := b.t
	t.byPath[tag.Path] = len(t.tags)
	t.byNumber[tag.Number] = len(t.tags)
	t.tags = append(t.tags, tag)
	t.children[parent] = append(t.children[parent], tag.Number)
	if grow := int(tag.Number) + 1 - len(t.parents); grow > 0 {
		t.parents = append(t.parents, make([]campaigns.TagNumber, grow)...)
	}
	t.parents[tag.Number] = parent
}

func validSegment(s string) bool {
	if len(s) < 1 || len(s) > maxSegmentBytes || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
