package node

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite console/openapi.json")

// The console's client is generated from the committed document. After a change
// of the API: go test ./cmd/node -run OpenAPIDocument -update
func TestOpenAPIDocument(t *testing.T) {
	r := start(t, installation(t))
	resp, err := r.client.Get(r.api("/openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(document, "", " ") // with its keys in order
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const name = root + "console/openapi.json"
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("console/openapi.json is not what the node serves; run: go test ./cmd/node -run OpenAPIDocument -update")
	}
}
