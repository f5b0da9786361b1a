package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"bidhawk/campaigns"
)

// ownRegistrations refuses a change of what exchanges said of a creative by
// anybody but an operator: whoever may write "approved" needs no review. before
// is nil for a new creative.
func ownRegistrations(ctx context.Context, before, after campaigns.Entity) error {
	now, ok := after.(*campaigns.Creative)
	if !ok || caller(ctx).Role == campaigns.RoleOperator {
		return nil
	}
	was := &campaigns.Creative{}
	if before != nil {
		was = before.(*campaigns.Creative)
	}
	names := maps.Clone(was.Exchanges)
	if names == nil {
		names = map[string]campaigns.Registration{}
	}
	maps.Copy(names, now.Exchanges)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if field, value, changed := registrationChange(was.Exchanges, now.Exchanges, name); changed {
			return violation(http.StatusForbidden, "creative.exchanges."+name+field, value,
				"must be set by an operator: it is what the exchange decided")
		}
	}
	return nil
}

// registrationChange names what differs, as the field below the exchange's name.
func registrationChange(was, now map[string]campaigns.Registration, name string) (field, value string, changed bool) {
	a, before := was[name]
	b, after := now[name]
	switch {
	case before && !after:
		return "", "", true
	case !before || a.Status != b.Status:
		return ".status", string(b.Status), true
	case a.ID != b.ID:
		return ".id", b.ID, true
	case a.Reason != b.Reason:
		return ".reason", b.Reason, true
	}
	return "", "", false
}
