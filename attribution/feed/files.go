package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Files keeps finished files by key. Put replaces a key's file whole and returns nil
// once it is durable.
type Files interface {
	Put(ctx context.Context, key string, r io.Reader, size int64) error
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
}

// Dir keeps files in a directory. Only the feed's own keys are asked of it.
type Dir string

// Put implements Files.
func (d Dir) Put(_ context.Context, key string, r io.Reader, _ int64) error {
	path := filepath.Join(string(d), filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = io.Copy(tmp, r)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	// The names up to the directory's own must last as well.
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if err := syncDir(dir); err != nil || dir == filepath.Clean(string(d)) {
			return err
		}
	}
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open implements Files, for whole files.
func (d Dir) Open(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset != 0 || length >= 0 {
		return nil, fmt.Errorf("read %d bytes of %q from %d: want the whole file", length, key, offset)
	}
	return os.Open(filepath.Join(string(d), filepath.FromSlash(key)))
}
