package frequency

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"bidhawk/campaigns"
)

// form is how a State remembers exposures.
type form uint8

const (
	formCount form = iota // a number, until End: calendar windows and lifetime
	formTimes             // the newest maxTimes instants, newest first: exact
	formRing              // numbers in slots of a twelfth of the window
	formFree              // of a counter's entry that is not in use
)

// maxTimes is the greatest max of a rolling cap that is counted exactly.
const maxTimes = 8

// A rolling window of a greater max is cut in slots; an exposure counts until the
// whole of its slot is out of the window: up to a twelfth of the window too long,
// and never too short.
const (
	slotsInWindow = 12
	ringSlots     = slotsInWindow + 1
)

// State is what is known of one subject's exposures towards one cap. Instants are
// in Unix seconds: exposures are known to the second, that of their bid.
type State struct {
	End  uint32 // from when on nothing of it counts; endless: never
	n    uint32 // of formCount
	form form
	// Of formTimes instants, 0 for none; of formRing the newest slot's number, then
	// the counts, two in each.
	data [maxTimes]uint32
}

const endless = math.MaxUint32

// form of a cap's states.
func (c *Cap) form() form {
	switch {
	case !c.Window.rolling():
		return formCount
	case c.Max <= maxTimes:
		return formTimes
	}
	return formRing
}

// Add counts an exposure to an ad that was bid at at, in the advertiser's zone.
func (s *State) Add(c *Cap, at time.Time) {
	s.shape(c)
	switch sec := second(at); s.form {
	case formTimes:
		s.addTime(c.Window, sec)
	case formRing:
		s.addSlot(c.Window, sec, 1)
	default:
		s.addCount(c.Window, at)
	}
}

// shape turns s into the form of c: its max may have been edited across maxTimes.
func (s *State) shape(c *Cap) {
	to := c.form()
	if s.form == to {
		return
	}
	old := *s
	*s = State{form: to}
	switch {
	case old.form == formTimes && to == formRing:
		for _, t := range old.data {
			if t != 0 {
				s.addSlot(c.Window, t, 1)
			}
		}
	case old.form == formRing && to == formTimes:
		width := slotWidth(c.Window)
		for slot := old.data[0] - min(old.data[0], slotsInWindow); slot <= old.data[0]; slot++ {
			for range min(old.slot(slot), maxTimes) {
				s.addTime(c.Window, (slot+1)*width-1) // as late as it can have been
			}
		}
	}
}

func (s *State) addCount(w Window, at time.Time) {
	end := uint32(endless)
	if w != Lifetime {
		end = second(periodEnd(w, at))
	}
	switch {
	case end > s.End:
		s.End, s.n = end, 1
	case end == s.End && s.n < math.MaxUint32:
		s.n++
	} // else it is of a period that is over
}

func (s *State) addTime(w Window, sec uint32) {
	at := 0
	for at < maxTimes && s.data[at] >= sec {
		at++
	}
	if at == maxTimes {
		return
	}
	copy(s.data[at+1:], s.data[at:])
	s.data[at] = sec
	s.End = after(s.data[0], uint32(w))
}

func (s *State) addSlot(w Window, sec, n uint32) {
	width := slotWidth(w)
	slot := sec / width
	switch newest := s.data[0]; {
	case slot > newest:
		if slot-newest > slotsInWindow {
			s.data = [maxTimes]uint32{}
		} else {
			for i := newest + 1; i <= slot; i++ {
				s.setSlot(i, 0)
			}
		}
		s.data[0] = slot
	case newest-slot > slotsInWindow:
		return
	}
	s.setSlot(slot, min(s.slot(slot)+n, math.MaxUint16))
	s.End = after(s.data[0]*width, ringSlots*width)
}

// slotWidth is in seconds.
func slotWidth(w Window) uint32 { return (uint32(w) + slotsInWindow - 1) / slotsInWindow }

