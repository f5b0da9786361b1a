package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"bidhawk/campaigns"
	"bidhawk/internal/blob"
)

// Library takes uploads: each is written to a file of its own while it comes,
// inspected, and stored under the hash of its content. It is safe for concurrent use.
type Library struct {
	files  blob.Store
	limits Limits
	tmp    string
	// decoding holds one for each file that is being decoded: pictures take memory.
	decoding chan struct{}
}

// maxDecoding is how many files are decoded at once.
const maxDecoding = 2

// NewLibrary stores in files; uploads under way are kept in the folder tmp, which
// is made.
func NewLibrary(files blob.Store, limits Limits, tmp string) (*Library, error) {
	if err := limits.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of uploads under way: %w", err)
	}
	return &Library{files, limits, tmp, make(chan struct{}, maxDecoding)}, nil
}

// Limits are what is taken.
func (l *Library) Limits() Limits { return l.limits }

// Take stores what r holds, and says what it is. A *campaigns.ValidationError says
// why it is refused; nothing is stored then.
func (l *Library) Take(ctx context.Context, r io.Reader) (campaigns.FileFacts, error) {
	var none campaigns.FileFacts
	spool, err := l.spool(ctx, r)
	if err != nil {
		return none, err
	}
	defer spool.drop()
	found, err := l.inspect(ctx, spool)
	if err != nil {
		return none, err
	}
	if err := l.store(ctx, &found, spool); err != nil {
		return none, fmt.Errorf("store an upload: %w", err)
	}
	return found.FileFacts, nil
}

// Stored says whether the file is there: one that was taken may have been swept
// away before something referred to it.
func (l *Library) Stored(ctx context.Context, f *campaigns.FileFacts) (bool, error) {
	_, err := l.files.Stat(ctx, f.File)
	if errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (l *Library) inspect(ctx context.Context, src Source) (Found, error) {
	select {
	case l.decoding <- struct{}{}:
		defer func() { <-l.decoding }()
	case <-ctx.Done():
		return Found{}, ctx.Err()
	}
	return Inspect(src, l.limits)
}

// store puts the file, or of a zip its files, the page last: what can be found by
// its page is whole.
func (l *Library) store(ctx context.Context, f *Found, src Source) error {
	if len(f.Unzipped) == 0 {
		return l.files.Put(ctx, f.File, io.NewSectionReader(src, 0, src.Size()), src.Size())
	}
	var page *Unzipped
	for i := range f.Unzipped {
		u := &f.Unzipped[i]
		if path.Join(f.SHA256, u.Path) == f.File {
			page = u
			continue
		}
		if err := l.put(ctx, f.SHA256, u); err != nil {
			return err
		}
	}
	return l.put(ctx, f.SHA256, page)
}

func (l *Library) put(ctx context.Context, hash string, u *Unzipped) error {
	return l.files.Put(ctx, hash+"/"+u.Path, bytes.NewReader(u.Content), int64(len(u.Content)))
}

// spool is an upload on its way.
type spool struct {
	*os.File
	size int64
}

// Size implements Source.
func (s *spool) Size() int64 { return s.size }

func (s *spool) drop() { _ = s.Close() } // its name is gone already

// spool writes r to a file without a name: a crash leaves nothing.
func (l *Library) spool(ctx context.Context, r io.Reader) (*spool, error) {
	f, err := os.CreateTemp(l.tmp, "upload-*")
	if err != nil {
		return nil, fmt.Errorf("take an upload: %w", err)
	}
	s := &spool{File: f}
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("take an upload: %w", err), f.Close())
	}
	limit := l.limits.MaxBytes()
	s.size, err = io.Copy(f, io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrBroken, err)
	case ctx.Err() != nil:
		err = ctx.Err()
	case s.size > limit:
		err = refuse(field, fmt.Sprintf("more than %d bytes", limit), fmt.Sprintf("must be at most %d bytes", limit))
	case s.size == 0:
		err = refuse(field, "0 bytes", "must hold a file")
	}
	if err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}

// ErrBroken reports an upload that did not come to its end.
var ErrBroken = errors.New("the upload broke off")
