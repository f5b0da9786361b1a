package rollup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	_ "modernc.org/sqlite"
	"pgregory.net/rapid"
)

const testSums = 5

func testDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "parts.db")+"?_pragma=synchronous(OFF)&_pragma=journal_mode(MEMORY)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	_, err = db.Exec(`CREATE TABLE parts (id INTEGER PRIMARY KEY, cube INTEGER NOT NULL, day INTEGER NOT NULL,
		level INTEGER NOT NULL, run INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL) STRICT`)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func drawKey(t *rapid.T) Key {
	return Key{
		Advertiser: rapid.Int64Range(1, 3).Draw(t, "advertiser"), Slot: rapid.Int64Range(0, 5).Draw(t, "slot") * 900,
		Campaign: rapid.SampledFrom([]int64{1, 2, 1 << 60}).Draw(t, "campaign"), LineItem: rapid.Int64Range(1, 3).Draw(t, "line item"),
		Creative: rapid.Int64Range(0, 2).Draw(t, "creative"), App: rapid.Bool().Draw(t, "app"),
		Exchange: rapid.SampledFrom([]string{"", "demo", "other"}).Draw(t, "exchange"), Deal: rapid.SampledFrom([]string{"", "", "d1"}).Draw(t, "deal"),
		Site:  rapid.SampledFrom([]string{"", "news.example", "söhne.example", "a\x00b"}).Draw(t, "site"),
		Shown: rapid.SampledFrom([]string{"", "banner/300x250/2/USA/CA"}).Draw(t, "shown"), Event: rapid.SampledFrom([]string{"", "", "purchase"}).Draw(t, "event"),
	}
}

func drawRows(t *rapid.T, most int) []Row {
	var rows []Row
	for range rapid.IntRange(1, most).Draw(t, "rows") {
		v := make([]int64, testSums)
		for i := range v {
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				v[i] = rapid.Int64Range(-1<<40, 1<<40).Draw(t, "large")
			case 1:
				v[i] = rapid.Int64Range(-2, 2).Draw(t, "small")
			}
		}
		rows = append(rows, Row{drawKey(t), v})
	}
	return rows
}

// total is the naive sum of rows by key.
func total(rows []Row) map[Key][testSums]int64 {
	out := map[Key][testSums]int64{}
	for _, r := range rows {
		sum := out[r.Key]
		for i, v := range r.V {
			sum[i] += v
		}
		out[r.Key] = sum
	}
	maps.DeleteFunc(out, func(_ Key, v [testSums]int64) bool { return v == [testSums]int64{} })
	return out
}

func TestBlocksComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 60)
		var e encoder
		data := e.block([]byte{}, rows)
		var b block
		if err := b.open(data, testSums); err != nil {
			t.Fatal(err)
		}
		got, err := b.decode(nil, testSums)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, rows, func(a, b Row) bool { return a.Key == b.Key && slices.Equal(a.V, b.V) }) {
			t.Fatalf("got  %v\nwant %v", got, rows)
		}
	})
}

// TestAnswersAreTheNaiveSums writes rows to days, merges them at any time, and asks.
func TestAnswersAreTheNaiveSums(t *testing.T) {
	ctx := context.Background()
	db := testDB(t)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := db.Exec("DELETE FROM parts"); err != nil {
			t.Fatal(err)
		}
		p, err := Open(ctx, db, testSums)
		if err != nil {
			t.Fatal(err)
		}
		want := map[int32][]Row{}
		for range rapid.IntRange(1, 30).Draw(t, "writes") {
			day, rows := int32(rapid.IntRange(-1, 1).Draw(t, "day")), drawRows(t, 6)
			for _, r := range rows { // Write may sort and add up what it is given
				want[day] = append(want[day], Row{r.Key, slices.Clone(r.V)})
			}
			if err := p.Write(ctx, db, day, rows); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "merge") == 0 {
				mergeAll(t, db, p, rapid.IntRange(1, 5).Draw(t, "merges"))
			}
		}
		for _, c := range []Cube{Hours, Sites, Days, LineItems} {
			check(t, db, c, want)
		}
	})
}

func mergeAll(t *rapid.T, db *sql.DB, p *Parts, limit int) {
	due, err := Due(context.Background(), db, testSums, limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range due {
		if err := p.Apply(context.Background(), db, m); err != nil {
			t.Fatal(err)
		}
	}
}

// check asks cube c by all of its columns, and by two with a filter.
func check(t *rapid.T, db *sql.DB, c Cube, want map[int32][]Row) {
	ctx := context.Background()
	q := &Query{Cube: c, From: -1, To: 1, By: []Dim{{Day: true}}, MaxGroups: 1000, Workers: 3}
	for col := range keyColumns {
		q.By = append(q.By, Dim{Column: col})
	}
	a, err := Ask(ctx, db, testSums, q)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int32]map[Key][testSums]int64{}
	for g := range a.Groups() {
		var k Key
		for col := range keyColumns {
			if d := int(col) + 1; col.isText() {
				k.setText(col, a.Text(g, d))
			} else {
				k.setInteger(col, a.Int(g, d))
			}
		}
		var v [testSums]int64
		for i := range v {
			v[i] = a.Sum(g, i)
		}
		day := int32(a.Int(g, 0))
		if got[day] == nil {
			got[day] = map[Key][testSums]int64{}
		}
		if v != [testSums]int64{} {
			got[day][k] = v
		}
	}
	for day, rows := range want {
		reduced := make([]Row, len(rows))
		for i, r := range rows {
			reduced[i] = Row{c.reduce(r.Key), r.V}
		}
		if !maps.Equal(got[day], total(reduced)) {
			t.Fatalf("cube %d, day %d: got %v; want %v", c, day, got[day], total(reduced))
		}
	}
	checkFiltered(t, db, c, want)
}

func checkFiltered(t *rapid.T, db *sql.DB, c Cube, want map[int32][]Row) {
	q := &Query{
		Cube: c, From: 0, To: 1, MaxGroups: 100, Workers: 2,
		By:     []Dim{{Column: LineItem, Int: func(v int64) int64 { return v % 2 }}, {Column: Exchange, Text: func(s string) string { return s + "!" }}},
		Where:  []Filter{{Column: Advertiser, Int: func(v int64) bool { return v != 2 }}},
		Either: [][]Filter{{{Column: App, Int: func(v int64) bool { return v == 1 }}}, {{Column: Site, Text: func(s string) bool { return s == "" }}}},
	}
	a, err := Ask(context.Background(), db, testSums, q)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	for day, rows := range want {
		for _, r := range rows {
			k := c.reduce(r.Key)
			if day >= 0 && k.Advertiser != 2 && (k.App || k.Site == "") {
				sums[fmt.Sprint(k.LineItem%2, k.Exchange+"!")] += r.V[3]
			}
		}
	}
	for g := range a.Groups() {
		k := fmt.Sprint(a.Int(g, 0), a.Text(g, 1))
		if a.Sum(g, 3) != sums[k] {
			t.Fatalf("cube %d: %s: got %d; want %d", c, k, a.Sum(g, 3), sums[k])
		}
		delete(sums, k)
	}
	for k, v := range sums {
		if v != 0 {
			t.Fatalf("cube %d: %s: nothing; want %d", c, k, v)
		}
	}
}

func TestTooManyGroups(t *testing.T) {
	db := testDB(t)
	p, err := Open(context.Background(), db, testSums)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]Row, blockRows+10) // more than one block, and more slots than a table begins with
	for i := range rows {
		rows[i] = Row{Key{Advertiser: 1, LineItem: int64(i)}, []int64{1, 0, 0, 0, int64(i)}}
	}
	if err := p.Write(context.Background(), db, 0, rows); err != nil {
		t.Fatal(err)
	}
	f := func(most int, want error) {
		t.Helper()
		a, err := Ask(context.Background(), db, testSums, &Query{Cube: Days, By: []Dim{{Column: LineItem}}, MaxGroups: most, Workers: 2})
		if !errors.Is(err, want) {
			t.Fatalf("at most %d groups: got %v; want %v", most, err, want)
		}
		if err == nil && a.Groups() != len(rows) {
			t.Errorf("got %d groups; want %d", a.Groups(), len(rows))
		}
	}
	f(len(rows), nil)
	f(len(rows)-1, ErrTooManyGroups)
}

// FuzzBlock: a block that nobody wrote is an error, never a panic or a wrong length.
func FuzzBlock(f *testing.F) {
	var e encoder
	f.Add(e.block(nil, []Row{{Key{Advertiser: 1, Site: "a"}, []int64{1, 0, 0, 0, -5}}, {Key{Advertiser: 2}, []int64{0, 9, 0, 0, 1 << 40}}}))
	f.Add([]byte{blockVersion, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var b block
		if b.open(data, testSums) != nil {
			return
		}
		rows, err := b.decode(nil, testSums)
		if err == nil && len(rows) != b.rows {
			t.Fatalf("%d rows of %d", len(rows), b.rows)
		}
	})
}
