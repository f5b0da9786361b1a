package bidder

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-json"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/pacing"
)

// countKey is what bids are counted by (docs/topics.md, auctions).
type countKey struct {
	quarter                                    int64 // unix quarters of an hour: zones are whole ones off
	advertiser, campaign, lineItem, creativeID campaigns.ID
	exchange, deal, site                       string
	app                                        bool
	format                                     Format
	shown                                      pacing.Shown
}

const otherSites = "(other)"

// counts adds up bids between two flushes. A shard's lock guards its rows; the
// shard is chosen by the bid's counter, so that no lock is shared by all bids.
type counts struct {
	node string
	seq  uint64
	// pending waits to be written; with seq, of Run's goroutine alone.
	pending []eventlog.Message
	rows    int // bound of one shard
	shards  [16]countShard
}

type countShard struct {
	mu   sync.Mutex
	rows map[countKey]*int64
}

func newCounts(incarnation uint64, maxRows int) *counts {
	c := &counts{node: fmt.Sprintf("%016x", incarnation), rows: max(maxRows/16, 1)}
	for i := range c.shards {
		c.shards[i].rows = make(map[countKey]*int64)
	}
	return c
}

// add counts the bids of an answered request.
func (c *counts) add(a *auction) {
	if len(a.bids) == 0 || a.req.Test {
		return
	}
	s := &c.shards[a.bids[0].bid.Counter%uint64(len(c.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range a.bids {
		p := &a.bids[i]
		l := &a.book.lines[p.row]
		k := countKey{
			quarter: a.now.Unix() / 900, advertiser: l.advertiser.ID, campaign: l.campaign.ID, lineItem: l.item.ID,
			creativeID: l.ads[p.ad].creative.ID, exchange: a.exchange.Name, app: a.app,
			deal: bytesView(cut(p.dealID(a))), site: bytesView(cut(a.site)),
			format: a.formatOf(&p.candidate), shown: a.shown(l.ads[p.ad].creative),
		}
		// The views are looked up only: assigning to s.rows[k] would store them, also
		// where the key is there already.
		if n := s.rows[k]; n != nil {
			*n++
			continue
		}
		k.deal, k.site = string(cut(p.dealID(a))), string(cut(a.site))
		k.shown.Country, k.shown.Region = strings.Clone(k.shown.Country), strings.Clone(k.shown.Region)
		if len(s.rows) >= c.rows {
			k.site, k.shown.DeviceType, k.shown.Country, k.shown.Region = otherSites, 0, "", ""
		}
		s.count(k)
	}
}

// count adds a bid to the row of k, which s keeps; mu is held.
func (s *countShard) count(k countKey) {
	n := s.rows[k]
	if n == nil {
		n = new(int64)
		s.rows[k] = n
	}
	*n++
}

func cut(s []byte) []byte { return s[:min(len(s), maxTokenField)] }

type countRow struct {
	Hour       time.Time    `json:"hour"`
	Advertiser campaigns.ID `json:"advertiser"`
	Campaign   campaigns.ID `json:"campaign"`
	LineItem   campaigns.ID `json:"line_item"`
	Creative   campaigns.ID `json:"creative"`
	Exchange   string       `json:"exchange"`
	Deal       string       `json:"deal"`
	Site       string       `json:"site"`
	App        bool         `json:"app"`
	Format     string       `json:"format,omitempty"`
	pacing.Shown
	Bids int64 `json:"bids"`
}

type countsRecord struct {
	V    int        `json:"v"`
	Type string     `json:"type"`
	Node string     `json:"node"`
	Seq  uint64     `json:"seq"`
	At   time.Time  `json:"at"`
	Rows []countRow `json:"rows"`
}

// maxRecordRows keeps a counts record well below the log's message bound.
const maxRecordRows = 1000

// take empties the shards into records of bounded size.
func (c *counts) take(now time.Time) (records [][]byte, err error) {
	var rows []countRow
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		taken := s.rows
		s.rows = make(map[countKey]*int64, len(taken))
		s.mu.Unlock()
		for k, n := range taken {
			rows = append(rows, countRow{
				Hour: time.Unix(k.quarter*900, 0).UTC(), Advertiser: k.advertiser, Campaign: k.campaign, LineItem: k.lineItem,
				Creative: k.creativeID, Exchange: k.exchange, Deal: k.deal, Site: k.site, App: k.app,
				Format: k.format.String(), Shown: k.shown, Bids: *n,
			})
		}
	}
	for len(rows) > 0 {
		n := min(len(rows), maxRecordRows)
		c.seq++
		b, err := json.Marshal(countsRecord{V: 1, Type: "counts", Node: c.node, Seq: c.seq, At: now, Rows: rows[:n]})
		if err != nil {
			return records, fmt.Errorf("encode bid counts: %w", err)
		}
		records, rows = append(records, b), rows[n:]
	}
	return records, nil
}

// maxPendingCounts bounds the records that wait for a log that takes nothing.
const maxPendingCounts = 200

// flushCounts makes the counts durable. What the log does not take now is sent
// again, under the same number, by the next flush; beyond the bound the oldest
// is dropped: counts inform reports and move no money.
func (b *Bidder) flushCounts(ctx context.Context) error {
	c := b.counts
	records, err := c.take(b.clock())
	if err != nil {
		return err
	}
	deals, err := b.dealCounts.take(b.clock(), c.node, func() uint64 { c.seq++; return c.seq })
	if err != nil {
		return err
	}
	for _, r := range append(records, deals...) {
		c.pending = append(c.pending, eventlog.Message{Topic: eventlog.TopicAuctions, Key: []byte(c.node), Value: r})
	}
	if over := len(c.pending) - maxPendingCounts; over > 0 {
		c.pending = append(c.pending[:0], c.pending[over:]...)
	}
	if len(c.pending) == 0 {
		return nil
	}
	if err := b.deps.Events.Publish(ctx, c.pending...); err != nil {
		return err
	}
	c.pending = nil
	return nil
}

// dealID is the id of the deal a bid is under; empty in the open auction.
func (p *placed) dealID(a *auction) []byte {
	if p.deal < 0 {
		return nil
	}
	return a.req.Imp[p.imp].PMP.Deals[p.deal].ID
}

func appendID(dst []byte, id campaigns.ID) []byte { return strconv.AppendInt(dst, int64(id), 10) }
