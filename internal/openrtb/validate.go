package openrtb

import (
	"bytes"
	"strconv"

	"bidhawk/internal/money"
)

// Validate checks what OpenRTB 2.6 says must hold, beyond what Decode checked:
// required fields, fields that exclude each other, unique imp ids, sizes and
// times that are not negative. The first break is returned as a *FieldError.
// The supply chain comes last: an error in "schain" says that all else holds, so
// that a bidder may answer it by no-bid reason 16. Validate allocates only for
// an error.
func (r *BidRequest) Validate() error {
	if e := r.check(); e != nil {
		return e
	}
	return nil
}

// check is Validate without the interface, whose nil is another.
func (r *BidRequest) check() *FieldError {
	switch {
	case len(r.ID) == 0:
		return missing("id")
	case len(r.Imp) == 0:
		return missing("imp")
	case r.TMax < 0:
		return negative("tmax", r.TMax)
	case count(r.Site != nil, r.App != nil, r.DOOH != nil) > 1:
		return exclusive("site", "want at most one of site, app and dooh")
	case len(r.WSeat) > 0 && len(r.BSeat) > 0:
		return exclusive("bseat", "want at most one of wseat and bseat")
	case len(r.ACat) > 0 && len(r.BCat) > 0:
		return exclusive("acat", "want at most one of acat and bcat")
	}
	for i := range r.Imp {
		if e := r.Imp[i].check(); e != nil {
			return e.within("imp[" + strconv.Itoa(i) + "]")
		}
	}
	if e := r.checkImpIDs(); e != nil {
		return e
	}
	if r.SChain != nil {
		if e := r.SChain.check(); e != nil {
			return e.within("schain")
		}
	}
	return nil
}

func (r *BidRequest) checkImpIDs() *FieldError {
	for i := range r.Imp {
		for j := range i {
			if bytes.Equal(r.Imp[i].ID, r.Imp[j].ID) {
				return &FieldError{
					Field: "imp[" + strconv.Itoa(i) + "].id", Value: clip(r.Imp[i].ID),
					Rule: "want an id of its own for every imp", Reason: ReasonDuplicate,
				}
			}
		}
	}
	return nil
}

func (imp *Imp) check() *FieldError {
	switch {
	case len(imp.ID) == 0:
		return missing("id")
	case imp.Banner == nil && imp.Video == nil && imp.Audio == nil && imp.Native == nil:
		return &FieldError{Field: "banner", Rule: "want at least one of banner, video, audio and native", Reason: ReasonMissing}
	case imp.BidFloorCur == (money.Currency{}):
		return noCurrency("bidfloorcur")
	case imp.Exp < 0:
		return negative("exp", imp.Exp)
	}
	if e := imp.checkMedia(); e != nil {
		return e
	}
	if imp.PMP == nil {
		return nil
	}
	for i := range imp.PMP.Deals {
		d := &imp.PMP.Deals[i]
		var e *FieldError
		switch {
		case len(d.ID) == 0:
			e = missing("id")
		case d.BidFloorCur == (money.Currency{}):
			e = noCurrency("bidfloorcur")
		}
		if e != nil {
			return e.within("pmp.deals[" + strconv.Itoa(i) + "]")
		}
	}
	return nil
}

func (imp *Imp) checkMedia() *FieldError {
	if imp.Banner != nil {
		if e := imp.Banner.check(); e != nil {
			return e.within("banner")
		}
	}
	if v := imp.Video; v != nil {
		e := v.Stream.check()
		if e == nil {
			e = notNegative(named{"w", v.W}, named{"h", v.H}, named{"skipmin", v.SkipMin}, named{"skipafter", v.SkipAfter})
		}
		if e != nil {
			return e.within("video")
		}
	}
	if imp.Audio != nil {
		if e := imp.Audio.Stream.check(); e != nil {
			return e.within("audio")
		}
	}
	if imp.Native != nil && len(imp.Native.Request) == 0 {
		return missing("request").within("native")
	}
	return nil
}

func (b *Banner) check() *FieldError {
	if e := notNegative(named{"w", b.W}, named{"h", b.H}); e != nil {
		return e
	}
	for i := range b.Format {
		f := &b.Format[i]
		e := notNegative(named{"w", f.W}, named{"h", f.H}, named{"wratio", f.WRatio}, named{"hratio", f.HRatio}, named{"wmin", f.WMin})
		if e != nil {
			return e.within("format[" + strconv.Itoa(i) + "]")
		}
	}
	return nil
}

func (s *Stream) check() *FieldError {
	switch {
	case len(s.MIMEs) == 0:
		return missing("mimes")
	case len(s.RqdDurs) > 0 && (s.MinDuration != 0 || s.MaxDuration != 0):
		return exclusive("rqddurs", "want either rqddurs or minduration and maxduration")
	}
	for _, d := range s.RqdDurs {
		if d <= 0 {
			return negative("rqddurs", d)
		}
	}
	return notNegative(named{"minduration", s.MinDuration}, named{"maxduration", s.MaxDuration},
		named{"poddur", s.PodDur}, named{"maxseq", s.MaxSeq},
		named{"minbitrate", s.MinBitrate}, named{"maxbitrate", s.MaxBitrate})
}

func (c *SChain) check() *FieldError {
	switch {
	case c.Complete == FlagUnset:
		return missing("complete")
	case len(c.Ver) == 0:
		return missing("ver")
	case len(c.Nodes) == 0:
		return missing("nodes")
	}
	for i := range c.Nodes {
		var e *FieldError
		switch n := &c.Nodes[i]; {
		case len(n.ASI) == 0:
			e = missing("asi")
		case len(n.SID) == 0:
			e = missing("sid")
		}
		if e != nil {
			return e.within("nodes[" + strconv.Itoa(i) + "]")
		}
	}
	return nil
}

// within puts the path of the object around e's field before it.
func (e *FieldError) within(parent string) *FieldError {
	e.Field = parent + "." + e.Field
	return e
}

func missing(field string) *FieldError {
	return &FieldError{Field: field, Rule: "is required", Reason: ReasonMissing}
}

func exclusive(field, rule string) *FieldError {
	return &FieldError{Field: field, Rule: rule, Reason: ReasonExclusive}
}

func noCurrency(field string) *FieldError {
	return &FieldError{Field: field, Rule: "want three letters of ISO 4217", Reason: ReasonRange}
}

func negative(field string, v int) *FieldError {
	return &FieldError{Field: field, Value: strconv.Itoa(v), Rule: "want a number that is not negative", Reason: ReasonRange}
}

type named struct {
	field string
	v     int
}

func notNegative(values ...named) *FieldError {
	for _, n := range values {
		if n.v < 0 {
			return negative(n.field, n.v)
		}
	}
	return nil
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}
