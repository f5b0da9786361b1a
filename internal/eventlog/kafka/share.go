package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// ShareConfig is about the members of a consumer group who share a topic's
// partitions. Only the proposals of the group are used: offsets are the
// members' own.
type ShareConfig struct {
	Group string // shared by all members; the log's TopicPrefix goes before it
	Topic string
	// SessionTimeout is how long a member may be silent before its partitions go
	// to others [10 s]; brokers take no less than 6 s by default.
	SessionTimeout time.Duration
	// Held says what this member has, whenever the group shares anew.
	Held func() Held
	// OnError, if not nil, gets what is tried again.
	OnError func(error)
}

// Held is what a member has of the partitions. Those that it owns stay with it
// as far as an equal share allows; others come to it once it is warm, which it is
// where it could go on at once. While somebody is warm, nobody who is not gets
// the partition.
type Held struct {
	Owned []int32 `json:"owned,omitempty"`
	Warm  []int32 `json:"warm,omitempty"`
	Cold  bool    `json:"cold,omitempty"` // it never warms up beforehand: it takes what it gets
}

func (h *Held) mayOwn(p int32) bool {
	return h.Cold || slices.Contains(h.Owned, p) || slices.Contains(h.Warm, p)
}

// Share joins the group and calls own with this member's partitions each time
// the group has shared them anew, until ctx ends; then it leaves the group. What
// was proposed last holds while brokers are away. Two members may believe
// themselves the owner of one partition for a moment: who must not act twice
// needs a fence of his own.
func (l *Log) Share(ctx context.Context, cfg ShareConfig, own func(partitions []int32)) error {
	or(&cfg.SessionTimeout, 10*time.Second)
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	ctx, cancel, err := l.during(ctx)
	if err != nil {
		return nil
	}
	defer cancel()
	topic := l.cfg.TopicPrefix + cfg.Topic
	deals := &balancer{held: cfg.Held}
	brief, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	group, err := kafkago.NewConsumerGroup(kafkago.ConsumerGroupConfig{
		ID: l.cfg.TopicPrefix + cfg.Group, Brokers: l.cfg.Brokers, Topics: []string{topic},
		Dialer: &kafkago.Dialer{
			ClientID: l.cfg.ClientID, Timeout: l.cfg.DialTimeout, TLS: l.cfg.TLS, SASLMechanism: l.cfg.SASL, DialFunc: l.dialWithin(brief),
		},
		GroupBalancers:    []kafkago.GroupBalancer{deals},
		HeartbeatInterval: cfg.SessionTimeout / 5, SessionTimeout: cfg.SessionTimeout, RebalanceTimeout: cfg.SessionTimeout,
		JoinGroupBackoff: l.cfg.RetryMax, Timeout: min(l.cfg.RequestTimeout, cfg.SessionTimeout/2),
	})
	if err != nil {
		return fmt.Errorf("share %s: %w: %w", topic, errShare, err)
	}
	defer func() {
		late := time.AfterFunc(leaveWithin, giveUp)
		defer late.Stop()
		_ = group.Close() // it never fails
	}()
	for {
		gen, err := group.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			cfg.OnError(fmt.Errorf("share %s: %w", topic, err))
			continue
		}
		l.rejoinWhenWarmer(gen, deals)
		mine := []int32{}
		for _, a := range gen.Assignments[topic] {
			mine = append(mine, int32(a.ID))
		}
		slices.Sort(mine)
		own(mine)
	}
}

// rejoinWhenWarmer ends the generation once the member has more to offer than
// when it joined: the group then shares anew.
func (l *Log) rejoinWhenWarmer(gen *kafkago.Generation, b *balancer) {
	if b.held == nil {
		return
	}
	gen.Start(func(ctx context.Context) {
		t := time.NewTicker(l.cfg.RetryMax)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if said := b.said.Load(); said != nil && !slices.Equal(b.held().Warm, *said) {
					return
				}
			}
		}
	})
}

