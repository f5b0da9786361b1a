package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"bidhawk/campaigns"
)

// The files of these tests are made by the encoders of the standard library, and
// by hand where those make none.

func picture(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.NRGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	return img
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// gifOf has frames of so many hundredths of a second; loops as image/gif has it:
// -1 once, 0 for ever, n that many more times.
func gifOf(t testing.TB, w, h, frames, hundredths, loops int) []byte {
	t.Helper()
	g := &gif.GIF{LoopCount: loops}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, hundredths)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunk is one of PNG.
func chunk(name string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, name...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// apngOf animates a PNG by chunks before its image data.
func apngOf(t testing.TB, frames, plays int, num, den uint16) []byte {
	b := pngOf(t, picture(20, 10))
	control := binary.BigEndian.AppendUint32(nil, uint32(frames))
	extra := chunk("acTL", binary.BigEndian.AppendUint32(control, uint32(plays)))
	for range frames {
		frame := make([]byte, 26)
		binary.BigEndian.PutUint16(frame[20:], num)
		binary.BigEndian.PutUint16(frame[22:], den)
		extra = append(extra, chunk("fcTL", frame)...)
	}
	const behindHeader = 8 + 25
	return append(append(bytes.Clone(b[:behindHeader]), extra...), b[behindHeader:]...)
}

func inspect(b []byte) (Found, error) { return Inspect(bytes.NewReader(b), DefaultLimits()) }

// takes checks what a file is found to be.
func takes(t *testing.T, b []byte, want string) {
	t.Helper()
	f, err := inspect(b)
	if err != nil {
		t.Errorf("refused: %v; want %s", err, want)
		return
	}
	got := fmt.Sprintf("%s %dx%d %d frames %d ms %s %s", f.MIME, f.W, f.H, f.Frames, f.Duration, f.Colour, f.File[64:])
	if got != want || f.Bytes != int64(len(b)) || len(f.SHA256) != 64 || !strings.HasPrefix(f.File, f.SHA256) {
		t.Errorf("got %s; want %s (%+v)", got, want, f.FileFacts)
	}
}

// refuses checks that a violation names the field and part of value and rule.
func refuses(t *testing.T, b []byte, field, value, rule string) {
	t.Helper()
	_, err := inspect(b)
	var ve *campaigns.ValidationError
	if !errors.As(err, &ve) || len(ve.Violations) == 0 {
		t.Errorf("got %v; want a violation of %s: %s", err, field, rule)
		return
	}
	v := ve.Violations[0]
	if v.Field != field || !strings.Contains(v.Value, value) || !strings.Contains(v.Rule, rule) {
		t.Errorf("got %+v; want %s, ...%s..., ...%s...", v, field, value, rule)
	}
}

func TestImages(t *testing.T) {
	takes(t, pngOf(t, picture(300, 250)), "image/png 300x250 1 frames 0 ms rgb .png")
	takes(t, pngOf(t, image.NewGray(image.Rect(0, 0, 7, 5))), "image/png 7x5 1 frames 0 ms gray .png")
	takes(t, pngOf(t, image.NewNRGBA(image.Rect(0, 0, 7, 5))), "image/png 7x5 1 frames 0 ms rgb-alpha .png")
	takes(t, jpegOf(t, picture(728, 90)), "image/jpeg 728x90 1 frames 0 ms rgb .jpg")
	takes(t, gifOf(t, 30, 20, 1, 0, -1), "image/gif 30x20 1 frames 0 ms palette .gif")
	takes(t, gifOf(t, 30, 20, 5, 100, -1), "image/gif 30x20 5 frames 5000 ms palette .gif")
	takes(t, gifOf(t, 30, 20, 5, 100, 2), "image/gif 30x20 5 frames 15000 ms palette .gif")
	takes(t, apngOf(t, 3, 2, 1, 2), "image/png 20x10 3 frames 3000 ms rgb .png")
}

func TestAnimationsEnd(t *testing.T) {
	refuses(t, gifOf(t, 30, 20, 5, 100, 0), "asset.duration_ms", "for ever", "must end within 30s")
	refuses(t, gifOf(t, 30, 20, 31, 100, -1), "asset.duration_ms", "1 times 31s", "must end within 30s")
	refuses(t, gifOf(t, 30, 20, 16, 100, 1), "asset.duration_ms", "2 times 16s", "must end within 30s")
	takes(t, gifOf(t, 30, 20, 15, 100, 1), "image/gif 30x20 15 frames 30000 ms palette .gif")
	refuses(t, apngOf(t, 3, 0, 1, 2), "asset.duration_ms", "for ever", "must end within 30s")
	refuses(t, apngOf(t, 31, 1, 100, 0), "asset.duration_ms", "1 times 31s", "must end within 30s")
}

func TestImagesThatAreNot(t *testing.T) {
	good := pngOf(t, picture(30, 20))
	refuses(t, nil, "asset.file", "0 bytes", "must be a PNG")
	refuses(t, []byte("hello, I am an image.png"), "asset.file", "24 bytes", "must be a PNG")
	refuses(t, good[:len(good)-20], "asset.file", "ends early", "a PNG image that can be decoded")
	damaged := bytes.Clone(good)
	damaged[len(damaged)-20] ^= 0xff
	refuses(t, damaged, "asset.file", "", "a PNG image that can be decoded")
	photo := jpegOf(t, picture(30, 20))
	refuses(t, photo[:len(photo)-10], "asset.file", "ends early", "a JPEG image that can be decoded")
	moving := gifOf(t, 30, 20, 3, 10, -1)
	refuses(t, moving[:len(moving)-5], "asset.file", "", "a GIF image that can be decoded")
	refuses(t, []byte("RIFF\xff\xff\xff\x00WEBPVP8 "), "asset.file", "", "a WebP image that can be decoded")
}

// TestBombs: what a header promises is refused before memory is taken for it.
func TestBombs(t *testing.T) {
	header := func(w, h uint32) []byte {
		b := bytes.Clone(pngOf(t, picture(1, 1)))
		binary.BigEndian.PutUint32(b[16:], w)
		binary.BigEndian.PutUint32(b[20:], h)
		binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		return b
	}
	refuses(t, header(100_000, 10), "asset.w", "100000 x 10", "1 to 10000 pixels")
	refuses(t, header(10_000, 10_000), "asset.frames", "1 of 10000 x 10000", "pixels in all frames")
	refuses(t, gifOf(t, 3000, 3000, 9, 10, -1), "asset.frames", "9 of 3000 x 3000", "pixels in all frames")
}

func TestPolyglots(t *testing.T) {
	good := pngOf(t, picture(30, 20))
	for _, tail := range []string{"PK\x03\x04", "<script>alert(1)</script>", "\x00"} {
		refuses(t, append(bytes.Clone(good), tail...), "asset.file", "behind the end", "must end where the image does")
		refuses(t, append(jpegOf(t, picture(30, 20)), tail...), "asset.file", "behind the end", "must end where the image does")
		refuses(t, append(gifOf(t, 3, 2, 1, 0, -1), tail...), "asset.file", "behind the end", "must end where the image does")
	}
	const behindHeader = 8 + 25
	text := chunk("tEXt", []byte("Comment\x00<SCRIPT>alert(1)</SCRIPT>"))
	refuses(t, append(append(bytes.Clone(good[:behindHeader]), text...), good[behindHeader:]...), "asset.file", "<script", "text of a page")
	php := []byte("\xff\xd8\xff\xfe\x00\x10<?php evil();?>")
	php = append(php[:4], append([]byte{0, 17}, []byte("<?php evil();?>")...)...)
	refuses(t, append(php, jpegOf(t, picture(30, 20))[2:]...), "asset.file", "<?php", "text of a page")
}

func TestTooHeavy(t *testing.T) {
	l := DefaultLimits()
	l.ImageBytes = 100
	b := pngOf(t, picture(300, 250))
	_, err := Inspect(bytes.NewReader(b), l)
	var ve *campaigns.ValidationError
	if !errors.As(err, &ve) || ve.Violations[0].Rule != "must be at most 100 bytes: it is a PNG image" {
		t.Errorf("got %v", err)
	}
}
