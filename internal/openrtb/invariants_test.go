//go:build invariants

package openrtb

import "testing"

func TestViewsAreWipedOnReset(t *testing.T) {
	r := mustDecode(t, `{"bcat":["a"],"site":{"name":"\u0061bc"}}`)
	name, bcat := r.Site.Name, r.BCat
	r.Reset()
	if string(name) != "\xdb\xdb\xdb" || bcat[0] != nil {
		t.Errorf("got %q and %q; want both wiped", name, bcat)
	}
}
