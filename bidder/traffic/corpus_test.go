package traffic

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

// auction is what the bid stream of 2012 says of a device and its user.
type auction struct {
	IP        string `json:"ipAddress"`
	UA        string `json:"userAgent"`
	Language  string
	Timestamp float64
	UserIDs   struct{ XChg string }
}

// TestTheBidstream replays 32 seconds of real requests. What they were refused
// for is known in outline: they were read one by one.
func TestTheBidstream(t *testing.T) {
	path := data(t, "bidstream", "20000-auctions.jsonl.xz")
	raw, err := exec.Command("xz", "-dc", path).Output()
	if err != nil {
		t.Skipf("unpack %s: %v", path, err)
	}
	f, total := newDefault(t), 0
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for ; lines.Scan(); total++ {
		var a auction
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		r := openrtb.BidRequest{Device: &openrtb.Device{UA: []byte(a.UA), IP: []byte(a.IP), Language: []byte(a.Language)}}
		user := ids.UserKey(0)
		if a.UserIDs.XChg != "" {
			user = ids.UserKey(xxhash.Sum64String(a.UserIDs.XChg))
		}
		f.Judge(&r, user, time.Unix(0, int64(a.Timestamp*1e9)))
	}
	got := report(t, f)
	if total != 20_000 {
		t.Fatalf("got %d requests; the stream is not read right", total)
	}
	between := func(v Verdict, least, most uint64) {
		t.Helper()
		if got[v] < least || got[v] > most {
			t.Errorf("%v: got %d; want %d to %d", v, got[v], least, most)
		}
		delete(got, v)
	}
	between(OK, 19_000, 20_000)
	between(Crawler, 37, 37)   // Google Web Preview, Googlebot, BingPreview, Slurp
	between(UserRate, 50, 200) // one id of 497 requests from 432 devices
	between(AddressRate, 0, 0) // 12 requests of an address at most
	between(AddressReserved, 0, 20)
	for v, n := range got {
		t.Errorf("%v: got %d; a browser of 2012 says nothing of that kind", v, n)
	}
}

func newDefault(t *testing.T) *Filter {
	t.Helper()
	f, err := New(DefaultConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// report logs what was judged and returns it.
func report(t *testing.T, f *Filter) map[Verdict]uint64 {
	t.Helper()
	got := map[Verdict]uint64{}
	for v, n := range f.Stats().Counts {
		if n > 0 {
			got[Verdict(v)] = n
			t.Logf("%6d %v", n, Verdict(v))
		}
	}
	return got
}

// TestTheCorpusOfRequests: requests that people wrote for specifications and tests
// are odd, and few are impossible. Those that were composed at random are not
// of one device, and nearly all of them come from addresses for documentation.
func TestTheCorpusOfRequests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(data(t, "openrtb", "valid"), "*.json"))
	if err != nil || len(files) < 500 {
		t.Fatalf("got %d files, %v; the corpus is not complete", len(files), err)
	}
	written, composed := newDefault(t), newDefault(t)
	var r openrtb.BidRequest
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if r.Decode(body) != nil {
			continue
		}
		name := filepath.Base(file)
		if strings.HasPrefix(name, "composed__") {
			composed.Judge(&r, 0, noon)
			continue
		}
		if v := written.Judge(&r, 0, noon); v != OK {
			d := r.Device
			t.Logf("%s: %v: ip=%s %s os=%s type=%d %dx%d lang=%s ifa=%s ua=%s", name, v, d.IP, d.IPv6, d.OS, d.DeviceType, d.W, d.H, d.Language, d.IFA, d.UA)
		}
	}
	t.Log("written:")
	got := report(t, written)
	t.Log("composed:")
	report(t, composed)
	if got[OK] < 315 {
		t.Errorf("got %d requests of people; want 315 at least: two in ten have loopback addresses and screens of 2x2", got[OK])
	}
}
