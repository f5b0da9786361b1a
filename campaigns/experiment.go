package campaigns

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"bidhawk/internal/money"
)

// KindExperiment is that of Experiment.
const KindExperiment Kind = "experiment"

// Experiment holds users out of a campaign, or of some of its line items, so that
// what those users do without its ads is known. Who is held out is decided by the
// user's key and the salt alone: for good, on every node the same.
type Experiment struct {
	Meta
	CampaignID ID     `json:"campaign_id"`
	Name       string `json:"name"`
	Status     Status `json:"status"`
	// LineItemIDs are what is held back; empty: the campaign's all.
	LineItemIDs []ID `json:"line_item_ids,omitempty"`
	// Holdout is the share of users who are held out.
	Holdout money.PPM `json:"holdout_ppm"`
	// Salt decides who: experiments of one salt hold out the same users. It can't
	// change, or the groups would mix.
	Salt  string    `json:"salt"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Bounds of an experiment.
const (
	MaxHoldout         = money.PPM(900_000)
	MaxSaltBytes       = 64
	MaxExperimentItems = 100
)

// Kind implements Entity.
func (*Experiment) Kind() Kind { return KindExperiment }

// Parent implements Entity.
func (x *Experiment) Parent() (Kind, ID) { return KindCampaign, x.CampaignID }

// Label implements Entity.
func (x *Experiment) Label() string { return x.Name }

// State implements Entity.
func (x *Experiment) State() Status { return x.Status }

func (x *Experiment) setState(s Status) { x.Status = s }

// Normalize implements Entity.
func (x *Experiment) Normalize() {
	x.Name, x.Salt = strings.TrimSpace(x.Name), strings.TrimSpace(x.Salt)
	x.Status = orActive(x.Status)
	x.LineItemIDs = some(unique(x.LineItemIDs))
	x.Start, x.End = normalTime(x.Start), normalTime(x.End)
}

// Validate implements Entity.
func (x *Experiment) Validate(r *Refs) error {
	c := newChecker(KindExperiment)
	c.entity(x, x.Name, r)
	c.parent("campaign_id", x, r.Campaign == nil, r)
	c.length("line_item_ids", len(x.LineItemIDs), MaxExperimentItems)
	for i, id := range x.LineItemIDs[:min(len(x.LineItemIDs), MaxExperimentItems)] {
		l := r.LineItems[id]
		c.check(l != nil && l.CampaignID == x.CampaignID, index("line_item_ids", i), id, "must be a line item of the campaign")
	}
	span(c, "holdout_ppm", x.Holdout, 1, MaxHoldout)
	c.text("salt", x.Salt, saltRule)
	c.flight(x.Start, x.End)
	if before, ok := r.Before.(*Experiment); ok {
		// Users would change from one group to the other.
		c.check(x.Salt == before.Salt, "salt", x.Salt, "must not change")
		c.check(x.Holdout == before.Holdout, "holdout_ppm", x.Holdout, "must not change")
	}
	return c.err()
}

func saltRule(s string) string {
	if len(s) < 1 || len(s) > MaxSaltBytes || !all(s, func(b byte) bool { return b > ' ' && b < 0x7f }) {
		return fmt.Sprintf("must be 1 to %d visible ASCII characters", MaxSaltBytes)
	}
	return ""
}

// Holds says whether the experiment is about the line item.
func (x *Experiment) Holds(li *LineItem) bool {
	if li.CampaignID != x.CampaignID {
		return false
	}
	for _, id := range x.LineItemIDs {
		if id == li.ID {
			return true
		}
	}
	return len(x.LineItemIDs) == 0
}

// SaltOf is the number that a salt stands for (FNV-1a, 64 bits).
func SaltOf(salt string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(salt) {
		h = (h ^ uint64(salt[i])) * 1099511628211
	}
	return h
}

// HeldOut says whether a user is among the holdout share of a salt. User keys are
// pseudo-random already; the mix (SplitMix64's) makes the groups of different salts
// independent.
func HeldOut(salt, user uint64, holdout money.PPM) bool {
	h := user ^ salt
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	part, _ := bits.Mul64(h, uint64(MaxPPM))
	return part < uint64(holdout)
}
