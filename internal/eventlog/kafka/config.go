package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"regexp"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config of a log. Zero fields take the default in brackets.
type Config struct {
	// Brokers are "host:port" addresses to start from; one that answers is enough.
	Brokers []string
	// Clock stamps records.
	Clock func() time.Time
	// TopicPrefix goes before every topic's name, so that installations and test
	// suites share a cluster.
	TopicPrefix string
	// ReplicationFactor of topics made by EnsureTopics [1]. With 3, an append
	// waits for 2 replicas; in general for all but one.
	ReplicationFactor int

	DialTimeout    time.Duration // one connection, TLS and SASL included [5 s]
	RequestTimeout time.Duration // one request and its answer [10 s]
	// RetryFor bounds the retries of a call whose context has no nearer deadline [30 s].
	RetryFor time.Duration
	// RetryMin and RetryMax bound the pause between tries, which doubles [20 ms; 1 s].
	RetryMin, RetryMax time.Duration
	// FetchWait is how long a broker holds a fetch that has nothing to return [500 ms].
	FetchWait time.Duration
	// MetadataTTL bounds how old the known leaders and topics may be [1 s].
	MetadataTTL time.Duration
	// CloseTimeout bounds how long Close waits for appends under way [5 s].
	CloseTimeout time.Duration

	ClientID string         // shown in the brokers' logs ["bidhawk"]
	TLS      *tls.Config    // nil: plain text
	SASL     sasl.Mechanism // nil: none
	// Dial replaces the dialer; tests break connections with it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// topicName is what Kafka allows.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Validate names the first field that cannot be used.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case len(c.Brokers) == 0 || slices.Contains(c.Brokers, ""):
		return fmt.Errorf("kafka: Brokers is %q; it must list addresses host:port", c.Brokers)
	case c.Clock == nil:
		return fmt.Errorf("kafka: Clock is nil; it must tell the time")
	case c.TopicPrefix != "" && !topicName.MatchString(c.TopicPrefix):
		return fmt.Errorf("kafka: TopicPrefix is %q; Kafka allows letters, digits, '.', '_' and '-'", c.TopicPrefix)
	case c.ReplicationFactor < 1 || c.ReplicationFactor > 32:
		return fmt.Errorf("kafka: ReplicationFactor is %d; it must be 1 to 32", c.ReplicationFactor)
	case min(c.DialTimeout, c.RequestTimeout, c.RetryFor, c.RetryMin, c.FetchWait, c.MetadataTTL, c.CloseTimeout) < 0:
		return fmt.Errorf("kafka: a duration is negative: %+v", c)
	case c.RetryMax < c.RetryMin:
		return fmt.Errorf("kafka: RetryMax is %v; it must be at least RetryMin, %v", c.RetryMax, c.RetryMin)
	case 2*c.FetchWait > c.RequestTimeout:
		return fmt.Errorf("kafka: FetchWait is %v; it must be at most half of RequestTimeout, %v", c.FetchWait, c.RequestTimeout)
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return fmt.Errorf("kafka: Brokers has %q; it must be host:port: %w", b, err)
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	or(&c.ReplicationFactor, 1)
	or(&c.DialTimeout, 5*time.Second)
	or(&c.RequestTimeout, 10*time.Second)
	or(&c.RetryFor, 30*time.Second)
	or(&c.RetryMin, 20*time.Millisecond)
	or(&c.RetryMax, time.Second)
	or(&c.FetchWait, 500*time.Millisecond)
	or(&c.MetadataTTL, time.Second)
	or(&c.CloseTimeout, 5*time.Second)
	or(&c.ClientID, "bidhawk")
	return c
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// minInsync is how many replicas acknowledge an append: all but one may fail.
func (c Config) minInsync() int { return max(1, c.ReplicationFactor-1) }

func (c Config) transport() *kafkago.Transport {
	return &kafkago.Transport{
		Dial:        c.Dial,
		DialTimeout: c.DialTimeout,
		IdleTimeout: 30 * time.Second,
		MetadataTTL: c.MetadataTTL,
		ClientID:    c.ClientID,
		TLS:         c.TLS,
		SASL:        c.SASL,
	}
}
