package eventlog

import (
	"bytes"
	"testing"
)

func str(b []byte) string { return string(b) }

func FuzzParseMessage(f *testing.F) {
	f.Add(appendMessage(nil, &Message{Topic: "money", Key: []byte("k"), Value: []byte("v")}))
	f.Add(appendMessage(nil, &Message{Topic: "money", Key: []byte("k"), Value: []byte{}}))
	f.Add(appendMessage(nil, &Message{Topic: "money", Key: []byte("k")}))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := parseMessage(b, str)
		if err != nil {
			return
		}
		again := appendMessage(nil, &m)
		if len(again) > encodedMax(&m) {
			t.Errorf("%d bytes encoded; encodedMax says %d", len(again), encodedMax(&m))
		}
		n, left, err := parseMessage(append(again, rest...), str)
		if err != nil || n.Topic != m.Topic || !bytes.Equal(n.Key, m.Key) || !bytes.Equal(n.Value, m.Value) ||
			(n.Value == nil) != (m.Value == nil) || !bytes.Equal(left, rest) {
			t.Errorf("%x is %+v, which encodes to %x, which is %+v, error %v", b, m, again, n, err)
		}
	})
}

func TestPartitionOfAgreesWithKafka(t *testing.T) {
	// From org.apache.kafka.common.utils.UtilsTest.testMurmur2.
	f := func(key string, want int32) {
		t.Helper()
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d; want %d", key, got, want)
		}
	}
	f("21", -973932308)
	f("foobar", -790332482)
	f("a-little-bit-long-string", -985981536)
	f("a-little-bit-longer-string", -1486304829)
	f("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)
	f("abc", 479470107)
}
