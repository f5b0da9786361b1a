package consent

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Finding is one step of a decision: what a signal says and what follows. It
// names no user and holds no consent string.
type Finding struct {
	Signal  string `json:"signal"`
	Says    string `json:"says"`
	Follows string `json:"follows"`
	// Reason is set where this signal alone refuses.
	Reason Reason `json:"reason"`
}

// Explain tells how Decide comes to its decision, by the same rules, and goes on
// after the first refusal. The last finding is the decision. It allocates.
func (p *Policy) Explain(s *Signals) []Finding {
	v := verdict{explain: true}
	p.judge(s, &v)
	d := v.decision()
	v.note("decision", d.Reason, "regime "+d.Regime.String(),
		fmt.Sprintf("personal %t, sync %t, precise place %t", d.Personal, d.Sync, d.PreciseGeo))
	return v.findings
}

func (v *verdict) note(signal string, why Reason, says, follows string) {
	if v.explain {
		v.findings = append(v.findings, Finding{Signal: signal, Says: says, Follows: follows, Reason: why})
	}
}

// String is what the string says of the vendor.
func (t *tcf) String() string {
	var b strings.Builder
	updated := time.Unix(int64(t.updated/10), 0).UTC()
	fmt.Fprintf(&b, "policy version %d of %s by CMP %d, vendor list %d; vendor consent %t, legitimate interest %t; purposes by consent %v, by legitimate interest %v",
		t.policy, updated.Format(time.DateOnly), t.cmp, t.vendorList, t.vendorConsent, t.vendorLI, t.purposesConsent, t.purposesLI)
	if t.hasDisclosed {
		fmt.Fprintf(&b, "; vendor disclosed %t", t.disclosed)
	} else {
		b.WriteString("; no disclosedVendors segment")
	}
	if !t.serviceSpecific {
		b.WriteString("; global scope")
	}
	if t.purposeOneTreatment {
		fmt.Fprintf(&b, "; purpose 1 not disclosed in %s", string(t.publisherCC[:]))
	}
	if t.notAllowed|t.requireConsent|t.requireLI != 0 {
		fmt.Fprintf(&b, "; the publisher forbids %v, requires consent for %v, legitimate interest for %v", t.notAllowed, t.requireConsent, t.requireLI)
	}
	return b.String()
}

// consequence is what follows from a TC string.
func (p *Policy) consequence(why Reason, held PurposeSet, geo bool) string {
	if why == ReasonNone {
		return fmt.Sprintf("a basis for all of %v; %s", p.Needed, place(geo))
	}
	if missing := p.Needed &^ held; missing != 0 {
		return fmt.Sprintf("no basis: %v; needed and missing: purposes %v", why, missing)
	}
	return fmt.Sprintf("no basis: %v", why)
}

// String is what the section says.
func (c *choices) String() string {
	var said []string
	for _, s := range [...]struct {
		on   bool
		text string
	}{
		{c.gpc, "Global Privacy Control"}, {c.child, "a known child or minor"}, {c.saleOut, "opted out of sale"},
		{c.sharingOut, "opted out of sharing"}, {c.targetingOut, "opted out of targeted advertising"},
		{c.service, "service provider mode"}, {c.noNotice, "a notice was not given"},
	} {
		if s.on {
			said = append(said, s.text)
		}
	}
	if len(said) == 0 {
		said = append(said, "no opt-out")
	}
	if c.sensitive > 0 {
		said = append(said, strconv.Itoa(c.sensitive)+" kinds of sensitive data refused")
	}
	return strings.Join(said, ", ")
}

// consequence is what follows from a US section.
func consequence(why Reason, geo bool) string {
	if why == ReasonNone {
		return "allowed; " + place(geo)
	}
	return "no personal data is used"
}

func place(geo bool) string {
	if geo {
		return "a precise place too"
	}
	return "no precise place"
}

func listIDs(ids []uint8) string {
	if len(ids) == 0 {
		return "none"
	}
	var b []byte
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(id), 10)
	}
	return string(b)
}
