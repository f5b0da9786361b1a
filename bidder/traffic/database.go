package traffic

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// database is one version of a database of MaxMind's Anonymous IP kind. It lies
// in memory, not in a mapping, so that a reader may use it while its successor
// is swapped in. It is immutable but for memo.
type database struct {
	reader *maxminddb.Reader
	// memo keeps decoded records by their offset: a database has few different
	// ones. A slot is offset+1 in its high bits and flags in the low eight.
	memo [256]atomic.Uint64
}

// record is what the database says of a network (MaxMind, "GeoIP2 Anonymous IP",
// dev.maxmind.com/geoip/docs/databases/anonymous-ip).
type record struct {
	Anonymous        bool `maxminddb:"is_anonymous"`
	AnonymousVPN     bool `maxminddb:"is_anonymous_vpn"`
	DataCentre       bool `maxminddb:"is_hosting_provider"`
	PublicProxy      bool `maxminddb:"is_public_proxy"`
	ResidentialProxy bool `maxminddb:"is_residential_proxy"`
	TorExit          bool `maxminddb:"is_tor_exit_node"`
}

// verdict is the most specific thing that r says: an exit of Tor in a data
// centre is an exit of Tor. What is refused by configuration is refused by it.
func (r *record) verdict() Verdict {
	switch {
	case r.TorExit:
		return TorExit
	case r.PublicProxy:
		return PublicProxy
	case r.ResidentialProxy:
		return ResidentialProxy
	case r.AnonymousVPN:
		return AnonymousVPN
	case r.DataCentre:
		return DataCentre
	case r.Anonymous:
		return Anonymous
	}
	return OK
}

// openDatabase reads raw, which it keeps. The whole file is verified: one that
// was cut short or is of another kind is an error here, not a surprise later.
func openDatabase(raw []byte) (*database, error) {
	r, err := maxminddb.OpenBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("open database of addresses: %w", err)
	}
	if t := r.Metadata.DatabaseType; !strings.Contains(t, "Anonymous") {
		return nil, fmt.Errorf("database of addresses: got type %.60q; want one of MaxMind's Anonymous IP kind", t)
	}
	if err := r.Verify(); err != nil {
		return nil, fmt.Errorf("verify database of addresses: %w", err)
	}
	return &database{reader: r}, nil
}

func (d *database) built() time.Time { return d.reader.Metadata.BuildTime() }

// find judges a, which stands for a network of bits. What the database says of
// a part of that network only is not said of a.
func (d *database) find(a netip.Addr, bits int) (Verdict, error) {
	res := d.reader.Lookup(a)
	if !res.Found() {
		return OK, res.Err()
	}
	offset := uint64(res.Offset())
	slot := &d.memo[offset*0x9e3779b97f4a7c15>>56]
	v := Verdict(0)
	if m := slot.Load(); m>>8 == offset+1 {
		v = Verdict(m)
	} else {
		var r record
		if err := res.Decode(&r); err != nil {
			return OK, err
		}
		v = r.verdict()
		slot.Store((offset+1)<<8 | uint64(v))
	}
	if v != OK && res.Prefix().Bits() > bits {
		return OK, nil
	}
	return v, nil
}
