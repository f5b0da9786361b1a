package targeting

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"bidhawk/campaigns"
)

// builder compiles rows. It interns values as it meets them, so the order of
// rows decides their numbers and nothing else.
type builder struct {
	ix    *Index
	tags  TagNumbers
	tagID map[campaigns.TagNumber]uint32
	named []int // by tag's value: how many groups name it
	// listsOf are, by dimension and value, the lists that hold the value.
	listsOf [numDims][][]uint32
	// known finds a list by its dimension and sorted values.
	known map[string]uint32
	zones map[*time.Location]uint32
	bits  uint32 // the next free one
}

func newBuilder(ix *Index, tags TagNumbers) *builder {
	for d := range ix.dims {
		ix.dims[d].ids = map[string]uint32{}
	}
	ix.records = make([]record, len(ix.lines))
	ix.rows = make([]row, len(ix.lines)+1)
	return &builder{
		ix:    ix,
		tags:  tags,
		tagID: map[campaigns.TagNumber]uint32{},
		known: map[string]uint32{},
		zones: map[*time.Location]uint32{},
		bits:  bitFirst,
	}
}

// filters compiles the dimensions that have row bitmaps, for at most common values each.
func (b *builder) filters(common int) {
	asked := make([]campaigns.Set, len(b.ix.lines))
	for f, d := range filterDims {
		for n := range b.ix.lines {
			asked[n] = asks(&b.ix.lines[n].LineItem.Targeting, d)
		}
		b.ix.filters[f] = newFilter(asked, common)
	}
}

// row compiles everything else a line item asks.
func (b *builder) row(n int) error {
	line := &b.ix.lines[n]
	t := &line.LineItem.Targeting
	r := &b.ix.rows[n]
	r.start, r.end = flight(line.Lineage)
	r.deals = len(t.Deals) > 0
	rec := &b.ix.records[n]
	rec.owner = b.owner(line.Advertiser.ID)

	r.program = uint32(len(b.ix.program))
	sets := b.sets(t)
	for d := range dimSize {
		switch d {
		case dimInventory:
			b.inventory(&sets)
		case dimTag:
			b.tagsHeld(&t.Tags)
		case dimHour:
			b.hours(line)
		default:
			b.include(d, sets[d].Include)
		}
	}
	for d := range dimSize {
		b.exclude(d, b.intern(d, sets[d].Exclude))
	}
	b.exclude(dimTag, b.internTags(t.Tags.NoneOf))
	rec.imp = uint32(len(b.ix.program))
	b.include(dimSize, asks(t, dimSize).Include)
	b.include(dimDeal, asks(t, dimDeal).Include)
	b.ix.rows[n+1].program = uint32(len(b.ix.program))
	if len(b.ix.program) > math.MaxUint32 {
		return errors.New("compile targeting: programs take more than 2^32 words")
	}
	return nil
}

// sets is what a line item asks of the dimensions of its request program, less
// what filters decide.
func (b *builder) sets(t *campaigns.Targeting) (sets [dimSize]campaigns.Set) {
	for d := range dimSize {
		sets[d] = asks(t, d)
	}
	for f, d := range filterDims {
		if b.ix.filters[f].decides(&sets[d]) {
			sets[d] = campaigns.Set{}
		}
	}
	return sets
}

// owner is the bit of an advertiser, as tags name it.
func (b *builder) owner(id campaigns.ID) uint32 {
	id = campaigns.NewTagKey(id, 0).Owner()
	bit, ok := b.ix.owners[id]
	if !ok {
		bit = b.bit()
		b.ix.owners[id] = bit
	}
	return bit
}

func (b *builder) bit() uint32 {
	b.bits++
	return b.bits - 1
}

// hours compiles the hours of the week in the advertiser's zone.
func (b *builder) hours(line *Line) {
	hours := line.LineItem.Targeting.HoursOfWeek
	if len(hours) == 0 {
		return
	}
	zone, ok := b.zones[line.Zone]
	if !ok {
		zone = uint32(len(b.ix.zones))
		b.zones[line.Zone] = zone
		b.ix.zones = append(b.ix.zones, line.Zone)
		for range weekHours {
			b.value(dimHour)
		}
	}
	ids := make([]uint32, 0, len(hours))
	for _, h := range hours {
		if h >= 0 && h < weekHours {
			ids = append(ids, zone*weekHours+uint32(h))
		}
	}
	slices.Sort(ids)
	b.clause(dimHour, false, b.appendBits(nil, dimHour, slices.Compact(ids)))
}

// tagsHeld compiles the tags that must be held. A tag that nobody defined never
// is; neither is a group without tags.
func (b *builder) tagsHeld(rule *campaigns.TagRule) {
	groups := make([][]uint32, 0, len(rule.AnyOf)+len(rule.AllOf))
	for _, tag := range rule.AllOf {
		groups = append(groups, b.internTags([]string{tag}))
	}
	for _, group := range rule.AnyOf {
		groups = append(groups, b.internTags(group))
	}
	slices.SortStableFunc(groups, func(x, y []uint32) int { return b.fame(x) - b.fame(y) })
	for _, g := range groups {
		b.clause(dimTag, false, b.appendBits(nil, dimTag, g))
	}
}

// fame is how often line items name some tags. What few of them name, few users
// hold, and what refuses most goes first.
func (b *builder) fame(ids []uint32) (n int) {
	for _, id := range ids {
		n += b.named[id]
	}
	return n
}

