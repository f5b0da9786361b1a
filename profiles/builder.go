package profiles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// maxClockAhead bounds how far an event's time may lie beyond the log's: a later
// one would win over every event to come.
const maxClockAhead = 5 * time.Minute

// maxNames bounds the distinct tags that a builder can publish.
const maxNames = 1 << 20

// Builder makes profiles out of behaviour: it folds tag events into its own
// store and publishes each changed profile whole on the topic "profiles".
//
// It publishes a batch before it commits the batch's offset together with its
// state. After a crash in between the events come again and, the state being
// that of before, fold into the same records: an event's effect depends on the
// log alone, a version counts the events folded in, not the batches. Events need
// no window of ids to drop repeats: see profile.
//
// It also reads "profiles" and takes over what others wrote there (a seed, an
// operator's tool): the highest version wins, and of equal versions the later
// record in the log, as in every bidder. A record of another writer that
// is lower than what the builder published meanwhile is lost: writers beside
// the builder must read the profile, and write one version above it. A tombstone
// erases the builder's state too; but a profile it publishes between the
// tombstone's append and its reading brings the user back.
type Builder struct {
	deps    Deps
	counts  counts
	tracked struct{ behaviour, profiles tracked }
	names   names
}

// names are the paths of all tags the builder has met: what the log carries.
type names struct {
	mu       sync.RWMutex
	byNumber map[campaigns.TagNumber]string // guarded by mu
}

// NewBuilder checks deps and reads the paths of known tags from the store.
// Nothing runs before Run.
func NewBuilder(deps Deps) (*Builder, error) {
	if err := deps.validate(); err != nil {
		return nil, err
	}
	b := &Builder{deps: deps}
	b.names.byNumber = make(map[campaigns.TagNumber]string)
	err := deps.Store.names(func(n campaigns.TagNumber, path string) { b.names.byNumber[n] = path })
	if err != nil {
		return nil, fmt.Errorf("profile builder: %w", err)
	}
	return b, nil
}

// Run builds until ctx ends (nil), or the store or log is closed or broken. The
// topics "behaviour" and "profiles" must have the same number of partitions, so
// that a user's events and profile meet in one worker. Call it once; the store
// may be closed only after it returned.
func (b *Builder) Run(ctx context.Context) error {
	n, err := partitionsOf(ctx, b.deps.Log, eventlog.TopicBehaviour)
	if err != nil {
		return endOf(ctx, "profile builder", err)
	}
	m, err := partitionsOf(ctx, b.deps.Log, eventlog.TopicProfiles)
	if err != nil {
		return endOf(ctx, "profile builder", err)
	}
	if n != m {
		return fmt.Errorf("profile builder: %s has %d partitions, %s has %d; want the same: %w",
			eventlog.TopicBehaviour, n, eventlog.TopicProfiles, m, eventlog.ErrPartitionCount)
	}
	group, ctx := errgroup.WithContext(ctx)
	behaviour, profiles := make([]*progress, n), make([]*progress, n)
	for p := range n {
		behaviour[p], profiles[p] = &progress{}, &progress{}
		w := newBuildWorker(b, p)
		events := consumer{
			log: b.deps.Log, store: b.deps.Store, topic: eventlog.TopicBehaviour, partition: p,
			handle: w.handleEvents, progress: behaviour[p],
		}
		written := consumer{
			log: b.deps.Log, store: b.deps.Store, topic: eventlog.TopicProfiles, partition: p,
			handle: w.handleProfiles, progress: profiles[p],
		}
		group.Go(func() error { return events.run(ctx) })
		group.Go(func() error { return written.run(ctx) })
	}
	b.tracked.behaviour.set(behaviour)
	b.tracked.profiles.set(profiles)
	return endOf(ctx, "profile builder", group.Wait())
}

// buildWorker owns the users of one partition. Its two consumers take turns.
type buildWorker struct {
	builder   *Builder
	partition int32

	mu       sync.Mutex // guards all below
	decoder  decoder
	learnt   []name // names met since the last commit
	events   []event
	profile  profile
	tags     []Tag
	paths    []TagPath
	changes  []Change
	messages []eventlog.Message
	arena    []byte
	record   []byte
}

func newBuildWorker(b *Builder, partition int32) *buildWorker {
	w := &buildWorker{builder: b, partition: partition}
	w.decoder = decoder{numbers: b.deps.Numbers, learn: w.learn}
	return w
}

