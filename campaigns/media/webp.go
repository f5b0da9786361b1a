package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/image/webp"
)

func inspectWebP(src Source, l Limits, f *Found) error {
	b, err := read(src)
	if err != nil {
		return err
	}
	const what = "a WebP image"
	end := 8 + int64(binary.LittleEndian.Uint32(b[4:]))
	if end > int64(len(b)) || end < 12 {
		return broken(what, errShort)
	}
	if err := whole(b, int(end)); err != nil {
		return err
	}
	w, err := walkWebP(b[12:end])
	if err != nil {
		return broken(what, err)
	}
	if len(w.frames) > 0 {
		return f.webpFrames(&w, l)
	}
	cfg, err := webp.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return broken(what, err)
	}
	if err := f.canvas(cfg.Width, cfg.Height, 1); err != nil {
		return err
	}
	img, err := webp.Decode(bytes.NewReader(b))
	return f.still(what, img, err)
}

// webpFrames decodes each frame of an animation by itself.
func (f *Found) webpFrames(w *webpWalk, l Limits) error {
	const what = "a WebP image"
	if err := f.canvas(w.w, w.h, len(w.frames)); err != nil {
		return err
	}
	if len(w.frames) > 1 {
		if err := f.moves(w.once, w.plays, l); err != nil {
			return err
		}
	}
	for _, frame := range w.frames {
		file := frame.file()
		cfg, err := webp.DecodeConfig(bytes.NewReader(file))
		if err == nil && (cfg.Width != frame.w || cfg.Height != frame.h || cfg.Width > w.w || cfg.Height > w.h) {
			err = errors.New("a frame is of another size than it says")
		}
		if err != nil {
			return broken(what, err)
		}
		img, err := webp.Decode(bytes.NewReader(file))
		if err != nil {
			return broken(what, err)
		}
		if f.Colour == "" || f.Colour == "rgb" {
			f.Colour = colourOf(img)
		}
	}
	return nil
}

// webpWalk is what a WebP's chunks say of an animation (RFC 9649).
type webpWalk struct {
	w, h, plays int
	once        time.Duration
	frames      []webpFrame
}

type webpFrame struct {
	w, h   int
	chunks []byte // ALPH where there is one, and VP8 or VP8L
}

func walkWebP(b []byte) (w webpWalk, err error) {
	err = chunks(b, func(name string, body []byte) error {
		switch {
		case name == "VP8X" && len(body) >= 10:
			w.w, w.h = 1+u24(body[4:]), 1+u24(body[7:])
		case name == "ANIM" && len(body) >= 6:
			w.plays = int(binary.LittleEndian.Uint16(body[4:]))
		case name == "ANMF":
			if len(body) < 16 {
				return errShort
			}
			w.once += time.Duration(u24(body[12:])) * time.Millisecond
			w.frames = append(w.frames, webpFrame{1 + u24(body[6:]), 1 + u24(body[9:]), body[16:]})
		}
		return nil
	})
	return w, err
}

// chunks reads RIFF chunks, each with a byte of padding where its size is odd.
func chunks(b []byte, f func(name string, body []byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return errShort
		}
		size := int64(binary.LittleEndian.Uint32(b[4:]))
		if size > int64(len(b)-8) {
			return errShort
		}
		if err := f(string(b[:4]), b[8:8+size]); err != nil {
			return err
		}
		b = b[min(8+size+size&1, int64(len(b))):]
	}
	return nil
}

// file is the frame as an image of its own.
func (fr *webpFrame) file() []byte {
	var alpha bool
	_ = chunks(fr.chunks, func(name string, _ []byte) error { alpha = alpha || name == "ALPH"; return nil }) // Decode says what is wrong
	var body []byte
	if alpha {
		head := make([]byte, 10)
		head[0] = 0x10 // has alpha
		putU24(head[4:], fr.w-1)
		putU24(head[7:], fr.h-1)
		body = append(binary.LittleEndian.AppendUint32(append(body, "VP8X"...), 10), head...)
	}
	body = append(body, fr.chunks...)
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))
	return append(append(out, "WEBP"...), body...)
}

func u24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func putU24(b []byte, n int) { b[0], b[1], b[2] = byte(n), byte(n>>8), byte(n>>16) }
