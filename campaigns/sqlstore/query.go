package sqlstore

import (
	"fmt"
	"strconv"
	"strings"

	"bidhawk/campaigns"
)

// query collects the terms of a WHERE.
type query struct {
	terms []string
	args  []any
}

func (q *query) where(term string, args ...any) {
	q.terms, q.args = append(q.terms, term), append(q.args, args...)
}

// clause is the WHERE, or nothing.
func (q *query) clause() string {
	if len(q.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(q.terms, " AND ")
}

// filter adds what f asks of kind k; false where nothing can be selected.
func (q *query) filter(k campaigns.Kind, f campaigns.Filter) bool {
	if f.Agency != 0 {
		q.where("agency_id = ?", f.Agency)
	}
	if f.Advertiser != 0 {
		q.where("advertiser_id = ?", f.Advertiser)
	}
	for _, by := range []struct {
		kind campaigns.Kind
		id   campaigns.ID
	}{{campaigns.KindCampaign, f.Campaign}, {campaigns.KindLineItem, f.LineItem}} {
		switch {
		case by.id == 0:
		case k == by.kind:
			q.where("id = ?", by.id)
		case campaigns.ParentKind(k) == by.kind:
			q.where("parent_id = ?", by.id)
		default:
			return false
		}
	}
	if f.Status != "" {
		q.where("status = ?", f.Status)
	}
	if f.ExternalID != "" {
		q.where("external_id = ?", f.ExternalID)
	}
	if f.Name != "" {
		q.named(k, f)
	}
	if !f.UpdatedSince.IsZero() {
		q.where("updated_ns >= ?", f.UpdatedSince.UnixNano())
	}
	return true
}

// named asks for a part of the name. The names are looked through in an index that
// holds them all; otherwise each entity's whole row would be read.
func (q *query) named(k campaigns.Kind, f campaigns.Filter) {
	in := &query{}
	in.where("kind = ?", k)
	switch {
	case f.Advertiser != 0:
		in.where("advertiser_id = ?", f.Advertiser)
	case f.Agency != 0:
		in.where("agency_id = ?", f.Agency)
	}
	in.where(`name_key LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(strings.ToLower(f.Name))+"%")
	q.where("id IN (SELECT id FROM entities"+in.clause()+")", in.args...)
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// after adds the cursor's term and returns the ORDER BY.
func (q *query) after(f campaigns.Filter) (order string, err error) {
	direction, beyond := "", ">"
	if f.Descending {
		direction, beyond = " DESC", "<"
	}
	column, key := "", any(f.AfterKey)
	switch f.Order {
	case "", campaigns.OrderID:
		if f.After != 0 {
			q.where("id "+beyond+" ?", f.After)
		}
		return "id" + direction, nil
	case campaigns.OrderName:
		column = "name_key"
	case campaigns.OrderUpdated:
		column = "updated_ns"
		if f.After != 0 {
			if key, err = strconv.ParseInt(f.AfterKey, 10, 64); err != nil {
				return "", fmt.Errorf("list after %q: %w", f.AfterKey, err)
			}
		}
	default:
		return "", fmt.Errorf("list by %q: no such order", f.Order)
	}
	if f.After != 0 {
		// A row value would say the same, but SQLite then scans the index from its start.
		q.where("("+column+" "+beyond+" ? OR "+column+" = ? AND id "+beyond+" ?)", key, key, f.After)
	}
	return column + direction + ", id" + direction, nil
}
