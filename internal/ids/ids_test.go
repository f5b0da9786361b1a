package ids

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
)

func ring(t *testing.T, secrets ...string) *Keyring {
	t.Helper()
	var raw [][]byte
	for _, s := range secrets {
		raw = append(raw, []byte(s))
	}
	r, err := NewKeyring(raw...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const keyA, keyB = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"

func TestVerifyTakesEveryKeyAndNothingElse(t *testing.T) {
	a, ba := ring(t, keyA), ring(t, keyB, keyA)
	tag := a.Tag('w', []byte("message"))
	f := func(r *Keyring, purpose byte, msg string, tag []byte, want error) {
		t.Helper()
		if err := r.Verify(purpose, []byte(msg), tag); !errors.Is(err, want) {
			t.Fatalf("got %v; want %v", err, want)
		}
	}
	f(a, 'w', "message", tag[:], nil)
	f(ba, 'w', "message", tag[:], nil)
	f(ring(t, keyB), 'w', "message", tag[:], ErrForged)
	f(a, 'b', "message", tag[:], ErrForged)
	f(a, 'w', "messagf", tag[:], ErrForged)
	f(a, 'w', "message", tag[:15], ErrForged)
	f(a, 'w', "message", nil, ErrForged)
}

func TestKeyringRefusesWeakKeys(t *testing.T) {
	for _, bad := range [][][]byte{{}, {[]byte("short")}, make([][]byte, 9)} {
		if _, err := NewKeyring(bad...); err == nil {
			t.Errorf("%d keys: want an error", len(bad))
		}
	}
}

func TestTagIsSafeForConcurrentUse(t *testing.T) {
	r := ring(t, keyA)
	want := r.Tag('x', []byte("m"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if got := r.Tag('x', []byte("m")); got != want {
					t.Error("a tag changed under concurrency")
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestUserKeysKeepSpacesApart(t *testing.T) {
	r := ring(t, keyA)
	keys := map[UserKey]string{}
	for name, k := range map[string]UserKey{
		"exchange a": r.User(KindBuyerUID, "a", []byte("u1")), "exchange b": r.User(KindBuyerUID, "b", []byte("u1")),
		"ifa": r.User(KindIFA, "", []byte("u1")), "list": r.User(KindList, "a", []byte("u1")),
		"shifted": r.User(KindBuyerUID, "au", []byte("1")), "other key": ring(t, keyB).User(KindBuyerUID, "a", []byte("u1")),
	} {
		if k == 0 || keys[k] != "" {
			t.Errorf("%s: key %v, as %q", name, k, keys[k])
		}
		keys[k] = name
	}
	if k := r.User(KindIFA, "", nil); k != 0 {
		t.Errorf("no id: got %v; want 0", k)
	}
	k := r.User(KindIFA, "", []byte("u1"))
	if back, err := ParseUserKey(k.String()); err != nil || back != k {
		t.Errorf("%v comes back as %v, %v", k, back, err)
	}
	for _, bad := range []string{"", "12", "zzzzzzzzzzzzzzzz", "+123456789abcdef", "0123456789abcdef0"} {
		if _, err := ParseUserKey(bad); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}

func TestBidIDs(t *testing.T) {
	g, err := NewBidIDs()
	if err != nil {
		t.Fatal(err)
	}
	a, b := g.Next(), g.Next()
	if a == b || a.Incarnation != g.Incarnation() || a.Incarnation == 0 {
		t.Fatalf("got %v and %v", a, b)
	}
	text, err := json.Marshal(a)
	if err != nil || len(text) != 34 {
		t.Fatalf("got %s, %v", text, err)
	}
	var back BidID
	if err := json.Unmarshal(text, &back); err != nil || back != a {
		t.Fatalf("%s comes back as %v, %v", text, back, err)
	}
	for _, bad := range []string{"", "12", "zz345678901234567890123456789012"} {
		if _, err := ParseBidID(bad); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}
