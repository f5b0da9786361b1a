package attribution

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// document is a report on its way to a reader.
type document struct {
	*Report
	zone string
	show []*figure
	days []DayStatus
	next string // cursor of the next page; "": this is the last
	// compare is the report of the earlier days; nil: none was asked for.
	compare *comparison
}

type head struct {
	From       string       `json:"from"`
	To         string       `json:"to"`
	TimeZone   string       `json:"time_zone"`
	Currencies []string     `json:"currencies"`
	GroupBy    []Dimension  `json:"group_by"`
	Status     string       `json:"status"`
	Days       []DayStatus  `json:"days"`
	Compare    *compareHead `json:"compare,omitempty"`
	AsOf       time.Time    `json:"as_of"`
	Lag        int64        `json:"lag_records"`
	Next       string       `json:"next,omitempty"`
}

type compareHead struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// json writes the whole report.
func (d *document) json() []byte {
	h := head{
		From: d.Query.From.String(), To: d.Query.To.String(), TimeZone: d.zone, Currencies: []string{}, GroupBy: append([]Dimension{}, d.Query.GroupBy...),
		Status: d.status(), Days: d.days, AsOf: d.AsOf, Lag: d.LagRecords, Next: d.next,
	}
	if d.compare != nil {
		h.Compare = &compareHead{d.compare.Query.From.String(), d.compare.Query.To.String()}
	}
	for i := range d.Totals {
		h.Currencies = append(h.Currencies, d.Totals[i].Currency.String())
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(mustJSON(h), []byte("}")))
	b.WriteString(`,"rows":`)
	d.writeRows(&b, d.Rows, d.Query.GroupBy)
	if d.Query.Top > 0 {
		b.WriteString(`,"rest":`)
		d.writeRows(&b, d.Rest, nil)
	}
	b.WriteString(`,"totals":`)
	d.writeRows(&b, d.Totals, nil)
	b.WriteString("}\n")
	return b.Bytes()
}

func (d *document) writeRows(b *bytes.Buffer, rows []Row, by []Dimension) {
	b.WriteByte('[')
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		d.writeRow(b, &rows[i], by)
	}
	b.WriteByte(']')
}

// ndjson writes one row a line.
func (d *document) ndjson() []byte {
	var b bytes.Buffer
	for i := range d.Rows {
		d.writeRow(&b, &d.Rows[i], d.Query.GroupBy)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func (d *document) writeRow(b *bytes.Buffer, r *Row, by []Dimension) {
	b.WriteByte('{')
	for j, c := range r.cells(by, d.show) {
		if j > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + c.name + `":`)
		b.Write(c.json())
	}
	if d.compare != nil {
		before := d.compare.of(r, by)
		b.WriteString(`,"previous":`)
		writeFigures(b, d.show, func(f *figure) cell { return cell{f.name, f.text(&before), f.kind} })
		b.WriteString(`,"change":`)
		writeFigures(b, d.show, func(f *figure) cell { return cell{f.name, f.change(&before, &r.metrics), cellDecimal} })
	}
	b.WriteByte('}')
}

func writeFigures(b *bytes.Buffer, show []*figure, of func(*figure) cell) {
	b.WriteByte('{')
	for i, f := range show {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + f.name + `":`)
		b.Write(of(f).json())
	}
	b.WriteByte('}')
}

func (c cell) json() []byte {
	switch {
	case c.kind == cellNumber || c.kind == cellBool:
		return []byte(c.text)
	case c.kind == cellDecimal && c.text == "":
		return []byte("null")
	}
	return mustJSON(c.text)
}

// mustJSON is for values that always marshal.
func mustJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

