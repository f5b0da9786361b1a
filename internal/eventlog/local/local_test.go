package local

import (
	"testing"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/logtest"
)

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
