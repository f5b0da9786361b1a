package openrtb

import "cmp"

// regs takes the rules; nil where they were not sent.
func (p *parser) regs() *Regs {
	if p.absent() {
		return nil
	}
	g := &p.r.store.regs
	*g = Regs{}
	var ext Regs
	for ok := p.object(); ok; ok = p.moreMembers() {
		key := p.key()
		switch string(key) {
		case "coppa":
			g.COPPA = p.on()
		case "ext":
			start := p.i
			p.regsExt(&ext)
			g.Ext = p.from(start)
		default:
			p.regsMember(g, key)
		}
	}
	g.GDPR = cmp.Or(g.GDPR, ext.GDPR)
	g.GPC = cmp.Or(g.GPC, ext.GPC)
	g.DSARequired = cmp.Or(g.DSARequired, ext.DSARequired)
	g.DSAPubRender = cmp.Or(g.DSAPubRender, ext.DSAPubRender)
	if len(g.USPrivacy) == 0 {
		g.USPrivacy = ext.USPrivacy
	}
	if len(g.GPP) == 0 {
		g.GPP = ext.GPP
	}
	if g.GPPSID == nil {
		g.GPPSID = ext.GPPSID
	}
	return g
}

// regsExt takes regs.ext, where version 2.5 put what 2.6 has in regs.
func (p *parser) regsExt(g *Regs) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		p.regsMember(g, p.key())
	}
}

func (p *parser) regsMember(g *Regs, key []byte) {
	switch string(key) {
	case "gdpr":
		g.GDPR = p.flag()
	case "us_privacy":
		g.USPrivacy = p.str()
	case "gpp":
		g.GPP = p.str()
	case "gpp_sid":
		g.GPPSID = p.ints()
	case "gpc":
		g.GPC = p.flag()
	case "dsa":
		p.dsa(g)
	default:
		p.skip()
	}
}

// dsa takes what the Digital Services Act asks of the answer.
func (p *parser) dsa(g *Regs) {
	for ok := p.extension(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "dsarequired":
			g.DSARequired = p.num()
		case "pubrender":
			g.DSAPubRender = p.num()
		default:
			p.skip()
		}
	}
}

// source takes the request's origin; nil where it was not sent.
func (p *parser) source() *Source {
	if p.absent() {
		return nil
	}
	s := &p.r.store.source
	*s = Source{}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "fd":
			s.FD = p.flag()
		case "tid":
			s.TID = p.str()
		case "pchain":
			s.PChain = p.str()
		case "schain":
			p.sourceChain = p.schain()
		case "ext":
			s.Ext = p.sourceExt()
		default:
			p.skip()
		}
	}
	return s
}

func (p *parser) sourceExt() []byte {
	start := p.i
	for ok := p.extension(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "schain":
			p.sourceExtChain = p.schain()
		default:
			p.skip()
		}
	}
	return p.from(start)
}

// schain takes a supply chain; nil where it was not sent.
func (p *parser) schain() *SChain {
	s := one(p, &p.r.store.chains)
	if s == nil {
		return nil
	}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "complete":
			s.Complete = p.flag()
		case "ver":
			s.Ver = p.str()
		case "nodes":
			s.Nodes = objects(p, &p.r.store.nodes, MaxNodes, (*parser).node)
		default:
			p.skip()
		}
	}
	return s
}

// node takes one seller.
func (p *parser) node(n *SChainNode) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "asi":
			n.ASI = p.str()
		case "sid":
			n.SID = p.str()
		case "rid":
			n.RID = p.str()
		case "name":
			n.Name = p.str()
		case "domain":
			n.Domain = p.str()
		case "hp":
			n.HP = p.flag()
		default:
			p.skip()
		}
	}
}
