package kafka

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContractOnStandIn runs the contract on kfake, a stand-in that speaks the protocol.
func TestContractOnStandIn(t *testing.T) {
	brokers := standIn(t).ListenAddrs()
	logtest.Run(t, suite(brokers))
}

// TestContractOnKafka runs the contract on the Kafka of BIDHAWK_KAFKA_BROKERS;
// scripts/kafka up starts one.
func TestContractOnKafka(t *testing.T) { logtest.Run(t, suite(realBrokers(t))) }

func suite(brokers []string) logtest.Suite {
	return logtest.Suite{
		Open: func(t *testing.T) eventlog.Log { return openLog(t, testConfig(brokers)) },
		Reopen: func(t *testing.T, l eventlog.Log) eventlog.Log {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return openLog(t, l.(*Log).cfg)
		},
	}
}

// testConfig has topics of its own.
func testConfig(brokers []string) Config {
	return Config{Brokers: brokers, Clock: time.Now, TopicPrefix: "test-" + rand.Text() + ".", MetadataTTL: 200 * time.Millisecond}
}

func openLog(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		deleteTopics(t, cfg)
	})
	return l
}

// deleteTopics leaves a shared broker as it was.
func deleteTopics(t testing.TB, cfg Config) {
	cfg.Dial = nil // the test may have broken it
	tr := cfg.withDefaults().transport()
	defer tr.CloseIdleConnections()
	client := &kafkago.Client{Addr: kafkago.TCP(cfg.Brokers...), Timeout: 2 * time.Second, Transport: tr}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	all, err := client.Metadata(ctx, &kafkago.MetadataRequest{})
	if err != nil {
		return // the broker is gone, and its topics with it
	}
	var ours []string
	for _, topic := range all.Topics {
		if strings.HasPrefix(topic.Name, cfg.TopicPrefix) {
			ours = append(ours, topic.Name)
		}
	}
	if len(ours) > 0 {
		if _, err := client.DeleteTopics(ctx, &kafkago.DeleteTopicsRequest{Topics: ours}); err != nil {
			t.Logf("delete topics: %v", err)
		}
	}
}

func standIn(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// realBrokers are those of the environment. Without them the test is skipped,
// unless BIDHAWK_TEST_KAFKA=required.
func realBrokers(t testing.TB) []string {
	t.Helper()
	if brokers := os.Getenv("BIDHAWK_KAFKA_BROKERS"); brokers != "" {
		return strings.Split(brokers, ",")
	}
	const how = "BIDHAWK_KAFKA_BROKERS is not set; start one with scripts/kafka up"
	if os.Getenv("BIDHAWK_TEST_KAFKA") == "required" {
		t.Fatal("BIDHAWK_TEST_KAFKA=required, but " + how)
	}
	t.Skip("NOT TESTED AGAINST A REAL KAFKA: " + how)
	return nil
}