// learn keeps the path of a tag it has not met.
func (w *buildWorker) learn(number campaigns.TagNumber, path []byte) error {
	ns := &w.builder.names
	ns.mu.RLock()
	_, known := ns.byNumber[number]
	ns.mu.RUnlock()
	if known {
		return nil
	}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if len(ns.byNumber) >= maxNames {
		return fmt.Errorf("more than %d distinct tags", maxNames)
	}
	n := name{number, strings.Clone(viewString(path))}
	ns.byNumber[number] = n.path
	w.learnt = append(w.learnt, n)
	return nil
}

func (ns *names) path(number campaigns.TagNumber) (string, bool) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	p, ok := ns.byNumber[number]
	return p, ok
}

func (w *buildWorker) reset() {
	w.changes, w.messages, w.arena, w.events = w.changes[:0], w.messages[:0], w.arena[:0], w.events[:0]
}

// dead sends a record to the dead letters.
func (w *buildWorker) dead(r *eventlog.Record, err error) {
	w.builder.counts.dead.Add(1)
	w.builder.deps.DeadLetter(*r, err.Error())
}

// handleEvents folds a batch of "behaviour" in, user by user.
func (w *buildWorker) handleEvents(ctx context.Context, recs []eventlog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reset()
	w.decodeEvents(recs)
	slices.SortStableFunc(w.events, func(a, b event) int {
		if a.user < b.user {
			return -1
		}
		return int(min(a.user-b.user, 1))
	})
	for events := w.events; len(events) > 0; {
		n := 1
		for n < len(events) && events[n].user == events[0].user {
			n++
		}
		if err := w.fold(events[:n]); err != nil {
			return fatal(err)
		}
		events = events[n:]
	}
	if len(w.messages) > 0 {
		if err := w.builder.deps.Log.Append(ctx, w.messages...); err != nil {
			return fmt.Errorf("publish profiles: %w", err)
		}
	}
	return w.commit(eventlog.TopicBehaviour, recs)
}

func (w *buildWorker) decodeEvents(recs []eventlog.Record) {
	c := &w.builder.counts
	for i := range recs {
		r := &recs[i]
		e, err := w.decoder.event(r)
		switch {
		case err != nil:
			w.dead(r, err)
		case e.ignore:
			c.ignored.Add(1)
		case !e.known:
			c.unknownTags.Add(1)
		default:
			e.tag.Seen = clampSeen(min(e.tag.Seen, r.Time.Add(maxClockAhead).UnixMilli()))
			w.events = append(w.events, e)
		}
	}
}

// load reads a user's state.
func (w *buildWorker) load(user ids.UserKey) (Record, error) {
	rec, ok, err := w.builder.deps.Store.Lookup(w.record[:0], user)
	w.record = rec
	if err != nil || !ok {
		return nil, err
	}
	return rec, nil
}

// fold applies one user's events and prepares its record and its message.
func (w *buildWorker) fold(events []event) error {
	p := &w.profile
	user := events[0].user
	rec, err := w.load(user)
	if err != nil {
		return err
	}
	if err := p.load(user, rec); err != nil {
		return fmt.Errorf("profile of %s: %w", user, err)
	}
	before := p.version
	for _, e := range events {
		if p.apply(e.tag) {
			w.builder.counts.evicted.Add(1)
		}
	}
	if !p.dirty {
		w.builder.counts.stale.Add(uint64(len(events)))
		return nil
	}
	if err := w.stage(p); err != nil {
		return err
	}
	if p.version == before {
		return nil
	}
	return w.publish(p)
}

// stage adds p's record to the changes.
func (w *buildWorker) stage(p *profile) (err error) {
	start := len(w.arena)
	if w.arena, err = p.appendRecord(w.arena); err != nil {
		return err
	}
	w.changes = append(w.changes, Change{User: p.user, Record: w.arena[start:len(w.arena):len(w.arena)]})
	return nil
}

// publish adds p to the messages.
func (w *buildWorker) publish(p *profile) error {
	w.tags = p.visible(w.tags[:0])
	w.paths = w.paths[:0]
	for _, t := range w.tags {
		path, ok := w.builder.names.path(t.Key.Number())
		if !ok { // kept with the state that has the tag: the store is damaged
			return fmt.Errorf("profile of %s: tag %d has no path", p.user, t.Key.Number())
		}
		w.paths = append(w.paths, TagPath{Owner: t.Key.Owner(), Path: path, Weight: t.Weight, Expires: t.Expires.Time()})
	}
	m := Full{User: p.user, Version: p.version, At: time.UnixMilli(p.updated), Tags: w.paths}
	var message eventlog.Message
	w.arena, message = m.appendMessage(w.arena)
	w.messages = append(w.messages, message)
	return nil
}

