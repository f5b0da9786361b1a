package node

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/bidder"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// readTopic is everything on a topic of a stopped node's log.
func readTopic(t *testing.T, log eventlog.Log, topic string) (list []eventlog.Record) {
	t.Helper()
	n, err := log.Partitions(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for p := range n {
		first, next, err := log.Bounds(t.Context(), topic, p)
		if err != nil {
			t.Fatal(err)
		}
		if first == next {
			continue
		}
		r, err := log.Read(t.Context(), topic, p, eventlog.FirstOffset)
		if err != nil {
			t.Fatal(err)
		}
		for at := first; at < next; {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			batch, err := r.Fetch(ctx, 1000)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, batch...)
			at = batch[len(batch)-1].Offset + 1
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

var clickTracker = regexp.MustCompile(`http://[^"' ]+/t/click/([A-Za-z0-9_.-]+)`)
var shownTracker = regexp.MustCompile(`http://[^"' ]+/t/imp/[A-Za-z0-9_.-]+`)

// everythingHappens makes a node write on every topic that there is.
func everythingHappens(t *testing.T, r *running) {
	t.Helper()
	listed := r.newLine(123, `{"tags":{"any_of":[["list/vip"]]}}`)
	perClick := r.newLine(124, `{}`)
	r.do("POST", fmt.Sprintf("/v1/line-items/%d/pause", perClick.id), "", nil)
	h := r.do("GET", fmt.Sprintf("/v1/line-items/%d", perClick.id), "", nil)
	r.do("PATCH", fmt.Sprintf("/v1/line-items/%d", perClick.id), `{"pricing":"cpc","price_micros":500000,"expected_ctr_ppm":20000,"status":"active"}`, nil, "If-Match", h.Get("ETag"))
	r.do("PUT", "/v1/kill-switches", `{"scope":"line_item","target":1,"on":true,"reason":"a test"}`, nil)
	r.n.breakers.tellOverMax(bidder.OverMax{LineItem: 2, Exchange: "demo", Bid: 2, Max: 1, Currency: money.USD})
	acme := r.entity("/v1/advertisers", "Acme Motors")
	r.do("POST", fmt.Sprintf("/v1/audience-imports?import=a&advertiser=%d&tag=list/vip&id_type=buyeruid:demo&expires=2099-01-01T00:00:00Z", acme),
		"vip\n", nil, "Content-Type", "text/csv")
	clicks := ""
	for _, l := range []line{listed, perClick} {
		var bid = r.bidding(l, "vip")
		html := bid.AdM
		click := clickTracker.FindStringSubmatch(html)
		imp := shownTracker.FindString(html)
		if click == nil || imp == "" {
			t.Fatalf("no trackers in %s", html)
		}
		clicks = click[1]
		for _, x := range []struct {
			address string
			want    int
		}{{bid.NURL, 204}, {bid.BURL, 204}, {imp, 200}, {click[0], 302}} { // in order: a click before its bill waits for it
			if s := r.notify(x.address, "0.9"); s != x.want {
				t.Errorf("%s: %d; want %d", x.address, s, x.want)
			}
		}
	}
	lost := strings.NewReplacer("${AUCTION_LOSS}", "102", "${AUCTION_MIN_TO_WIN}", "1.7").Replace(r.bidding(listed, "vip").LURL)
	if s := r.notify(lost, "1.7"); s != http.StatusNoContent {
		t.Errorf("loss notice: %d", s)
	}
	if s := r.notify("http://x/t/conv?order=A-17&value=12.5&cur=USD&click="+clicks, ""); s != 200 {
		t.Errorf("conversion pixel: %d", s)
	}
	r.do("POST", "/v1/conversions", fmt.Sprintf(`[{"advertiser_id":%d,"order_id":"B-1","value":"3","click_id":%q}]`, acme, clicks), nil)
	garbage := eventlog.Message{Topic: eventlog.TopicExposures, Key: []byte("k"), Value: []byte("garbage")}
	if err := r.n.log.Append(t.Context(), garbage); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "a dead letter", func() bool { return r.n.deadLetters.Load() > 0 })
	within(t, 10*time.Second, "attributed conversions", func() bool {
		_, end, err := r.n.log.Bounds(t.Context(), eventlog.TopicAttributed, 0)
		_, more, e := r.n.log.Bounds(t.Context(), eventlog.TopicAttributed, 1)
		return err == nil && e == nil && end+more >= 2
	})
}

// fieldsOf are the names of an object's fields, those of its parts included.
func fieldsOf(v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, part := range v {
			into[name] = true
			fieldsOf(part, into)
		}
	case []any:
		for _, part := range v {
			fieldsOf(part, into)
		}
	}
}

// What is written on each topic is what docs/topics.md says: every field of
// every record is named in the topic's section, and every type.
func TestTopicsAreAsDocumented(t *testing.T) {
	c := installation(t)
	r := start(t, c)
	everythingHappens(t, r)
	r.stop()
	log, err := OpenLog(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	doc := read(t, "docs/topics.md")
	sections := sectionsOf(doc)
	types := map[string][]string{
		eventlog.TopicBehaviour: {"tag"}, eventlog.TopicMoney: {"claim", "budget", "day", "grant", "return", "bill", "loss", "click"},
		eventlog.TopicPostings: {"bill", "loss", "click"}, eventlog.TopicExposures: {"win", "impression", "click"}, eventlog.TopicAuctions: {"counts"},
	}
	byPacer := []string{"claim", "budget", "day", "grant", "return", "close", "hard"} // documented by pacing/record.go
	for _, topic := range eventlog.Topics(1) {
		section := ""
		for title, text := range sections {
			if name, _, _ := strings.Cut(title, " "); name == topic.Name {
				section = text
			}
		}
		if topic.Name == eventlog.TopicModels {
			continue // nothing is written to it yet
		}
		fields, found := map[string]bool{}, map[string]bool{}
		records := readTopic(t, log, topic.Name)
		if section == "" || len(records) == 0 {
			t.Errorf("%s: %d records, %d bytes of documentation", topic.Name, len(records), len(section))
		}
		for _, rec := range records {
			var v map[string]any
			if string(rec.Value) == "garbage" {
				continue
			}
			if err := json.Unmarshal(rec.Value, &v); err != nil {
				t.Errorf("%s: %q: %v", topic.Name, rec.Value, err)
				continue
			}
			if topic.Name == eventlog.TopicCampaigns {
				checkCampaignKey(t, rec, v)
				continue
			}
			kind, _ := v["type"].(string)
			if found[kind] = true; v["v"] != 1.0 {
				t.Errorf("%s: version %v", topic.Name, v["v"])
			}
			checkTimes(t, topic.Name, v)
			if topic.Name != eventlog.TopicMoney || !slices.Contains(byPacer, kind) {
				fieldsOf(v, fields)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !regexp.MustCompile(`["\x60]` + name + `["\x60]`).MatchString(section) {
				t.Errorf("%s: field %q is written and not documented", topic.Name, name)
			}
		}
		for _, kind := range types[topic.Name] {
			if !found[kind] {
				t.Errorf("%s: no record of the type %q was written", topic.Name, kind)
			}
		}
		if topic.Name != eventlog.TopicConversions { // type is the advertiser's word there
			delete(found, "")
			for kind := range found {
				if !strings.Contains(section, "`"+kind+"`") && !strings.Contains(section, `"type":"`+kind+`"`) {
					t.Errorf("%s: type %q is written and not documented", topic.Name, kind)
				}
			}
		}
	}
}

func checkCampaignKey(t *testing.T, rec eventlog.Record, v map[string]any) {
	t.Helper()
	kind, rest, _ := strings.Cut(string(rec.Key), "/")
	want := fmt.Sprint(v["id"])
	if kind == "kill_switch" {
		want = fmt.Sprintf("line_item/%v", v["target"])
	}
	if rest != want || v["revision"] == nil {
		t.Errorf("campaigns: key %s of %v", rec.Key, v)
	}
}

// checkTimes wants every time in UTC.
func checkTimes(t *testing.T, topic string, v map[string]any) {
	t.Helper()
	for _, name := range []string{"at", "bid_at"} {
		text, ok := v[name].(string)
		if !ok {
			continue
		}
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil || !strings.HasSuffix(text, "Z") {
			t.Errorf("%s: %s %q; want RFC 3339 in UTC", topic, name, text)
		}
	}
}
