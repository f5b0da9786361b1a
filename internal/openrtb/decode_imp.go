package openrtb

import "bidhawk/internal/money"

func (p *parser) imp(imp *Imp) {
	imp.BidFloorCur = money.USD
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			imp.ID = p.id()
		case "banner":
			imp.Banner = p.banner()
		case "video":
			imp.Video = p.video()
		case "audio":
			imp.Audio = p.audio()
		case "native":
			imp.Native = p.native()
		case "pmp":
			imp.PMP = p.pmp()
		case "tagid":
			imp.TagID = p.str()
		case "displaymanager":
			imp.DisplayManager = p.str()
		case "displaymanagerver":
			imp.DisplayManagerVer = p.str()
		case "bidfloor":
			imp.BidFloor = p.floor()
		case "bidfloorcur":
			imp.BidFloorCur = p.currency()
		case "secure":
			imp.Secure = p.flag()
		case "instl":
			imp.Instl = p.on()
		case "rwdd":
			imp.Rwdd = p.on()
		case "clickbrowser":
			imp.ClickBrowser = p.flag()
		case "ssai":
			imp.SSAI = p.num()
		case "exp":
			imp.Exp = p.num()
		case "qty":
			imp.Qty = p.qty()
		case "ext":
			imp.Ext = p.raw()
		default:
			p.skip()
		}
	}
}

// qty takes an imp's multiplier; nil where it was not sent.
func (p *parser) qty() *Qty {
	q := one(p, &p.r.store.qtys)
	if q == nil {
		return nil
	}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "multiplier":
			q.Multiplier = p.multiplier()
		case "sourcetype":
			q.SourceType = p.num()
		case "vendor":
			q.Vendor = p.str()
		default:
			p.skip()
		}
	}
	return q
}

// banner takes an imp's banner; nil where it was not sent.
func (p *parser) banner() *Banner {
	b := one(p, &p.r.store.banners)
	if b != nil {
		p.bannerInto(b)
	}
	return b
}

func (p *parser) bannerInto(b *Banner) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			b.ID = p.str()
		case "format":
			b.Format = objects(p, &p.r.store.formats, MaxFormats, (*parser).format)
		case "w":
			b.W = p.num()
		case "h":
			b.H = p.num()
		case "pos":
			b.Pos = p.num()
		case "btype":
			b.BType = p.ints()
		case "battr":
			b.BAttr = p.ints()
		case "mimes":
			b.MIMEs = p.strs()
		case "topframe":
			b.TopFrame = p.flag()
		case "expdir":
			b.ExpDir = p.ints()
		case "api":
			b.API = p.ints()
		case "vcm":
			b.VCM = p.flag()
		default:
			p.skip()
		}
	}
}

// format takes one size.
func (p *parser) format(f *Format) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "w":
			f.W = p.num()
		case "h":
			f.H = p.num()
		case "wratio":
			f.WRatio = p.num()
		case "hratio":
			f.HRatio = p.num()
		case "wmin":
			f.WMin = p.num()
		default:
			p.skip()
		}
	}
}

// native takes an imp's native offer; nil where it was not sent.
func (p *parser) native() *Native {
	n := one(p, &p.r.store.natives)
	if n == nil {
		return nil
	}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "request":
			n.Request = p.nativeRequest()
		case "ver":
			n.Ver = p.str()
		case "battr":
			n.BAttr = p.ints()
		case "api":
			n.API = p.ints()
		default:
			p.skip()
		}
	}
	return n
}

// nativeRequest takes JSON in a string, as the specification has it, or the
// object itself, as some send.
func (p *parser) nativeRequest() []byte {
	if p.peek() == '{' {
		return p.raw()
	}
	return p.str()
}

// pmp takes an imp's private marketplace; nil where it was not sent.
func (p *parser) pmp() *PMP {
	m := one(p, &p.r.store.pmps)
	if m == nil {
		return nil
	}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "private_auction":
			m.PrivateAuction = p.on()
		case "deals":
			m.Deals = objects(p, &p.r.store.deals, MaxDeals, (*parser).deal)
		default:
			p.skip()
		}
	}
	return m
}

func (p *parser) deal(d *Deal) {
	d.BidFloorCur = money.USD
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			d.ID = p.id()
		case "bidfloor":
			d.BidFloor = p.floor()
		case "bidfloorcur":
			d.BidFloorCur = p.currency()
		case "at":
			d.AT = AuctionType(p.num())
		case "wseat":
			d.WSeat = p.strs()
		case "wadomain":
			d.WADomain = p.strs()
		case "guar":
			d.Guar = p.on()
		case "mincpmpersec":
			d.MinCPMPerSec = p.floor()
		case "durfloors":
			d.DurFloors = p.durFloors()
		case "ext":
			d.Ext = p.raw()
		default:
			p.skip()
		}
	}
}

func (p *parser) durFloors() []DurFloor {
	return objects(p, &p.r.store.durFloors, MaxDurFloors, (*parser).durFloor)
}

// durFloor takes the floor of one range of durations.
func (p *parser) durFloor(f *DurFloor) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "mindur":
			f.MinDur = p.num()
		case "maxdur":
			f.MaxDur = p.num()
		case "bidfloor":
			f.BidFloor = p.floor()
		default:
			p.skip()
		}
	}
}
