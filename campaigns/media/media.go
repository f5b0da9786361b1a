// Package media reads the files that advertisers upload: what a file is by its
// content, never by its name, its size, length and weight, and whether a page may
// show it. What breaks a rule is a *campaigns.ValidationError that names the rule.
// Whatever somebody sends is read in bounded memory and time, and panics nowhere.
package media

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"bidhawk/campaigns"
)

// Limits bounds what is taken. The zero value is DefaultLimits.
type Limits struct {
	ImageBytes    int64         // of an image
	ZipBytes      int64         // of an HTML5 zip
	UnpackedBytes int64         // of all that is in it
	ZipFiles      int           // in it
	VideoBytes    int64         // of a video
	AudioBytes    int64         // of a sound
	VASTBytes     int64         // of a VAST document
	Animation     time.Duration // of an image that moves, repeats included
}

// DefaultLimits are of the IAB's LEAN guidance where it says something of a kind,
// with room for what exchanges take beyond it.
func DefaultLimits() Limits {
	return Limits{
		ImageBytes: 5 << 20, ZipBytes: 10 << 20, UnpackedBytes: 30 << 20, ZipFiles: 200,
		VideoBytes: 200 << 20, AudioBytes: 30 << 20, VASTBytes: 256 << 10, Animation: 30 * time.Second,
	}
}

// MaxBytes is the most that any file may weigh.
func (l Limits) MaxBytes() int64 {
	return max(l.ImageBytes, l.ZipBytes, l.VideoBytes, l.AudioBytes, l.VASTBytes)
}

// Validate names the limit that is wrong.
func (l Limits) Validate() error {
	for _, b := range []struct {
		name string
		n    int64
	}{
		{"image_bytes", l.ImageBytes}, {"zip_bytes", l.ZipBytes}, {"unpacked_bytes", l.UnpackedBytes}, {"zip_files", int64(l.ZipFiles)},
		{"video_bytes", l.VideoBytes}, {"audio_bytes", l.AudioBytes}, {"vast_bytes", l.VASTBytes}, {"animation", int64(l.Animation)},
	} {
		if b.n <= 0 {
			return fmt.Errorf("%s: got %d; want more than 0", b.name, b.n)
		}
	}
	return nil
}

// Source is a file of a known size.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Found is what a file turned out to be.
type Found struct {
	campaigns.FileFacts
	// Unzipped are the files of an HTML5 zip as they are served, by their path.
	Unzipped []Unzipped
}

// Unzipped is one file of a zip.
type Unzipped struct {
	campaigns.FilePart
	Content []byte
}

// field is what violations call the file.
const field = "asset.file"

// Inspect decodes a file. The error is a *campaigns.ValidationError, or the
// source's own.
func Inspect(src Source, l Limits) (f Found, err error) {
	k := kindOf(src)
	if k == nil {
		return f, refuse(field, head(src), "must be a PNG, JPEG, GIF, WebP or SVG image, an HTML5 zip, an MP4 or WebM video, MP3, AAC or Ogg audio, or a VAST document")
	}
	if limit := k.limit(l); src.Size() > limit {
		return f, refuse(field, fmt.Sprintf("%d bytes", src.Size()), fmt.Sprintf("must be at most %d bytes: it is %s", limit, k.name))
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(src, 0, src.Size())); err != nil {
		return f, err
	}
	if err := guarded(func() error { return k.inspect(src, l, &f) }); err != nil {
		return f, err
	}
	if k.kind == campaigns.AssetVideo && (f.W < 1 || f.H < 1) {
		return f, refuse("asset.w", fmt.Sprintf("%d x %d", f.W, f.H), "must be a video with a picture")
	}
	if ms := f.Duration; k.kind == campaigns.AssetVideo || k.kind == campaigns.AssetAudio {
		f.Bitrate = int(min(src.Size()*8/max(ms, 1), 1<<30))
	}
	f.SHA256, f.Bytes, f.Type, f.MIME = hex.EncodeToString(sum.Sum(nil)), src.Size(), k.kind, k.mime
	if f.File == "" {
		f.File = "." + k.extension
	}
	f.File = f.SHA256 + f.File
	return f, nil
}

// guarded turns a decoder's panic into a refusal: a file that no decoder can read
// is no ad.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = refuse(field, fmt.Sprint(p), "must be a file that can be decoded")
		}
	}()
	return f()
}

func refuse(field, value, rule string) *campaigns.ValidationError {
	return &campaigns.ValidationError{Violations: []campaigns.Violation{{Field: field, Value: clip(value), Rule: rule}}}
}

// broken is a refusal of a file that is not what it begins like.
func broken(what string, err error) error {
	return refuse(field, err.Error(), "must be "+what+" that can be decoded to its end")
}

func isRefusal(err error) bool {
	var ve *campaigns.ValidationError
	return errors.As(err, &ve)
}

func clip(s string) string {
	const bound = 200
	if len(s) > bound {
		return fmt.Sprintf("%.*q...", bound, s)
	}
	return s
}

// head is the file's first bytes, for people.
func head(src Source) string {
	b := make([]byte, min(src.Size(), 16))
	n, _ := src.ReadAt(b, 0) // what can't be read is not shown
	return fmt.Sprintf("%d bytes that begin with %q", src.Size(), b[:n])
}

// read is the whole file; its size is within the limits already.
func read(src Source) ([]byte, error) {
	b := make([]byte, src.Size())
	_, err := io.ReadFull(io.NewSectionReader(src, 0, src.Size()), b)
	return b, err
}
