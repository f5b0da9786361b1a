package targeting

import (
	"slices"

	"bidhawk/campaigns"
)

// Reason names what refuses an impression: a dimension as Targeting's JSON
// names it, or one of the constants. Reasons are stable: clients may compare them.
type Reason string

// The reasons that are no dimension of targeting.
const (
	ReasonFlight    Reason = "flight"    // the line item's dates, or its campaign's
	ReasonStatus    Reason = "status"    // it or a parent is not active
	ReasonCreatives Reason = "creatives" // it has no active creative
	ReasonParent    Reason = "parent"    // a parent is missing from the catalog
	ReasonInvalid   Reason = "invalid"   // it cannot be compiled: Build's error says why
	ReasonUnknown   Reason = "unknown"   // no such line item in the catalog
)

const reasonDeals Reason = "deals"

// reasons are the dimensions' names.
var reasons = [numDims]Reason{
	dimTag: "tags", dimCity: "cities", dimRegion: "regions", dimDomain: "domains", dimBundle: "bundles",
	dimCategory: "categories", dimHour: "hours_of_week", dimExchange: "exchanges", dimCountry: "countries", dimDevice: "device_types",
	dimOS: "os", dimSize: "sizes", dimDeal: reasonDeals,
	dimInventory: "", // see inventoryReasons
}

// inventoryReasons are the names of the lists that include sites and apps: each
// that the line item has, since either could have let the impression in.
func inventoryReasons(dst []Reason, t *campaigns.Targeting) []Reason {
	if len(t.Domains.Include) > 0 {
		dst = append(dst, reasons[dimDomain])
	}
	if len(t.Bundles.Include) > 0 {
		dst = append(dst, reasons[dimBundle])
	}
	return dst
}

// Explain says everything about a line item that refuses the impression, each
// reason once and sorted; nothing refuses exactly where Match answers its row.
// Each reason is the field of Targeting that refuses; a request that neither the
// domains nor the bundles include is refused by both where both are given.
// It reads the data that Match reads. It allocates: it is not for the bid path.
func (ix *Index) Explain(req *RequestFacts, imp *ImpFacts, lineItem campaigns.ID) []Reason {
	n, ok := ix.ids[lineItem]
	if !ok {
		if reason, ok := ix.leftOut[lineItem]; ok {
			return []Reason{reason}
		}
		return []Reason{ReasonUnknown}
	}
	var s Scratch
	s.bind(ix)
	ix.holdRequest(&s, req)
	ix.holdImp(&s, imp)
	slices.Sort(s.own)
	ix.holdOwn(&s, s.own, ix.records[n].owner)
	r := &ix.rows[n]

	var out []Reason
	if now := req.Now.UnixMilli(); now < r.start || now >= r.end {
		out = append(out, ReasonFlight)
	}
	if imp.PrivateOnly && !r.deals {
		out = append(out, reasonDeals)
	}
	for f, rows := range s.columns {
		if rows[n>>6]&(1<<(n&63)) == 0 {
			out = append(out, reasons[filterDims[f]])
		}
	}
	t := &ix.lines[n].LineItem.Targeting
	out = refusals(out, ix.requestProgram(n), s.bits, t)
	out = refusals(out, ix.impProgram(n), s.bits, t)
	slices.Sort(out)
	return slices.Compact(out)
}

// refusals appends the names of the clauses of t that do not hold.
func refusals(dst []Reason, program []uint32, bits []uint64, t *campaigns.Targeting) []Reason {
	for i := 0; i < len(program); {
		d, _, count := headerOf(program[i])
		stop := i + 1 + count
		switch {
		case holds(program[i:stop], bits):
		case d == dimInventory:
			dst = inventoryReasons(dst, t)
		default:
			dst = append(dst, reasons[d])
		}
		i = stop
	}
	return dst
}
