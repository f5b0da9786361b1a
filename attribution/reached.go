package attribution

import (
	"context"
	"database/sql"
	"fmt"

	"bidhawk/attribution/reach"
	"bidhawk/campaigns"
)

// reached adds an impression to the people of its day.
func (b *batch) addReached(g *group, r *exposureRecord) {
	if r.User == 0 && r.Household == 0 {
		return
	}
	d := b.people[g.day]
	if d == nil {
		d = reach.NewDay()
		b.people[g.day] = d
	}
	d.Add(reach.Key{Advertiser: g.advertiser, Campaign: g.campaign, LineItem: g.lineItem, Creative: g.creative, Exchange: g.exchange},
		uint64(r.User), uint64(r.Household))
}

const insertReach = `INSERT INTO reach (id, day, level, data) VALUES (?, ?, ?, ?)`

func (b *batch) writeReach() error {
	for day, d := range b.people {
		data, err := d.Append(nil)
		if err != nil {
			return err
		}
		if err := b.exec(insertReach, *b.nextReach, int64(day), 0, data); err != nil {
			return fmt.Errorf("write reach: %w", err)
		}
		*b.nextReach++
	}
	return nil
}

// reachFanIn parts of a day and level become one of the next.
const reachFanIn = 24

const (
	selectDueReach = `SELECT day, level FROM reach GROUP BY day, level HAVING count(*) >= ? ORDER BY level, day LIMIT 1`
	selectReach    = `SELECT id, data FROM reach WHERE day = ? AND level = ? ORDER BY id LIMIT ?`
	deleteReach    = `DELETE FROM reach WHERE id = ?`
)

// mergeReach makes one merge of people that is due, if there is one.
func (s *Service) mergeReach(ctx context.Context, tx *sql.Tx) error {
	var day, level int64
	err := tx.QueryRowContext(ctx, selectDueReach, reachFanIn).Scan(&day, &level)
	if err == sql.ErrNoRows {
		return nil
	} else if err != nil {
		return fmt.Errorf("read reach: %w", err)
	}
	rows, err := tx.QueryContext(ctx, selectReach, day, level, reachFanIn*4)
	if err != nil {
		return fmt.Errorf("read reach: %w", err)
	}
	total, ids, err := mergedReach(rows)
	if err != nil {
		return err
	}
	data, err := total.Append(nil)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, deleteReach, id); err != nil {
			return fmt.Errorf("merge reach: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, insertReach, s.nextReach, day, level+1, data); err != nil {
		return fmt.Errorf("merge reach: %w", err)
	}
	s.nextReach++
	return nil
}

func mergedReach(rows *sql.Rows) (total *reach.Day, ids []int64, err error) {
	defer rows.Close()
	total = reach.NewDay()
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return nil, nil, fmt.Errorf("read reach: %w", err)
		}
		d, err := reach.Read(data)
		if err == nil {
			err = total.Merge(d)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read reach: part %d: %w", id, err)
		}
		ids = append(ids, id)
	}
	return total, ids, rows.Err()
}

// ReachRow is how many people a group's impressions have reached.
type ReachRow struct {
	Day                                      Day
	Advertiser, Campaign, LineItem, Creative campaigns.ID
	Exchange                                 string
	users, households                        reach.Sketch
}

// Users estimates the distinct users.
func (r *ReachRow) Users() int64 { return r.users.Count() }

// Households estimates the distinct households, of impressions that tell theirs.
func (r *ReachRow) Households() int64 { return r.households.Count() }

// reachDimensions are what reach can be grouped by.
var reachDimensions = []Dimension{ByDay, ByAdvertiser, ByCampaign, ByLineItem, ByCreative, ByExchange}

// Reach unites the people of q's days, each advertiser's own, by its dimensions.
// q.Zone and what reach has no dimension for are ignored.
func (s *Service) Reach(ctx context.Context, q *Query) ([]*ReachRow, error) {
	groups := make(map[ReachRow]*ReachRow)
	var out []*ReachRow
	wanted := reachFilter(q)
	err := s.eachReach(ctx, q, func(day Day, d *reach.Day) error {
		for k, people := range d.Rows {
			if !wanted(k) {
				continue
			}
			key := reachGroup(q, day, k)
			row := groups[key]
			if row == nil {
				if len(out) == defaultMaxRows {
					return ErrTooManyRows
				}
				row = &ReachRow{Day: key.Day, Advertiser: key.Advertiser, Campaign: key.Campaign, LineItem: key.LineItem, Creative: key.Creative, Exchange: key.Exchange}
				groups[key], out = row, append(out, row)
			}
			if err := row.users.Merge(&people.Users); err != nil {
				return err
			}
			if err := row.households.Merge(&people.Households); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (s *Service) eachReach(ctx context.Context, q *Query, f func(Day, *reach.Day) error) error {
	rows, err := s.store.r.QueryContext(ctx, `SELECT day, data FROM reach WHERE day BETWEEN ? AND ? ORDER BY day, id`, int64(q.From), int64(q.To))
	if err != nil {
		return fmt.Errorf("read reach: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var day Day
		var data []byte
		if err := rows.Scan(&day, &data); err != nil {
			return fmt.Errorf("read reach: %w", err)
		}
		d, err := reach.Read(data)
		if err != nil {
			return fmt.Errorf("read reach: %w", err)
		}
		if err := f(day, d); err != nil {
			return err
		}
	}
	return rows.Err()
}

func reachFilter(q *Query) func(reach.Key) bool {
	has := func(list []campaigns.ID) func(int64) bool {
		m := make(map[int64]bool, len(list))
		for _, id := range list {
			m[int64(id)] = true
		}
		return func(id int64) bool { return len(m) == 0 || m[id] }
	}
	advertiser, campaign, line, creative := has(q.Advertisers), has(q.Campaigns), has(q.LineItems), has(q.Creatives)
	exchanges := setOf(q.Exchanges)
	return func(k reach.Key) bool {
		return len(q.Advertisers) > 0 && advertiser(k.Advertiser) && campaign(k.Campaign) && line(k.LineItem) && creative(k.Creative) &&
			(len(exchanges) == 0 || exchanges[k.Exchange])
	}
}

// reachGroup is the group of a key.
func reachGroup(q *Query, day Day, k reach.Key) (r ReachRow) {
	for _, d := range q.GroupBy {
		switch d {
		case ByDay:
			r.Day = day
		case ByAdvertiser:
			r.Advertiser = campaigns.ID(k.Advertiser)
		case ByCampaign:
			r.Campaign = campaigns.ID(k.Campaign)
		case ByLineItem:
			r.LineItem = campaigns.ID(k.LineItem)
		case ByCreative:
			r.Creative = campaigns.ID(k.Creative)
		case ByExchange:
			r.Exchange = k.Exchange
		}
	}
	return r
}

// Frequency is how many users have seen a campaign 1, 2, ... times; the last of the
// list counts those who have seen it as often or more. sampled is how many users it
// was told from: all, where they are at most reach.SampleUsers.
func (s *Service) Frequency(ctx context.Context, advertiser, campaign campaigns.ID, from, to Day, most int) (users []int64, sampled int, err error) {
	total := reach.NewSample()
	err = s.eachReach(ctx, &Query{From: from, To: to}, func(_ Day, d *reach.Day) error {
		if one := d.Samples[reach.Sampled{Advertiser: int64(advertiser), Campaign: int64(campaign)}]; one != nil {
			total.Merge(one)
		}
		return nil
	})
	users, sampled = total.Frequency(most)
	return users, sampled, err
}
