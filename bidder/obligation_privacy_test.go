package bidder

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"bidhawk/campaigns"
)

// TestNothingOfAUserIsKept is of the row "User, device": neither the sample of
// refused requests nor a log has an id, wherever a request breaks, nor has any
// record where there is no legal basis.
func TestNothingOfAUserIsKept(t *testing.T) {
	core, logged := observer.New(zapcore.DebugLevel)
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}),
		func(_ *Config, d *Deps) { d.Logger = zap.New(core) })
	const id = "SECRET-0123456789"
	f := func(old, new string, status int) {
		t.Helper()
		h.clock.Set(h.clock.Now().Add(time.Second)) // past the sample's pause
		request := strings.Replace(plainRequest, old, new, 1)
		if got := h.bid(request).StatusCode(); got != status {
			t.Errorf("%s: got %d; want %d", new, got, status)
		}
		sample, err := json.Marshal(h.Refused())
		if err != nil {
			t.Fatal(err)
		}
		everything := fmt.Sprint(string(sample), logged.All(), h.events.msgs)
		if strings.Contains(everything, "SECRET") {
			t.Fatalf("%s: the id was kept: %s", new, everything)
		}
	}
	f(`"u7"`, `"`+id, 400)
	f(`"u7"`, `"`+id+`","eids":[{"source":"x.example","uids":[{"id":"`+id+`"}]}]`, 200)
	f(`"u7"`, `{"`+id+`":1}`, 400)
	f(`"id":"1"`, `"id":""`, 400)
	f(`"bidfloor":0.5`, `"bidfloorcur":"`+id+`"`, 400)
	f(`"w":300`, `"w":"`+id+`"`, 400)
	f(`"u7"`, `"`+id+`"},"regs":{"gdpr":1}, "x":{`, 200)
	if n := len(h.Refused()); n != 5 {
		t.Errorf("sampled %d requests; want 5", n)
	}
}
