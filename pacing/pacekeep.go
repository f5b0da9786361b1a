package pacing

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"bidhawk/pacing/control"
)

// What the planner has learned is kept beside the ledger's snapshot, under keys
// of its own: partition, 'f', level, id. The log does not have it, and no money
// depends on it: what cannot be read is learned anew.
const snapPace = 'f'

type snapPaceValue struct {
	Forecast   control.ForecastState   `json:"forecast"`
	Controller *control.State          `json:"controller,omitempty"`
	Tight      horizon                 `json:"tight"`
	Day        Day                     `json:"day"`
	Goals      [horizons]*control.Plan `json:"goals"`
}

const (
	keepEvery  = 5 * time.Minute // so much learning a crash may cost
	keepAtOnce = 200             // bounds what one snapshot writes of it
)

// keep writes what has changed for a while.
func (p *planner) keep(w snapWriter, partition int32, now time.Time) error {
	left := keepAtOnce
	for key, c := range p.paces {
		if now.Sub(c.saved) < keepEvery {
			continue
		}
		if left--; left < 0 {
			return nil
		}
		if err := c.write(w, paceSnapKey(partition, key)); err != nil {
			return fmt.Errorf("plan of %s %d: %w", key.level, key.id, err)
		}
		c.saved = now
	}
	return nil
}

func (c *pace) write(w snapWriter, key []byte) error {
	v := snapPaceValue{Forecast: c.traffic.forecast.State(), Tight: c.steer.tight, Day: c.day}
	if c.steer.ctl != nil {
		s := c.steer.ctl.State()
		v.Controller = &s
	}
	for h := range c.plans {
		if g := c.plans[h].goal; !g.To.IsZero() {
			v.Goals[h] = &g
		}
	}
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.Set(key, value)
}

func paceSnapKey(partition int32, key paceKey) []byte {
	return binary.BigEndian.AppendUint64(append(snapKey(partition, snapPace), levelByte[key.level]), uint64(key.id))
}

// load reads what an earlier process kept; it is used as accounts are asked for.
func (p *planner) load(store snapStore, partition int32) error {
	p.kept = map[paceKey][]byte{}
	from := snapKey(partition, snapPace)
	return store.scan(from, snapKey(partition, snapPace+1), func(key, value []byte) error {
		key = key[len(from):]
		for level, b := range levelByte {
			if len(key) == 9 && key[0] == b {
				p.kept[paceKey{level, int64(binary.BigEndian.Uint64(key[1:]))}] = append([]byte(nil), value...)
			}
		}
		return nil
	})
}

// restore gives c what was kept of it.
func (p *planner) restore(key paceKey, c *pace) {
	raw := p.kept[key]
	delete(p.kept, key)
	var v snapPaceValue
	if raw == nil || json.Unmarshal(raw, &v) != nil || c.traffic.forecast.Restore(v.Forecast) != nil {
		return
	}
	if v.Controller != nil {
		c.steer.restart(*v.Controller, 0)
	}
	c.steer.tight, c.day = min(v.Tight, horizons-1), v.Day
	for h, g := range v.Goals {
		if g != nil && g.Validate() == nil {
			c.plans[h].goal = *g
		}
	}
}
