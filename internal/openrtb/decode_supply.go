package openrtb

// site takes the site; nil where it was not sent.
func (p *parser) site() *Site {
	if p.absent() {
		return nil
	}
	s := &p.r.store.site
	*s = Site{CatTax: 1}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			s.ID = p.str()
		case "name":
			s.Name = p.str()
		case "domain":
			s.Domain = p.str()
		case "page":
			s.Page = p.str()
		case "ref":
			s.Ref = p.str()
		case "search":
			s.Search = p.str()
		case "cat":
			s.Cat = p.infoStrs()
		case "sectioncat":
			s.SectionCat = p.infoStrs()
		case "pagecat":
			s.PageCat = p.infoStrs()
		case "cattax":
			s.CatTax = p.orDefault(1)
		case "mobile":
			s.Mobile = p.flag()
		case "keywords":
			s.Keywords = p.keywords(&s.KwArray)
		case "kwarray":
			s.KwArray = p.infoStrs()
		case "publisher":
			s.Publisher = p.publisher()
		case "content":
			s.Content = p.content()
		case "inventorypartnerdomain":
			s.Inventory = p.str()
		case "ext":
			s.Ext = p.raw()
		default:
			p.skip()
		}
	}
	return s
}

// app takes the app; nil where it was not sent.
func (p *parser) app() *App {
	if p.absent() {
		return nil
	}
	a := &p.r.store.app
	*a = App{CatTax: 1}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			a.ID = p.str()
		case "name":
			a.Name = p.str()
		case "bundle":
			a.Bundle = p.str()
		case "domain":
			a.Domain = p.str()
		case "storeurl":
			a.StoreURL = p.str()
		case "ver":
			a.Ver = p.str()
		case "cat":
			a.Cat = p.infoStrs()
		case "sectioncat":
			a.SectionCat = p.infoStrs()
		case "pagecat":
			a.PageCat = p.infoStrs()
		case "cattax":
			a.CatTax = p.orDefault(1)
		case "paid":
			a.Paid = p.flag()
		case "keywords":
			a.Keywords = p.keywords(&a.KwArray)
		case "kwarray":
			a.KwArray = p.infoStrs()
		case "publisher":
			a.Publisher = p.publisher()
		case "content":
			a.Content = p.content()
		case "inventorypartnerdomain":
			a.Inventory = p.str()
		case "ext":
			a.Ext = p.raw()
		default:
			p.skip()
		}
	}
	return a
}

// dooh takes the screen; nil where it was not sent.
func (p *parser) dooh() *DOOH {
	if p.absent() {
		return nil
	}
	d := &p.r.store.dooh
	*d = DOOH{VenueTypeTax: 1}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			d.ID = p.str()
		case "name":
			d.Name = p.str()
		case "domain":
			d.Domain = p.str()
		case "venuetype":
			d.VenueType = p.infoStrs()
		case "venuetypetax":
			d.VenueTypeTax = p.orDefault(1)
		case "keywords":
			d.Keywords = p.keywords(&d.KwArray)
		case "kwarray":
			d.KwArray = p.infoStrs()
		case "publisher":
			d.Publisher = p.publisher()
		case "content":
			d.Content = p.content()
		case "ext":
			d.Ext = p.raw()
		default:
			p.skip()
		}
	}
	return d
}

// publisher takes a publisher; nil where it was not sent.
func (p *parser) publisher() *Publisher {
	pub := one(p, &p.r.store.publishers)
	if pub == nil {
		return nil
	}
	pub.CatTax = 1
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			pub.ID = p.str()
		case "name":
			pub.Name = p.str()
		case "domain":
			pub.Domain = p.str()
		case "cat":
			pub.Cat = p.infoStrs()
		case "cattax":
			pub.CatTax = p.orDefault(1)
		default:
			p.skip()
		}
	}
	return pub
}

// content takes what the ad appears in; nil where it was not sent.
func (p *parser) content() *Content {
	c := one(p, &p.r.store.contents)
	if c == nil {
		return nil
	}
	c.CatTax = 1
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			c.ID = p.str()
		case "title":
			c.Title = p.str()
		case "series":
			c.Series = p.str()
		case "season":
			c.Season = p.str()
		case "genre":
			c.Genre = p.str()
		case "url":
			c.URL = p.str()
		case "contentrating":
			c.ContentRating = p.str()
		case "language":
			c.Language = p.str()
		case "langb":
			c.LangB = p.str()
		case "episode":
			c.Episode = p.num()
		case "cat":
			c.Cat = p.infoStrs()
		case "cattax":
			c.CatTax = p.orDefault(1)
		case "context":
			c.Context = p.num()
		case "keywords":
			c.Keywords = p.keywords(&c.KwArray)
		case "kwarray":
			c.KwArray = p.infoStrs()
		case "livestream":
			c.LiveStream = p.flag()
		case "len":
			c.Len = p.num()
		case "data":
			c.Data = p.data()
		default:
			p.skip()
		}
	}
	return c
}
