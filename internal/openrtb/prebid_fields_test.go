package openrtb

import (
	"encoding/json"
	"fmt"

	"bidhawk/internal/money"

	"github.com/prebid/openrtb/v20/openrtb2"
)

func (d *differ) imp(r *Imp, q *openrtb2.Imp, at AuctionType) {
	d.text("id", r.ID, q.ID)
	d.text("tagid", r.TagID, q.TagID)
	d.text("displaymanager", r.DisplayManager, q.DisplayManager)
	d.text("displaymanagerver", r.DisplayManagerVer, q.DisplayManagerVer)
	d.floor("bidfloor", r.BidFloor, q.BidFloor)
	d.currency("bidfloorcur", r.BidFloorCur, q.BidFloorCur)
	d.text("secure", r.Secure, q.Secure)
	d.text("instl", r.Instl, q.Instl != 0)
	d.text("rwdd", r.Rwdd, q.Rwdd != 0)
	d.text("clickbrowser", r.ClickBrowser, q.ClickBrowser)
	d.text("ssai", r.SSAI, q.SSAI)
	d.text("exp", r.Exp, q.Exp)
	if d.both("qty", r.Qty != nil, q.Qty != nil) {
		d.floor("qty.multiplier", money.CPM(r.Qty.Multiplier), q.Qty.Multiplier)
		d.text("qty.sourcetype", r.Qty.SourceType, q.Qty.SourceType)
		d.text("qty.vendor", r.Qty.Vendor, q.Qty.Vendor)
	}
	if d.both("banner", r.Banner != nil, q.Banner != nil) {
		d.in("banner", func() { d.banner(r.Banner, q.Banner) })
	}
	if d.both("video", r.Video != nil, q.Video != nil) {
		d.in("video", func() { d.video(r.Video, q.Video) })
	}
	if d.both("audio", r.Audio != nil, q.Audio != nil) {
		d.in("audio", func() { d.audio(r.Audio, q.Audio) })
	}
	if d.both("native", r.Native != nil, q.Native != nil) {
		d.text("native.request", r.Native.Request, q.Native.Request)
		d.text("native.ver", r.Native.Ver, q.Native.Ver)
		d.ints("native.battr", r.Native.BAttr, q.Native.BAttr)
		d.ints("native.api", r.Native.API, q.Native.API)
	}
	if d.both("pmp", r.PMP != nil, q.PMP != nil) {
		d.text("pmp.private_auction", r.PMP.PrivateAuction, q.PMP.PrivateAuction != 0)
		if d.length("pmp.deals", len(r.PMP.Deals), len(q.PMP.Deals)) {
			for i := range r.PMP.Deals {
				d.in(fmt.Sprintf("deal[%d]", i), func() { d.deal(&r.PMP.Deals[i], &q.PMP.Deals[i], at) })
			}
		}
	}
}

func (d *differ) deal(r *Deal, q *openrtb2.Deal, at AuctionType) {
	d.text("id", r.ID, q.ID)
	d.floor("bidfloor", r.BidFloor, q.BidFloor)
	d.currency("bidfloorcur", r.BidFloorCur, q.BidFloorCur)
	d.text("at", int(r.AT), orInt(q.AT, int64(at)))
	d.texts("wseat", r.WSeat, q.WSeat)
	d.texts("wadomain", r.WADomain, q.WADomain)
	d.text("guar", r.Guar, q.Guar != 0)
	d.floor("mincpmpersec", r.MinCPMPerSec, q.MinCPMPerSec)
	d.durFloors(r.DurFloors, q.DurFloors)
}

func (d *differ) durFloors(r []DurFloor, q []openrtb2.DurFloors) {
	if d.length("durfloors", len(r), len(q)) {
		for i := range r {
			d.text("durfloors.mindur", r[i].MinDur, q[i].MinDur)
			d.text("durfloors.maxdur", r[i].MaxDur, q[i].MaxDur)
			d.floor("durfloors.bidfloor", r[i].BidFloor, q[i].BidFloor)
		}
	}
}

