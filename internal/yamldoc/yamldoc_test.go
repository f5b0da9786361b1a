package yamldoc

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		root, err := Read("x.yaml", strings.NewReader(text), 40, "settings")
		if want == "" {
			if err != nil || root.Line != 1+strings.Count(text[:strings.Index(text, "a")], "\n") {
				t.Fatalf("%q: got %+v, %v", text, root, err)
			}
			return
		}
		if root != nil || err == nil || !strings.HasPrefix(err.Error(), "x.yaml") || !strings.Contains(err.Error(), want) {
			t.Fatalf("%q: got %v, %v; want no node and an error with %q", text, root, err, want)
		}
	}
	f("a: 1\n", "")
	f("# comment\n---\na: 1\n...\n", "")
	f("a: 1\n"+strings.Repeat("#", 35), "")
	f("a: 1\n"+strings.Repeat("#", 36), "more than 40 bytes")
	f("", "got nothing; want settings")
	f("# comment\n", "got nothing; want settings")
	f("a: [", "want YAML")
	f("a: 1\n---\nb: [", "want YAML")
	f("a: 1\n---\nb: 2\n", "x.yaml:2: got a second YAML document")
}
