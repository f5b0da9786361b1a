package openrtb

// Decode reads body into r in one pass, forgetting what r held. It checks the
// JSON of all of it, the kinds and ranges of the fields it knows, and the bounds
// of limits.go; Validate checks the rest. Names match exactly, case included; of
// fields sent twice the last one holds. Unknown fields and unknown values of
// enumerations are accepted, and the deviations listed at parser. A byte order
// mark is skipped. Text that is not valid UTF-8, or half a surrogate pair, reads
// as U+FFFD, but not in an id that an answer would echo: there it is an error.
//
// r holds views of body until the next Decode or Reset: the caller keeps body
// unchanged so long. After an error, a *SyntaxError or a *FieldError, r holds
// no request. Decode allocates only when r's memory must grow, or for an error.
func (r *BidRequest) Decode(body []byte) error {
	r.Reset()
	if len(body) > MaxBody {
		return &FieldError{Rule: "want a body of at most 1048576 bytes", Reason: ReasonLimit}
	}
	p := &r.store.parser // not on the stack: it would escape
	*p = parser{scanner: scanner{b: body, i: bomLen(body)}, r: r}
	p.space()
	p.request()
	p.space()
	if p.err == nil && p.peek() != 0 {
		p.fail("want nothing after the request")
	}
	if err := p.err; err != nil {
		r.Reset()
		return err
	}
	p.settle()
	return nil
}

// Reset forgets the request, and gives back memory beyond a usual request's.
func (r *BidRequest) Reset() {
	s := &r.store
	s.parser = parser{}
	if invariants {
		poison(s.scratch)
	}
	if cap(s.scratch) > keepScratch {
		s.scratch = nil
	}
	s.scratch = s.scratch[:0]
	s.views.reset(keepStrings)
	s.ints.reset(keepStrings)
	s.currencies.reset(keepElements)
	s.imps.reset(keepElements)
	s.banners.reset(keepElements)
	s.formats.reset(keepElements)
	s.videos.reset(keepElements)
	s.audios.reset(keepElements)
	s.natives.reset(keepElements)
	s.qtys.reset(keepElements)
	s.pmps.reset(keepElements)
	s.deals.reset(keepElements)
	s.durFloors.reset(keepElements)
	s.publishers.reset(keepElements)
	s.contents.reset(keepElements)
	s.geos.reset(keepElements)
	s.datas.reset(keepElements)
	s.segments.reset(keepElements)
	s.eids.reset(keepElements)
	s.uids.reset(keepElements)
	s.agents.reset(keepElements)
	s.brands.reset(keepElements)
	s.chains.reset(keepElements)
	s.nodes.reset(keepElements)

	r.ID, r.Imp = nil, nil
	r.Site, r.App, r.DOOH, r.Device = nil, nil, nil, nil
	r.User, r.Source, r.Regs, r.SChain = nil, nil, nil, nil
	r.Test, r.AllImps, r.TMax = false, false, 0
	r.AT, r.CatTax = AuctionSecondPrice, 1
	r.WSeat, r.BSeat, r.Cur = nil, nil, nil
	r.WLang, r.WLangB = nil, nil
	r.BCat, r.ACat, r.BAdv, r.BApp = nil, nil, nil, nil
	r.Ext, r.Truncated = nil, 0
}

// settle fills in what depends on fields that may have come later.
func (p *parser) settle() {
	r := p.r
	for i := range r.Imp {
		if pmp := r.Imp[i].PMP; pmp != nil {
			for j := range pmp.Deals {
				if pmp.Deals[j].AT == 0 {
					pmp.Deals[j].AT = r.AT
				}
			}
		}
	}
	for _, c := range [...]*SChain{p.extChain, p.sourceExtChain, p.sourceChain} {
		if c != nil {
			r.SChain = c
		}
	}
}

// request takes the top object.
func (p *parser) request() {
	r := p.r
	for ok := p.object(); ok; ok = p.moreMembers() {
		key := p.key()
		switch string(key) {
		case "id":
			r.ID = p.id()
		case "imp":
			r.Imp = objects(p, &r.store.imps, MaxImps, (*parser).imp)
		case "site":
			r.Site = p.site()
		case "app":
			r.App = p.app()
		case "dooh":
			r.DOOH = p.dooh()
		case "device":
			r.Device = p.device()
		case "user":
			r.User = p.user()
		case "source":
			r.Source = p.source()
		case "regs":
			r.Regs = p.regs()
		case "test":
			r.Test = p.on()
		case "at":
			r.AT = AuctionType(p.orDefault(int(AuctionSecondPrice)))
		case "tmax":
			r.TMax = p.num()
		case "allimps":
			r.AllImps = p.on()
		case "ext":
			r.Ext = p.requestExt()
		default:
			if !p.requestRule(key) {
				p.skip()
			}
		}
	}
}

// requestRule takes the value of a member that says who may bid with what.
func (p *parser) requestRule(key []byte) (known bool) {
	r := p.r
	switch string(key) {
	case "wseat":
		r.WSeat = p.strs()
	case "bseat":
		r.BSeat = p.strs()
	case "cur":
		r.Cur = p.currencies()
	case "wlang":
		r.WLang = p.strs()
	case "wlangb":
		r.WLangB = p.strs()
	case "bcat":
		r.BCat = p.strs()
	case "acat":
		r.ACat = p.strs()
	case "cattax":
		r.CatTax = p.orDefault(1)
	case "badv":
		r.BAdv = p.strs()
	case "bapp":
		r.BApp = p.strs()
	default:
		return false
	}
	return true
}

// requestExt takes the request's ext, where old exchanges put the supply chain.
func (p *parser) requestExt() []byte {
	start := p.i
	for ok := p.extension(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "schain":
			p.extChain = p.schain()
		default:
			p.skip()
		}
	}
	return p.from(start)
}

// Country is the device's country as sent, mostly ISO 3166-1 alpha-3; nil where
// it was not said.
func (r *BidRequest) Country() []byte {
	if r.Device == nil || r.Device.Geo == nil {
		return nil
	}
	return r.Device.Geo.Country
}

// Publisher is the publisher of the site, app or screen; nil where it was not said.
func (r *BidRequest) Publisher() *Publisher {
	switch {
	case r.Site != nil:
		return r.Site.Publisher
	case r.App != nil:
		return r.App.Publisher
	case r.DOOH != nil:
		return r.DOOH.Publisher
	}
	return nil
}
