// Package blob keeps files by key: on a disk (Dir) or in an S3-compatible store
// (blob/s3). A file is there whole and durable, or not at all; a key's file is
// replaced whole. Who needs a name of content puts its hash into the key.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// ErrNotFound reports a key under which there is no file.
var ErrNotFound = errors.New("no such file")

// Info is what is known of a file without reading it.
type Info struct {
	Key  string
	Size int64
	// Modified is when the file was last put, by the clock of the store.
	Modified time.Time
}

// Store is safe for concurrent use. Keys are relative paths, see ValidKey.
type Store interface {
	// Put stores size bytes of r under key, in the place of what was there. It
	// returns nil once they are durable; on an error what was there stays.
	Put(ctx context.Context, key string, r io.Reader, size int64) error
	// Open returns length bytes from offset on, or up to the end where length is
	// negative. The error may be ErrNotFound. The caller closes the reader.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Stat returns ErrNotFound where there is no file.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes a file; that there is none is no error.
	Delete(ctx context.Context, key string) error
	// List yields the files whose keys begin with prefix, in no order, until the
	// first error.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// MaxKeyBytes bounds a key; S3's own bound is 1,024 bytes with a prefix.
const MaxKeyBytes = 768

// CheckKey refuses a key that some store would take for another or for a place
// outside of it: want names of printable ASCII between slashes, none of them empty
// or beginning with a dot.
func CheckKey(key string) error {
	ok := len(key) > 0 && len(key) <= MaxKeyBytes
	for name := range strings.SplitSeq(key, "/") {
		ok = ok && name != "" && name[0] != '.'
	}
	for i := 0; i < len(key) && ok; i++ {
		ok = key[i] > ' ' && key[i] < 0x7f && key[i] != '\\' && key[i] != ':' && key[i] != '*' && key[i] != '?'
	}
	if !ok {
		return fmt.Errorf("key %.100q: want names of printable ASCII between slashes, none beginning with a dot, at most %d bytes", key, MaxKeyBytes)
	}
	return nil
}
