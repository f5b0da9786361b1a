//go:build !race

package markup

import "testing"

func TestAllocAppend(t *testing.T) {
	v := values()
	doc, err := VAST(film(), options, VAST42)
	if err != nil {
		t.Fatal(err)
	}
	image, measured := Banner(box(), options), MeasuredBanner(box(), options)
	n, r := NewNative(inFeed(), options), ask(t, benchRequest)
	dst := make([]byte, 0, 64<<10)
	f := func(name string, append func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, append); got != 0 {
			t.Errorf("%s: %v allocations; want 0", name, got)
		}
	}
	f("VAST", func() { dst = doc.Append(dst[:0], v) })
	f("banner", func() { dst = image.Append(dst[:0], v) })
	f("measured banner", func() { dst = measured.Append(dst[:0], v) })
	f("native", func() { dst = n.Append(dst[:0], r, v) })
	f("fits", func() {
		if reason, ok := n.Fits(r); !ok {
			t.Fatal(reason)
		}
	})
	f("sizes", func() {
		if l := lengths(v); doc.Size(l)+image.Size(l)+n.Size(r, l) == 0 {
			t.Fatal("no size")
		}
	})
	f("protocols", func() {
		if VersionsOf([]int{2, 3, 7}, false) == 0 {
			t.Fatal("none")
		}
	})
}
