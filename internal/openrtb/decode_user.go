package openrtb

// userExt is what version 2.5 kept in user.ext.
type userExt struct {
	consent []byte
	eids    []EID
}

// user takes the user; nil where it was not sent.
func (p *parser) user() *User {
	if p.absent() {
		return nil
	}
	u := &p.r.store.user
	*u = User{}
	var ext userExt
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			u.ID = p.str()
		case "buyeruid":
			u.BuyerUID = p.str()
		case "yob":
			u.YOB = p.num()
		case "gender":
			u.Gender = p.str()
		case "keywords":
			u.Keywords = p.keywords(&u.KwArray)
		case "kwarray":
			u.KwArray = p.infoStrs()
		case "geo":
			u.Geo = p.geo()
		case "consent":
			u.Consent = p.str()
		case "data":
			u.Data = p.data()
		case "eids":
			u.EIDs = p.eids()
		case "ext":
			u.Ext, ext = p.userExt()
		default:
			p.skip()
		}
	}
	if len(u.Consent) == 0 {
		u.Consent = ext.consent
	}
	if u.EIDs == nil {
		u.EIDs = ext.eids
	}
	return u
}

func (p *parser) userExt() (raw []byte, ext userExt) {
	start := p.i
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "consent":
			ext.consent = p.str()
		case "eids":
			ext.eids = p.eids()
		default:
			p.skip()
		}
	}
	return p.from(start), ext
}

func (p *parser) eids() []EID {
	return infos(p, &p.r.store.eids, MaxEIDs, (*parser).eid)
}

// eid takes the ids of one source.
func (p *parser) eid(e *EID) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "source":
			e.Source = p.str()
		case "mm":
			e.MM = p.num()
		case "uids":
			e.UIDs = infos(p, &p.r.store.uids, MaxUIDs, (*parser).uid)
		default:
			p.skip()
		}
	}
}

// uid takes one extended id.
func (p *parser) uid(u *UID) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			u.ID = p.str()
		case "atype":
			u.AType = p.num()
		default:
			p.skip()
		}
	}
}

func (p *parser) data() []Data {
	return infos(p, &p.r.store.datas, MaxData, (*parser).datum)
}

// datum takes what one provider says.
func (p *parser) datum(d *Data) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			d.ID = p.str()
		case "name":
			d.Name = p.str()
		case "segment":
			d.Segment = infos(p, &p.r.store.segments, MaxSegments, (*parser).segment)
		case "ext":
			p.dataExt(d)
		default:
			p.skip()
		}
	}
}

// dataExt takes the taxonomy of the segments.
func (p *parser) dataExt(d *Data) {
	for ok := p.extension(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "segtax":
			d.SegTax = p.hint()
		default:
			p.skip()
		}
	}
}

// segment takes one fact.
func (p *parser) segment(s *Segment) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			s.ID = p.str()
		case "name":
			s.Name = p.str()
		case "value":
			s.Value = p.str()
		default:
			p.skip()
		}
	}
}
