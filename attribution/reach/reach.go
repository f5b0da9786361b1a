// Package reach estimates how many people saw ads, and how often: HyperLogLog sketches
// of users and households by day, advertiser, campaign, line item, creative and
// exchange, and samples of users with their impressions by day and campaign. Both are
// unions: what is added twice counts once, and days and keys merge into any others.
package reach

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/axiomhq/hyperloglog"
)

// Key is what a sketch is kept by, within a day.
type Key struct {
	Advertiser, Campaign, LineItem, Creative int64
	Exchange                                 string
}

func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Advertiser, o.Advertiser), cmp.Compare(k.Campaign, o.Campaign), cmp.Compare(k.LineItem, o.LineItem),
		cmp.Compare(k.Creative, o.Creative), cmp.Compare(k.Exchange, o.Exchange))
}

// Error is the standard error of the sketches: 1.04 / sqrt(2^14), in millionths
// (Flajolet et al., HyperLogLog, 2007).
const ErrorPPM = 8_125

// Sketch counts distinct keys of people. The zero value is empty.
type Sketch struct{ s *hyperloglog.Sketch }

// Add adds a user's or household's key, which is a hash already.
func (s *Sketch) Add(key uint64) {
	if s.s == nil {
		s.s = hyperloglog.New14()
	}
	s.s.InsertHash(spread(key))
}

// Merge adds all that o has; o stays as it is.
func (s *Sketch) Merge(o *Sketch) error {
	if o.s == nil {
		return nil
	}
	if s.s == nil {
		s.s = o.s.Clone()
		return nil
	}
	return s.s.Merge(o.s)
}

// Count estimates how many keys were added.
func (s *Sketch) Count() int64 {
	if s.s == nil {
		return 0
	}
	return int64(s.s.Estimate())
}

// spread makes sure that all bits of a key tell keys apart (splitmix64's finish).
func spread(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Day is what one day's impressions, or some of them, say of people.
type Day struct {
	Rows    map[Key]*Row
	Samples map[Sampled]*Sample
}

// Row is the people of a key.
type Row struct{ Users, Households Sketch }

// Sampled is what users are sampled by: a campaign of an advertiser.
type Sampled struct{ Advertiser, Campaign int64 }

// NewDay is an empty day.
func NewDay() *Day { return &Day{Rows: make(map[Key]*Row), Samples: make(map[Sampled]*Sample)} }

// Add adds an impression; user and household are 0 where they are not known.
func (d *Day) Add(k Key, user, household uint64) {
	if user == 0 && household == 0 {
		return
	}
	r := d.Rows[k]
	if r == nil {
		r = new(Row)
		d.Rows[k] = r
	}
	if household != 0 {
		r.Households.Add(household)
	}
	if user == 0 {
		return
	}
	r.Users.Add(user)
	at := Sampled{k.Advertiser, k.Campaign}
	if d.Samples[at] == nil {
		d.Samples[at] = NewSample()
	}
	d.Samples[at].Add(user, 1)
}

// Merge adds all of o.
func (d *Day) Merge(o *Day) error {
	for k, from := range o.Rows {
		to := d.Rows[k]
		if to == nil {
			to = new(Row)
			d.Rows[k] = to
		}
		if err := errors.Join(to.Users.Merge(&from.Users), to.Households.Merge(&from.Households)); err != nil {
			return fmt.Errorf("merge sketches: %w", err)
		}
	}
	for k, from := range o.Samples {
		if d.Samples[k] == nil {
			d.Samples[k] = NewSample()
		}
		d.Samples[k].Merge(from)
	}
	return nil
}

const version = 1

// Append writes d.
func (d *Day) Append(dst []byte) ([]byte, error) {
	dst = binary.AppendUvarint(append(dst, version), uint64(len(d.Rows)))
	for _, k := range slices.SortedFunc(maps.Keys(d.Rows), Key.compare) {
		for _, v := range [...]int64{k.Advertiser, k.Campaign, k.LineItem, k.Creative} {
			dst = binary.AppendVarint(dst, v)
		}
		dst = appendBytes(dst, []byte(k.Exchange))
		for _, s := range [...]*Sketch{&d.Rows[k].Users, &d.Rows[k].Households} {
			var raw []byte
			if s.s != nil {
				var err error
				if raw, err = s.s.MarshalBinary(); err != nil {
					return nil, fmt.Errorf("write sketch: %w", err)
				}
			}
			dst = appendBytes(dst, raw)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.Samples)))
	for _, k := range slices.SortedFunc(maps.Keys(d.Samples), func(a, b Sampled) int {
		return cmp.Or(cmp.Compare(a.Advertiser, b.Advertiser), cmp.Compare(a.Campaign, b.Campaign))
	}) {
		dst = binary.AppendVarint(binary.AppendVarint(dst, k.Advertiser), k.Campaign)
		dst = d.Samples[k].append(dst)
	}
	return dst, nil
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// ErrCorrupt reports bytes that Append did not write.
var ErrCorrupt = errors.New("reach part is corrupt")

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// Read reads what Append wrote.
func Read(b []byte) (*Day, error) {
	if len(b) == 0 || b[0] != version {
		return nil, ErrCorrupt
	}
	d, r := NewDay(), &reader{b: b[1:]}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		k := Key{Advertiser: r.varint(), Campaign: r.varint(), LineItem: r.varint(), Creative: r.varint()}
		k.Exchange = string(r.bytes())
		row := new(Row)
		for _, s := range [...]*Sketch{&row.Users, &row.Households} {
			raw := r.bytes()
			if len(raw) == 0 {
				continue
			}
			s.s = hyperloglog.New14()
			if err := s.s.UnmarshalBinary(raw); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
			}
		}
		d.Rows[k] = row
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		k := Sampled{Advertiser: r.varint(), Campaign: r.varint()}
		d.Samples[k] = readSample(r)
	}
	if r.bad || len(r.b) != 0 {
		return nil, ErrCorrupt
	}
	return d, nil
}
