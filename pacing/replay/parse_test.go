package replay

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bidhawk/internal/money"
)

// impression is a line of iPinYou's log, with its fields set.
func impression(set map[int]string) string {
	f := make([]string, rawFields)
	for i := range f {
		f[i] = "null"
	}
	f[rawTimestamp], f[rawLogType], f[rawPaid] = "20131021192300738", "1", "201"
	for i, v := range set {
		f[i] = v
	}
	return strings.Join(f, "\t")
}

func TestReadForms(t *testing.T) {
	f := func(text string, form Form, want ...Auction) {
		t.Helper()
		l, err := Read("log", strings.NewReader(text), ReadOptions{})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if l.Form != form || len(l.Auctions) != len(want) {
			t.Fatalf("%q: form %s with %d auctions; want %s with %d", text, l.Form, len(l.Auctions), form, len(want))
		}
		for i, a := range l.Auctions {
			if !a.At.Equal(want[i].At) {
				t.Errorf("%q: auction %d at %v; want %v", text, i, a.At, want[i].At)
			}
			a.At, want[i].At = time.Time{}, time.Time{}
			if a != want[i] {
				t.Errorf("%q: auction %d is %+v; want %+v", text, i, a, want[i])
			}
		}
	}
	f("0 70 0.0021\n1 6 3.3e-05\n", FormTheta, Auction{Price: 700_000, Value: 2_100_000}, Auction{Price: 60_000, Value: 33_000, Clicked: true})
	f("\ufeff0\t70.5\t0\r\n\n  \n0 0 1", FormTheta, Auction{Price: 705_000}, Auction{Value: 1_000_000_000})
	at := time.Date(2013, 10, 21, 11, 23, 0, 738e6, time.UTC)
	f(impression(nil), FormRaw, Auction{At: at, Price: 2_010_000, Value: 1_000_000})
	f(impression(map[int]string{rawTimestamp: "20131021192300739"})+"\n"+impression(nil), FormRaw,
		Auction{At: at, Price: 2_010_000, Value: 1_000_000}, Auction{At: at.Add(time.Millisecond), Price: 2_010_000, Value: 1_000_000})
	f("1\t1\t19\t"+impression(nil)+"\t0\t0", FormLabelled, Auction{At: at, Price: 2_010_000, Value: 1_000_000, Clicked: true})
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	f := func(text string, line int, field, value string) {
		t.Helper()
		_, err := Read("a.log", strings.NewReader(text), ReadOptions{})
		var bad *LineError
		if !errors.As(err, &bad) {
			t.Fatalf("%q: got %v; want a LineError", text, err)
		}
		if bad.Line != line || bad.Field != field || bad.Value != value || bad.Want == "" || !strings.HasPrefix(err.Error(), "a.log: line ") {
			t.Errorf("%q: got %q; want line %d, %s, %q and a rule", text, err, line, field, value)
		}
	}
	f("0 70 0.1\n0 70", 2, "number of fields", "2")
	f("0 70 0.1\n2 70 0.1", 2, "click", "2")
	f("0 -1 0.1", 1, "price", "-1")
	f("0 1e9 0.1", 1, "price", "1e9")
	f("0 x 0.1", 1, "price", "x")
	f("0 70 1.1", 1, "pCTR", "1.1")
	f("0 70 -0.1", 1, "pCTR", "-0.1")
	f("0 70 NaN", 1, "pCTR", "NaN")
	f("0 70 0.1\n"+impression(nil), 2, "form", "raw")
	f("0 54 45:1 46:1 47:1", 1, "number of fields", "5")
	f(impression(map[int]string{rawPaid: "null"}), 1, "paying price", "null")
	f(impression(map[int]string{rawLogType: "2"}), 1, "log type", "2")
	f(impression(map[int]string{rawTimestamp: "20131321192300738"}), 1, "timestamp", "20131321192300738")
	f(impression(map[int]string{rawTimestamp: "2013102119230073x"}), 1, "timestamp", "2013102119230073x")
	f(impression(map[int]string{rawTimestamp: "1"}), 1, "timestamp", "1")
	if _, err := Read("a", strings.NewReader("\n \n"), ReadOptions{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("an empty log: %v", err)
	}
	if _, err := Read("a", strings.NewReader("0 1 0\n0 1 0\n"), ReadOptions{Most: 1}); err == nil || !strings.Contains(err.Error(), "line 2: more than 1") {
		t.Errorf("a log beyond its bound: %v", err)
	}
	if _, err := Read("a", strings.NewReader(strings.Repeat("9", maxLine+1)), ReadOptions{}); err == nil {
		t.Error("an endless line was taken")
	}
}

// FuzzRead: whatever it reads is in its bounds, and nothing panics.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"0 70 0.0021\n1 6 3e-5\n", impression(nil), "1\t1\t19\t" + impression(nil), "0 1 0\r\n\r\n", "\ufeff1 2 0.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Read("fuzz", strings.NewReader(text), ReadOptions{Most: 1000})
		if err != nil {
			if l != nil {
				t.Error("an error beside a log")
			}
			return
		}
		for i, a := range l.Auctions {
			if a.Price < 0 || a.Price > maxFen*Unit || a.Value < 0 || a.Value > 1_000_000_000 || i > 0 && a.At.Before(l.Auctions[i-1].At) {
				t.Errorf("auction %d is %+v", i, a)
			}
		}
		if r, err := Run(l.Auctions, Config{Budget: max(1, Cost(l.Auctions)/3), Control: testControl(), Start: coldStart}); err != nil || r.Spent > Cost(l.Auctions) {
			t.Errorf("replay spent %d: %v", r.Spent, err)
		}
	})
}

// recorded opens a file of the shared data, or skips.
func recorded(t testing.TB, name ...string) *os.File {
	t.Helper()
	root := os.Getenv("BIDHAWK_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, name...)...)
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("no test data: %s is absent (set BIDHAWK_DATA)", path)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestReadsRecordedLogs(t *testing.T) {
	f := func(name string, form Form, auctions int, clicks int64, cost money.Nanos) {
		t.Helper()
		file := recorded(t, "ipinyou", name)
		l, err := Read(name, file, ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var clicked int64
		for _, a := range l.Auctions {
			if a.Clicked {
				clicked++
			}
		}
		if l.Form != form || len(l.Auctions) != auctions || clicked != clicks || cost != 0 && Cost(l.Auctions) != cost {
			t.Errorf("%s: %s, %d auctions, %d clicks, cost %d", name, l.Form, len(l.Auctions), clicked, Cost(l.Auctions))
		}
	}
	f("2997.test.theta.txt", FormTheta, 156_063, 530, 8_617_148*10_000)
	f("2821.imp.raw.txt", FormRaw, 10_000, 0, 0)
	f("2259.train.raw.txt", FormLabelled, 8_355, 5, 7_792_830_000)
	f("2259.test.raw.txt", FormLabelled, 4_171, 0, 0)
}
