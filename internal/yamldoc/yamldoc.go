// Package yamldoc reads settings that are one YAML document in one file.
package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Read returns the root node of the one document that r holds. Errors name path.
// More than maxBytes, no document, and several are errors: a second document
// that nobody reads would be settings lost without a word. Want says what the
// document should have held.
func Read(path string, r io.Reader, maxBytes int, want string) (*yaml.Node, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(maxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s: got more than %d bytes; want at most that", path, maxBytes)
	}
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: want YAML: %w", path, err)
	}
	if len(doc.Content) != 1 {
		return nil, fmt.Errorf("%s: got nothing; want %s", path, want)
	}
	switch err := dec.Decode(&more); {
	case errors.Is(err, io.EOF):
		return doc.Content[0], nil
	case err != nil:
		return nil, fmt.Errorf("%s: want YAML: %w", path, err)
	}
	return nil, fmt.Errorf("%s:%d: got a second YAML document; want one", path, more.Line)
}
