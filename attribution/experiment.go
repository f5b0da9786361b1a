package attribution

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"bidhawk/attribution/lift"
	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// This file follows the users of experiments: their group, whether they were shown an
// ad, and what they bought, and compares the groups.

// experiments are a batch's: by campaign and by advertiser.
type experiments struct {
	loaded       bool
	byCampaign   map[int64][]*campaigns.Experiment
	byAdvertiser map[int64][]*campaigns.Experiment
}

func (b *batch) experimentsNow() *experiments {
	x := &b.experiments
	if x.loaded {
		return x
	}
	*x = experiments{true, map[int64][]*campaigns.Experiment{}, map[int64][]*campaigns.Experiment{}}
	cat := b.advertisers.catalog
	for _, e := range cat.Experiments {
		c := cat.Campaigns[e.CampaignID]
		if c == nil {
			continue
		}
		x.byCampaign[int64(c.ID)] = append(x.byCampaign[int64(c.ID)], e)
		x.byAdvertiser[int64(c.AdvertiserID)] = append(x.byAdvertiser[int64(c.AdvertiserID)], e)
	}
	return x
}

// inTime says whether at lies within the experiment's time.
func inTime(e *campaigns.Experiment, at time.Time) bool {
	return !at.Before(e.Start) && at.Before(e.End)
}

