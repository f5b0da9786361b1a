package local

import (
	"bytes"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	logtest.Run(t, logtest.Suite{
		Open: func(t *testing.T) eventlog.Log { return openDir(t, t.TempDir()) },
		Reopen: func(t *testing.T, l eventlog.Log) eventlog.Log {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return openDir(t, l.(*Log).cfg.Dir)
		},
	})
}

func openDir(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := Open(Config{Dir: dir, Clock: time.Now, MaintainEvery: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConfig(t *testing.T) {
	for _, cfg := range []Config{
		{Clock: time.Now},
		{Dir: "d"},
		{Dir: "d", Clock: time.Now, TombstoneRetention: -1},
		{Dir: "d", Clock: time.Now, CacheBytes: -1},
	} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	for _, m := range []eventlog.Message{{Key: []byte("k"), Value: []byte("v")}, {Key: []byte("k"), Value: []byte{}}, {Key: []byte("k")}} {
		f.Add(appendRecord(nil, &m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		again := appendRecord(nil, &eventlog.Message{Key: r.key, Value: r.value})
		stamp(again, r.nanos)
		s, err := parseRecord(again)
		if err != nil || s.nanos != r.nanos || !bytes.Equal(s.key, r.key) || !bytes.Equal(s.value, r.value) || (s.value == nil) != (r.value == nil) {
			t.Errorf("%x is %+v, which encodes to %x, which is %+v, error %v", b, r, again, s, err)
		}
	})
}
