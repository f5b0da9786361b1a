package offers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"bidhawk/internal/ids"
	"bidhawk/internal/openrtb"
)

func decode(t testing.TB, body string) *openrtb.BidRequest {
	t.Helper()
	var r openrtb.BidRequest
	if err := r.Decode([]byte(body)); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return &r
}

// oneWay says that two keys may be of one offer.
func oneWay(a, b Key) bool {
	return a.transaction != 0 && a.transaction == b.transaction || a.placement != 0 && a.placement == b.placement
}

const user = ids.UserKey(77)

func TestOffersThatAreOne(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		ra, rb := decode(t, `{"id":"a",`+a+`}`), decode(t, `{"id":"b",`+b+`}`)
		if got := oneWay(KeyOf(ra, &ra.Imp[0], user), KeyOf(rb, &rb.Imp[0], user)); got != want {
			t.Errorf("%s\n%s\ngot %v; want %v", a, b, got, want)
		}
	}
	const (
		box   = `"imp":[{"id":"1","tagid":"x","banner":{"format":[{"w":300,"h":250},{"w":336,"h":280}]}}]`
		other = `"imp":[{"id":"9","tagid":"y","bidfloor":2,"banner":{"format":[{"w":336,"h":280},{"w":300,"h":250}],"pos":1}}]`
		wide  = `"imp":[{"id":"1","banner":{"w":728,"h":90}}]`
		gpid  = `"imp":[{"id":"1","banner":{"w":728,"h":90},"ext":{"gpid":"/1/top"}}]`
		gpidB = `"imp":[{"id":"4","banner":{"w":300,"h":250},"ext":{"data":{"gpid":"no"},"gpid":"\/1\/top"}}]`
		gpidC = `"imp":[{"id":"1","banner":{"w":728,"h":90},"ext":{"gpid":"/1/bottom"}}]`
		tid   = `"imp":[{"id":"1","banner":{"w":728,"h":90},"ext":{"tid":"T"}}]`
		tidB  = `"imp":[{"id":"3","banner":{"w":300,"h":250},"ext":{"tid":"T"}}]`
	)
	// By source.tid and slot, whatever the place.
	f(box+`,"source":{"tid":"s"}`, other+`,"source":{"tid":"s"}`, true)
	f(box+`,"source":{"tid":"s"}`, other+`,"source":{"tid":"z"}`, false)
	f(box+`,"source":{"tid":"s"}`, wide+`,"source":{"tid":"s"}`, false)
	f(gpid+`,"source":{"tid":"s"}`, gpidB+`,"source":{"tid":"s"}`, true)
	f(gpid+`,"source":{"tid":"s"}`, gpidC+`,"source":{"tid":"s"}`, false)
	// By imp.ext.tid alone.
	f(tid, tidB, true)
	f(tid+`,"source":{"tid":"s"}`, tidB+`,"source":{"tid":"z"}`, true)
	f(tid, gpid, false)
	// By user and placement.
	f(box+`,"site":{"domain":"news.example"}`, other+`,"site":{"domain":"WWW.News.Example"}`, true)
	f(box+`,"site":{"domain":"news.example"}`, other+`,"site":{"page":"https://www.news.example/a?b#c"}`, true)
	f(box+`,"site":{"domain":"news.example"}`, other+`,"site":{"domain":"blog.example"}`, false)
	f(box+`,"site":{"domain":"news.example"}`, wide+`,"site":{"domain":"news.example"}`, false)
	f(box+`,"app":{"bundle":"com.news"}`, other+`,"app":{"bundle":"com.news"}`, true)
	f(box+`,"app":{"bundle":"com.news"}`, other+`,"site":{"domain":"com.news"}`, false)
	f(box+`,"app":{"id":"1"}`, other+`,"app":{"id":"1"}`, false) // an id is each exchange's own
	// Either suffices: header bidders may give each exchange a transaction id of its own.
	f(box+`,"site":{"domain":"news.example"},"source":{"tid":"s"}`, other+`,"site":{"domain":"news.example"},"source":{"tid":"z"}`, true)
}

func TestUsersArePartOfThePlacement(t *testing.T) {
	r := decode(t, `{"id":"1","imp":[{"id":"1","banner":{"w":1,"h":1}}],"site":{"domain":"news.example"}}`)
	if k := KeyOf(r, &r.Imp[0], 0); !k.Unknown() {
		t.Errorf("got %v without user and transaction; want one that is unknown", k)
	}
	if oneWay(KeyOf(r, &r.Imp[0], 1), KeyOf(r, &r.Imp[0], 2)) {
		t.Error("two users are one")
	}
}

