package replay

import (
	"time"
)

// The fields of iPinYou's impression log that count here, from 0 (Zhang et al.,
// Real-Time Bidding Benchmarking with iPinYou Dataset, 2014, table 1).
const (
	rawFields    = 24
	labels       = 3 // click, weekday, hour in front
	rawTimestamp = 1
	rawLogType   = 2
	rawPaid      = 20
)

// raw reads an impression. The paying price is the market's: the exchange ran
// second-price auctions. The advertiser won all that the log has, so that prices
// above its bids are missing.
func (p *parser) raw() (a Auction, err error) {
	f := p.fields
	if p.form == FormLabelled {
		if a.Clicked, err = p.click(f[0]); err != nil {
			return a, err
		}
		f = f[labels:]
	}
	if a.At, err = p.timestamp(f[rawTimestamp]); err != nil {
		return a, err
	}
	if t := string(f[rawLogType]); t != "1" {
		return a, p.bad("log type", f[rawLogType], "1, an impression")
	}
	if a.Price, err = p.price("paying price", f[rawPaid]); err != nil {
		return a, err
	}
	a.Value = p.value
	return a, nil
}

// beijing is the zone of the log's times, all of a year without clock changes.
var beijing = time.FixedZone("UTC+8", 8*3600)

// timestamp is yyyyMMddHHmmssSSS.
func (p *parser) timestamp(b []byte) (time.Time, error) {
	const want = "a time as yyyyMMddHHmmssSSS"
	if len(b) != 17 {
		return time.Time{}, p.bad("timestamp", b, want)
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return time.Time{}, p.bad("timestamp", b, want)
		}
	}
	t, err := time.ParseInLocation("20060102150405.000", string(b[:14])+"."+string(b[14:]), beijing)
	if err != nil {
		return time.Time{}, p.bad("timestamp", b, want)
	}
	return t, nil
}