// countTags finds how often line items name each tag.
func (b *builder) countTags() {
	count := func(tags []string) {
		for _, id := range b.internTags(tags) {
			b.named[id]++
		}
	}
	for n := range b.ix.lines {
		rule := &b.ix.lines[n].LineItem.Targeting.Tags
		for _, group := range rule.AnyOf {
			count(group)
		}
		count(rule.AllOf)
	}
}

// inventory compiles the sites and apps to include: a request is of one or the
// other, so they are alternatives. It takes them out of sets.
func (b *builder) inventory(sets *[dimSize]campaigns.Set) {
	var bits []uint32
	asked := false
	for _, d := range []dim{dimDomain, dimBundle} {
		asked = asked || len(sets[d].Include) > 0
		bits = b.appendBits(bits, d, b.intern(d, sets[d].Include))
		sets[d].Include = nil
	}
	if asked {
		b.clause(dimInventory, false, bits)
	}
}

func (b *builder) include(d dim, values []string) {
	if len(values) > 0 {
		b.clause(d, false, b.appendBits(nil, d, b.intern(d, values)))
	}
}

func (b *builder) exclude(d dim, ids []uint32) {
	if len(ids) > 0 {
		b.clause(d, true, b.appendBits(nil, d, ids))
	}
}

func (b *builder) clause(d dim, not bool, bits []uint32) {
	b.ix.program = append(append(b.ix.program, header(d, not, len(bits))), bits...)
}

// listMark marks the number of a list where its bit will stand.
const listMark = 1 << 31

// appendBits appends the bits that values make true: their own, or where they
// are many that of a list, marked. ids are sorted and distinct.
func (b *builder) appendBits(dst []uint32, d dim, ids []uint32) []uint32 {
	if len(ids) > inlineMax {
		return append(dst, listMark|b.list(d, ids))
	}
	for _, id := range ids {
		v := &b.ix.dims[d].values[id]
		if v.bit == 0 {
			v.bit = b.bit()
		}
		dst = append(dst, v.bit)
	}
	return dst
}

// list is the number of the list of these values.
func (b *builder) list(d dim, ids []uint32) uint32 {
	key := make([]byte, 1, 1+4*len(ids))
	key[0] = byte(d)
	for _, id := range ids {
		key = binary.LittleEndian.AppendUint32(key, id)
	}
	n, ok := b.known[string(key)]
	if !ok {
		n = uint32(len(b.known))
		b.known[string(key)] = n
		for _, id := range ids {
			b.listsOf[d][id] = append(b.listsOf[d][id], n)
		}
	}
	return n
}

// intern gives values their numbers, sorted and distinct. The empty value is
// none: no request has it.
func (b *builder) intern(d dim, values []string) []uint32 {
	dict := &b.ix.dims[d]
	ids := make([]uint32, 0, len(values))
	for _, v := range values {
		if v == "" {
			continue
		}
		id, ok := dict.ids[v]
		if !ok {
			id = b.value(d)
			dict.ids[v] = id
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (b *builder) internTags(paths []string) []uint32 {
	ids := make([]uint32, 0, len(paths))
	for _, path := range paths {
		n, ok := b.tags.Number(path)
		if !ok {
			continue
		}
		id, ok := b.tagID[n]
		if !ok {
			id = b.value(dimTag)
			b.tagID[n] = id
			b.named = append(b.named, 0)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (b *builder) value(d dim) uint32 {
	dict := &b.ix.dims[d]
	dict.values = append(dict.values, value{})
	b.listsOf[d] = append(b.listsOf[d], nil)
	return uint32(len(dict.values) - 1)
}

// finish lays out the lists and gives them their bits, behind all others; then
// programs are final, and records can be made of them.
func (b *builder) finish() {
	ix := b.ix
	ix.tags = newTagTable(b.tagID)
	ix.lists.base, ix.lists.count = (b.bits+63)/64, len(b.known)
	words := (ix.lists.count + 63) / 64
	ix.words = int(ix.lists.base) + words
	for d := range ix.dims {
		for id := range ix.dims[d].values {
			ix.lists.place(&ix.dims[d].values[id], b.listsOf[d][id])
		}
	}
	ix.program = slices.Clip(ix.program)
	b.rebase(ix.program)
	for n := range ix.records {
		r := &ix.records[n]
		r.rest = ix.rows[n].program + uint32(r.digest(ix.requestProgram(int32(n))))
	}
}

// rebase turns the numbers of lists into their bits.
func (b *builder) rebase(program []uint32) {
	for i := 0; i < len(program); {
		_, _, count := headerOf(program[i])
		for j := i + 1; j <= i+count; j++ {
			if program[j]&listMark != 0 {
				program[j] = program[j]&^listMark + b.ix.lists.base<<6
			}
		}
		i += 1 + count
	}
}

// place stores which lists hold a value.
func (l *lists) place(v *value, holders []uint32) {
	words := (l.count + 63) / 64
	if len(holders) < denseAt(words) {
		v.first = uint32(len(l.postings))
		l.postings = append(l.postings, holders...)
		v.last = uint32(len(l.postings))
		return
	}
	v.dense = true
	v.first = uint32(len(l.dense))
	l.dense = append(l.dense, make([]uint64, words)...)
	v.last = uint32(len(l.dense))
	for _, n := range holders {
		put(l.dense[v.first:v.last], int(n))
	}
}