func (d *differ) banner(r *Banner, q *openrtb2.Banner) {
	d.text("id", r.ID, q.ID)
	d.text("w", int64(r.W), intPtr(q.W))
	d.text("h", int64(r.H), intPtr(q.H))
	d.text("pos", int64(r.Pos), intPtr(q.Pos))
	d.ints("btype", r.BType, q.BType)
	d.ints("battr", r.BAttr, q.BAttr)
	d.texts("mimes", r.MIMEs, q.MIMEs)
	d.text("topframe", r.TopFrame == FlagYes, q.TopFrame != 0)
	d.ints("expdir", r.ExpDir, q.ExpDir)
	d.ints("api", r.API, q.API)
	d.text("vcm", r.VCM, q.Vcm)
	if d.length("format", len(r.Format), len(q.Format)) {
		for i, f := range r.Format {
			g := q.Format[i]
			d.text("format", []int64{int64(f.W), int64(f.H), int64(f.WRatio), int64(f.HRatio), int64(f.WMin)},
				[]int64{g.W, g.H, g.WRatio, g.HRatio, g.WMin})
		}
	}
}

func (d *differ) companions(r []Banner, q []openrtb2.Banner) {
	if d.length("companionad", len(r), len(q)) {
		for i := range r {
			d.in(fmt.Sprintf("companionad[%d]", i), func() { d.banner(&r[i], &q[i]) })
		}
	}
}

func (d *differ) video(r *Video, q *openrtb2.Video) {
	d.texts("mimes", r.MIMEs, q.MIMEs)
	d.text("minduration", r.MinDuration, q.MinDuration)
	d.text("maxduration", r.MaxDuration, q.MaxDuration)
	d.ints("rqddurs", r.RqdDurs, q.RqdDurs)
	if len(q.Protocols) > 0 {
		d.ints("protocols", r.Protocols, q.Protocols)
	} else if q.Protocol != 0 {
		d.ints("protocol", r.Protocols, []int64{int64(q.Protocol)})
	}
	d.text("startdelay present", r.HasStartDelay, q.StartDelay != nil)
	d.text("startdelay", int64(r.StartDelay), intPtr(q.StartDelay))
	d.text("podid", r.PodID, q.PodID)
	d.text("poddur", r.PodDur, q.PodDur)
	d.text("podseq", r.PodSeq, q.PodSeq)
	d.ints("poddedupe", r.PodDedupe, q.PodDedupe)
	d.text("maxseq", r.MaxSeq, q.MaxSeq)
	d.text("slotinpod", r.SlotInPod, q.SlotInPod)
	d.text("sequence", r.Sequence, q.Sequence)
	d.floor("mincpmpersec", r.MinCPMPerSec, q.MinCPMPerSec)
	d.durFloors(r.DurFloors, q.DurFloors)
	d.text("maxextended", r.MaxExtended, q.MaxExtended)
	d.text("minbitrate", r.MinBitrate, q.MinBitRate)
	d.text("maxbitrate", r.MaxBitrate, q.MaxBitRate)
	d.ints("delivery", r.Delivery, q.Delivery)
	d.ints("battr", r.BAttr, q.BAttr)
	d.ints("api", r.API, q.API)
	d.companions(r.CompanionAd, q.CompanionAd)
	d.ints("companiontype", r.CompanionType, q.CompanionType)
	d.text("w", int64(r.W), intPtr(q.W))
	d.text("h", int64(r.H), intPtr(q.H))
	d.text("plcmt", r.Plcmt, q.Plcmt)
	d.text("placement", r.Placement, q.Placement)
	d.text("linearity", r.Linearity, q.Linearity)
	d.text("skip", r.Skip, q.Skip)
	d.text("skipmin", r.SkipMin, q.SkipMin)
	d.text("skipafter", r.SkipAfter, q.SkipAfter)
	d.ints("playbackmethod", r.PlaybackMethod, q.PlaybackMethod)
	d.text("playbackend", r.PlaybackEnd, q.PlaybackEnd)
	d.text("pos", int64(r.Pos), intPtr(q.Pos))
	d.text("boxingallowed", r.BoxingAllowed, q.BoxingAllowed)
}

