//go:build unix

package openrtb

import (
	"encoding/json"
	"testing"

	gojson "github.com/goccy/go-json"
	"github.com/prebid/openrtb/v20/native1/request"
)

func BenchmarkNativeDecode(b *testing.B) {
	text := []byte(richNative)
	b.Run("bidhawk", func(b *testing.B) {
		var n NativeRequest
		benchDecode(b, text, func() error { return n.Decode(text) })
	})
	b.Run("goccy", func(b *testing.B) {
		benchDecode(b, text, func() error {
			var q request.Request
			return gojson.Unmarshal(text, &q)
		})
	})
	b.Run("encoding-json", func(b *testing.B) {
		benchDecode(b, text, func() error {
			var q request.Request
			return json.Unmarshal(text, &q)
		})
	})
}
