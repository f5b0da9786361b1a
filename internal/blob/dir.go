package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Dir keeps files in a directory, one file a key. Files in the making are in its
// ".new", which is emptied when the directory is opened: one process at a time
// may write there.
type Dir struct {
	root *os.Root
	made atomic.Int64 // names of files in the making
}

const making = ".new"

// OpenDir makes the directory where it is missing.
func OpenDir(name string) (*Dir, error) {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return nil, fmt.Errorf("open files: %w", err)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open files: %w", err)
	}
	err = root.RemoveAll(making)
	if err == nil {
		err = root.Mkdir(making, 0o755)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open files: %w", err), root.Close())
	}
	return &Dir{root: root}, nil
}

// Close lets the directory go.
func (d *Dir) Close() error { return d.root.Close() }

// Put implements Store.
func (d *Dir) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	tmp := making + "/" + strconv.FormatInt(d.made.Add(1), 10)
	if err := d.write(ctx, tmp, r, size); err != nil {
		return errors.Join(fmt.Errorf("put %q: %w", key, err), ignoreMissing(d.root.Remove(tmp)))
	}
	folder := path.Dir(key)
	if err := d.root.MkdirAll(folder, 0o755); err != nil {
		return errors.Join(fmt.Errorf("put %q: %w", key, err), d.root.Remove(tmp))
	}
	if err := d.root.Rename(tmp, key); err != nil {
		return errors.Join(fmt.Errorf("put %q: %w", key, err), d.root.Remove(tmp))
	}
	// A name is durable once its folder is, and so is that folder's.
	for ; ; folder = path.Dir(folder) {
		if err := d.sync(folder); err != nil {
			return fmt.Errorf("put %q: %w", key, err)
		}
		if folder == "." {
			return nil
		}
	}
}

// write makes a file of exactly size bytes, on the disk.
func (d *Dir) write(ctx context.Context, name string, r io.Reader, size int64) error {
	f, err := d.root.Create(name)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(&reader{ctx, r}, size+1))
	switch {
	case err != nil:
	case n != size:
		err = fmt.Errorf("got %d bytes or more; want %d", n, size)
	default:
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func (d *Dir) sync(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open implements Store.
func (d *Dir) Open(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	f, err := d.root.Open(key)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", key, missing(err))
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %q: %w", key, err), f.Close())
	}
	if length < 0 {
		length = info.Size() - offset
	}
	return &part{io.NewSectionReader(f, offset, length), f}, nil
}

// part reads a piece of a file and closes it whole.
type part struct {
	io.Reader
	file io.Closer
}

func (p *part) Close() error { return p.file.Close() }

// Stat implements Store.
func (d *Dir) Stat(_ context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	info, err := d.root.Stat(key)
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		return Info{}, fmt.Errorf("look at %q: %w", key, missing(err))
	}
	return Info{key, info.Size(), info.ModTime()}, nil
}

// Delete implements Store. Folders that it leaves empty go with the file.
func (d *Dir) Delete(_ context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := ignoreMissing(d.root.Remove(key)); err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	for folder := path.Dir(key); folder != "."; folder = path.Dir(folder) {
		if d.root.Remove(folder) != nil { // others are in it
			return nil
		}
	}
	return nil
}

// List implements Store.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
				return nil
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case e.IsDir():
				if name == making || name != "." && !strings.HasPrefix(name, prefix) && !strings.HasPrefix(prefix, name+"/") {
					return fs.SkipDir
				}
				return nil
			case !strings.HasPrefix(name, prefix):
				return nil
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			} else if err != nil {
				return err
			}
			if !yield(Info{name, info.Size(), info.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("list files: %w", err))
		}
	}
}

// Touch sets when a file was put: for tests of what depends on its age.
func (d *Dir) Touch(key string, at time.Time) error { return d.root.Chtimes(key, at, at) }

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
