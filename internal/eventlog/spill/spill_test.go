package spill

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t interface{ Fatal(...any) }, fs vfs.FS, maxBytes int64) *Queue {
	q, err := Open(Config{Dir: "q", MaxBytes: maxBytes, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func strings(b Batch) []string {
	out := make([]string, len(b.Records))
	for i, r := range b.Records {
		out[i] = string(r)
	}
	return out
}

// The queue against a slice: any order of adds, heads, drops and reopenings.
func TestQueueIsASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const maxBytes = 200
		fs := vfs.NewMem()
		q := open(t, fs, maxBytes)
		defer func() { q.Close() }()
		var model []string
		size := func(ss []string) (n int64) {
			for _, s := range ss {
				n += int64(len(s))
			}
			return n
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				more := rapid.SliceOfN(rapid.StringN(0, 20, 20), 1, 5).Draw(t, "records")
				var records [][]byte
				for _, s := range more {
					records = append(records, []byte(s))
				}
				err := q.Add(records...)
				if fits := size(model)+size(more) <= maxBytes; fits != (err == nil) || !fits && !errors.Is(err, ErrFull) {
					t.Fatalf("add %d bytes to %d: %v", size(more), size(model), err)
				}
				if err == nil {
					model = append(model, more...)
				}
			},
			"drop head": func(t *rapid.T) {
				b, err := q.Head(rapid.IntRange(1, 10).Draw(t, "max"), rapid.Int64Range(1, 100).Draw(t, "bytes"))
				if err != nil {
					t.Fatal(err)
				}
				n := len(b.Records)
				if n == 0 != (len(model) == 0) || !slices.Equal(strings(b), model[:n]) {
					t.Fatalf("head is %q of %q", strings(b), model)
				}
				if err := q.Drop(b); err != nil {
					t.Fatal(err)
				}
				model = model[n:]
			},
			"reopen": func(t *rapid.T) {
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				q = open(t, fs, maxBytes)
			},
			"": func(t *rapid.T) {
				b, err := q.Head(1000, 1<<20)
				if err != nil || !slices.Equal(strings(b), model) {
					t.Fatalf("holds %q, error %v; want %q", strings(b), err, model)
				}
				if n, bytes := q.Depth(); n != int64(len(model)) || bytes != size(model) {
					t.Fatalf("depth is %d, %d; want %d, %d", n, bytes, len(model), size(model))
				}
			},
		})
	})
}

// At any moment a crash keeps every record that Add acknowledged and Drop did
// not take, in order, and brings back at most dropped ones before them.
func TestCrash(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		fs := vfs.NewCrashableMem()
		q := open(t, fs, 1<<20)
		var all []string
		dropped := 0
		for i := range 1 + rng.IntN(60) {
			if rng.IntN(3) == 0 {
				b, err := q.Head(1+rng.IntN(5), 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				if err := q.Drop(b); err != nil {
					t.Fatal(err)
				}
				dropped += len(b.Records)
				continue
			}
			s := fmt.Sprintf("record %d", i)
			if err := q.Add([]byte(s)); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * rng.IntN(3), RNG: rng})
		q.Close()
		q = open(t, crashed, 1<<20)
		b, err := q.Head(1000, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		got := strings(b)
		if back := len(got) - (len(all) - dropped); back < 0 || back > dropped || !slices.Equal(got, all[len(all)-len(got):]) {
			t.Errorf("seed %d: after the crash %q; added %q, of them dropped %d", seed, got, all, dropped)
		}
		q.Close()
	}
}

func TestClosed(t *testing.T) {
	q := open(t, vfs.NewMem(), 10)
	if err := errors.Join(q.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	_, headErr := q.Head(1, 1)
	for i, err := range []error{q.Add([]byte("x")), headErr, q.Drop(Batch{})} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d: %v; want ErrClosed", i, err)
		}
	}
	for _, cfg := range []Config{{}, {Dir: "d"}, {Dir: "d", MaxBytes: -1}} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
