// Package viewability holds the script by which a banner tells that it was seen, as
// the Media Rating Council defines that. Browsers fetch it from us, once for all ads.
package viewability

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
)

//go:embed view.js
var source []byte

// Script is view.js as it is served. It is immutable.
type Script struct {
	Plain, Gzip []byte
	ETag        string
}

// Load prepares the script.
func Load() (*Script, error) {
	sum := sha256.Sum256(source)
	s := &Script{Plain: source, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		if _, err = w.Write(source); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("pack the viewability script: %w", err)
	}
	s.Gzip = packed.Bytes()
	return s, nil
}
