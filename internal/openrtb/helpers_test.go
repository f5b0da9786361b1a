package openrtb

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// sharedData is the folder of public test data, absent on most machines.
func sharedData(tb testing.TB, elem ...string) string {
	tb.Helper()
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("no test data: %s is absent (set BIDHAWK_DATA)", path)
	}
	return path
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func mustDecode(tb testing.TB, body string) *BidRequest {
	tb.Helper()
	var r BidRequest
	if err := r.Decode([]byte(body)); err != nil {
		tb.Fatalf("Decode(%.200s): %v", body, err)
	}
	return &r
}

// snapshot is all that r says, comparable.
func snapshot(tb testing.TB, r *BidRequest) string {
	tb.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}
