package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"bidhawk/internal/eventlog"
)

// Whoever is in the group: every partition has one owner, shares differ by one
// at most, and who stays keeps what fits into its share.
func TestDeal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		n, members := 1+rng.IntN(12), 1+rng.IntN(5)
		var partitions []int32
		for p := range int32(n) {
			partitions = append(partitions, p)
		}
		held := map[string]Held{}
		owned := map[string][]int32{}
		for m := range members {
			held[fmt.Sprint("m", m)] = Held{Warm: partitions}
		}
		for _, p := range partitions { // somebody has it, or nobody
			m := fmt.Sprint("m", rng.IntN(members+1))
			if h, ok := held[m]; ok {
				h.Owned = append(h.Owned, p)
				held[m], owned[m] = h, h.Owned
			}
		}
		got := deal(held, slices.Clone(partitions))
		var all []int32
		for m := range held {
			mine := got[m]
			all = append(all, mine...)
			if len(mine) < n/members || len(mine) > (n+members-1)/members {
				t.Fatalf("round %d: %s has %d of %d partitions among %d: %v", round, m, len(mine), n, members, got)
			}
			kept := 0
			for _, p := range mine {
				if slices.Contains(owned[m], p) {
					kept++
				}
			}
			if want := min(len(owned[m]), n/members); kept < want {
				t.Fatalf("round %d: %s keeps %d of %v; want at least %d: %v", round, m, kept, owned[m], want, got)
			}
		}
		slices.Sort(all)
		if !slices.Equal(all, partitions) {
			t.Fatalf("round %d: dealt %v of %v", round, all, partitions)
		}
	}
}

func TestDealPrefersTheWarm(t *testing.T) {
	f := func(held map[string]Held, want map[string][]int32) {
		t.Helper()
		got := deal(held, []int32{0, 1, 2, 3})
		for m, p := range want {
			if !slices.Equal(got[m], p) {
				t.Errorf("%+v: %s got %v; want %v", held, m, got[m], p)
			}
		}
	}
	all := []int32{0, 1, 2, 3}
	f(map[string]Held{"a": {}, "b": {}}, map[string][]int32{"a": {0, 2}, "b": {1, 3}})                               // the first start
	f(map[string]Held{"a": {Owned: all, Warm: all}, "b": {}}, map[string][]int32{"a": all, "b": nil})                // who joins is cold
	f(map[string]Held{"a": {Owned: all, Warm: all}, "b": {Warm: all}}, map[string][]int32{"a": {0, 1}, "b": {2, 3}}) // and is not any more
	f(map[string]Held{"a": {Owned: all}, "b": {Cold: true}}, map[string][]int32{"a": {0, 1}, "b": {2, 3}})
	f(map[string]Held{"a": {Owned: all}, "b": {Warm: []int32{3}}}, map[string][]int32{"a": {0, 1, 2}, "b": {3}})
	f(map[string]Held{"a": {Warm: []int32{2, 3}}, "b": {}}, map[string][]int32{"a": {2, 3}, "b": {0, 1}})                                      // nobody is warm for 0 and 1
	f(map[string]Held{"a": {Owned: []int32{1}, Warm: all}, "b": {Owned: []int32{1}, Warm: all}}, map[string][]int32{"a": {1, 2}, "b": {0, 3}}) // both believe it
}

// member is one process of a group, in this one.
type member struct {
	log  *Log
	stop func()

	mu   sync.Mutex
	own  []int32
	warm []int32
}

func join(t *testing.T, cfg Config, session time.Duration) *member {
	t.Helper()
	m := &member{log: openLog(t, cfg)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- m.log.Share(ctx, ShareConfig{
			Group: "pacers", Topic: eventlog.TopicMoney, SessionTimeout: session,
			Held:    func() Held { m.mu.Lock(); defer m.mu.Unlock(); return Held{Owned: m.own, Warm: m.warm} },
			OnError: func(err error) { t.Log(err) },
		}, func(p []int32) {
			m.mu.Lock()
			m.own = p
			m.mu.Unlock()
		})
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(m.stop)
	return m
}

func (m *member) has() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.own)
}

// A member that joins gets its share once it is warm, one that leaves gives its share up, at once.
func TestShareOnKafka(t *testing.T) {
	cfg := testConfig(realBrokers(t))
	first := openLog(t, cfg)
	if err := first.EnsureTopics(t.Context(), eventlog.TopicConfig{Name: eventlog.TopicMoney, Partitions: 4}); err != nil {
		t.Fatal(err)
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for began := time.Now(); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > 30*time.Second {
				t.Fatalf("after 30 s still not: %s", what)
			}
		}
	}
	a := join(t, cfg, 6*time.Second)
	until("the only member owns all", func() bool { return len(a.has()) == 4 })
	b := join(t, cfg, 6*time.Second)
	until("who joins cold gets nothing", func() bool { return len(a.has()) == 4 && b.has() != nil && len(b.has()) == 0 })
	b.mu.Lock()
	b.warm = []int32{0, 1, 2, 3}
	b.mu.Unlock()
	until("two members share", func() bool { return len(a.has()) == 2 && len(b.has()) == 2 })
	if got := a.has(); !slices.Equal(got, []int32{0, 1}) {
		t.Errorf("the first keeps %v; want 0 and 1 of what it had", got)
	}
	a.stop()
	until("who stays owns all", func() bool { return len(b.has()) == 4 })
}
