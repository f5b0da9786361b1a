//go:build !race

package openrtb

import "testing"

func TestAllocNativeDecode(t *testing.T) {
	texts := [][]byte{[]byte(richNative), []byte(`{"native":` + richNative + `}`)}
	var n NativeRequest
	if got := testing.AllocsPerRun(100, func() {
		for _, text := range texts {
			if err := n.Decode(text); err != nil {
				t.Fatal(err)
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations per request; want 0", got)
	}
}

func TestAllocNativeDecodeOfSharedFiles(t *testing.T) {
	var texts [][]byte
	var n NativeRequest
	for _, text := range nativeTexts(t, "valid") {
		if n.Decode(text) == nil {
			texts = append(texts, text)
		}
	}
	if got := testing.AllocsPerRun(3, func() {
		for _, text := range texts {
			if err := n.Decode(text); err != nil {
				t.Fatal(err)
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations for %d requests; want 0", got, len(texts))
	}
}
