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

// metricColumns are the columns of the roll-up tables in the order of metrics:
// the counts, then units and nanos of each sum.
var metricColumns = [counts + 2*sums]string{
	"bids", "wins", "billable", "impressions", "clicks", "click_conversions", "view_conversions",
	"media_units", "media_nanos", "charge_units", "charge_nanos", "data_fee_units", "data_fee_nanos",
	"platform_fee_units", "platform_fee_nanos", "margin_units", "margin_nanos",
	"house_late_units", "house_late_nanos", "house_unbilled_units", "house_unbilled_nanos",
	"value_units", "value_nanos",
}

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

// appendArgs appends the values of metricColumns.
func (m *metrics) appendArgs(args []any) []any {
	for _, n := range m.n {
		args = append(args, n)
	}
	for _, s := range m.s {
		s = s.Norm()
		args = append(args, s.Units, s.Nanos)
	}
	return args
}

// appendDests appends where the values of metricColumns are scanned to.
func (m *metrics) appendDests(dests []any) []any {
	for i := range m.n {
		dests = append(dests, &m.n[i])
	}
	for i := range m.s {
		dests = append(dests, &m.s[i].Units, &m.s[i].Nanos)
	}
	return dests
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
}

// placement is what was shown where.
type placement struct {
	campaign, lineItem, creative int64
	exchange, deal, site         string // site: a site's domain, or an app's bundle
	app                          bool
}

// lineItemDay is the key of a row of line_item_days.
type lineItemDay struct {
	advertiser int64
	day        Day
	campaign   int64
	lineItem   int64
}

// payable is the key of what an exchange is owed.
type payable struct {
	day        Day
	advertiser int64
	exchange   string
	currency   string
}
