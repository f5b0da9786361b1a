package replay

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// Region is one region's traffic over the week.
type Region struct {
	ID    string
	Curve control.Curve
}

const trafficHeader = "region_id,dow,hour,traffic_share"

// ReadTraffic reads shares of traffic by region, day of the week (1 is Monday) and
// hour: a region's 168 shares add up to 1. Errors are *LineErrors where a line is
// wrong.
func ReadTraffic(name string, r io.Reader) ([]Region, error) {
	byID := map[string]*regionShares{}
	s := bufio.NewScanner(r)
	for line := 1; s.Scan(); line++ {
		text := strings.TrimSpace(s.Text())
		if line == 1 {
			if text != trafficHeader {
				return nil, fmt.Errorf("%s: %w", name, &LineError{1, "header", text, trafficHeader})
			}
			continue
		}
		if text == "" {
			continue
		}
		if err := addShare(byID, line, text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var out []Region
	for id, sh := range byID {
		reg := Region{ID: id}
		if sh.seen != control.Slots || sh.sum == 0 {
			return nil, fmt.Errorf("%s: region %s has %d hours with %d millionths of traffic; want %d with some", name, id, sh.seen, sh.sum, control.Slots)
		}
		for i, v := range sh.micros {
			reg.Curve[i] = money.PPM(v * control.Slots * 1_000_000 / sh.sum)
		}
		out = append(out, reg)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no regions", name)
	}
	slices.SortFunc(out, func(a, b Region) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

type regionShares struct {
	micros [control.Slots]int64
	have   [control.Slots]bool
	seen   int
	sum    int64
}

func addShare(byID map[string]*regionShares, line int, text string) error {
	f := strings.Split(text, ",")
	if len(f) != 4 {
		return &LineError{line, "number of fields", strconv.Itoa(len(f)), "4"}
	}
	dow, err := strconv.Atoi(f[1])
	if err != nil || dow < 1 || dow > 7 {
		return &LineError{line, "dow", f[1], "1 to 7"}
	}
	hour, err := strconv.Atoi(f[2])
	if err != nil || hour < 0 || hour > 23 {
		return &LineError{line, "hour", f[2], "0 to 23"}
	}
	v, err := money.ParseMicros([]byte(f[3]), money.RoundDown)
	if err != nil || v < 0 || v > 1_000_000 {
		return &LineError{line, "traffic_share", f[3], "a decimal number of 0 to 1"}
	}
	sh := byID[f[0]]
	if sh == nil {
		sh = &regionShares{}
		byID[f[0]] = sh
	}
	slot := (dow-1)*24 + hour
	if sh.have[slot] {
		return &LineError{line, "hour", f[2], "each hour of a region's week once"}
	}
	sh.have[slot], sh.micros[slot] = true, v
	sh.seen++
	sh.sum += v
	return nil
}

// House is the mean curve of all the regions but one: what a house knows before
// a line item has traffic of its own.
func House(regions []Region, but int) *control.Curve {
	c := new(control.Curve)
	for i := range regions {
		if i == but {
			continue
		}
		for slot, v := range regions[i].Curve {
			c[slot] += v / money.PPM(len(regions)-1)
		}
	}
	return c
}
