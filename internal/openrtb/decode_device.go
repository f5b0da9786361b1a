package openrtb

import "cmp"

// device takes the device; nil where it was not sent.
func (p *parser) device() *Device {
	if p.absent() {
		return nil
	}
	d := &p.r.store.device
	*d = Device{}
	var sua, extSUA *UserAgent
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "ua":
			d.UA = p.str()
		case "ip":
			d.IP = p.str()
		case "ipv6":
			d.IPv6 = p.str()
		case "make":
			d.Make = p.str()
		case "model":
			d.Model = p.str()
		case "os":
			d.OS = p.str()
		case "osv":
			d.OSV = p.str()
		case "language":
			d.Language = p.str()
		case "langb":
			d.LangB = p.str()
		case "carrier":
			d.Carrier = p.str()
		case "mccmnc":
			d.MCCMNC = p.str()
		case "ifa":
			d.IFA = p.str()
		case "sua":
			sua = p.sua()
		case "geo":
			d.Geo = p.geo()
		case "dnt":
			d.DNT = p.flag()
		case "lmt":
			d.Lmt = p.flag()
		case "devicetype":
			d.DeviceType = p.num()
		case "w":
			d.W = p.num()
		case "h":
			d.H = p.num()
		case "connectiontype":
			d.ConnectionType = p.num()
		case "ext":
			d.Ext, extSUA = p.deviceExt()
		default:
			p.skip()
		}
	}
	d.SUA = cmp.Or(sua, extSUA)
	return d
}

// deviceExt takes the device's ext, where version 2.5 put the structured user agent.
func (p *parser) deviceExt() (raw []byte, sua *UserAgent) {
	start := p.i
	for ok := p.extension(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "sua":
			sua = p.sua()
		default:
			p.skip()
		}
	}
	return p.from(start), sua
}

// sua takes a structured user agent; nil where it was not sent.
func (p *parser) sua() *UserAgent {
	u := one(p, &p.r.store.agents)
	if u == nil {
		return nil
	}
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "browsers":
			u.Browsers = infos(p, &p.r.store.brands, MaxBrowsers, (*parser).brand)
		case "platform":
			p.brand(&u.Platform)
		case "mobile":
			u.Mobile = p.flag()
		case "model":
			u.Model = p.str()
		case "source":
			u.Source = p.num()
		default:
			p.skip()
		}
	}
	return u
}

// brand takes a browser or platform.
func (p *parser) brand(b *BrandVersion) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "brand":
			b.Brand = p.str()
		case "version":
			b.Version = p.infoStrs()
		default:
			p.skip()
		}
	}
}

// geo takes a place; nil where it was not sent.
func (p *parser) geo() *Geo {
	g := one(p, &p.r.store.geos)
	if g == nil {
		return nil
	}
	var hasLat, hasLon bool
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "lat":
			g.LatMicroDeg, hasLat = p.coordinate(90)
		case "lon":
			g.LonMicroDeg, hasLon = p.coordinate(180)
		case "type":
			g.Type = p.hint()
		case "accuracy":
			g.Accuracy = p.hint()
		case "country":
			g.Country = p.str()
		case "region":
			g.Region = p.str()
		case "metro":
			g.Metro = p.str()
		case "city":
			g.City = p.str()
		case "zip":
			g.ZIP = p.str()
		case "utcoffset":
			g.UTCOffset = p.hint()
		default:
			p.skip()
		}
	}
	g.HasLatLon = hasLat && hasLon
	return g
}