func (d *differ) audio(r *Audio, q *openrtb2.Audio) {
	d.texts("mimes", r.MIMEs, q.MIMEs)
	d.text("minduration", r.MinDuration, q.MinDuration)
	d.text("maxduration", r.MaxDuration, q.MaxDuration)
	d.ints("rqddurs", r.RqdDurs, q.RqdDurs)
	if len(q.Protocols) > 0 {
		d.ints("protocols", r.Protocols, q.Protocols)
	}
	d.text("startdelay present", r.HasStartDelay, q.StartDelay != nil)
	d.text("startdelay", int64(r.StartDelay), intPtr(q.StartDelay))
	d.text("podid", r.PodID, q.PodID)
	d.text("poddur", r.PodDur, q.PodDur)
	d.text("podseq", r.PodSeq, q.PodSeq)
	d.text("maxseq", r.MaxSeq, q.MaxSeq)
	d.text("slotinpod", r.SlotInPod, q.SlotInPod)
	d.text("sequence", r.Sequence, q.Sequence)
	d.floor("mincpmpersec", r.MinCPMPerSec, q.MinCPMPerSec)
	d.durFloors(r.DurFloors, q.DurFloors)
	d.text("maxextended", r.MaxExtended, q.MaxExtended)
	d.text("minbitrate", r.MinBitrate, q.MinBitrate)
	d.text("maxbitrate", r.MaxBitrate, q.MaxBitrate)
	d.ints("delivery", r.Delivery, q.Delivery)
	d.ints("battr", r.BAttr, q.BAttr)
	d.ints("api", r.API, q.API)
	d.companions(r.CompanionAd, q.CompanionAd)
	d.ints("companiontype", r.CompanionType, q.CompanionType)
	d.text("feed", r.Feed, q.Feed)
	d.text("stitched", r.Stitched, q.Stitched)
	d.text("nvol", int64(r.NVol), intPtr(q.NVol))
}

func (d *differ) site(r *Site, q *openrtb2.Site) {
	d.text("id", r.ID, q.ID)
	d.text("name", r.Name, q.Name)
	d.text("domain", r.Domain, q.Domain)
	d.text("page", r.Page, q.Page)
	d.text("ref", r.Ref, q.Ref)
	d.text("search", r.Search, q.Search)
	d.texts("cat", r.Cat, q.Cat)
	d.texts("sectioncat", r.SectionCat, q.SectionCat)
	d.texts("pagecat", r.PageCat, q.PageCat)
	d.text("cattax", r.CatTax, orInt(int64(q.CatTax), 1))
	d.text("mobile", r.Mobile, q.Mobile)
	d.text("keywords", r.Keywords, q.Keywords)
	d.texts("kwarray", r.KwArray, q.KwArray)
	d.text("inventorypartnerdomain", r.Inventory, q.InventoryPartnerDomain)
	d.publisher(r.Publisher, q.Publisher)
	d.content(r.Content, q.Content)
}

func (d *differ) app(r *App, q *openrtb2.App) {
	d.text("id", r.ID, q.ID)
	d.text("name", r.Name, q.Name)
	d.text("bundle", r.Bundle, q.Bundle)
	d.text("domain", r.Domain, q.Domain)
	d.text("storeurl", r.StoreURL, q.StoreURL)
	d.texts("cat", r.Cat, q.Cat)
	d.texts("sectioncat", r.SectionCat, q.SectionCat)
	d.texts("pagecat", r.PageCat, q.PageCat)
	d.text("cattax", r.CatTax, orInt(int64(q.CatTax), 1))
	d.text("ver", r.Ver, q.Ver)
	d.text("paid", r.Paid, q.Paid)
	d.text("keywords", r.Keywords, q.Keywords)
	d.texts("kwarray", r.KwArray, q.KwArray)
	d.text("inventorypartnerdomain", r.Inventory, q.InventoryPartnerDomain)
	d.publisher(r.Publisher, q.Publisher)
	d.content(r.Content, q.Content)
}

func (d *differ) dooh(r *DOOH, q *openrtb2.DOOH) {
	d.text("id", r.ID, q.ID)
	d.text("name", r.Name, q.Name)
	d.texts("venuetype", r.VenueType, q.VenueType)
	if q.VenueTypeTax != nil {
		d.text("venuetypetax", r.VenueTypeTax, orInt(int64(*q.VenueTypeTax), 1))
	}
	d.text("domain", r.Domain, q.Domain)
	d.text("keywords", r.Keywords, q.Keywords)
	d.publisher(r.Publisher, q.Publisher)
	d.content(r.Content, q.Content)
}

func (d *differ) publisher(r *Publisher, q *openrtb2.Publisher) {
	if d.both("publisher", r != nil, q != nil) {
		d.text("publisher.id", r.ID, q.ID)
		d.text("publisher.name", r.Name, q.Name)
		d.text("publisher.domain", r.Domain, q.Domain)
		d.texts("publisher.cat", r.Cat, q.Cat)
		d.text("publisher.cattax", r.CatTax, orInt(int64(q.CatTax), 1))
	}
}

