package node

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bidhawk/pacing/frequency"
)

// TestANewNodeStartsFromAnothersCounts: over the API, for operators, into a directory
// that no node has used.
func TestANewNodeStartsFromAnothersCounts(t *testing.T) {
	r := start(t, installation(t))
	ours := r.newLine(125, `{}`)
	advertiser := r.entity("/v1/advertisers", "Acme Motors")
	r.do("PATCH", "/v1/advertisers/"+fmt.Sprint(advertiser), `{"frequency_caps":[{"max":1,"window":"lifetime"}]}`, nil, "If-Match", "*")
	var markup string
	within(t, 5*time.Second, "a bid", func() bool {
		b := r.offer(ours, "u0000009")
		if b != nil {
			markup = b.AdM
		}
		return b != nil
	})
	_, rest, ok := strings.Cut(markup, "/t/imp/")
	if !ok {
		t.Fatalf("no tracker in %s", markup)
	}
	token, _, _ := strings.Cut(rest, `"`)
	req, err := http.NewRequest(http.MethodGet, r.bids("/t/imp/"+token), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("impression: %v, %v", resp, err)
	}
	resp.Body.Close()
	var snapshot []byte
	within(t, 5*time.Second, "the impression's count in a snapshot", func() bool {
		status, _, b := r.call(r.key, "GET", "/v1/exposures/snapshot", "")
		if status != http.StatusOK {
			t.Fatalf("got %d", status)
		}
		snapshot = b
		return bytes.Contains(b, binary.BigEndian.AppendUint64([]byte{'c', byte(frequency.LevelAdvertiser)}, uint64(advertiser)))
	})
	if status, _, _ := r.call("nobody", "GET", "/v1/exposures/snapshot", ""); status != http.StatusUnauthorized {
		t.Errorf("without a key: got %d; want 401", status)
	}
	if err := RestoreExposures(r.n.cfg, bytes.NewReader(snapshot)); err == nil || !strings.Contains(err.Error(), "a node runs") {
		t.Errorf("into a running node's directory: got %v", err)
	}
	c := r.n.cfg
	c.DataDir = filepath.Join(t.TempDir(), "new")
	if err := RestoreExposures(c, bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(filepath.Join(c.DataDir, "exposures")); err != nil || len(files) == 0 {
		t.Errorf("got %d files, %v", len(files), err)
	}
	if err := RestoreExposures(c, bytes.NewReader(snapshot)); err == nil || !strings.Contains(err.Error(), "has counts of its own") {
		t.Errorf("a second time: got %v", err)
	}
}
