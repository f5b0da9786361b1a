package attribution

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if raceEnabled {
		// The property tests look for wrong sums; a race shows in any run.
		// -rapid.checks on the command line wins, unless it is the default.
		if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
			if err := f.Value.Set("20"); err != nil {
				panic(err)
			}
		}
	}
	goleak.VerifyTestMain(m)
}
