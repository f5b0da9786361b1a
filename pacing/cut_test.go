package pacing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

func TestCutBudgets(t *testing.T) {
	have := AccountBalance{Currency: money.USD, Today: Horizon{Posted: 50, Held: 10}, Lifetime: Horizon{Posted: 500, Held: 30}}
	f := func(daily, lifetime money.Nanos, wantNote, wantError string) {
		t.Helper()
		note, err := cut(campaigns.KindLineItem, have, campaigns.Budget{Daily: daily, Lifetime: lifetime}, time.Minute)
		if (wantNote == "") != (note == "") || !strings.Contains(note, wantNote) {
			t.Errorf("%d, %d: note %q; want %q", daily, lifetime, note, wantNote)
		}
		if wantError == "" {
			if err != nil {
				t.Errorf("%d, %d: %v", daily, lifetime, err)
			}
			return
		}
		var broken *campaigns.ValidationError
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), wantError) {
			t.Errorf("%d, %d: %v; want %q", daily, lifetime, err, wantError)
		}
	}
	f(0, 0, "", "")
	f(60, 530, "", "")
	f(59, 530, "budget.daily_nanos is a target for now", "")
	f(60, 500, "1m0s at the latest", "")
	f(49, 530, "", `line_item.budget.daily_nanos "49": must be at least what is posted today, 50`)
	f(60, 499, "", `line_item.budget.lifetime_nanos "499": must be at least what is posted, 500`)
}