func (d *differ) content(r *Content, q *openrtb2.Content) {
	if !d.both("content", r != nil, q != nil) {
		return
	}
	d.text("content.id", r.ID, q.ID)
	d.text("content.title", r.Title, q.Title)
	d.text("content.series", r.Series, q.Series)
	d.text("content.season", r.Season, q.Season)
	d.text("content.episode", r.Episode, q.Episode)
	d.text("content.genre", r.Genre, q.Genre)
	d.text("content.url", r.URL, q.URL)
	d.texts("content.cat", r.Cat, q.Cat)
	d.text("content.cattax", r.CatTax, orInt(int64(q.CatTax), 1))
	d.text("content.context", r.Context, q.Context)
	d.text("content.contentrating", r.ContentRating, q.ContentRating)
	d.text("content.keywords", r.Keywords, q.Keywords)
	d.texts("content.kwarray", r.KwArray, q.KwArray)
	d.text("content.livestream", r.LiveStream, q.LiveStream)
	d.text("content.len", r.Len, q.Len)
	d.text("content.language", r.Language, q.Language)
	d.text("content.langb", r.LangB, q.LangB)
	d.data(r.Data, q.Data)
}

func (d *differ) device(r *Device, q *openrtb2.Device) {
	d.text("ua", r.UA, q.UA)
	d.text("dnt", r.DNT, q.DNT)
	d.text("lmt", r.Lmt, q.Lmt)
	d.text("ip", r.IP, q.IP)
	d.text("ipv6", r.IPv6, q.IPv6)
	d.text("devicetype", r.DeviceType, q.DeviceType)
	d.text("make", r.Make, q.Make)
	d.text("model", r.Model, q.Model)
	d.text("os", r.OS, q.OS)
	d.text("osv", r.OSV, q.OSV)
	d.text("w", r.W, q.W)
	d.text("h", r.H, q.H)
	d.text("language", r.Language, q.Language)
	d.text("langb", r.LangB, q.LangB)
	d.text("carrier", r.Carrier, q.Carrier)
	d.text("mccmnc", r.MCCMNC, q.MCCMNC)
	d.text("connectiontype", int64(r.ConnectionType), intPtr(q.ConnectionType))
	d.text("ifa", r.IFA, q.IFA)
	d.geo(r.Geo, q.Geo)
	if q.SUA == nil || !d.both("sua", r.SUA != nil, true) {
		return
	}
	d.text("sua.mobile", r.SUA.Mobile, q.SUA.Mobile)
	d.text("sua.model", r.SUA.Model, q.SUA.Model)
	d.text("sua.source", r.SUA.Source, q.SUA.Source)
	if q.SUA.Platform != nil {
		d.text("sua.platform", r.SUA.Platform.Brand, q.SUA.Platform.Brand)
		d.texts("sua.platform.version", r.SUA.Platform.Version, q.SUA.Platform.Version)
	}
	if d.length("sua.browsers", len(r.SUA.Browsers), len(q.SUA.Browsers)) {
		for i, b := range r.SUA.Browsers {
			d.text("sua.browsers.brand", b.Brand, q.SUA.Browsers[i].Brand)
			d.texts("sua.browsers.version", b.Version, q.SUA.Browsers[i].Version)
		}
	}
}

func (d *differ) geo(r *Geo, q *openrtb2.Geo) {
	if !d.both("geo", r != nil, q != nil) {
		return
	}
	if r.HasLatLon {
		if q.Lat == nil || q.Lon == nil {
			d.add("geo.lat and lon", "present", "absent")
		} else {
			d.degrees("geo.lat", r.LatMicroDeg, *q.Lat)
			d.degrees("geo.lon", r.LonMicroDeg, *q.Lon)
		}
	} else if q.Lat != nil && q.Lon != nil && *q.Lat > -90 && *q.Lat < 90 && *q.Lon > -180 && *q.Lon < 180 {
		d.add("geo.lat and lon", "absent", "present")
	}
	d.text("geo.type", r.Type, q.Type)
	d.text("geo.accuracy", r.Accuracy, q.Accuracy)
	d.text("geo.country", r.Country, q.Country)
	d.text("geo.region", r.Region, q.Region)
	d.text("geo.metro", r.Metro, q.Metro)
	d.text("geo.city", r.City, q.City)
	d.text("geo.zip", r.ZIP, q.ZIP)
	d.text("geo.utcoffset", r.UTCOffset, q.UTCOffset)
}