const (
	insertExperimentUser = `INSERT INTO experiment_users (experiment, "user", held, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	insertExposed        = `INSERT INTO experiment_exposed (experiment, "user") VALUES (?, ?) ON CONFLICT DO NOTHING`
	deleteOrders         = `DELETE FROM experiment_orders WHERE experiment = ? AND order_id = ?`
	insertOrder          = `INSERT INTO experiment_orders (experiment, order_id, "user", at, value) VALUES (?, ?, ?, ?, ?)`
	trimOrder            = `UPDATE experiment_orders SET value = CASE WHEN value > ? THEN value - ? ELSE 0 END WHERE experiment = ? AND order_id = ?`
)

// assign takes in a ghost: the first of a user says from when on they are compared. A
// user's records are of one partition, so that the first is the first.
func (b *batch) assign(r *exposureRecord) error {
	if r.Experiment <= 0 || r.User == 0 {
		return unreadable{fmt.Errorf("experiment, user: got %d and %q; want a positive id and a user", r.Experiment, ids.UserKey(r.User).String())}
	}
	if err := b.exec(insertExperimentUser, r.Experiment, int64(r.User), r.Held, r.At.UnixNano()); err != nil {
		return fmt.Errorf("write an experiment's user: %w", err)
	}
	return nil
}

// exposeUser notes that an experiment's ad was shown. The ghost of its bid may come
// later.
func (b *batch) exposeUser(r *exposureRecord) error {
	if r.User == 0 {
		return nil
	}
	for _, e := range b.experimentsNow().byCampaign[r.Campaign] {
		li := &campaigns.LineItem{Meta: campaigns.Meta{ID: campaigns.ID(r.LineItem)}, CampaignID: campaigns.ID(r.Campaign)}
		if !inTime(e, r.BidAt) || !e.Holds(li) {
			continue
		}
		if err := b.exec(insertExposed, int64(e.ID), int64(r.User)); err != nil {
			return fmt.Errorf("write an experiment's exposure: %w", err)
		}
	}
	return nil
}

// experimentOutcome notes an order of a customer who was named, in every experiment of
// the advertiser that runs. An order that was appended earlier replaces a later one.
func (b *batch) experimentOutcome(r *conversionRecord, c *conversion) error {
	for _, e := range b.experimentsNow().byAdvertiser[c.advertiser] {
		if err := b.exec(deleteOrders, int64(e.ID), c.order); err != nil {
			return fmt.Errorf("write an experiment's order: %w", err)
		}
		if !r.Identified || c.user == 0 || !inTime(e, time.Unix(0, c.at)) {
			continue
		}
		if err := b.exec(insertOrder, int64(e.ID), c.order, int64(c.user), c.at, int64(c.value)); err != nil {
			return fmt.Errorf("write an experiment's order: %w", err)
		}
	}
	return nil
}

// takeBackOutcome takes value off an order, or where that is 0 the order.
func (b *batch) takeBackOutcome(c *conversion, value money.Nanos) error {
	for _, e := range b.experimentsNow().byAdvertiser[c.advertiser] {
		var err error
		if value == 0 {
			err = b.exec(deleteOrders, int64(e.ID), c.order)
		} else {
			err = b.exec(trimOrder, int64(value), int64(value), int64(e.ID), c.order)
		}
		if err != nil {
			return fmt.Errorf("take back an experiment's order: %w", err)
		}
	}
	return nil
}

// ExperimentGroup is one side of an experiment.
type ExperimentGroup struct {
	Users      int64       `json:"users" doc:"Assigned: a bid for them would have been made"`
	Exposed    int64       `json:"exposed" doc:"Of those, shown an ad of the experiment"`
	Converters int64       `json:"converters" doc:"Of those, with an order after they were assigned"`
	Orders     int64       `json:"orders"`
	Value      money.Nanos `json:"value_nanos"`
}

// Experiment compares the groups of an experiment at a confidence level.
func (s *Service) Experiment(ctx context.Context, id campaigns.ID, level float64) (treated, held ExperimentGroup, r *lift.Result, err error) {
	groups := [2]*ExperimentGroup{&treated, &held}
	var squares [2]float64
	if err = s.experimentUsers(ctx, id, groups); err == nil {
		err = s.experimentOrders(ctx, id, groups, &squares)
	}
	if err != nil {
		return treated, held, nil, fmt.Errorf("read experiment %d: %w", id, err)
	}
	if treated.Users == 0 || held.Users == 0 {
		return treated, held, nil, nil
	}
	side := func(i int) lift.Group {
		g := groups[i]
		return lift.Group{Users: g.Users, Converters: g.Converters, Exposed: g.Exposed, Value: float64(g.Value), Square: squares[i]}
	}
	got, err := lift.Measure(side(0), side(1), level)
	return treated, held, &got, err
}

func (s *Service) experimentUsers(ctx context.Context, id campaigns.ID, groups [2]*ExperimentGroup) error {
	rows, err := s.store.r.QueryContext(ctx, `SELECT u.held, count(*), count(x."user") FROM experiment_users u
		LEFT JOIN experiment_exposed x ON x.experiment = u.experiment AND x."user" = u."user"
		WHERE u.experiment = ? GROUP BY u.held`, int64(id))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var side, users, exposed int64
		if err := rows.Scan(&side, &users, &exposed); err != nil {
			return err
		}
		groups[side&1].Users, groups[side&1].Exposed = users, exposed
	}
	return rows.Err()
}

func (s *Service) experimentOrders(ctx context.Context, id campaigns.ID, groups [2]*ExperimentGroup, squares *[2]float64) error {
	rows, err := s.store.r.QueryContext(ctx, `SELECT u.held, count(*), sum(o.value) FROM experiment_orders o
		JOIN experiment_users u ON u.experiment = o.experiment AND u."user" = o."user"
		WHERE o.experiment = ? AND o.at >= u.at GROUP BY u.held, u."user"`, int64(id))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var side, orders, value int64
		if err := rows.Scan(&side, &orders, &value); err != nil {
			return err
		}
		g := groups[side&1]
		g.Converters++
		g.Orders += orders
		if g.Value > math.MaxInt64-money.Nanos(value) {
			return fmt.Errorf("the value of a group passes 64 bits")
		}
		g.Value += money.Nanos(value)
		squares[side&1] += float64(value) * float64(value)
	}
	return rows.Err()
}

// forgetExperimentsAfter is how long after an experiment's end its users are kept.
const forgetExperimentsAfter = 90 * 24 * time.Hour

// pruneExperiments forgets, in one bounded step, the users of experiments that ended
// long ago.
func (s *Service) pruneExperiments(ctx context.Context, tx *sql.Tx, readTo time.Time) (int64, error) {
	total := int64(0)
	for id, e := range s.deps.Catalog().Experiments {
		if readTo.Before(e.End.Add(forgetExperimentsAfter)) {
			continue
		}
		for _, query := range [...]string{
			`DELETE FROM experiment_users WHERE experiment = ? AND "user" IN (SELECT "user" FROM experiment_users WHERE experiment = ? LIMIT ?)`,
			`DELETE FROM experiment_exposed WHERE experiment = ? AND "user" IN (SELECT "user" FROM experiment_exposed WHERE experiment = ? LIMIT ?)`,
			`DELETE FROM experiment_orders WHERE experiment = ? AND order_id IN (SELECT order_id FROM experiment_orders WHERE experiment = ? LIMIT ?)`,
		} {
			res, err := tx.ExecContext(ctx, query, int64(id), int64(id), s.cfg.PruneRows)
			if err != nil {
				return total, fmt.Errorf("forget experiment %d: %w", id, err)
			}
			n, err := res.RowsAffected()
			if err != nil {
				return total, err
			}
			total += n
		}
	}
	return total, nil
}
