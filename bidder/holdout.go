package bidder

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// This file holds users out of experiments. Where a line item of a running experiment
// is about to bid, the user is assigned: a held-out user's bid is not made (nothing is
// reserved, another line item may have the impression), and of both groups alike it is
// noted that the bid would have been: the ghost of an exposure (Johnson, Lewis,
// Nubbemeyer: Ghost Ads, JMR 54 (2017), 867-884). Users without an id are in no group.

// trial is an experiment as a bid sees it.
type trial struct {
	id         campaigns.ID
	salt       uint64
	holdout    money.PPM
	start, end time.Time
}

// experimentsOf are the running experiments, by their campaign.
func experimentsOf(cat *campaigns.Catalog) map[campaigns.ID][]*campaigns.Experiment {
	out := map[campaigns.ID][]*campaigns.Experiment{}
	for _, x := range cat.Experiments {
		if x.Status == campaigns.StatusActive {
			out[x.CampaignID] = append(out[x.CampaignID], x)
		}
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b *campaigns.Experiment) int { return int(min(max(a.ID-b.ID, -1), 1)) })
	}
	return out
}

// trialsOf are those of list, of one campaign, that are about li: the first maxTrials.
func trialsOf(list []*campaigns.Experiment, li *campaigns.LineItem) []trial {
	var out []trial
	for _, x := range list {
		if x.Holds(li) && len(out) < maxTrials {
			out = append(out, trial{x.ID, campaigns.SaltOf(x.Salt), x.Holdout, x.Start, x.End})
		}
	}
	return out
}

const (
	maxTrials  = 4       // of one line item
	maxGhosts  = 8192    // that wait to be written
	seenGhosts = 1 << 16 // assignments remembered, not to be told again
	ghostBatch = 1000    // records of one write
	ghostEvery = 24 * time.Hour
)

// ghost is one assignment.
type ghost struct {
	at         time.Time
	user       ids.UserKey
	trial      campaigns.ID
	bid        ids.BidID
	advertiser campaigns.ID
	campaign   campaigns.ID
	lineItem   campaigns.ID
	creative   campaigns.ID
	exchange   string
	held       bool
}

// ghosts takes assignments from the way of a bid without allocating or waiting; Run
// writes them.
type ghosts struct {
	in      chan ghost
	seen    [seenGhosts]atomic.Uint64
	dropped *atomic.Uint64 // that found no room, or no log
}

func newGhosts(dropped *atomic.Uint64) *ghosts {
	return &ghosts{in: make(chan ghost, maxGhosts), dropped: dropped}
}

// holdOut assigns the user of a to the line's experiments, and says whether any holds
// the bid back.
func (b *Bidder) holdOut(a *auction, l *line, c *candidate, bid ids.BidID) NoBid {
	if len(l.trials) == 0 || a.user == 0 { // Fast path.
		return NoBidNone
	}
	reason := NoBidNone
	for i := range l.trials {
		t := &l.trials[i]
		if a.now.Before(t.start) || !a.now.Before(t.end) {
			continue
		}
		held := campaigns.HeldOut(t.salt, uint64(a.user), t.holdout)
		if held {
			reason = NoBidHoldout
		}
		if !a.dry {
			b.ghosts.note(ghost{
				at: a.now, user: a.user, trial: t.id, bid: bid, advertiser: l.advertiser.ID, campaign: l.campaign.ID,
				lineItem: l.item.ID, creative: l.ads[c.ad].creative.ID, exchange: a.exchange.Name, held: held,
			})
		}
	}
	return reason
}

// note hands g over once a day per user and experiment, as far as that is remembered;
// who reads the records drops repeats.
func (g *ghosts) note(n ghost) {
	day := uint64(n.at.Unix()) / uint64(ghostEvery/time.Second)
	key := (uint64(n.user) ^ uint64(n.trial)*0x9e3779b97f4a7c15 ^ day*0xc2b2ae3d27d4eb4f) | 1
	slot := &g.seen[(key>>17)%seenGhosts]
	if slot.Load() == key {
		return
	}
	select {
	case g.in <- n:
		slot.Store(key)
	default: // the next of the user's bids tries again
		g.dropped.Add(1)
	}
}

// ghostRecord is an assignment on the topic exposures.
type ghostRecord struct {
	V          int          `json:"v"`
	Type       string       `json:"type"` // ghost
	At         time.Time    `json:"at"`
	Bid        ids.BidID    `json:"bid"`
	User       string       `json:"user"`
	Exchange   string       `json:"exchange"`
	Advertiser campaigns.ID `json:"advertiser"`
	Campaign   campaigns.ID `json:"campaign"`
	LineItem   campaigns.ID `json:"line_item"`
	Creative   campaigns.ID `json:"creative"`
	Experiment campaigns.ID `json:"experiment"`
	Held       bool         `json:"held"`
}

// flushGhosts writes what waits. What the log does not take is lost: the user's next bid
// after a day, or another node's, assigns them again the same way.
func (b *Bidder) flushGhosts(ctx context.Context) {
	for {
		var msgs []eventlog.Message
		for more := true; more && len(msgs) < ghostBatch; {
			select {
			case n := <-b.ghosts.in:
				user := n.user.String()
				msgs = append(msgs, eventlog.Message{Topic: eventlog.TopicExposures, Key: []byte(user), Value: marshal(ghostRecord{
					V: 1, Type: "ghost", At: n.at, Bid: n.bid, User: user, Exchange: n.exchange, Advertiser: n.advertiser,
					Campaign: n.campaign, LineItem: n.lineItem, Creative: n.creative, Experiment: n.trial, Held: n.held,
				})})
			default:
				more = false
			}
		}
		if len(msgs) == 0 {
			return
		}
		if err := b.deps.Events.Publish(ctx, msgs...); err != nil {
			b.ghosts.dropped.Add(uint64(len(msgs)))
			b.deps.Logger.Warn("assignments of experiments were not written", zap.Error(err))
			return
		}
	}
}
