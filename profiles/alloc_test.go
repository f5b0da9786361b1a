//go:build !race

package profiles

import (
	"math/rand/v2"
	"testing"

	"bidhawk/campaigns"
)

func TestAppendTagsAllocs(t *testing.T) {
	s := openTest(t, testConfig(t.TempDir()))
	mustApply(t, s, []Change{{1, mustRecord(t, 1, typicalTags(rand.New(rand.NewPCG(1, 2)), testNow)...)}})
	<-s.scanDone
	s.AppendTags(nil, 1, testNow)
	s.hot.cache.Wait()
	dst := make([]campaigns.TagKey, 0, 64)
	before := s.Stats().Hits
	if n := testing.AllocsPerRun(1000, func() { dst, _ = s.AppendTags(dst[:0], 1, testNow) }); n != 0 {
		t.Errorf("hit: %v allocations; want 0", n)
	}
	if got := s.Stats().Hits - before; got != 1001 || len(dst) != 50 {
		t.Fatalf("%d hits of 1001, %d tags of 50", got, len(dst))
	}
	if n := testing.AllocsPerRun(1000, func() { dst, _ = s.AppendTags(dst[:0], 2, testNow) }); n != 0 {
		t.Errorf("unknown user: %v allocations; want 0", n)
	}
	if n := testing.AllocsPerRun(1000, func() { dst, _ = s.AppendTags(dst[:0], 1, testNow.AddDate(0, 0, 15)) }); n != 0 {
		t.Errorf("hit with expired tags: %v allocations; want 0", n)
	}
}
