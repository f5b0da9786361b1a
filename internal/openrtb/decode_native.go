package openrtb

// Decode reads text, the JSON of an imp's Native.Request, into n, forgetting
// what n held. It checks the JSON, the kinds and ranges of the fields it knows,
// the bounds of limits.go and what Native 1.2 requires: an asset, ids that are
// there and differ, one kind per asset and that kind's required fields. The
// tolerances are BidRequest's (see parser); an event tracker without methods
// offers nothing. The object may stand in the member "native" of another.
//
// n holds views of text until the next Decode or Reset: the caller keeps text
// unchanged so long. After an error, a *SyntaxError or a *FieldError with a path
// from "native.request", n holds no request. Decode allocates only when n's
// memory must grow, or for an error.
func (n *NativeRequest) Decode(text []byte) error {
	n.Reset()
	if len(text) > MaxBody {
		return &FieldError{Field: nativePath, Rule: "want at most 1048576 bytes", Reason: ReasonLimit}
	}
	p := &n.mem.store.parser
	*p = parser{scanner: scanner{b: text, i: bomLen(text)}, r: &n.mem}
	p.space()
	p.nativeRoot(n)
	p.space()
	if p.err == nil && p.peek() != 0 {
		p.fail("want nothing after the request")
	}
	if err := p.err; err != nil {
		n.Reset()
		return inNative(err)
	}
	if e := n.check(); e != nil {
		if n.Wrapped {
			e = e.within("native")
		}
		n.Reset()
		return e.within(nativePath)
	}
	return nil
}

// nativePath is where in a bid request's imp the text stands.
const nativePath = "native.request"

// inNative says of an error of the text that it is the text's.
func inNative(err error) error {
	switch e := err.(type) {
	case *FieldError:
		if e.Field == "" { // the text itself
			e.Field = nativePath
			return e
		}
		return e.within(nativePath)
	case *SyntaxError:
		e.Rule = nativePath + ": " + e.Rule
	}
	return err
}

// Reset forgets the request, and gives back memory beyond a usual one's.
func (n *NativeRequest) Reset() {
	n.mem.Reset()
	n.assets.reset(keepElements)
	n.trackers.reset(keepElements)
	n.Ver, n.Wrapped = nil, false
	n.Context, n.ContextSubType, n.PlcmtType = 0, 0, 0
	n.PlcmtCnt, n.Seq = 1, 0
	n.AURLSupport, n.DURLSupport, n.Privacy = false, false, false
	n.EventTrackers, n.Assets = nil, nil
}

// nativeRoot takes the top object: the request, or one that holds it.
func (p *parser) nativeRoot(n *NativeRequest) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		key := p.key()
		if string(key) != "native" {
			p.nativeMember(n, key)
			continue
		}
		n.Wrapped = true
		for ok := p.object(); ok; ok = p.moreMembers() {
			p.nativeMember(n, p.key())
		}
	}
}

// nativeMember takes the value of one member of the request.
func (p *parser) nativeMember(n *NativeRequest, key []byte) {
	switch string(key) {
	case "ver":
		n.Ver = p.str()
	case "context":
		n.Context = p.num()
	case "contextsubtype":
		n.ContextSubType = p.num()
	case "plcmttype":
		n.PlcmtType = p.num()
	case "plcmtcnt":
		n.PlcmtCnt = p.orDefault(1)
	case "seq":
		n.Seq = p.num()
	case "aurlsupport":
		n.AURLSupport = p.on()
	case "durlsupport":
		n.DURLSupport = p.on()
	case "privacy":
		n.Privacy = p.on()
	case "eventtrackers":
		n.EventTrackers = infos(p, &n.trackers, MaxNativeTrackers, (*parser).nativeTracker)
	case "assets":
		n.Assets = objects(p, &n.assets, MaxNativeAssets, (*parser).nativeAsset)
	default:
		p.skip()
	}
}

func (p *parser) nativeTracker(t *NativeTracker) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "event":
			t.Event = p.num()
		case "methods":
			t.Methods = p.ints()
		default:
			p.skip()
		}
	}
}

func (p *parser) nativeAsset(a *NativeAsset) {
	for ok := p.object(); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "id":
			a.ID, a.hasID = p.integer()
		case "required":
			a.Required = p.on()
		case "title":
			p.nativeTitle(a)
		case "img":
			p.nativeImg(a)
		case "video":
			p.nativeVideo(a)
		case "data":
			p.nativeData(a)
		default:
			p.skip()
		}
	}
}

// kind opens the object that makes a one of kind k, and says whether a member
// follows.
func (p *parser) kind(a *NativeAsset, k NativeKind) bool {
	if p.absent() {
		return false
	}
	a.Kind = k
	a.kinds |= 1 << k
	return p.openObject()
}

func (p *parser) nativeTitle(a *NativeAsset) {
	for ok := p.kind(a, NativeTitle); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "len":
			a.Title.Len = p.num()
		default:
			p.skip()
		}
	}
}

func (p *parser) nativeImg(a *NativeAsset) {
	for ok := p.kind(a, NativeImg); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "type":
			a.Img.Type = p.num()
		case "w":
			a.Img.W = p.num()
		case "wmin":
			a.Img.WMin = p.num()
		case "h":
			a.Img.H = p.num()
		case "hmin":
			a.Img.HMin = p.num()
		case "mimes":
			a.Img.MIMEs = p.strs()
		default:
			p.skip()
		}
	}
}

func (p *parser) nativeVideo(a *NativeAsset) {
	for ok := p.kind(a, NativeVideo); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "mimes":
			a.Video.MIMEs = p.strs()
		case "minduration":
			a.Video.MinDuration = p.num()
		case "maxduration":
			a.Video.MaxDuration = p.num()
		case "protocols":
			a.Video.Protocols = p.ints()
		default:
			p.skip()
		}
	}
}

func (p *parser) nativeData(a *NativeAsset) {
	for ok := p.kind(a, NativeData); ok; ok = p.moreMembers() {
		switch string(p.key()) {
		case "type":
			a.Data.Type = p.num()
		case "len":
			a.Data.Len = p.num()
		default:
			p.skip()
		}
	}
}