// leaveWithin bounds how long a member that stops waits for the group: what it
// asked of a broker may take a session timeout.
const leaveWithin = 2 * time.Second

// dialWithin is a dialer whose connections end with ctx.
func (l *Log) dialWithin(ctx context.Context) func(context.Context, string, string) (net.Conn, error) {
	dial := l.cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: l.cfg.DialTimeout}).DialContext
	}
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		conn, err := dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		return &boundConn{conn, context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
	}
}

// boundConn forgets its bound when it is closed.
type boundConn struct {
	net.Conn
	stop func() bool
}

func (c *boundConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

var errShare = errors.New("the settings of the group cannot be used")

// balancer shares partitions so that few of them move. Its name is a protocol:
// another rule needs another name.
type balancer struct {
	held func() Held
	said atomic.Pointer[[]int32] // what was warm when the member joined last
}

func (*balancer) ProtocolName() string { return "bidhawk-sticky-1" }

func (b *balancer) UserData() ([]byte, error) {
	var h Held
	if b.held != nil {
		h = b.held()
	}
	b.said.Store(&h.Warm)
	return json.Marshal(h)
}

func (*balancer) AssignGroups(members []kafkago.GroupMember, partitions []kafkago.Partition) kafkago.GroupMemberAssignments {
	out := kafkago.GroupMemberAssignments{}
	topics := map[string][]int32{}
	for _, p := range partitions {
		topics[p.Topic] = append(topics[p.Topic], int32(p.ID))
	}
	held := map[string]Held{}
	for _, m := range members {
		var h Held
		_ = json.Unmarshal(m.UserData, &h) // a member that says nothing readable has nothing
		held[m.ID] = h
		out[m.ID] = map[string][]int{}
	}
	for topic, ids := range topics {
		for member, mine := range deal(held, ids) {
			for _, id := range mine {
				out[member][topic] = append(out[member][topic], int(id))
			}
		}
	}
	return out
}

// deal gives each partition to a member: first to who owns it, then to who is
// warm, nobody beyond an equal share; then what is left to the least loaded of
// those who may own it, or of all where nobody may.
func deal(held map[string]Held, partitions []int32) map[string][]int32 {
	members := make([]string, 0, len(held))
	for m := range held {
		members = append(members, m)
	}
	slices.Sort(members)
	slices.Sort(partitions)
	d := dealer{members: members, out: make(map[string][]int32, len(members))}
	if len(members) == 0 {
		return d.out
	}
	d.least, d.more = len(partitions)/len(members), len(partitions)%len(members)
	owns := func(m string, p int32) bool { return slices.Contains(held[m].Owned, p) }
	may := func(m string, p int32) bool { h := held[m]; return h.mayOwn(p) }
	left := partitions
	for _, round := range []struct {
		within bool
		may    func(m string, p int32) bool
	}{{true, owns}, {true, may}, {false, owns}, {false, may}, {false, func(string, int32) bool { return true }}} {
		var rest []int32
		for _, p := range left {
			if !d.give(p, round.within, round.may) {
				rest = append(rest, p)
			}
		}
		left = rest
	}
	return d.out
}

type dealer struct {
	members     []string // sorted
	out         map[string][]int32
	least, more int // each share, and how many may have one more
}

// give hands p to the least loaded member that may have it; within is within an
// equal share. False: there is none.
func (d *dealer) give(p int32, within bool, may func(m string, p int32) bool) bool {
	best := ""
	for _, m := range d.members {
		n := len(d.out[m])
		if within && (n > d.least || n == d.least && d.more == 0) || !may(m, p) {
			continue
		}
		if best == "" || n < len(d.out[best]) {
			best = m
		}
	}
	if best == "" {
		return false
	}
	if len(d.out[best]) == d.least {
		d.more--
	}
	d.out[best] = append(d.out[best], p)
	return true
}
