// Package traffic tells requests that no person is behind: crawlers, data
// centres and proxies, devices that can't be, and rates that no one reaches.
//
// A refused request gets a no-bid, is counted by its reason, and that is all: it
// must never enter forecasts, models, caps, profiles or any other thing that is
// learned from traffic. The caller asks before anything of that kind.
//
// Addresses and users are looked at in memory for two windows (minutes) as
// hashes, and neither stored nor logged; finding invalid traffic is special
// purpose 1 of the TCF, which asks for no consent. A user key of 0, where there is
// no basis for one, is simply not counted.
package traffic

import (
	"sync"
	"sync/atomic"
	"time"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// Filter judges requests; it is safe for concurrent use and locks nothing on
// the way of a bid.
type Filter struct {
	cfg     Config
	refuse  uint32 // a bit for each verdict
	agents  atomic.Pointer[agents]
	network atomic.Pointer[database] // nil: none
	users   *rates
	places  *rates
	counts  [verdictCount]counter
	broken  atomic.Uint64 // look-ups that failed

	mu struct { // held while files are read, never by Judge
		sync.Mutex
		crawlers, addresses fileState
	}
}

// counter has a cache line to itself.
type counter struct {
	n atomic.Uint64
	_ [56]byte
}

// New makes a Filter and reads its files, which must be whole at the start. seed
// is random, so that nobody can choose addresses that share counters.
func New(cfg Config, seed uint64) (*Filter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := &Filter{
		cfg:    cfg,
		users:  newRates(cfg.RateCells, cfg.Window, seed),
		places: newRates(cfg.RateCells, cfg.Window, seed+1),
	}
	for _, name := range cfg.Refuse {
		v, err := ParseVerdict(name)
		if err != nil {
			return nil, err
		}
		f.refuse |= 1 << v
	}
	if cfg.CrawlersFile == "" {
		if err := f.useCrawlers(builtInCrawlers); err != nil {
			return nil, err
		}
	}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Filter) on(v Verdict) bool { return f.refuse&(1<<v) != 0 }

// Judge says whether to refuse r, and counts what it says. user is 0 where it is
// not known or may not be. r's screens (dooh) are always OK: what calls for them
// is a server, and looks like one. Judge allocates only where an address is
// malformed in letters that addresses have.
func (f *Filter) Judge(r *openrtb.BidRequest, user ids.UserKey, now time.Time) Verdict {
	v := f.judge(r, user, now)
	f.counts[v].n.Add(1)
	return v
}

func (f *Filter) judge(r *openrtb.BidRequest, user ids.UserKey, now time.Time) Verdict {
	from, v := f.look(r)
	if v != OK || r.DOOH != nil {
		return v
	}
	return f.judgeRates(&from, user, now)
}

// Look is Judge without its memory: it counts nothing and asks no rates.
func (f *Filter) Look(r *openrtb.BidRequest) Verdict {
	_, v := f.look(r)
	return v
}

func (f *Filter) look(r *openrtb.BidRequest) (from clients, v Verdict) {
	if r.DOOH != nil {
		return from, OK
	}
	d := r.Device
	if f.on(DeviceUnknown) && unknown(d) {
		return from, DeviceUnknown
	}
	if d == nil {
		return from, OK
	}
	from = clientsOf(d)
	if v := f.judgeDevice(r); v != OK {
		return from, v
	}
	return from, f.judgeAddresses(&from)
}

func unknown(d *openrtb.Device) bool {
	return d == nil || len(d.UA) == 0 && d.SUA == nil && len(d.OS) == 0 && len(d.Make) == 0 && d.DeviceType == 0
}

// judgeDevice judges what the device says of itself.
func (f *Filter) judgeDevice(r *openrtb.BidRequest) Verdict {
	a, d := f.agents.Load(), r.Device
	mark := crawlerBit
	if r.App != nil {
		mark = crawlerAppBit
	}
	var ua agentClass
	if len(d.UA) > 0 {
		ua = a.classify(d.UA)
	}
	if f.on(Crawler) && (ua&mark != 0 || d.SUA != nil && a.namesCrawler(d.SUA, mark)) {
		return Crawler
	}
	return f.impossible(r, ua)
}

// judgeAddresses judges where the device calls from. An address that is not of
// the internet is held against it only where it is the only one.
func (f *Filter) judgeAddresses(from *clients) Verdict {
	nowhere, db := OK, f.network.Load()
	public := false
	for _, c := range from.all[:from.n] {
		if v := place(c.ip); v != OK {
			nowhere = v
			continue // no database knows it
		}
		public = true
		if db == nil {
			continue
		}
		v, err := db.find(c.ip, c.bits)
		if err != nil {
			f.broken.Add(1)
		}
		if f.on(v) {
			return v
		}
	}
	if !public && f.on(nowhere) {
		return nowhere
	}
	return OK
}

func (f *Filter) judgeRates(from *clients, user ids.UserKey, now time.Time) Verdict {
	v := OK
	if f.on(AddressRate) {
		for _, c := range from.all[:from.n] {
			key, network := addressKey(c.ip, c.bits)
			limit := f.cfg.AddressMax
			if network {
				key, limit = ^key, f.cfg.NetworkMax
			}
			if f.places.add(key, now) > limit {
				v = AddressRate
			}
		}
	}
	if f.on(UserRate) && user != 0 && f.users.add(uint64(user), now) > f.cfg.UserMax {
		v = UserRate
	}
	return v
}

// Stats is what the filter has done since its start.
type Stats struct {
	// Counts are requests by verdict, in the order of the verdicts from OK on;
	// their names are Verdict.String's.
	Counts [verdictCount]uint64
	// Crawlers is how many patterns are looked for; AddressesBuilt when the
	// database in use was made, zero where there is none.
	Crawlers       int
	AddressesBuilt time.Time
	// Broken counts look-ups of addresses that failed; they refuse nothing.
	Broken uint64
}

// Stats reads the counters; they are not of one instant.
func (f *Filter) Stats() Stats {
	s := Stats{Crawlers: len(f.agents.Load().crawlers.patterns), Broken: f.broken.Load()}
	for v := range s.Counts {
		s.Counts[v] = f.counts[v].n.Load()
	}
	if db := f.network.Load(); db != nil {
		s.AddressesBuilt = db.built()
	}
	return s
}
