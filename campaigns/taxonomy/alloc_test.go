//go:build !race

package taxonomy

import (
	"testing"

	"bidhawk/campaigns"
)

func TestAncestorsDoNotAllocate(t *testing.T) {
	tx := load(t, small)
	dst := make([]campaigns.TagKey, 0, 3)
	if n := testing.AllocsPerRun(100, func() { dst = tx.AppendAncestors(dst[:0], campaigns.NewTagKey(7, 112)) }); n != 0 {
		t.Errorf("got %v allocations; want none", n)
	}
}
