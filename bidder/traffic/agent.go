package traffic

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"bidhawk/internal/openrtb"
)

// agentClass is everything that is ever asked of a user agent: a family of
// systems in its low bits, then marks.
type agentClass uint16

const (
	familyMask    agentClass = 7
	crawlerBit    agentClass = 1 << 3 // a crawler's, on a site
	crawlerAppBit agentClass = 1 << 4 // a crawler's, in an app too
	garbageBit    agentClass = 1 << 5
	iPhoneBit     agentClass = 1 << 6
	knownBit      agentClass = 1 << 11 // never 0 in the cache
	classBits                = 12
)

// family is a group of systems that only a lie can mix up.
type family uint8

const (
	familyUnknown family = iota
	familyWindows
	familyMac
	familyIOS
	familyAndroid
	familyLinux // desktops, Chrome OS among them
)

func (c agentClass) family() family { return family(c & familyMask) }

// contradicts says that a and b can't both be true. An iPad calls itself a Mac
// where it wants desktop pages, and so does Android call itself Linux.
func (a family) contradicts(b family) bool {
	if a == familyUnknown || b == familyUnknown || a == b {
		return false
	}
	pair := func(x, y family) bool { return a == x && b == y || a == y && b == x }
	return !pair(familyMac, familyIOS) && !pair(familyAndroid, familyLinux)
}

// agents classifies user agents by one list of crawlers, and keeps what it
// found: each slot is 52 bits of a text's hash and its class. Slots are
// overwritten at will, nothing locks, and with the slot's place a hash is told
// from another by all its 64 bits. The hash's seed is the process's own.
type agents struct {
	crawlers *crawlers
	seed     maphash.Seed
	slots    []atomic.Uint64
}

func newAgents(c *crawlers, slots int) *agents {
	return &agents{crawlers: c, seed: maphash.MakeSeed(), slots: make([]atomic.Uint64, slots)}
}

// classify returns the class of a user agent, or of a brand of a structured one.
func (a *agents) classify(text []byte) agentClass {
	h := maphash.Bytes(a.seed, text)
	slot := &a.slots[h&uint64(len(a.slots)-1)]
	// Fast path: known.
	const low = 1<<classBits - 1
	if v := slot.Load(); v&^low == h&^low && v&uint64(knownBit) != 0 {
		return agentClass(v & low)
	}
	// Slow path.
	c := a.crawlers.match(text) | read(text) | knownBit
	slot.Store(h&^low | uint64(c))
	return c
}

// namesCrawler says that a structured user agent has a crawler's brand, such as
// HeadlessChrome.
func (a *agents) namesCrawler(sua *openrtb.UserAgent, mark agentClass) bool {
	for i := range sua.Browsers[:min(len(sua.Browsers), 8)] {
		if a.classify(sua.Browsers[i].Brand)&mark != 0 {
			return true
		}
	}
	return false
}

// read classifies what a user agent says of its system.
func read(ua []byte) agentClass {
	ua = ua[:min(len(ua), maxAgentBytes)]
	has := func(s string) bool { return bytes.Contains(ua, []byte(s)) }
	var c agentClass
	if garbage(ua) {
		c |= garbageBit
	}
	for _, s := range [...]string{
		// Phones that claim to be others, televisions and consoles, and browsers
		// that run in a data centre: nothing follows from what they say.
		"Windows Phone", "Xbox", "PlayStation", "Nintendo", "Tizen", "Web0S", "webOS", "NetCast", "SmartTV", "SMART-TV",
		"HbbTV", "VIDAA", "Roku", "CrKey", "Puffin", "Opera Mini", "UCWEB", "KAIOS", "HarmonyOS", "OpenHarmony",
	} {
		if has(s) {
			return c
		}
	}
	switch {
	case has("iPhone"):
		return c | agentClass(familyIOS) | iPhoneBit
	case has("iPad"), has("iPod"), has("AppleTV"), has("Apple TV"):
		return c | agentClass(familyIOS)
	case has("Android"), has("Silk/"): // Silk's desktop mode calls itself a Mac
		return c | agentClass(familyAndroid)
	case has("Windows NT"):
		return c | agentClass(familyWindows)
	case has("Macintosh"):
		return c | agentClass(familyMac)
	case has("X11;"):
		return c | agentClass(familyLinux)
	}
	return c
}

// garbage says that ua is not what any program sends: a macro that nobody
// replaced, markup, or control characters.
func garbage(ua []byte) bool {
	for _, b := range ua {
		if b < ' ' && b != '\t' || b == 0x7f {
			return true
		}
	}
	return unreplaced(ua) || bytes.Contains(ua, []byte("<script"))
}

// unreplaced says that s is a macro that the sender should have replaced, in
// any of the usual spellings.
func unreplaced(s []byte) bool {
	if len(s) < 3 || len(s) > 64 || bytes.IndexByte(s, ' ') >= 0 {
		return false
	}
	wrapped := func(left, right string) bool {
		return len(s) > len(left)+len(right) && string(s[:len(left)]) == left && string(s[len(s)-len(right):]) == right
	}
	return wrapped("${", "}") || wrapped("{", "}") || wrapped("%%", "%%") || wrapped("__", "__") || wrapped("[", "]") && bytes.IndexByte(s, '/') < 0
}
