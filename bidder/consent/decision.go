package consent

import "fmt"

// Decision is what the signals allow. The zero value allows nothing.
type Decision struct {
	// Personal: the profile may be read; ids may be used, stored and logged.
	Personal bool
	// Sync: ids may be matched and our cookie set. It implies Personal, and under the
	// GDPR purpose 1.
	Sync bool
	// PreciseGeo: a place finer than about 1 km may be used. It implies Personal.
	PreciseGeo bool
	// Reason is the first cause why Personal is false; ReasonNone else.
	Reason Reason
	// Regime is the one that the reason is of; without a reason, the first that applies.
	Regime Regime
}

// Reason says why no personal data may be used. Its name is the same in metrics,
// no-bid counts and explanations.
type Reason uint8

// The reasons, in about the order in which they are looked for. ReasonCount is how
// many there are.
const (
	ReasonNone Reason = iota
	ReasonCOPPA
	ReasonLmt
	ReasonDNT
	ReasonGPC
	ReasonGPPMalformed
	ReasonGDPRUnregistered
	ReasonGDPRNoConsentString
	ReasonGDPRMalformed
	ReasonGDPRScope
	ReasonGDPRPolicyVersion
	ReasonGDPRVendorNotDisclosed
	ReasonGDPRNoVendorConsent
	ReasonGDPRPurpose
	ReasonUSPrivacyMalformed
	ReasonGPPNoSection
	ReasonGPPUnknownSection
	ReasonUSChild
	ReasonUSOptOut
	ReasonUSNoNotice
	ReasonUSServiceProvider
	ReasonCount
)

var reasonNames = [ReasonCount]string{
	ReasonNone: "none", ReasonCOPPA: "coppa", ReasonLmt: "lmt", ReasonDNT: "dnt", ReasonGPC: "gpc",
	ReasonGPPMalformed: "gpp_malformed", ReasonGDPRUnregistered: "gdpr_unregistered",
	ReasonGDPRNoConsentString: "gdpr_no_consent_string", ReasonGDPRMalformed: "gdpr_malformed",
	ReasonGDPRScope: "gdpr_global_scope", ReasonGDPRPolicyVersion: "gdpr_policy_version",
	ReasonGDPRVendorNotDisclosed: "gdpr_vendor_not_disclosed", ReasonGDPRNoVendorConsent: "gdpr_no_vendor_consent",
	ReasonGDPRPurpose: "gdpr_purpose", ReasonUSPrivacyMalformed: "us_privacy_malformed",
	ReasonGPPNoSection: "gpp_no_section", ReasonGPPUnknownSection: "gpp_unknown_section", ReasonUSChild: "us_child",
	ReasonUSOptOut: "us_opt_out", ReasonUSNoNotice: "us_no_notice", ReasonUSServiceProvider: "us_service_provider",
}

func (r Reason) String() string { return reasonNames[r] }

// MarshalText is String, for JSON.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Reason) UnmarshalText(text []byte) error {
	for i, name := range reasonNames {
		if name == string(text) {
			*r = Reason(i)
			return nil
		}
	}
	return fmt.Errorf("consent reason: got %.40q; want a name of one", text)
}

// Regime is a body of rules that a signal brings in.
type Regime uint8

// The regimes. RegimeCount is how many there are.
const (
	RegimeNone   Regime = iota // no signal of any
	RegimeCOPPA                // US children's privacy, by regs.coppa
	RegimeDevice               // the device's own setting: lmt, dnt, Global Privacy Control
	RegimeGDPR                 // of the EU and the UK, by TCF
	RegimeUS                   // national and state laws, by us_privacy and GPP
	RegimeOther                // a GPP section that we can't read
	RegimeCount
)

var regimeNames = [RegimeCount]string{
	RegimeNone: "none", RegimeCOPPA: "coppa", RegimeDevice: "device", RegimeGDPR: "gdpr", RegimeUS: "us", RegimeOther: "other",
}

func (r Regime) String() string { return regimeNames[r] }

// MarshalText is String, for JSON.
func (r Regime) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
