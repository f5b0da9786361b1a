package traffic

import (
	"encoding/binary"
	"net/netip"

	"bidhawk/internal/openrtb"
)

// client is an address and the bits of it that are known: fewer than it has
// where the exchange truncated it.
type client struct {
	ip   netip.Addr
	bits int
}

// clients are the addresses of one device, at most one of each version as sent.
type clients struct {
	all [2]client
	n   int
}

func clientsOf(d *openrtb.Device) (c clients) {
	for _, text := range [...][]byte{d.IP, d.IPv6} {
		if ip, ok := parseAddress(text); ok {
			c.all[c.n] = client{ip, within(ip)}
			c.n++
		}
	}
	return c
}

// parseAddress reads an IP address as exchanges send it; ok is false for what
// is none, and for the unspecified address, which stands for none.
func parseAddress(s []byte) (a netip.Addr, ok bool) {
	if len(s) < 2 || len(s) > 45 {
		return a, false
	}
	for _, b := range s { // also keeps zones out, which netip would intern
		if b != '.' && b != ':' && (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'f') {
			return a, false
		}
	}
	a, err := netip.ParseAddr(view(s))
	a = a.Unmap()
	return a, err == nil && !a.IsUnspecified()
}

// within counts the bits that are known of an address: all of them, or those
// that truncation leaves: IPv4 to /24; IPv6 to /64, which is one household, or
// to /48.
func within(a netip.Addr) (bits int) {
	if a.Is4() {
		if b := a.As4(); b[3] == 0 {
			return 24
		}
		return 32
	}
	b := a.As16()
	switch {
	case binary.BigEndian.Uint64(b[8:]) != 0:
		return 128
	case b[6] != 0 || b[7] != 0:
		return 64
	}
	return 48
}

// addressKey is what the rate of a counts under; network is true where a stands
// for many households.
func addressKey(a netip.Addr, bits int) (key uint64, network bool) {
	if a.Is4() {
		b := a.As4()
		return 1<<32 | uint64(binary.BigEndian.Uint32(b[:])), bits == 24
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), bits == 48
}

// place judges an address by the ranges of the IANA special-purpose registries
// (RFC 6890, as of 2026): OK where a client on the internet may have it.
func place(a netip.Addr) Verdict {
	if a.Is4() {
		return place4(a.As4())
	}
	b := a.As16()
	switch {
	case b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8, // 2001:db8::/32
		b[0] == 0x3f && b[1] == 0xff && b[2]>>4 == 0: // 3fff::/20
		return AddressDocumentation
	case b[0]>>5 == 1, // 2000::/3, all that is given out
		b[0] == 0 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b: // 64:ff9b::/96: an IPv4 address behind NAT64
		return OK
	}
	return AddressReserved
}

func place4(b [4]byte) Verdict {
	switch {
	case b[0] == 192 && b[1] == 0 && b[2] == 2, // 192.0.2.0/24
		b[0] == 198 && b[1] == 51 && b[2] == 100, // 198.51.100.0/24
		b[0] == 203 && b[1] == 0 && b[2] == 113:  // 203.0.113.0/24
		return AddressDocumentation
	case b[0] == 0, b[0] == 10, b[0] == 127, // this network, private, loopback
		b[0] == 100 && b[1]>>6 == 1,               // 100.64.0.0/10: behind a carrier's NAT
		b[0] == 169 && b[1] == 254,                // link local
		b[0] == 172 && b[1]>>4 == 1,               // 172.16.0.0/12
		b[0] == 192 && b[1] == 168,                // private
		b[0] == 192 && b[1] == 0 && b[2] == 0,     // 192.0.0.0/24: protocols
		b[0] == 198 && (b[1] == 18 || b[1] == 19), // benchmarks
		b[0] >= 224: // multicast and reserved
		return AddressReserved
	}
	return OK
}