// csv writes a header and the rows, as RFC 4180 says.
func (d *document) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(d.record(&Row{}, func(c cell) string { return c.name }, "previous_", "change_")); err != nil {
		return nil, err
	}
	for i := range d.Rows {
		if err := w.Write(d.record(&d.Rows[i], cell.csv, "", "")); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// record is a line of CSV; the prefixes are of a header's compared figures.
func (d *document) record(r *Row, of func(cell) string, previous, change string) []string {
	var out []string
	for _, c := range r.cells(d.Query.GroupBy, d.show) {
		out = append(out, of(c))
	}
	if d.compare == nil {
		return out
	}
	before := d.compare.of(r, d.Query.GroupBy)
	for _, f := range d.show {
		out = append(out, previous+of(cell{f.name, f.text(&before), f.kind}))
	}
	for _, f := range d.show {
		out = append(out, change+of(cell{f.name, f.change(&before, &r.metrics), cellDecimal}))
	}
	return out
}

// csv is the cell's text. Exchanges choose what a site is called: a name that a
// spreadsheet would run as a formula is quoted.
func (c cell) csv() string {
	if c.kind == cellText && c.text != "" && strings.ContainsRune("=+-@\t\r", rune(c.text[0])) {
		return "'" + c.text
	}
	return c.text
}

// reportSchema describes the JSON of a report.
func reportSchema() *huma.Schema {
	str := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	object := func(p map[string]*huma.Schema) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, Properties: p}
	}
	list := func(items *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: items} }
	row := object(map[string]*huma.Schema{
		"currency": str("ISO 4217; of every amount in the row"),
		"app":      {Type: huma.TypeBoolean, Description: "with site: it is an app's bundle"},
	})
	for _, d := range dimensions {
		row.Properties[string(d)] = str("with group_by=" + string(d))
		if slices.Contains([]Dimension{ByAdvertiser, ByCampaign, ByLineItem, ByCreative}, d) {
			row.Properties[string(d)].Type = huma.TypeInteger
		}
	}
	for _, f := range figures {
		row.Properties[f.name] = f.schema()
	}
	row.Properties["previous"] = &huma.Schema{Type: huma.TypeObject, Description: "with compare: the same figures of the earlier days"}
	row.Properties["change"] = &huma.Schema{Type: huma.TypeObject, Description: "with compare: by what share of the earlier figure each has grown; null where that was 0 or nothing"}
	amounts := map[string]*huma.Schema{}
	for _, name := range restatedFigures {
		amounts[name] = figureOf(name).schema()
	}
	restated := object(map[string]*huma.Schema{
		"since": {Type: huma.TypeString, Format: "date-time", Description: "the hour in which the first change came"},
		"last":  {Type: huma.TypeString, Format: "date-time", Description: "the hour in which the newest came"},
		"by": {Type: huma.TypeArray, Description: "how much was added to what the day was stated as, by currency; by the filters of advertiser, campaign and line item",
			Items: object(amounts)},
	})
	amounts["currency"] = str("ISO 4217")
	return object(map[string]*huma.Schema{
		"from": str("first day"), "to": str("last day"),
		"time_zone":  str("zone of days and hours; advertiser: each advertiser's own"),
		"currencies": list(str("ISO 4217")),
		"group_by":   list(str("dimension")),
		"status":     {Type: huma.TypeString, Enum: []any{"preliminary", "final"}, Description: "final: all of its days are"},
		"days": list(object(map[string]*huma.Schema{
			"day":      str("date"),
			"status":   {Type: huma.TypeString, Enum: []any{"preliminary", "final"}, Description: "final: no record that the rules admit can change the day any more"},
			"restated": restated,
		})),
		"compare":     object(map[string]*huma.Schema{"from": str("first of the earlier days"), "to": str("last of them")}),
		"as_of":       {Type: huma.TypeString, Format: "date-time", Description: "everything logged before it is counted"},
		"lag_records": {Type: huma.TypeInteger, Description: "records that wait to be counted"},
		"next":        str("cursor of the next page; absent on the last"),
		"rows":        list(row),
		"rest":        {Type: huma.TypeArray, Items: row, Description: "with top: the sums of all other rows, one for each currency that has more"},
		"totals":      list(row),
	})
}

func (f *figure) schema() *huma.Schema {
	if f.kind == cellNumber {
		return &huma.Schema{Type: huma.TypeInteger, Description: f.doc}
	}
	return &huma.Schema{Type: huma.TypeString, Nullable: f.parts != nil, Description: f.doc}
}
