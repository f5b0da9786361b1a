package profiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// memAppender keeps what is appended; it copies, as the contract demands.
type memAppender struct {
	msgs  []eventlog.Message
	calls int
	err   error
}

func (a *memAppender) Append(_ context.Context, msgs ...eventlog.Message) error {
	if a.calls++; a.err != nil {
		return a.err
	}
	for _, m := range msgs {
		a.msgs = append(a.msgs, eventlog.Message{Topic: m.Topic, Key: bytes.Clone(m.Key), Value: bytes.Clone(m.Value)})
	}
	return nil
}

func testKeys(t testing.TB) *ids.Keyring {
	t.Helper()
	k, err := ids.NewKeyring([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func importOptions(t testing.TB, idType string, log Appender) ImportOptions {
	t.Helper()
	typ, err := ParseIDType(idType)
	if err != nil {
		t.Fatal(err)
	}
	return ImportOptions{ID: "spring", Tag: TagPath{Owner: 7, Path: "list/vip", Weight: 9, Expires: testNow.AddDate(0, 0, 30)},
		IDType: typ, At: testNow, Keys: testKeys(t), Log: log}
}

func TestImportList(t *testing.T) {
	keys := testKeys(t)
	f := func(idType, in string, want []ids.UserKey, refused ...string) {
		t.Helper()
		var log memAppender
		report, err := ImportList(t.Context(), importOptions(t, idType, &log), strings.NewReader(in))
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		d := decoder{numbers: someTags}
		var got []ids.UserKey
		for _, m := range log.msgs {
			e, err := d.event(&eventlog.Record{Key: m.Key, Value: m.Value})
			if err != nil || m.Topic != eventlog.TopicBehaviour ||
				e.tag != (Tag{Key: campaigns.NewTagKey(7, someTags["list/vip"]), Weight: 9, Expires: MinuteOf(testNow.AddDate(0, 0, 30)), Seen: testNow.UnixMilli()}) {
				t.Errorf("%q: got %s, %v", in, m.Value, err)
			}
			got = append(got, e.user)
		}
		var first []string
		for _, r := range report.First {
			first = append(first, r.String())
		}
		if !slices.Equal(got, want) || !slices.Equal(first, refused) || report.Accepted != int64(len(want)) || report.Read != int64(len(want)+len(refused)) {
			t.Errorf("%q:\ngot %v, %q, %+v\nwant %v, %q", in, got, first, report, want, refused)
		}
	}
	demo := func(raw string) ids.UserKey { return keys.User(ids.KindBuyerUID, "demo", []byte(raw)) }
	f("buyeruid:demo", "", nil)
	f("buyeruid:demo", "a\nb", []ids.UserKey{demo("a"), demo("b")})
	f("buyeruid:demo", "\xef\xbb\xbfBuyerUID,age\r\na,5\r\n\r\n  b , 7\r\n", []ids.UserKey{demo("a"), demo("b")})
	f("buyeruid:demo", "\n\nid\na\nid\n", []ids.UserKey{demo("a"), demo("id")})
	f("buyeruid:demo", "\"a,\"\"b\",1\n\"c\n\"d\"e\n", []ids.UserKey{demo(`a,"b`)}, "line 2: line: quotes do not match", "line 3: line: quotes do not match")
	f("buyeruid:demo", "a\xff\n,x\nb\x01c\nok\n", []ids.UserKey{demo("ok")},
		"line 1: id: not UTF-8", "line 2: id: empty", "line 3: id: has a control character")
	f("buyeruid:demo", strings.Repeat("x", maxRawIDBytes+1)+"\n"+strings.Repeat("y", maxLineBytes*3)+"\nz\n"+strings.Repeat("y", maxLineBytes), []ids.UserKey{demo("z")},
		"line 1: id: longer than 512 bytes", "line 2: line: longer than 65536 bytes", "line 4: line: longer than 65536 bytes")
	ifa := keys.User(ids.KindIFA, "", []byte("abcdef01-2345-6789-abcd-ef0123456789"))
	f("ifa", "IDFA\nABCDEF01-2345-6789-ABCD-EF0123456789\nabcdef01-2345-6789-abcd-ef0123456789\n00000000-0000-0000-0000-000000000000\nnope\nabcdef01-2345-6789-abcd-ef012345678g\n",
		[]ids.UserKey{ifa, ifa}, "line 4: id: all zeros: tracking is off",
		"line 5: id: not a device id: want 8-4-4-4-12 hex digits", "line 6: id: not a device id: want 8-4-4-4-12 hex digits")
	f("eid:uid.example", "q\n", []ids.UserKey{keys.User(ids.KindEID, "uid.example", []byte("q"))})
	f("list:crm", "q\n", []ids.UserKey{keys.User(ids.KindList, "crm", []byte("q"))})
}

// TestImportListIsIdempotent: the same list, wherever the reader cuts it, gives
// the same bytes.
func TestImportListIsIdempotent(t *testing.T) {
	in := "id\r\n" + strings.Repeat("u1\r\nu2\n", 1500) + "u3"
	var a, b memAppender
	calls := 0
	o := importOptions(t, "buyeruid:demo", &a)
	o.Progress = func(r Report) {
		if calls++; r.Accepted != int64(min(calls*importBatch, 3001)) {
			t.Errorf("progress %d: got %d", calls, r.Accepted)
		}
	}
	if _, err := ImportList(t.Context(), o, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if _, err := ImportList(t.Context(), importOptions(t, "buyeruid:demo", &b), iotest.OneByteReader(strings.NewReader(in))); err != nil {
		t.Fatal(err)
	}
	equal := func(x, y eventlog.Message) bool { return bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Value, y.Value) }
	if calls != 4 || len(a.msgs) != 3001 || !slices.EqualFunc(a.msgs, b.msgs, equal) {
		t.Errorf("%d calls, %d and %d events; want 4, and 3001 equal ones", calls, len(a.msgs), len(b.msgs))
	}
	if equal(a.msgs[0], a.msgs[1]) || !equal(a.msgs[0], a.msgs[2]) {
		t.Error("events must differ by user only")
	}
}

// TestImportListKeepsNoRawID searches everything an import gives out.
func TestImportListKeepsNoRawID(t *testing.T) {
	const secret = "Jane.Doe"
	in := secret + "\n\"" + secret + "\n" + secret + "\x02\n" + secret + "\xff\n" + strings.Repeat(secret, 100) + "\n"
	var log memAppender
	o := importOptions(t, "list:crm", &log)
	report, err := ImportList(t.Context(), o, io.MultiReader(strings.NewReader(in), iotest.ErrReader(errors.New("disk"))))
	if err == nil || !strings.Contains(err.Error(), "disk") {
		t.Fatalf("got %v; want the reader's error", err)
	}
	log.err = errFlaky
	_, err2 := ImportList(t.Context(), o, strings.NewReader(in))
	if !errors.Is(err2, errFlaky) {
		t.Fatalf("got %v; want the log's error", err2)
	}
	out := fmt.Sprint(report, err, err2, slices.Collect(maps.Keys(report.Refused)))
	for _, m := range log.msgs {
		out += string(m.Key) + string(m.Value)
	}
	if strings.Contains(strings.ToLower(out), "jane") {
		t.Errorf("a raw id came out: %s", out)
	}
	if len(report.First) != 4 {
		t.Errorf("got %v; want 4 refused", report.First)
	}
}

func TestImportListRefuses(t *testing.T) {
	f := func(field string, change func(*ImportOptions)) {
		t.Helper()
		o := importOptions(t, "ifa", &memAppender{})
		change(&o)
		if _, err := ImportList(t.Context(), o, strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v; want an error that names %s", err, field)
		}
	}
	f("id:", func(o *ImportOptions) { o.ID = "" })
	f("id type:", func(o *ImportOptions) { o.IDType = IDType{} })
	f("at:", func(o *ImportOptions) { o.At = time.Time{} })
	f("keys:", func(o *ImportOptions) { o.Keys = nil })
	f("log:", func(o *ImportOptions) { o.Log = nil })
	f("expires:", func(o *ImportOptions) { o.Tag.Expires = o.At })
	f("owner:", func(o *ImportOptions) { o.Tag.Owner = -1 })
	f("tag:", func(o *ImportOptions) { o.Tag.Path = "" })
	f("weight:", func(o *ImportOptions) { o.Tag.Weight = 0 })
	for _, s := range []string{"", "ifa:", "ifa:x", "buyeruid", "buyeruid:", "eid:", "list", "mail:x"} {
		if got, err := ParseIDType(s); err == nil {
			t.Errorf("id type %q: got %v; want an error", s, got)
		}
	}
}

func FuzzImportList(f *testing.F) {
	f.Add([]byte("id,x\n\"a\"\"b\",c\r\nd\n"))
	f.Add([]byte("\xef\xbb\xbf\n\"\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var log memAppender
		report, err := ImportList(t.Context(), importOptions(t, "buyeruid:demo", &log), bytes.NewReader(in))
		refused := int64(0)
		for _, n := range report.Refused {
			refused += n
		}
		if err != nil || report.Accepted+refused != report.Read || report.Accepted != int64(len(log.msgs)) || report.Read > int64(bytes.Count(in, []byte("\n"))+1) {
			t.Fatalf("%q: got %+v, %v, %d events", in, report, err, len(log.msgs))
		}
	})
}

// TestImportToBid imports a list and sees its tag in the bidder's store; a
// repeated import changes nothing.
func TestImportToBid(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 2)
	front := memStore(t, fs, "profiles")
	runner(t, newFeed(t, l, front, &deadLetters{}).Run)
	b := newBuilder(t, l, memStore(t, fs, "profiler"), &deadLetters{})
	runner(t, b.Run)
	user := testKeys(t).User(ids.KindBuyerUID, "demo", []byte("u9"))
	o := importOptions(t, "buyeruid:demo", l)
	for round := range 2 {
		if _, err := ImportList(t.Context(), o, strings.NewReader("u9\n")); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the tag", func() bool { return len(tagsOf(front, user)) == 1 && b.Stats().Stale >= uint64(round) })
	}
	if n := len(published(t, l, eventlog.TopicProfiles)); n != 1 {
		t.Errorf("%d profiles published; want 1", n)
	}
	if tags, _ := front.AppendTags(nil, user, testNow.AddDate(0, 0, 30)); len(tags) != 0 {
		t.Errorf("after 30 days: got %v", tags)
	}
}

func TestSeedProfiles(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, 2)
	paths := slices.Sorted(maps.Keys(someTags))
	last := 0
	o := SeedOptions{
		Users: 5001, Version: 1, At: testNow, Log: l,
		User:     func(i int) ids.UserKey { return ids.UserKey(i) }, // 0 is left out
		Tags:     RandomTags(1, 0, paths, 2, 4, testNow.AddDate(1, 0, 0)),
		Progress: func(n int) { last = n },
	}
	if n, err := SeedProfiles(t.Context(), o); err != nil || n != 5000 || last != 5000 {
		t.Fatalf("got %d, progress %d, %v; want 5000", n, last, err)
	}
	s := memStore(t, fs, "profiles")
	f := newFeed(t, l, s, &deadLetters{})
	runner(t, f.Run)
	eventually(t, "ready", f.Ready)
	counts := map[int]int{}
	for u := ids.UserKey(1); u <= 5000; u++ {
		counts[len(tagsOf(s, u))]++
	}
	if counts[2]+counts[3]+counts[4] != 5000 || counts[2] == 0 || counts[3] == 0 || counts[4] == 0 {
		t.Errorf("users by number of tags: got %v; want 2 to 4", counts)
	}
	o.Tags = func(dst []TagPath, i int) []TagPath { return append(dst, TagPath{Path: "auto"}) }
	if _, err := SeedProfiles(t.Context(), o); err == nil || !strings.Contains(err.Error(), "tags[0].weight: got 0") {
		t.Errorf("got %v; want an error that names the weight", err)
	}
	if _, err := SeedProfiles(t.Context(), SeedOptions{Users: 1}); err == nil {
		t.Error("empty options were accepted")
	}
}
