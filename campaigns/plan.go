package campaigns

import (
	"errors"
	"strings"

	"bidhawk/campaigns/yamltree"
)

// plan is an import on its way from the file to the store: every entity with
// what it refers to, parents first.
type plan struct {
	lines      yamltree.Lines
	tags       TagResolver
	categories Categories
	nodes      []*node
	byKey      map[string]*node
	problems   []yamltree.Problem
}

// node is one entity of the file.
type node struct {
	key, path string
	entity    Entity
	parentKey string
	parent    *node   // nil for an agency, or where the key is unknown
	creatives []*node // of a line item
}

func newPlan(lines yamltree.Lines, tags TagResolver, categories Categories) *plan {
	return &plan{lines: lines, tags: tags, categories: categories, byKey: map[string]*node{}}
}

func (p *plan) fail(path, value, rule string) {
	if len(p.problems) < maxViolations {
		p.problems = append(p.problems, yamltree.Problem{Line: p.lines.At(path), Path: path, Value: value, Rule: rule})
	}
}

// collect lists the entities, parents before children, and resolves their keys.
func (p *plan) collect(f *importFile) {
	for i := range f.Agencies {
		p.add("agencies", i, f.Agencies[i].Key, "", &f.Agencies[i].Agency)
	}
	for i := range f.Advertisers {
		p.add("advertisers", i, f.Advertisers[i].Key, f.Advertisers[i].Parent, &f.Advertisers[i].Advertiser)
	}
	for i := range f.Campaigns {
		p.add("campaigns", i, f.Campaigns[i].Key, f.Campaigns[i].Parent, &f.Campaigns[i].Campaign)
	}
	for i := range f.Creatives {
		p.add("creatives", i, f.Creatives[i].Key, f.Creatives[i].Parent, &f.Creatives[i].Creative)
	}
	for i := range f.LineItems {
		l := &f.LineItems[i]
		n := p.add("line_items", i, l.Key, l.Parent, &l.LineItem)
		for j, key := range l.Creatives {
			if c := p.lookUp(KindCreative, index(n.path+".creatives", j), key); c != nil {
				n.creatives = append(n.creatives, c)
			}
		}
	}
	if len(p.nodes) == 0 {
		p.fail("", "", "must hold at least one entity")
	}
}

func (p *plan) add(list string, i int, key, parentKey string, e Entity) *node {
	n := &node{key: key, path: index(list, i), entity: e, parentKey: parentKey}
	if r := textRule(key, 1, MaxNameBytes); r != "" {
		p.fail(n.path+".key", key, r)
	} else if p.byKey[key] != nil {
		p.fail(n.path+".key", key, "must be unique in the file")
	} else {
		p.byKey[key] = n
	}
	if kind, _ := e.Parent(); kind != "" {
		n.parent = p.lookUp(kind, n.path+"."+string(kind), parentKey)
	}
	// Provisional ids, so that the rules can compare; point sets the stored ones.
	e.Head().ID = ID(len(p.nodes) + 1)
	p.nodes = append(p.nodes, n)
	return n
}

func (p *plan) lookUp(k Kind, path, key string) *node {
	if n := p.byKey[key]; n != nil && n.entity.Kind() == k {
		return n
	}
	p.fail(path, key, "must be the key of "+article(k)+" in this file")
	return nil
}

func article(k Kind) string {
	if k[0] == 'a' { // agency, advertiser
		return "an " + string(k)
	}
	return "a " + string(k)
}

// validate normalises and checks every entity against the others.
func (p *plan) validate() {
	for _, n := range p.nodes {
		n.point()
		n.entity.Normalize()
	}
	for _, n := range p.nodes {
		var ve *ValidationError
		if errors.As(n.entity.Validate(p.refs(n)), &ve) {
			p.report(n, ve)
		}
	}
}

// refs is what n refers to within the file.
func (p *plan) refs(n *node) *Refs {
	r := &Refs{Tags: p.tags, Categories: p.categories, Creatives: map[ID]*Creative{}}
	for up := n.parent; up != nil; up = up.parent {
		r.setParent(up.entity)
	}
	for _, c := range n.creatives {
		r.Creatives[c.entity.Head().ID] = c.entity.(*Creative)
	}
	return r
}

// report names the violations of n by their place in the file.
func (p *plan) report(n *node, ve *ValidationError) {
	parent, _ := n.entity.Parent()
	for _, v := range ve.Violations {
		field := strings.TrimPrefix(v.Field, string(n.entity.Kind())+".")
		if field == string(parent)+"_id" {
			continue // look-up named the key already, at the highest entity concerned
		}
		field = strings.Replace(field, "creative_ids", "creatives", 1)
		p.fail(n.path+"."+field, v.Value, v.Rule)
	}
}

// point writes the ids of what n refers to into its entity.
func (n *node) point() {
	var parent ID
	if n.parent != nil {
		parent = n.parent.entity.Head().ID
	}
	switch e := n.entity.(type) {
	case *Advertiser:
		e.AgencyID = parent
	case *Campaign:
		e.AdvertiserID = parent
	case *Creative:
		e.AdvertiserID = parent
	case *LineItem:
		e.CampaignID = parent
		e.CreativeIDs = make([]ID, len(n.creatives))
		for i, c := range n.creatives {
			e.CreativeIDs[i] = c.entity.Head().ID
		}
	}
}
