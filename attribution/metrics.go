package attribution

import "bidhawk/internal/money"

// The counts of a roll-up row.
const (
	nBids = iota
	nWins
	nBillable
	nImpressions
	nClicks
	nClickConversions
	nViewConversions
	nViewable
	nStarts
	nFirstQuartiles
	nMidpoints
	nThirdQuartiles
	nCompletes
	counts
)

// The sums of a roll-up row, all in the advertiser's currency.
const (
	sMedia = iota
	sCharge
	sDataFee
	sPlatformFee
	sMargin
	sHouseLate
	sHouseUnbilled
	sValue
	sums
)

// The columns of a roll-up row: the counts, room for those to come, then units and
// nanos of each sum. Blocks name columns by number: what is there keeps its own.
const (
	rollupCounts = 20
	rollupSums   = rollupCounts + 2*sums
)

// metrics is what is counted and summed of a group of events.
type metrics struct {
	n [counts]int64
	s [sums]Amount
}

func (m *metrics) add(o *metrics) {
	for i := range o.n {
		m.n[i] += o.n[i]
	}
	for i := range o.s {
		m.s[i].AddAmount(o.s[i])
	}
}

func (m *metrics) isZero() bool {
	for i := range m.s {
		if !m.s[i].IsZero() {
			return false
		}
	}
	return m.n == [counts]int64{}
}

// put writes m into the columns of a roll-up row.
func (m *metrics) put(v []int64) {
	copy(v, m.n[:])
	for i, s := range m.s {
		s = s.Norm()
		v[rollupCounts+2*i], v[rollupCounts+2*i+1] = s.Units, s.Nanos
	}
}

// get reads the columns of a roll-up row.
func (m *metrics) get(column func(i int) int64) {
	for i := range m.n {
		m.n[i] = column(i)
	}
	for i := range m.s {
		m.s[i] = Amount{column(rollupCounts + 2*i), column(rollupCounts + 2*i + 1)}
	}
}

// conversion counts one conversion, or takes it back where sign is -1.
func (m *metrics) conversion(touch touchKind, value money.Nanos, sign int64) {
	if touch == touchClick {
		m.n[nClickConversions] += sign
	} else {
		m.n[nViewConversions] += sign
	}
	m.s[sValue].Add(money.Nanos(sign) * value)
}

// group is the key of a roll-up row.
type group struct {
	advertiser int64
	day        Day   // in the advertiser's zone
	slot       int64 // the quarter hour's start, Unix seconds
	placement
	event string // of conversions: their type
}

// placement is what was shown where.
type placement struct {
	campaign, lineItem, creative int64
	exchange, deal, site         string // site: a site's domain, or an app's bundle
	app                          bool
	shown                        string // see shown.go
}

// payable is the key of what an exchange is owed.
type payable struct {
	day        Day
	advertiser int64
	exchange   string
	currency   string
}
