package targeting

import "bytes"

// holdRequest enters what the request has into s.
func (ix *Index) holdRequest(s *Scratch, req *RequestFacts) {
	for i, zone := range ix.zones {
		ix.hold(s, dimHour, uint32(i)*weekHours+uint32(s.offsets[i].hour(req.Now, zone)))
	}
	ix.holdFiltered(s, req)
	ix.holdPlace(s, req)
	if len(req.Domain) > 0 {
		s.key = appendFold(s.key[:0], bytes.TrimSuffix(req.Domain, []byte{'.'}))
		ix.holdDomain(s, bounded(s.key))
	}
	if len(req.Bundle) > 0 {
		ix.holdKey(s, dimBundle, req.Bundle)
	}
	for _, c := range req.Categories {
		s.key = appendFold(s.key[:0], c)
		ix.holdCategory(s, s.key)
	}
	ix.holdTags(s, req)
}

// holdFiltered enters the values that have filters.
func (ix *Index) holdFiltered(s *Scratch, req *RequestFacts) {
	s.key = appendFold(s.key[:0], req.Exchange)
	ix.filter(s, filterExchange)
	s.key = appendFold(s.key[:0], req.Country)
	ix.filter(s, filterCountry)
	s.key = appendInt(s.key[:0], req.DeviceType)
	ix.filter(s, filterDevice)
	s.key = appendFold(s.key[:0], req.OS)
	ix.filter(s, filterOS)
}

// filter sets a filter's column to the one for the value in s.key. The value may
// be in programs too: of rows that name rare values beside it.
func (ix *Index) filter(s *Scratch, f int) {
	s.columns[f] = ix.filters[f].column(s.key)
	ix.holdKey(s, filterDims[f], s.key)
}

func (ix *Index) holdPlace(s *Scratch, req *RequestFacts) {
	if len(req.Country) == 0 {
		return
	}
	if len(req.Region) > 0 {
		s.key = appendRegion(s.key[:0], req.Country, req.Region)
		ix.holdKey(s, dimRegion, s.key)
	}
	if len(req.City) > 0 {
		s.key = appendCity(s.key[:0], req.Country, req.City)
		ix.holdKey(s, dimCity, s.key)
	}
}

// holdDomain enters a domain and every parent of it.
func (ix *Index) holdDomain(s *Scratch, domain []byte) {
	for more := true; more; {
		ix.holdKey(s, dimDomain, domain)
		_, domain, more = bytes.Cut(domain, []byte{'.'})
	}
}

// holdCategory enters a category and its parents: "IAB1-6", then "IAB1".
func (ix *Index) holdCategory(s *Scratch, category []byte) {
	for len(category) > 0 {
		ix.holdKey(s, dimCategory, category)
		category = category[:max(0, bytes.LastIndexByte(category, '-'))]
	}
}

// holdTags enters the operator's tags, and sets the advertisers' own aside.
func (ix *Index) holdTags(s *Scratch, req *RequestFacts) {
	for _, key := range req.Tags {
		v, ok := ix.tags.find(key.Number())
		if !ok {
			continue
		}
		if key.Owner() == 0 {
			ix.hold(s, dimTag, v)
		} else if bit, ok := ix.owners[key.Owner()]; ok {
			s.set(bit)
			s.own = append(s.own, uint64(bit)<<32|uint64(v))
		}
	}
}

// holdImp enters what an imp has.
func (ix *Index) holdImp(s *Scratch, imp *ImpFacts) {
	for _, size := range imp.Sizes {
		s.key = appendSize(s.key[:0], size)
		ix.holdKey(s, dimSize, s.key)
	}
	for _, deal := range imp.Deals {
		if len(deal) > 0 {
			ix.holdKey(s, dimDeal, deal)
		}
	}
}
