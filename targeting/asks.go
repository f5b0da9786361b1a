package targeting

import (
	"strings"

	"bidhawk/campaigns"
)

// asks is what targeting asks of a dimension, as keys that equal a request's.
// It answers for every dimension but tags and hours; inventory is domains and bundles.
func asks(t *campaigns.Targeting, d dim) campaigns.Set {
	switch d {
	case dimExchange:
		return campaigns.Set{Include: keys(t.Exchanges, appendFoldString)}
	case dimCountry:
		return setOf(t.Countries, appendFoldString)
	case dimDevice:
		return campaigns.Set{Include: keys(t.DeviceTypes, appendInt)}
	case dimOS:
		return campaigns.Set{Include: keys(t.OS, appendFoldString)}
	case dimRegion:
		return setOf(t.Regions, appendFoldString)
	case dimCity:
		return setOf(t.Cities, appendCityOf)
	case dimDomain:
		return setOf(t.Domains, appendDomain)
	case dimBundle:
		return t.Bundles
	case dimCategory:
		return setOf(t.Categories, appendFoldString)
	case dimSize:
		return campaigns.Set{Include: keys(t.Sizes, appendSize)}
	case dimDeal:
		return campaigns.Set{Include: t.Deals}
	}
	return campaigns.Set{}
}

func setOf(s campaigns.Set, appendKey func(dst []byte, v string) []byte) campaigns.Set {
	return campaigns.Set{Include: keys(s.Include, appendKey), Exclude: keys(s.Exclude, appendKey)}
}

// keys turns values into keys.
func keys[T any](values []T, appendKey func(dst []byte, v T) []byte) []string {
	if len(values) == 0 {
		return nil
	}
	out := make([]string, len(values))
	var key []byte
	for i, v := range values {
		key = appendKey(key[:0], v)
		out[i] = string(key)
	}
	return out
}

func appendFoldString(dst []byte, v string) []byte { return appendFold(dst, v) }

// appendDomain appends a host name without the root's dot.
func appendDomain(dst []byte, v string) []byte {
	return appendFoldString(dst, strings.TrimSuffix(v, "."))
}

// appendCityOf takes "USA/San Francisco" apart as appendCity joins it.
func appendCityOf(dst []byte, v string) []byte {
	country, city, found := strings.Cut(v, "/")
	if !found || country == "" || city == "" {
		return dst // names no city: no request has it
	}
	return appendCity(dst, []byte(country), []byte(city))
}
