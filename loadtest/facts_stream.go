package loadtest

import "bidhawk/internal/money"

// streamFacts are the facts of imp.video and imp.audio (OpenRTB 2.6 sections
// 3.2.7 and 3.2.8), and of a native video asset. Durations are seconds.
type streamFacts struct {
	mimes                  []string
	protocols              []int
	minDur, maxDur         int // 0: unbounded
	rqdDurs                []int
	maxExtended            int // seconds beyond maxDur; -1 without bound
	linearity              int
	noSkip                 bool // skip=0 was said
	delivery               []int
	minBitrate, maxBitrate int // kbps; 0: unbounded
	api, battr             []int
	companions             []format
	companionTypes         []int
	podID                  string
	podDur, maxSeq         int // of a dynamic pod or portion
	duration               durationFloors
}

// durationFloors are prices that depend on how long the ad is.
type durationFloors struct {
	perSecond money.CPM // mincpmpersec
	ranges    []durationFloor
}

// durationFloor holds for ads of low to high seconds; 0 is unbounded.
type durationFloor struct {
	low, high int
	floor     money.CPM
}

func readStream(m map[string]any) *streamFacts {
	if m == nil {
		return nil
	}
	s := &streamFacts{
		mimes: texts(m["mimes"]), protocols: numbers(m["protocols"]),
		minDur: number(m["minduration"]), maxDur: number(m["maxduration"]), rqdDurs: numbers(m["rqddurs"]),
		maxExtended: number(m["maxextended"]), linearity: number(m["linearity"]),
		noSkip: m["skip"] != nil && number(m["skip"]) == 0, delivery: numbers(m["delivery"]),
		minBitrate: number(m["minbitrate"]), maxBitrate: number(m["maxbitrate"]),
		api: numbers(m["api"]), battr: numbers(m["battr"]), companionTypes: numbers(m["companiontype"]),
		podID: text(m["podid"]), podDur: number(m["poddur"]), maxSeq: number(m["maxseq"]),
		duration: readDurationFloors(m),
	}
	if p := number(m["protocol"]); p > 0 && len(s.protocols) == 0 {
		s.protocols = []int{p} // deprecated, still sent
	}
	for _, c := range list(m["companionad"]) {
		if b := readBanner(object(c)); b != nil {
			s.companions = append(s.companions, b.formats...)
		}
	}
	return s
}

func readDurationFloors(m map[string]any) durationFloors {
	d := durationFloors{perSecond: price(m["mincpmpersec"])}
	for _, v := range list(m["durfloors"]) {
		o := object(v)
		d.ranges = append(d.ranges, durationFloor{number(o["mindur"]), number(o["maxdur"]), price(o["bidfloor"])})
	}
	return d
}

func (s *streamFacts) inPod() bool { return s.podID != "" || s.podDur > 0 }

// dynamic: the imp offers time, not a slot, so several bids may share it.
func (s *streamFacts) dynamic() bool { return s.podDur > 0 }

// floor is the price of an ad of so many seconds: the price per second where
// there is one, else the range that holds it (OpenRTB 2.6 implementation
// notes, section 7.6); ok is false where neither says anything.
func (d durationFloors) floor(seconds int) (floor money.CPM, ok bool) {
	if seconds <= 0 {
		return 0, false
	}
	if d.perSecond > 0 {
		v, err := money.MulDivUp(int64(d.perSecond), int64(seconds), 1)
		return money.CPM(v), err == nil
	}
	for _, r := range d.ranges {
		if seconds >= r.low && (r.high == 0 || seconds <= r.high) {
			return r.floor, true
		}
	}
	return 0, false
}

// allows says whether an ad may take so many seconds.
func (s *streamFacts) allows(seconds int) bool {
	if len(s.rqdDurs) > 0 {
		for _, d := range s.rqdDurs {
			if d == seconds {
				return true
			}
		}
		return false
	}
	if seconds < s.minDur {
		return false
	}
	return s.maxDur == 0 || s.maxExtended < 0 || seconds <= s.maxDur+s.maxExtended
}
