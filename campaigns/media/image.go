package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"time"
)

// maxPixels bounds a decoded picture, all frames of an animation together: at 4
// bytes each that is how much memory a file can take.
const maxPixels = 32 << 20

// canvas checks the size that a file says before it is decoded.
func (f *Found) canvas(w, h, frames int) error {
	const most = 10_000
	if w < 1 || h < 1 || w > most || h > most {
		return refuse("asset.w", fmt.Sprintf("%d x %d", w, h), fmt.Sprintf("must be 1 to %d pixels wide and high", most))
	}
	if int64(w)*int64(h)*int64(max(frames, 1)) > maxPixels {
		return refuse("asset.frames", fmt.Sprintf("%d of %d x %d", frames, w, h), fmt.Sprintf("must have at most %d pixels in all frames together", maxPixels))
	}
	f.W, f.H, f.Frames = w, h, frames
	return nil
}

// still sets what is known of a picture that was decoded to the end.
func (f *Found) still(what string, img image.Image, err error) error {
	if err != nil {
		return broken(what, err)
	}
	if b := img.Bounds(); b.Dx() != f.W || b.Dy() != f.H {
		return refuse("asset.w", fmt.Sprintf("%d x %d", b.Dx(), b.Dy()), fmt.Sprintf("must decode to the %d x %d that its header says", f.W, f.H))
	}
	if f.Colour == "" {
		f.Colour = colourOf(img)
	}
	return nil
}

func colourOf(img image.Image) string {
	name := "rgb"
	switch img.ColorModel() {
	case color.GrayModel, color.Gray16Model:
		return "gray"
	case color.CMYKModel:
		return "cmyk"
	}
	if _, ok := img.(*image.Paletted); ok {
		name = "palette"
	}
	if o, ok := img.(interface{ Opaque() bool }); ok && !o.Opaque() {
		name += "-alpha"
	}
	return name
}

// moves checks an animation: once is one run of its frames; plays is how often it
// runs, 0 for ever.
func (f *Found) moves(once time.Duration, plays int, l Limits) error {
	const name = "asset.duration_ms"
	rule := fmt.Sprintf("must end within %s, repeats included", l.Animation)
	if plays == 0 {
		return refuse(name, fmt.Sprintf("%d frames of %s in all, repeated for ever", f.Frames, once), rule)
	}
	if once > l.Animation || once*time.Duration(plays) > l.Animation {
		return refuse(name, fmt.Sprintf("%d times %s", plays, once), rule)
	}
	f.Duration = (once * time.Duration(plays)).Milliseconds()
	return nil
}

// whole refuses files that go on behind the picture, or hold what some programs
// would take for a page: a file that is two things is one too many.
func whole(b []byte, end int) error {
	if end < len(b) {
		return refuse(field, fmt.Sprintf("%d bytes behind the end of the image, beginning with %q", len(b)-end, b[end:min(end+16, len(b))]),
			"must end where the image does")
	}
	lower := bytes.ToLower(b)
	for _, s := range []string{"<script", "<html", "<!doctype", "<iframe", "<svg", "<?php"} {
		if i := bytes.Index(lower, []byte(s)); i >= 0 {
			return refuse(field, fmt.Sprintf("%q at byte %d", s, i), "must not hold the text of a page or a program")
		}
	}
	return nil
}

var errShort = errors.New("the file ends early")

func inspectPNG(src Source, l Limits, f *Found) error {
	b, err := read(src)
	if err != nil {
		return err
	}
	w, err := walkPNG(b)
	if err != nil {
		return broken("a PNG image", err)
	}
	if err := f.canvas(w.w, w.h, max(w.frames, 1)); err != nil {
		return err
	}
	if err := whole(b, w.end); err != nil {
		return err
	}
	if w.frames > 1 {
		if err := f.moves(w.once, w.plays, l); err != nil {
			return err
		}
	}
	img, err := png.Decode(bytes.NewReader(b))
	return f.still("a PNG image", img, err)
}

// pngWalk is what a PNG's chunks say (W3C PNG, third edition: acTL and fcTL are of
// animations).
type pngWalk struct {
	w, h, frames, plays int
	once                time.Duration
	end                 int // behind IEND
}

func walkPNG(b []byte) (w pngWalk, err error) {
	shown := 0
	for at := 8; ; {
		if len(b)-at < 12 {
			return w, errShort
		}
		size, name := binary.BigEndian.Uint32(b[at:]), string(b[at+4:at+8])
		if uint64(size) > uint64(len(b)-at-12) {
			return w, errShort
		}
		body := b[at+8 : at+8+int(size)]
		at += 12 + int(size)
		switch {
		case name == "IHDR" && size == 13:
			w.w, w.h = int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
		case name == "acTL" && size == 8:
			w.frames, w.plays = int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
		case name == "fcTL" && size == 26:
			shown++
			w.once += fraction(binary.BigEndian.Uint16(body[20:]), binary.BigEndian.Uint16(body[22:]))
		case name == "IEND":
			w.end = at
			if w.frames > 0 && shown != w.frames {
				return w, fmt.Errorf("it says %d frames and has %d", w.frames, shown)
			}
			return w, nil
		}
	}
}

// fraction is n/d seconds; of d 0 the format says hundredths.
func fraction(n, d uint16) time.Duration {
	if d == 0 {
		d = 100
	}
	return time.Duration(n) * time.Second / time.Duration(d)
}

func inspectJPEG(src Source, _ Limits, f *Found) error {
	b, err := read(src)
	if err != nil {
		return err
	}
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return broken("a JPEG image", err)
	}
	if err := f.canvas(cfg.Width, cfg.Height, 1); err != nil {
		return err
	}
	end, err := walkJPEG(b)
	if err != nil {
		return broken("a JPEG image", err)
	}
	if err := whole(b, end); err != nil {
		return err
	}
	img, err := jpeg.Decode(bytes.NewReader(b))
	return f.still("a JPEG image", img, err)
}

// walkJPEG finds the end of image (ITU-T T.81 annex B): segments by their length,
// and between them scans, in which a marker is 0xff before neither 0 nor a restart.
func walkJPEG(b []byte) (end int, err error) {
	for at := 2; at+1 < len(b); {
		switch m := b[at+1]; {
		case b[at] != 0xff: // within a scan
			at++
		case m == 0 || m == 0xff || m >= 0xd0 && m <= 0xd7 || m == 1:
			at++
			if m != 0xff {
				at++
			}
		case m == 0xd9:
			return at + 2, nil
		case len(b)-at < 4:
			return 0, errShort
		default:
			at += 2 + int(binary.BigEndian.Uint16(b[at+2:]))
		}
	}
	return 0, errShort
}
