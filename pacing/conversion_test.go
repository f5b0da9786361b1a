package pacing

import (
	"os"
	"strings"
	"testing"

	"bidhawk/internal/money"
)

// TestAttributionsChargesAreReadable: what attribution writes, which knows this package
// only by docs/topics.md, is a conversion here; a record that is none stops a shard.
func TestAttributionsChargesAreReadable(t *testing.T) {
	raw, err := os.ReadFile("../attribution/testdata/charge.json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := decodeRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	if d.typ != TypeConversion || d.notice == nil {
		t.Fatalf("got %+v", d)
	}
	// Written again it is the same, to the byte: no field is lost between the two.
	msg, err := ConversionMessage(d.notice)
	if err != nil {
		t.Fatal(err)
	}
	for field := range strings.SplitSeq(strings.Trim(strings.TrimSpace(string(raw)), "{}"), ",") {
		if !strings.Contains(string(msg.Value), field) {
			t.Errorf("%s is lost: %s", field, msg.Value)
		}
	}
	if n := d.notice; n.Order != "A-17" || n.Value != 12*money.Unit+money.Unit/2 || n.Lease != 812 || n.Format != "video" {
		t.Errorf("got %+v", n)
	}
}