func (d *differ) user(r *User, q *openrtb2.User) {
	d.text("id", r.ID, q.ID)
	d.text("buyeruid", r.BuyerUID, q.BuyerUID)
	d.text("yob", r.YOB, q.Yob)
	d.text("gender", r.Gender, q.Gender)
	d.text("keywords", r.Keywords, q.Keywords)
	d.texts("kwarray", r.KwArray, q.KwArray)
	d.geo(r.Geo, q.Geo)
	d.data(r.Data, q.Data)
	var ext struct {
		Consent string         `json:"consent"`
		EIDs    []openrtb2.EID `json:"eids"`
	}
	extOK := len(q.Ext) == 0 || json.Unmarshal(q.Ext, &ext) == nil
	if q.Consent == "" && extOK {
		q.Consent = ext.Consent
	}
	if len(q.EIDs) == 0 && extOK {
		q.EIDs = ext.EIDs
	}
	if q.Consent != "" {
		d.text("consent", r.Consent, q.Consent)
	}
	if len(q.EIDs) > 0 && d.length("eids", len(r.EIDs), len(q.EIDs)) {
		for i := range r.EIDs {
			d.eid(&r.EIDs[i], &q.EIDs[i])
		}
	}
}

func (d *differ) eid(r *EID, q *openrtb2.EID) {
	d.text("eids.source", r.Source, q.Source)
	d.text("eids.mm", r.MM, q.MM)
	if d.length("eids.uids", len(r.UIDs), len(q.UIDs)) {
		for i, u := range r.UIDs {
			d.text("eids.uids.id", u.ID, q.UIDs[i].ID)
			d.text("eids.uids.atype", u.AType, q.UIDs[i].AType)
		}
	}
}

func (d *differ) data(r []Data, q []openrtb2.Data) {
	if !d.length("data", len(r), len(q)) {
		return
	}
	for i := range r {
		d.text("data.id", r[i].ID, q[i].ID)
		d.text("data.name", r[i].Name, q[i].Name)
		if d.length("data.segment", len(r[i].Segment), len(q[i].Segment)) {
			for j, s := range r[i].Segment {
				d.text("data.segment.id", s.ID, q[i].Segment[j].ID)
				d.text("data.segment.name", s.Name, q[i].Segment[j].Name)
				d.text("data.segment.value", s.Value, q[i].Segment[j].Value)
			}
		}
	}
}

func (d *differ) regs(r *Regs, q *openrtb2.Regs) {
	d.text("coppa", r.COPPA, q.COPPA != 0)
	var ext struct {
		GDPR      *int8  `json:"gdpr"`
		USPrivacy string `json:"us_privacy"`
		GPP       string `json:"gpp"`
		GPPSID    []int8 `json:"gpp_sid"`
	}
	if len(q.Ext) > 0 && json.Unmarshal(q.Ext, &ext) == nil {
		if q.GDPR == nil {
			q.GDPR = ext.GDPR
		}
		if q.USPrivacy == "" {
			q.USPrivacy = ext.USPrivacy
		}
		if q.GPP == "" {
			q.GPP = ext.GPP
		}
		if len(q.GPPSID) == 0 {
			q.GPPSID = ext.GPPSID
		}
	}
	if q.GDPR != nil {
		d.text("gdpr", r.GDPR, q.GDPR)
	}
	if q.USPrivacy != "" {
		d.text("us_privacy", r.USPrivacy, q.USPrivacy)
	}
	if q.GPP != "" {
		d.text("gpp", r.GPP, q.GPP)
	}
	if len(q.GPPSID) > 0 {
		d.ints("gpp_sid", r.GPPSID, q.GPPSID)
	}
}

func (d *differ) source(r *BidRequest, q *openrtb2.Source) {
	d.text("fd", r.Source.FD, q.FD)
	d.text("tid", r.Source.TID, q.TID)
	d.text("pchain", r.Source.PChain, q.PChain)
	if q.SChain == nil || !d.both("schain", r.SChain != nil, true) {
		return
	}
	d.text("schain.complete", r.SChain.Complete == FlagYes, q.SChain.Complete != 0)
	d.text("schain.ver", r.SChain.Ver, q.SChain.Ver)
	if d.length("schain.nodes", len(r.SChain.Nodes), len(q.SChain.Nodes)) {
		for i, n := range r.SChain.Nodes {
			m := q.SChain.Nodes[i]
			d.text("schain.nodes.asi", n.ASI, m.ASI)
			d.text("schain.nodes.sid", n.SID, m.SID)
			d.text("schain.nodes.rid", n.RID, m.RID)
			d.text("schain.nodes.name", n.Name, m.Name)
			d.text("schain.nodes.domain", n.Domain, m.Domain)
			d.text("schain.nodes.hp", n.HP, m.HP)
		}
	}
}