func (s *State) slot(i uint32) uint32 {
	i %= ringSlots
	return s.data[1+i/2] >> (16 * (i % 2)) & math.MaxUint16
}

func (s *State) setSlot(i, n uint32) {
	i %= ringSlots
	shift := 16 * (i % 2)
	s.data[1+i/2] = s.data[1+i/2]&^(math.MaxUint16<<shift) | n<<shift
}

// Count is how many exposures count at now.
func (s *State) Count(w Window, now time.Time) int { return s.count(w, second(now)) }

func (s *State) count(w Window, now uint32) (n int) {
	if now >= s.End {
		return 0
	}
	switch s.form {
	case formTimes:
		for _, t := range s.data {
			if t == 0 || now >= after(t, uint32(w)) {
				break
			}
			n++
		}
	case formRing:
		newest := s.data[0]
		oldest := max(now/slotWidth(w), newest) - slotsInWindow
		for i := oldest; i <= newest; i++ {
			n += int(s.slot(i))
		}
	default:
		n = int(min(s.n, math.MaxInt32))
	}
	return n
}

// Ended says that nothing of s counts from now on.
func (s *State) Ended(now time.Time) bool { return second(now) >= s.End }

// second is t in Unix seconds, within what 32 bits hold: until 2106.
func second(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), endless-1)) }

func after(sec, d uint32) uint32 { return uint32(min(uint64(sec)+uint64(d), endless-1)) }

// Append appends s as stores keep it.
func (s *State) Append(dst []byte) []byte {
	dst = append(dst, byte(s.form))
	dst = binary.BigEndian.AppendUint32(dst, s.End)
	dst = binary.BigEndian.AppendUint32(dst, s.n)
	n := len(s.data)
	for n > 0 && s.data[n-1] == 0 {
		n--
	}
	for _, v := range s.data[:n] {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	return dst
}

var errState = errors.New("frequency count is not one")

// ParseState reads what Append wrote.
func ParseState(b []byte) (s State, err error) {
	const head = 9
	if len(b) < head || (len(b)-head)%4 != 0 || len(b) > head+4*maxTimes || form(b[0]) >= formFree {
		return s, errState
	}
	s.form, s.End, s.n = form(b[0]), binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:])
	for i := range (len(b) - head) / 4 {
		s.data[i] = binary.BigEndian.Uint32(b[head+4*i:])
	}
	if s.form == formRing && s.data[0] > endless/slotWidth(60) { // no instant has that slot
		return State{}, errState
	}
	return s, nil
}

// KeyBytes is the length of what AppendKey appends.
const KeyBytes = 1 + 8 + 1 + 4 + 1 + 8

// AppendKey appends the name of the count that c keeps of u: all counts of an
// entity stand together.
func (c *Cap) AppendKey(dst []byte, u Subject) []byte {
	dst = append(dst, byte(c.Level))
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.Entity))
	dst = append(dst, byte(c.Per))
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.Window))
	dst = append(dst, byte(u.Kind))
	return binary.BigEndian.AppendUint64(dst, u.Key)
}

// ParseKey reads what AppendKey appended. The cap's Max and Gap are not in it.
func ParseKey(b []byte) (c Cap, u Subject, err error) {
	if len(b) != KeyBytes {
		return c, u, errState
	}
	c = Cap{Level: Level(b[0]), Entity: campaigns.ID(binary.BigEndian.Uint64(b[1:])), Per: SubjectKind(b[9]), Window: Window(binary.BigEndian.Uint32(b[10:]))}
	u = Subject{SubjectKind(b[14]), binary.BigEndian.Uint64(b[15:])}
	if c.Level >= LevelCount || c.Per != User && c.Per != Household || c.Window == 0 || c.Window > Month || u.Kind == Nobody || u.Kind >= subjectKinds {
		return Cap{}, Subject{}, errState
	}
	c.id = c.hash()
	return c, u, nil
}
