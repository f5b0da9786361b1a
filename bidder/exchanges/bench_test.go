package exchanges

import (
	"path/filepath"
	"testing"
)

func BenchmarkClearingPrice(b *testing.B) {
	plain, hidden := Default("plain"), google(b)
	b.Run("decimal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plain.ClearingPrice([]byte("2.345678"))
		}
	})
	b.Run("google", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			hidden.ClearingPrice([]byte("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw"))
		}
	})
}

func BenchmarkLoadFile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := LoadFile(filepath.Join(shipped, "google.yaml")); err != nil {
			b.Fatal(err)
		}
	}
}
