package traffic

import (
	"fmt"

	"bidhawk/internal/openrtb"
)

// Verdict is what the filter thinks of a request: OK, or the first reason to
// refuse it. Its name is the same in metrics, explanations and configuration.
type Verdict uint8

// The verdicts, in the order in which they are looked for; impossible.go says
// what exactly each contradiction is.
const (
	OK                   Verdict = iota
	DeviceUnknown                // neither a user agent, nor a system, make or type of device
	Crawler                      // the user agent is on the list of crawlers
	UserAgentGarbage             // an unreplaced macro, markup or control characters
	SUAAgainstUA                 // the structured user agent names another platform
	OSAgainstUA                  // device.os names another one
	StoreAgainstUA               // an app of one system's store on another system
	DeviceTypeAgainstUA          // such as a television that is an iPhone
	ScreenSize                   // no screen has it
	Language                     // no language is called so
	IFAGarbage                   // an advertising id that no single device has
	AddressReserved              // private, loopback or otherwise not of the internet
	AddressDocumentation         // of the ranges for examples: RFC 5737, 3849, 9637
	TorExit
	PublicProxy
	ResidentialProxy
	AnonymousVPN
	DataCentre // a hosting provider's
	Anonymous  // hides its user in a way that the database does not name
	UserRate   // too many requests of one user
	AddressRate
	verdictCount
)

var verdictNames = [verdictCount]string{
	OK: "ok", DeviceUnknown: "device_unknown", Crawler: "crawler", UserAgentGarbage: "user_agent_garbage",
	SUAAgainstUA: "sua_against_ua", OSAgainstUA: "os_against_ua", StoreAgainstUA: "store_against_ua",
	DeviceTypeAgainstUA: "device_type_against_ua", ScreenSize: "screen_size", Language: "language", IFAGarbage: "ifa_garbage",
	AddressReserved: "address_reserved", AddressDocumentation: "address_documentation",
	TorExit: "tor_exit", PublicProxy: "public_proxy", ResidentialProxy: "residential_proxy", AnonymousVPN: "anonymous_vpn",
	DataCentre: "data_centre", Anonymous: "anonymous", UserRate: "user_rate", AddressRate: "address_rate",
}

func (v Verdict) String() string { return verdictNames[v] }

// NBR is the no-bid reason code of OpenRTB 2.6 (AdCOM list: No-Bid Reason
// Codes); NoBidUnknown for OK, which is no reason.
func (v Verdict) NBR() openrtb.NoBidReason {
	switch v {
	case OK:
		return openrtb.NoBidUnknown
	case DeviceUnknown:
		return openrtb.NoBidDevice
	case Crawler:
		return openrtb.NoBidCrawler
	case TorExit, PublicProxy, ResidentialProxy, AnonymousVPN, DataCentre, Anonymous:
		return openrtb.NoBidProxy
	default:
		return openrtb.NoBidNonHuman
	}
}

// Verdicts lists every reason to refuse, for metrics and configuration.
func Verdicts() []Verdict {
	var all []Verdict
	for v := OK + 1; v < verdictCount; v++ {
		all = append(all, v)
	}
	return all
}

// ParseVerdict reads a name; OK is none that can be asked for.
func ParseVerdict(name string) (Verdict, error) {
	for v := OK + 1; v < verdictCount; v++ {
		if verdictNames[v] == name {
			return v, nil
		}
	}
	return OK, fmt.Errorf("traffic verdict: got %.40q; want one of %v", name, Verdicts())
}
