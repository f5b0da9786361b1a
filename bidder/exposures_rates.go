package bidder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"bidhawk/campaigns"
	"bidhawk/scoring"
)

// This file keeps what rates are made of, of line items that charge at an event:
// each creative's counts at each placement, and under placement 0 anywhere.

const (
	keepPlaces = 30 * 24 * time.Hour // after the last exposure there
	maxPlaces  = 1 << 19             // in the store: about 100 bytes each
)

const placeKeyBytes = 1 + 8 + 4

// rated says whether x is an event whose rate its line item bids by, beside
// impressions and clicks.
func (x *exposureRecord) rated() bool {
	if x.Terms == nil {
		return false
	}
	switch x.Type {
	case "viewable":
		return x.Terms.Charges == campaigns.ChargeAtView.String()
	case "complete":
		return x.Terms.Charges == campaigns.ChargeAtComplete.String()
	case "conversion":
		return x.Terms.Charges == campaigns.ChargeAtConversion.String()
	}
	return false
}

// seenLetter tells the types apart that are counted once per bid.
func (x *exposureRecord) seenLetter() byte {
	switch x.Type {
	case "complete":
		return 'e'
	case "conversion":
		return 'o'
	}
	return x.Type[0]
}

// countPlaces adds x to the counts of its creative at its placement and anywhere.
func (e *Exposures) countPlaces(b *pebble.Batch, x *exposureRecord, learned *[]func()) error {
	if x.Terms == nil {
		return nil
	}
	delay := e.conversionDelay(x.LineItem)
	places := [...]scoring.Place{{Creative: x.Creative}, {Creative: x.Creative, Placement: x.Terms.Placement}}
	for i, p := range places {
		if i > 0 && p.Placement == 0 {
			continue
		}
		key := placeKey(p)
		s, err := readSeen(b, key)
		if err != nil {
			return err
		}
		x.addTo(&s, delay)
		if err := b.Set(key, s.Append(nil), nil); err != nil {
			return fmt.Errorf("count exposures: %w", err)
		}
		*learned = append(*learned, func() { e.cfg.Rates.Set(p, s) })
	}
	return nil
}

// addTo counts x. An impression is a trial of a click and of the event at which its
// line item charges; a click is one of a conversion.
func (x *exposureRecord) addTo(s *scoring.Seen, delay time.Duration) {
	switch x.Type {
	case "impression":
		s.Trials[scoring.Click]++
		switch x.Terms.Charges {
		case campaigns.ChargeAtView.String():
			s.Trials[scoring.View]++
		case campaigns.ChargeAtComplete.String():
			s.Trials[scoring.Completion]++
		}
		s.Spent += x.Terms.ReservedMedia
	case "click":
		s.Successes[scoring.Click]++
		s.Trials[scoring.Conversion]++
		s.Pending = s.Pending.Add(x.At, delay)
	case "viewable":
		s.Successes[scoring.View]++
	case "complete":
		s.Successes[scoring.Completion]++
	case "conversion":
		s.Successes[scoring.Conversion]++
	}
	if x.At.After(s.Last) {
		s.Last = x.At
	}
}

// conversionDelay is the line item's; a day where it is not known any more.
func (e *Exposures) conversionDelay(id campaigns.ID) time.Duration {
	if l, ok := e.cfg.Catalog().Lineage(id); ok {
		return l.LineItem.ConversionDelay()
	}
	return (&campaigns.LineItem{}).ConversionDelay()
}

func placeKey(p scoring.Place) []byte {
	k := binary.BigEndian.AppendUint64([]byte{keyPlace}, uint64(p.Creative))
	return binary.BigEndian.AppendUint32(k, p.Placement)
}

func placeOf(key []byte) scoring.Place {
	return scoring.Place{Creative: campaigns.ID(binary.BigEndian.Uint64(key[1:])), Placement: binary.BigEndian.Uint32(key[9:])}
}

func readSeen(b *pebble.Batch, key []byte) (s scoring.Seen, err error) {
	v, closer, err := b.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("count exposures: %w", err)
	}
	s, err = scoring.ParseSeen(v)
	if err = errors.Join(err, closer.Close()); err != nil {
		return s, fmt.Errorf("count exposures: %w", err)
	}
	return s, nil
}

// restorePlaces tells memory what the store has. Memory may have less room: it keeps
// the places that were seen last.
func (e *Exposures) restorePlaces() error {
	var broken error
	err := e.scan(keyPlace, placeKeyBytes, scoring.SeenBytes, func(k, v []byte) {
		s, err := scoring.ParseSeen(v)
		if err != nil {
			broken = err
			return
		}
		e.cfg.Rates.Set(placeOf(k), s)
	})
	return errors.Join(err, broken)
}

// forgetPlaces drops placements that nothing was seen at for keepPlaces, and the
// longest unseen ones beyond maxPlaces. What is known of creatives anywhere stays.
func (e *Exposures) forgetPlaces(now time.Time) error { return e.forgetPlacesBeyond(now, maxPlaces) }

func (e *Exposures) forgetPlacesBeyond(now time.Time, bound int) error {
	var lasts []int64
	from := now.Add(-keepPlaces).Unix()
	each := func(f func(k []byte, last int64)) error {
		return e.scan(keyPlace, placeKeyBytes, scoring.SeenBytes, func(k, v []byte) {
			if s, err := scoring.ParseSeen(v); err == nil && placeOf(k).Placement != 0 {
				f(k, s.Last.Unix())
			}
		})
	}
	if err := each(func(_ []byte, last int64) { lasts = append(lasts, last) }); err != nil {
		return err
	}
	if len(lasts) > bound {
		slices.Sort(lasts)
		from = max(from, lasts[len(lasts)-bound-1]+1)
	}
	b := e.db.NewBatch()
	defer b.Close()
	var failed error
	err := each(func(k []byte, last int64) {
		if last < from {
			failed = errors.Join(failed, b.Delete(k, nil))
		}
	})
	if err = errors.Join(err, failed); err == nil {
		err = b.Commit(pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("forget old placements: %w", err)
	}
	return nil
}
