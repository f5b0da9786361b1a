package rates

import (
	"testing"
	"time"

	"bidhawk/internal/money"
)

func BenchmarkConvert(b *testing.B) {
	s := NewFixed(fixed())
	now := time.Unix(1_800_000_000, 0)
	b.ReportAllocs()
	for b.Loop() {
		s.At(now).Convert(1_234_567, eur, jpy, money.RoundUp)
	}
}