// TestSlotsOfARequestAreApart: look-alikes are numbered, the same way at each exchange.
func TestSlotsOfARequestAreApart(t *testing.T) {
	f := func(imps, others string, rest string) {
		t.Helper()
		a, b := decode(t, `{"id":"a","imp":[`+imps+`],`+rest+`}`), decode(t, `{"id":"b","imp":[`+others+`],`+rest+`}`)
		for i := range a.Imp {
			for j := range b.Imp {
				if got := oneWay(KeyOf(a, &a.Imp[i], user), KeyOf(b, &b.Imp[j], user)); got != (i == j) {
					t.Errorf("%s: imp %d and %d: got %v", rest, i, j, got)
				}
			}
		}
	}
	const box = `"banner":{"w":300,"h":250}`
	for _, rest := range []string{`"site":{"domain":"news.example"}`, `"app":{"bundle":"b"},"source":{"tid":"s"}`} {
		f(`{"id":"1",`+box+`},{"id":"2",`+box+`},{"id":"3",`+box+`}`, `{"id":"7",`+box+`},{"id":"8",`+box+`},{"id":"9",`+box+`}`, rest)
		f(`{"id":"1",`+box+`,"ext":{"gpid":"x"}},{"id":"2",`+box+`,"ext":{"gpid":"x"}}`, `{"id":"7",`+box+`,"ext":{"gpid":"x"}},{"id":"8",`+box+`,"ext":{"gpid":"x"}}`, rest)
		f(`{"id":"1",`+box+`,"ext":{"tid":"x"}},{"id":"2",`+box+`,"ext":{"tid":"x"}}`, `{"id":"7",`+box+`,"ext":{"tid":"x"}},{"id":"8",`+box+`,"ext":{"tid":"x"}}`, rest)
	}
	var many bytes.Buffer
	for i := range 3 * maxNumbered {
		if i > 0 {
			many.WriteByte(',')
		}
		id, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		many.WriteString(`{"id":"` + string(id) + `",` + box + `}`)
	}
	f(many.String(), many.String(), `"site":{"domain":"news.example"}`)
}

func TestPlacementIDs(t *testing.T) {
	f := func(ext, gpid, tid string) {
		t.Helper()
		g, i := placementIDs([]byte(ext))
		if string(g) != gpid || string(i) != tid {
			t.Errorf("%s: got %q, %q; want %q, %q", ext, g, i, gpid, tid)
		}
	}
	f(`{"gpid":"/1/a#b","tid":"t"}`, "/1/a#b", "t")
	f(`{"data":{"gpid":"no","tid":"no"},"x":["gpid","tid"],"tid" : "t" , "gpid"`+"\n"+`:	"g"}`, "g", "t")
	f(`{"x":"gpid","y":"\"gpid\":\"no\"","gpid":"a\"b\\"}`, `a\"b\\`, "")
	f(`{"gpid":"a","gpid":"b"}`, "b", "")
	f(`{"gpid":"a","gpid":null}`, "", "")
	f(`{"gpid":5,"tid":["t"]}`, "", "")
	f(`{"gpid":{"gpid":"no"},"tid":"t"}`, "", "t")
	f(`[{"gpid":"no"}]`, "", "")
	f(`["gpid","no"]`, "", "")
	f(`"gpid"`, "", "")
	f(``, "", "")
	f(`{"gpid":"never ends`, "", "")
	f(`{"x":"`+string(bytes.Repeat([]byte("x"), maxExt))+`","gpid":"too far"}`, "", "")
	if textHash([]byte(`\/1\/a`)) != textHash([]byte(`/1/a`)) || textHash([]byte(`\"1`)) == textHash([]byte(`"1`)) {
		t.Error("of escapes, only the one of / is undone")
	}
}

// FuzzPlacementIDs compares with encoding/json wherever that reads an object.
func FuzzPlacementIDs(f *testing.F) {
	f.Add([]byte(`{"data":{"gpid":"no"},"x":["gpid",1],"tid" : "t" , "gpid":	"/1/a"}`))
	f.Add([]byte(`{"gpid":"a","gpid":null,"tid":{"tid":"x"}}`))
	f.Add([]byte(`{"a":"}]","gpid":"\/1"}`))
	f.Add([]byte(`{"gpid`))
	f.Fuzz(func(t *testing.T, ext []byte) {
		gpid, tid := placementIDs(ext)
		textHash(gpid)
		var object map[string]json.RawMessage
		// Names with escapes and texts that are no UTF-8 are read another way.
		if len(ext) > maxExt || bytes.IndexByte(ext, '\\') >= 0 || json.Unmarshal(ext, &object) != nil {
			return
		}
		for name, got := range map[string][]byte{"gpid": gpid, "tid": tid} {
			want := []byte(nil)
			if raw := object[name]; len(raw) >= 2 && raw[0] == '"' {
				want = raw[1 : len(raw)-1]
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %s: got %q; want %q", ext, name, got, want)
			}
		}
	})
}

// data is a folder of the shared corpus; the test skips without it.
func data(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no corpus: %v", err)
	}
	return path
}

// TestTheCorpusHasKeys: impressions of one request are never one offer.
func TestTheCorpusHasKeys(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(data(t, "openrtb", "valid"), "*.json"))
	if err != nil || len(files) < 500 {
		t.Fatalf("got %d files, %v; the corpus is not complete", len(files), err)
	}
	var r openrtb.BidRequest
	imps, gpids, tids, placements := 0, 0, 0, 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if r.Decode(body) != nil {
			continue
		}
		var keys []Key
		for i := range r.Imp {
			k := KeyOf(&r, &r.Imp[i], user)
			for _, other := range keys {
				if oneWay(k, other) {
					t.Errorf("%s: imp %d is one with another", filepath.Base(file), i)
				}
			}
			keys = append(keys, k)
			imps++
			if g, _ := placementIDs(r.Imp[i].Ext); len(g) > 0 {
				gpids++
			}
			if k.transaction != 0 {
				tids++
			}
			if k.placement != 0 {
				placements++
			}
		}
	}
	if tids == 0 || placements == 0 || gpids == 0 {
		t.Error("the corpus was hardly tried")
	}
	t.Logf("%d impressions: %d with a gpid, %d with a transaction id, %d with a place", imps, gpids, tids, placements)
}
