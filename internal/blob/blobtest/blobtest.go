// Package blobtest is what every blob.Store must do.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"bidhawk/internal/blob"
)

// Run checks an empty store.
func Run(t *testing.T, s blob.Store) {
	ctx := t.Context()
	t.Run("absent", func(t *testing.T) {
		if _, err := s.Stat(ctx, "a/b"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Stat: got %v; want ErrNotFound", err)
		}
		if _, err := s.Open(ctx, "a/b", 0, -1); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open: got %v; want ErrNotFound", err)
		}
		if _, err := s.Open(ctx, "a/b", 0, 0); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open of nothing: got %v; want ErrNotFound", err)
		}
		if err := s.Delete(ctx, "a/b"); err != nil {
			t.Errorf("Delete: %v", err)
		}
	})
	t.Run("files", func(t *testing.T) { files(t, s) })
	t.Run("a file too short or too long is not there", func(t *testing.T) {
		for _, size := range []int64{3, 7} {
			if err := s.Put(ctx, "wrong", onlyReader{strings.NewReader("hello")}, size); err == nil && size > 5 {
				t.Errorf("put 5 bytes as %d: no error", size)
			}
			if info, err := s.Stat(ctx, "wrong"); err == nil && info.Size != size {
				t.Errorf("put 5 bytes as %d: %+v is there", size, info)
			}
			must(t, s.Delete(ctx, "wrong"))
		}
	})
	t.Run("keys", func(t *testing.T) {
		for _, key := range []string{"", "/a", "a/", "a//b", "..", "a/../b", "./a", ".new/1", "a\\b", "a b", "ä", "a\x00", strings.Repeat("a", 800)} {
			if err := s.Put(ctx, key, strings.NewReader("x"), 1); err == nil {
				t.Errorf("Put took the key %.40q", key)
			}
			if _, err := s.Open(ctx, key, 0, -1); err == nil || errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Open took the key %.40q: %v", key, err)
			}
			if _, err := s.Stat(ctx, key); err == nil || errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Stat took the key %.40q: %v", key, err)
			}
			if err := s.Delete(ctx, key); err == nil {
				t.Errorf("Delete took the key %.40q", key)
			}
		}
	})
	t.Run("a put that is given up leaves what was there", func(t *testing.T) {
		put(t, s, "kept", "old")
		given, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.Put(given, "kept", strings.NewReader("new"), 3); err == nil {
			t.Error("put with an ended context: no error")
		}
		if got := read(t, s, "kept", 0, -1); got != "old" {
			t.Errorf("got %q; want what was there", got)
		}
		must(t, s.Delete(ctx, "kept"))
	})
}

type onlyReader struct{ io.Reader }

func files(t *testing.T, s blob.Store) {
	ctx := t.Context()
	big := strings.Repeat("0123456789", 100_000)
	put(t, s, "aa/one.png", "hello")
	put(t, s, "aa/zip/index.html", big)
	put(t, s, "ab", "")
	for _, f := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{"aa/one.png", 0, -1, "hello"}, {"aa/one.png", 1, 3, "ell"}, {"aa/one.png", 4, -1, "o"}, {"aa/one.png", 0, 1, "h"},
		{"aa/one.png", 2, 0, ""}, {"aa/zip/index.html", 0, -1, big}, {"aa/zip/index.html", 999_995, 5, "56789"}, {"ab", 0, -1, ""},
	} {
		if got := read(t, s, f.key, f.offset, f.length); got != f.want {
			t.Errorf("%s from %d, %d bytes: got %.20q (%d); want %.20q (%d)", f.key, f.offset, f.length, got, len(got), f.want, len(f.want))
		}
	}
	if info, err := s.Stat(ctx, "aa/zip/index.html"); err != nil || info.Size != 1_000_000 || info.Key != "aa/zip/index.html" || info.Modified.IsZero() {
		t.Errorf("Stat: got %+v, %v", info, err)
	}
	if _, err := s.Stat(ctx, "aa/zip"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stat of a folder: got %v; want ErrNotFound", err)
	}
	keys := func(prefix string, want ...string) {
		t.Helper()
		got := []string{}
		for info, err := range s.List(ctx, prefix) {
			must(t, err)
			got = append(got, info.Key)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("List(%q): got %q; want %q", prefix, got, want)
		}
	}
	keys("", "aa/one.png", "aa/zip/index.html", "ab")
	keys("aa/", "aa/one.png", "aa/zip/index.html")
	keys("a", "aa/one.png", "aa/zip/index.html", "ab")
	keys("aa/zip/i", "aa/zip/index.html")
	keys("b", []string{}...)
	for range s.List(ctx, "") { // a reader may stop
		break
	}
	put(t, s, "aa/one.png", "hello again")
	if got := read(t, s, "aa/one.png", 0, -1); got != "hello again" {
		t.Errorf("after a second put: got %q", got)
	}
	for _, key := range []string{"aa/one.png", "aa/zip/index.html", "ab"} {
		must(t, s.Delete(ctx, key))
	}
	keys("", []string{}...)
}

func put(t *testing.T, s blob.Store, key, text string) {
	t.Helper()
	must(t, s.Put(t.Context(), key, bytes.NewReader([]byte(text)), int64(len(text))))
}

func read(t *testing.T, s blob.Store, key string, offset, length int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset, length)
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	return string(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
