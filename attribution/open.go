package attribution

import "bidhawk/internal/ids"

// openUsers says which users may have a conversion that a new touch can still
// change: a filter of one bit per hash, so that almost no impression needs a
// query. It may say yes wrongly, never no. It belongs to the writer.
type openUsers struct {
	bits *[openBits / 64]uint64
}

// openBits suit some 100,000 open conversions; with more it only filters less.
const openBits = 1 << 20

func newOpenUsers() openUsers { return openUsers{bits: new([openBits / 64]uint64)} }

func (o openUsers) add(advertiser int64, user ids.UserKey) {
	h := openHash(advertiser, user)
	o.bits[h/64] |= 1 << (h % 64)
}

func (o openUsers) has(advertiser int64, user ids.UserKey) bool {
	h := openHash(advertiser, user)
	return o.bits[h/64]&(1<<(h%64)) != 0
}

// openHash relies on user keys being hashes already.
func openHash(advertiser int64, user ids.UserKey) uint64 {
	h := (uint64(user) ^ uint64(advertiser)*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	return h >> 32 % openBits
}