// commit makes the batch's effects and its offset one.
func (w *buildWorker) commit(topic string, recs []eventlog.Record) error {
	next := Offset{Topic: topic, Partition: w.partition, Next: recs[len(recs)-1].Offset + 1}
	applied, stale, err := w.builder.deps.Store.apply(w.changes, w.learnt, []Offset{next})
	if err != nil {
		return fatal(err)
	}
	w.learnt = w.learnt[:0]
	w.builder.counts.applied.Add(uint64(applied))
	w.builder.counts.stale.Add(uint64(stale))
	return nil
}

// handleProfiles takes over what others wrote. Most records are the builder's
// own and change nothing.
func (w *buildWorker) handleProfiles(_ context.Context, recs []eventlog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reset()
	staged := make(map[ids.UserKey]Record)
	for i := range recs {
		if err := w.adopt(&recs[i], staged); err != nil {
			return fatal(err)
		}
	}
	return w.commit(eventlog.TopicProfiles, recs)
}

// adopt stages a record if it supersedes the user's state; staged is what
// earlier records of the batch left.
func (w *buildWorker) adopt(r *eventlog.Record, staged map[ids.UserKey]Record) error {
	if r.Value == nil {
		user, ok := parseUser(r.Key)
		if !ok {
			w.dead(r, errors.New("key: want 16 hex digits, not all 0"))
			return nil
		}
		staged[user] = nil
		w.changes = append(w.changes, Change{User: user})
		return nil
	}
	d, err := w.decoder.profile(r)
	if err != nil {
		w.dead(r, err)
		return nil
	}
	w.builder.counts.unknownTags.Add(uint64(d.unknown))
	current, ok := staged[d.user]
	if !ok {
		if current, err = w.load(d.user); err != nil {
			return err
		}
	}
	if err := w.profile.load(d.user, current); err != nil {
		return fmt.Errorf("profile of %s: %w", d.user, err)
	}
	if !w.supersedes(d) {
		return nil
	}
	p := &w.profile
	p.version, p.updated = d.version, clampSeen(d.at.UnixMilli())
	p.tags = append(p.tags[:0], d.tags...)
	for i := range p.tags {
		p.tags[i].Seen = clampSeen(min(p.updated, r.Time.Add(maxClockAhead).UnixMilli()))
	}
	if err := w.stage(p); err != nil {
		return err
	}
	staged[d.user] = w.changes[len(w.changes)-1].Record
	return nil
}

// supersedes compares a record from the log with the loaded profile.
func (w *buildWorker) supersedes(d decoded) bool {
	p := &w.profile
	if d.version != p.version {
		return d.version > p.version
	}
	w.tags = p.visible(w.tags[:0])
	return !slices.Equal(w.tags, d.tags)
}

// BuilderStats is a builder's state for metrics. Counters start at 0 with the
// process.
type BuilderStats struct {
	Applied      uint64 // records written to the builder's store
	Stale        uint64 // events that changed nothing: repeats, or older than what there was
	Dead         uint64 // records that could not be read
	Ignored      uint64 // behaviour of other types than tags
	UnknownTags  uint64 // tags left out because the taxonomy does not have them
	Evicted      uint64 // tags dropped from profiles that were full
	Retries      uint64 // times the log had to be asked again
	BehaviourLag int64  // offsets of "behaviour" not yet folded in
	ProfilesLag  int64  // offsets of "profiles" not yet seen
	Ready        bool   // both topics applied up to where they ended at the start
}

// Stats reads the counters.
func (b *Builder) Stats() BuilderStats {
	s := BuilderStats{
		Applied:     b.counts.applied.Load(),
		Stale:       b.counts.stale.Load(),
		Dead:        b.counts.dead.Load(),
		Ignored:     b.counts.ignored.Load(),
		UnknownTags: b.counts.unknownTags.Load(),
		Evicted:     b.counts.evicted.Load(),
	}
	lag1, retries1, ready1 := b.tracked.behaviour.state()
	lag2, retries2, ready2 := b.tracked.profiles.state()
	s.BehaviourLag, s.ProfilesLag, s.Retries, s.Ready = lag1, lag2, retries1+retries2, ready1 && ready2
	return s
}
