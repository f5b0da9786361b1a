package service

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// Limits are checked by who owns the advertiser's partition, and by nobody else.
func TestLimitsAreCheckedByTheOwner(t *testing.T) {
	const advertiser = 3
	partition := eventlog.PartitionOf(pacing.MoneyKey(advertiser), 2)
	epochs := []int64{4, 4}
	epochs[partition] = -1
	other := (&ledger{}).owns(epochs...)
	epochs[partition], epochs[1-partition] = 7, -1
	owner := (&ledger{}).owns(epochs...)
	c := client(t, "", serve(t, other, ""), serve(t, owner, ""))
	edit := func(daily money.Nanos) pacing.LimitEdit {
		return pacing.LimitEdit{Kind: campaigns.KindLineItem, Advertiser: advertiser, Campaign: 4, LineItem: 9, Daily: daily, Lifetime: 8}
	}
	if note, err := c.CheckLimits(t.Context(), edit(7)); note != "" || err != nil {
		t.Errorf("limits that are kept: %q, %v", note, err)
	}
	_, err := c.CheckLimits(t.Context(), edit(5))
	broken, ok := errors.AsType[*campaigns.ValidationError](err)
	if want := []campaigns.Violation{{Field: "line_item.budget.daily_nanos", Value: "5", Rule: "too low"}}; !ok || !reflect.DeepEqual(broken.Violations, want) {
		t.Errorf("limits that are not kept: %v; want %v", err, want)
	}
	if note, err := c.CheckLimits(t.Context(), edit(6)); err != nil || !strings.Contains(note, "Campaign:4 LineItem:9 Daily:0.000000006 ") {
		t.Errorf("a target: %q, %v", note, err)
	}

	// The owner changes: the client finds the new one within the same call.
	owner.owns(-1, -1)
	other.owns(9, 9)
	time.Sleep(atOnce) // a look is of no use earlier
	if note, err := c.CheckLimits(t.Context(), edit(6)); err != nil || note == "" {
		t.Errorf("after the owner has changed: %q, %v", note, err)
	}
	other.owns(-1, -1)
	time.Sleep(atOnce)
	if note, err := c.CheckLimits(t.Context(), edit(6)); !errors.Is(err, pacing.ErrNotReady) || note != "" {
		t.Errorf("without an owner: %q, %v", note, err)
	}

	s := serve(t, (&ledger{}).owns(1, 1), "")
	for body, field := range map[string]string{
		`{"kind":"creative","advertiser":3,"daily_nanos":1,"lifetime_nanos":0}`:  "body.kind",
		`{"kind":"campaign","advertiser":0,"daily_nanos":1,"lifetime_nanos":0}`:  "body.advertiser",
		`{"kind":"campaign","advertiser":3,"daily_nanos":-1,"lifetime_nanos":0}`: "body.daily_nanos",
	} {
		if status, p, text := call(t, s, "POST", "/v1/limit-checks", body); status != 422 || len(p.Errors) != 1 || p.Errors[0].Field != field {
			t.Errorf("%s: %d %s; want a refusal of %s", body, status, text, field)
		}
	}
}
