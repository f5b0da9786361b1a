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

// json writes the whole report.
func (r *Report) json(zone string, operator bool) []byte {
	var b bytes.Buffer
	head := struct {
		From       string      `json:"from"`
		To         string      `json:"to"`
		TimeZone   string      `json:"time_zone"`
		Currencies []string    `json:"currencies"`
		GroupBy    []Dimension `json:"group_by"`
		Status     string      `json:"status"`
		AsOf       time.Time   `json:"as_of"`
		Lag        int64       `json:"lag_records"`
	}{r.Query.From.String(), r.Query.To.String(), zone, []string{}, append([]Dimension{}, r.Query.GroupBy...), r.status(), r.AsOf, r.LagRecords}
	for i := range r.Totals {
		head.Currencies = append(head.Currencies, r.Totals[i].Currency.String())
	}
	b.Write(bytes.TrimSuffix(mustJSON(head), []byte("}")))
	b.WriteString(`,"rows":`)
	writeRows(&b, r.Rows, r.Query.GroupBy, operator)
	b.WriteString(`,"totals":`)
	writeRows(&b, r.Totals, nil, operator)
	b.WriteString("}\n")
	return b.Bytes()
}

func writeRows(b *bytes.Buffer, rows []Row, by []Dimension, operator bool) {
	b.WriteByte('[')
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		for j, c := range rows[i].cells(by, operator) {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + c.name + `":`)
			b.Write(c.json())
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
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

// csv writes a header and the rows.
func (r *Report) csv(operator bool) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	var record []string
	for _, c := range (&Row{}).cells(r.Query.GroupBy, operator) {
		record = append(record, c.name)
	}
	if err := w.Write(record); err != nil {
		return nil, err
	}
	for i := range r.Rows {
		record = record[:0]
		for _, c := range r.Rows[i].cells(r.Query.GroupBy, operator) {
			record = append(record, c.csv())
		}
		if err := w.Write(record); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
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
	row := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
		"currency": str("ISO 4217; of every amount in the row"),
		"app":      {Type: huma.TypeBoolean, Description: "with site: it is an app's bundle"},
	}}
	for _, d := range dimensions {
		row.Properties[string(d)] = str("with group_by=" + string(d))
		if slices.Contains([]Dimension{ByAdvertiser, ByCampaign, ByLineItem, ByCreative}, d) {
			row.Properties[string(d)].Type = huma.TypeInteger
		}
	}
	for _, f := range figures {
		if f.kind == cellNumber {
			row.Properties[f.name] = &huma.Schema{Type: huma.TypeInteger, Description: f.doc}
			continue
		}
		row.Properties[f.name] = &huma.Schema{Type: huma.TypeString, Nullable: strings.Contains(f.doc, "per ") || strings.Contains(f.doc, " / "), Description: f.doc}
	}
	list := func(items *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: items} }
	return &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
		"from": str("first day"), "to": str("last day"),
		"time_zone":   str("zone of days and hours; advertiser: each advertiser's own"),
		"currencies":  list(str("ISO 4217")),
		"group_by":    list(str("dimension")),
		"status":      {Type: huma.TypeString, Enum: []any{"preliminary", "final"}},
		"as_of":       {Type: huma.TypeString, Format: "date-time", Description: "everything logged before it is counted"},
		"lag_records": {Type: huma.TypeInteger, Description: "records that wait to be counted"},
		"rows":        list(row),
		"totals":      list(row),
	}}
}
