package openrtb

// video takes an imp's video offer; nil where it was not sent.
func (p *parser) video() *Video {
	v := one(p, &p.r.store.videos)
	if v == nil {
		return nil
	}
	for ok := p.object(); ok; ok = p.moreMembers() {
		key := p.key()
		switch string(key) {
		case "w":
			v.W = p.num()
		case "h":
			v.H = p.num()
		case "plcmt":
			v.Plcmt = p.num()
		case "placement":
			v.Placement = p.num()
		case "linearity":
			v.Linearity = p.num()
		case "skip":
			v.Skip = p.flag()
		case "skipmin":
			v.SkipMin = p.num()
		case "skipafter":
			v.SkipAfter = p.num()
		case "playbackmethod":
			v.PlaybackMethod = p.ints()
		case "playbackend":
			v.PlaybackEnd = p.num()
		case "pos":
			v.Pos = p.num()
		case "boxingallowed":
			v.BoxingAllowed = p.flag()
		default:
			p.streamMember(&v.Stream, key)
		}
	}
	v.settle()
	return v
}

// audio takes an imp's audio offer; nil where it was not sent.
func (p *parser) audio() *Audio {
	a := one(p, &p.r.store.audios)
	if a == nil {
		return nil
	}
	for ok := p.object(); ok; ok = p.moreMembers() {
		key := p.key()
		switch string(key) {
		case "feed":
			a.Feed = p.num()
		case "stitched":
			a.Stitched = p.flag()
		case "nvol":
			a.NVol = p.num()
		default:
			p.streamMember(&a.Stream, key)
		}
	}
	a.settle()
	return a
}

// streamMember takes the value of a member that video and audio share.
func (p *parser) streamMember(s *Stream, key []byte) {
	switch string(key) {
	case "mimes":
		s.MIMEs = p.strs()
	case "minduration":
		s.MinDuration = p.num()
	case "maxduration":
		s.MaxDuration = p.num()
	case "rqddurs":
		s.RqdDurs = p.ints()
	case "protocols":
		s.Protocols = p.ints()
	case "protocol":
		s.protocol = p.ints()
	case "startdelay":
		s.StartDelay, s.HasStartDelay = p.integer()
	case "mincpmpersec":
		s.MinCPMPerSec = p.floor()
	case "durfloors":
		s.DurFloors = p.durFloors()
	case "maxextended":
		s.MaxExtended = p.num()
	case "minbitrate":
		s.MinBitrate = p.num()
	case "maxbitrate":
		s.MaxBitrate = p.num()
	case "delivery":
		s.Delivery = p.ints()
	case "battr":
		s.BAttr = p.ints()
	case "api":
		s.API = p.ints()
	case "companionad":
		s.CompanionAd = p.companions()
	case "companiontype":
		s.CompanionType = p.ints()
	default:
		p.podMember(s, key)
	}
}

// podMember takes the value of a member that places a stream in a pod.
func (p *parser) podMember(s *Stream, key []byte) {
	switch string(key) {
	case "podid":
		s.PodID = p.str()
	case "poddur":
		s.PodDur = p.num()
	case "podseq":
		s.PodSeq = p.num()
	case "poddedupe":
		s.PodDedupe = p.ints()
	case "maxseq":
		s.MaxSeq = p.num()
	case "slotinpod":
		s.SlotInPod = p.num()
	case "sequence":
		s.Sequence = p.num()
	default:
		p.skip()
	}
}

// companions takes a list of banners, also in the object {"banner": [...]}
// that version 2.2 had.
func (p *parser) companions() []Banner {
	if p.peek() != '{' {
		return objects(p, &p.r.store.banners, MaxBanners, (*parser).bannerInto)
	}
	var list []Banner
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "banner":
			list = objects(p, &p.r.store.banners, MaxBanners, (*parser).bannerInto)
		default:
			p.skip()
		}
	}
	return list
}

// settle fills in what depends on fields that may have come later.
func (s *Stream) settle() {
	if s.Protocols == nil {
		s.Protocols = s.protocol
	}
}
