package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/campaigns/sqlstore"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/sqldb/sqldbtest"
)

// These are of several nodes that share one Postgres.

// Edits of the same entities at two nodes, both of which relay: every revision is
// on the topic once, in its order, and no id is given twice.
func TestNodesEditAndRelayTogether(t *testing.T) {
	source := sqldbtest.PostgresSource(t)
	l := openLog(t, filepath.Join(t.TempDir(), "log"))
	nodes := []*sqlstore.Store{open(t, source), open(t, source)}
	ctx, stop := context.WithCancel(t.Context())
	var relays sync.WaitGroup
	for _, s := range nodes {
		relay := sqlstore.NewRelay(sqlstore.RelayConfig{Poll: 5 * time.Millisecond, BatchMax: 3, OnError: func(err error) { t.Error(err) }}, s, l)
		relays.Go(func() { relay.Run(ctx) })
	}
	shared := create(t, campaigns.NewEditor(nodes[0], nil, nil, now), &campaigns.Agency{Name: "shared"})
	const edits = 15
	var writers sync.WaitGroup
	for i, s := range nodes {
		writers.Go(func() {
			ed := campaigns.NewEditor(s, nil, nil, now)
			for j := range edits {
				if err := ed.Create(t.Context(), &campaigns.Agency{Name: fmt.Sprint(i, j)}); err != nil {
					t.Error(err)
				}
				if err := raise(t.Context(), s, ed, shared.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	left := sqlstore.NewRelay(sqlstore.RelayConfig{}, nodes[0], l)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if n, err := left.Pending(t.Context()); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d records still wait", n)
		}
	}
	stop()
	relays.Wait()

	next := map[string]int{}
	for _, rec := range topic(t, l) {
		key, revision, _ := strings.Cut(rec, "@")
		if next[key]++; strconv.Itoa(next[key]) != revision {
			t.Fatalf("%s: got revision %s; want %d", key, revision, next[key])
		}
	}
	if key := fmt.Sprintf("agency/%d", shared.ID); len(next) != 1+2*edits || next[key] != 1+2*edits {
		t.Errorf("got %d entities, the shared one at %d; want %d of both", len(next), next[key], 1+2*edits)
	}
}

// raise edits an agency again until nobody was quicker.
func raise(ctx context.Context, s *sqlstore.Store, ed *campaigns.Editor, id campaigns.ID) error {
	for {
		a, err := campaigns.Get[*campaigns.Agency](ctx, s, id)
		if err != nil {
			return err
		}
		a.PlatformFee++
		if err := ed.Update(ctx, a); !errors.Is(err, campaigns.ErrConflict) {
			return err
		}
	}
}

// slowLog holds an append back until it is told to go on, whatever its context says,
// as a network does.
type slowLog struct {
	eventlog.Log
	begun, goOn chan struct{}
}

func (l slowLog) Append(ctx context.Context, msgs ...eventlog.Message) error {
	close(l.begun)
	<-l.goOn
	return errors.Join(l.Log.Append(context.WithoutCancel(ctx), msgs...), ctx.Err())
}

// A node whose turn has ended while its append is under way can't put an old
// revision behind a newer one: the next node waits as long as it may arrive.
func TestALateAppendComesBeforeTheNextNodes(t *testing.T) {
	source := sqldbtest.PostgresSource(t)
	l := openLog(t, filepath.Join(t.TempDir(), "log"))
	first, second := open(t, source), open(t, source)
	ed := campaigns.NewEditor(first, nil, nil, now)
	a := create(t, ed, &campaigns.Agency{Name: "one"})

	slow := slowLog{l, make(chan struct{}), make(chan struct{})}
	const most = 500 * time.Millisecond
	done := make(chan error, 1)
	go func() {
		_, err := sqlstore.NewRelay(sqlstore.RelayConfig{AppendMax: most}, first, slow).Flush(t.Context())
		done <- err
	}()
	<-slow.begun
	sqldbtest.EndLock(t, source, "relay")
	a.Name = "two"
	if err := ed.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	time.AfterFunc(most, func() { close(slow.goOn) }) // as late as it may
	if n, err := sqlstore.NewRelay(sqlstore.RelayConfig{}, second, l).Flush(t.Context()); n != 2 || err != nil {
		t.Errorf("got %d published, %v; want both revisions", n, err)
	}
	if waited := time.Since(start); waited < most {
		t.Errorf("the next node waited %v; an append may arrive for %v", waited, most)
	}
	if err := <-done; err == nil {
		t.Error("the first node's append was in time, it thinks")
	}
	if got := fmt.Sprint(topic(t, l)); got != "[agency/1@1 agency/1@1 agency/1@2]" {
		t.Errorf("got %s", got)
	}
}

// A relay that stops hands its turn over at once; one that stands by publishes nothing.
func TestOneRelayAtATime(t *testing.T) {
	source := sqldbtest.PostgresSource(t)
	l := openLog(t, filepath.Join(t.TempDir(), "log"))
	first, second := open(t, source), open(t, source)
	create(t, campaigns.NewEditor(first, nil, nil, now), &campaigns.Agency{Name: "one"})

	slow := slowLog{l, make(chan struct{}), make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		_, err := sqlstore.NewRelay(sqlstore.RelayConfig{}, first, slow).Flush(t.Context())
		done <- err
	}()
	<-slow.begun
	standby := sqlstore.NewRelay(sqlstore.RelayConfig{}, second, l)
	if n, err := standby.Flush(t.Context()); n != 0 || err != nil {
		t.Errorf("out of its turn: got %d published, %v", n, err)
	}
	close(slow.goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	create(t, campaigns.NewEditor(first, nil, nil, now), &campaigns.Agency{Name: "two"})
	if n, err := standby.Flush(t.Context()); n != 1 || err != nil {
		t.Errorf("in its turn: got %d published, %v", n, err)
	}
	if got := fmt.Sprint(topic(t, l)); got != "[agency/1@1 agency/2@1]" {
		t.Errorf("got %s", got)
	}
}
