package attribution

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// page is how a report is cut and shown, beside what it is of.
type page struct {
	fields  []string
	limit   int // rows; 0: all
	offset  int
	compare *Day // first of the days to compare with; nil: none
	of      [8]byte
}

// maxPage bounds the rows of a page and of a top.
const maxPage = 10_000

// page reads fields, sort, top, limit and cursor.
func (f *faults) page(q *Query, in *reportInput) page {
	p := page{fields: split(in.Fields), of: in.digest()}
	for _, name := range p.fields {
		if figureOf(name) == nil {
			f.add("query.fields", clip(name), "want figures of a report, such as impressions or charge")
		}
	}
	q.Sort, q.Descending = strings.CutPrefix(in.Sort, "-")
	if q.Sort != "" && figureOf(q.Sort) == nil && !slices.Contains(q.GroupBy, Dimension(q.Sort)) {
		f.add("query.sort", clip(in.Sort), "want a figure, or one of group_by; - before it for descending")
	}
	q.Top = f.rows("query.top", in.Top)
	p.limit = f.rows("query.limit", in.Limit)
	if q.Top > 0 && p.limit > 0 {
		f.add("query.limit", in.Limit, "want top or limit, not both")
	}
	if in.Cursor == "" {
		return p
	}
	raw, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	if err != nil || len(raw) != 12 || p.limit == 0 || [8]byte(raw) != p.of || binary.BigEndian.Uint32(raw[8:]) > maxGroups {
		f.add("query.cursor", clip(in.Cursor), "want next of a page of this report, with limit and all other parameters the same")
		return p
	}
	p.offset = int(binary.BigEndian.Uint32(raw[8:]))
	return p
}

func (f *faults) rows(location, text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		f.add(location, clip(text), fmt.Sprintf("want 1 to %d rows", maxPage))
		return 0
	}
	return n
}

// visible refuses a figure that was asked for and is not for the caller.
func (p *page) visible(show []*figure) error {
	var f faults
	for _, name := range p.fields {
		if !slices.ContainsFunc(show, func(g *figure) bool { return g.name == name }) {
			f.add("query.fields", name, "is not for this caller: the advertiser's contract does not tell costs")
		}
	}
	return f.err()
}

// within asks for what is needed of q: with a limit, the best up to the page's end and
// one more, which says that there is another page.
func (p *page) within(q Query) Query {
	if p.limit > 0 {
		q.Top, q.MaxRows = p.offset+p.limit+1, maxGroups+maxPage
	}
	if q.Top > 0 {
		q.MaxRows = max(q.MaxRows, q.Top*max(len(q.Advertisers), 1))
	}
	return q
}

// cut leaves the page in r, and returns the cursor of the next.
func (p *page) cut(r *Report, in *reportInput) (next string) {
	if p.limit == 0 {
		return ""
	}
	r.Rest = nil
	r.Rows = r.Rows[min(p.offset, len(r.Rows)):]
	if len(r.Rows) <= p.limit {
		return ""
	}
	r.Rows = r.Rows[:p.limit]
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(p.of[:], uint32(p.offset+p.limit)))
}

// digest is of what a cursor belongs to: all parameters but the cursor and the format.
func (in *reportInput) digest() [8]byte {
	c := *in
	c.Cursor, c.Format, c.Accept = "", "", ""
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", c))
	return [8]byte(sum[:])
}

func dimensionNames() string {
	names := make([]string, len(dimensions))
	for i, d := range dimensions {
		names[i] = string(d)
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// settleRange sets the days of a range that ends now, in the report's zone: where the
// advertisers have several, UTC's.
func (h *handlers) settleRange(f *faults, q *Query, in *reportInput) {
	if in.From != "" || in.To != "" {
		f.add("query.range", clip(in.Range), "want from and to, or range, not both")
		return
	}
	loc := time.UTC
	if locs := zonesOf(h.catalog(), q); len(locs) == 1 {
		loc = locs[0]
	}
	now := h.now().In(loc)
	today := dayOf(now, loc)
	first := today - Day(now.Day()) + 1 // of this month
	switch in.Range {
	case "today":
		q.From, q.To = today, today
	case "yesterday":
		q.From, q.To = today-1, today-1
	case "last_7_days":
		q.From, q.To = today-6, today
	case "last_30_days":
		q.From, q.To = today-29, today
	case "this_month":
		q.From, q.To = first, today
	case "last_month":
		q.To = first - 1
		q.From = q.To - Day(q.To.utc().Day()) + 1
	default:
		f.add("query.range", clip(in.Range), "want today, yesterday, last_7_days, last_30_days, this_month or last_month")
	}
}

// settleCompare reads compare, once the days are known.
func (p *page) settleCompare(f *faults, q *Query, in *reportInput) {
	switch {
	case in.Compare == "":
	case in.Compare == "previous":
		from := q.From - (q.To - q.From + 1)
		p.compare = &from
	default:
		n := len(*f)
		from := f.day("query.compare", in.Compare)
		if len(*f) == n && from >= q.From {
			f.add("query.compare", in.Compare, "want previous, or a day before from, "+q.From.String())
		}
		p.compare = &from
	}
}
