package blob_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bidhawk/internal/blob"
	"bidhawk/internal/blob/blobtest"
)

func TestDir(t *testing.T) {
	name := filepath.Join(t.TempDir(), "files")
	d, err := blob.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	blobtest.Run(t, d)
	if left, err := os.ReadDir(filepath.Join(name, ".new")); err != nil || len(left) != 0 {
		t.Errorf("files in the making were left: %v, %v", left, err)
	}
}

func TestDirForgetsWhatWasInTheMaking(t *testing.T) {
	name := t.TempDir()
	d, err := blob.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	half := filepath.Join(name, ".new", "17")
	if err := os.WriteFile(half, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if d, err = blob.OpenDir(name); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("what a crash left is still there: %v", err)
	}
}

func TestDirFollowsNoLinkOut(t *testing.T) {
	name, outside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(name, "link")); err != nil {
		t.Fatal(err)
	}
	d, err := blob.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if r, err := d.Open(t.Context(), "link", 0, -1); err == nil {
		r.Close()
		t.Error("a link out of the directory was followed")
	}
	if err := d.Put(t.Context(), "link", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "secret" {
		t.Errorf("a put through a link wrote outside: %q, %v", b, err)
	}
}
