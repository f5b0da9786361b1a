package media

import (
	"bytes"
	"encoding/binary"
	"image/gif"
	"time"
)

func inspectGIF(src Source, l Limits, f *Found) error {
	b, err := read(src)
	if err != nil {
		return err
	}
	w, err := walkGIF(b)
	if err != nil {
		return broken("a GIF image", err)
	}
	if err := f.canvas(w.w, w.h, w.frames); err != nil {
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
	all, err := gif.DecodeAll(bytes.NewReader(b))
	if err != nil {
		return broken("a GIF image", err)
	}
	if len(all.Image) != w.frames || all.Config.Width != w.w || all.Config.Height != w.h {
		return refuse(field, "other frames than its blocks", "must be a GIF image that can be decoded to its end")
	}
	f.Colour = "palette"
	for _, img := range all.Image {
		if !img.Opaque() {
			f.Colour = "palette-alpha"
		}
	}
	return nil
}

// gifWalk is what a GIF's blocks say, read without decoding: a small file may hold
// any number of frames.
type gifWalk struct {
	w, h, frames int
	plays        int // 0: for ever; 1 where the file says nothing
	once         time.Duration
	end          int // behind the trailer
}

// walkGIF reads blocks (GIF89a specification, CompuServe, 1990; the count of
// repeats is Netscape's application extension: 0 for ever, else so many more).
func walkGIF(b []byte) (w gifWalk, err error) {
	r := gifReader{b: b}
	head := r.take(13)
	if head == nil {
		return w, errShort
	}
	w.w, w.h, w.plays = int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:])), 1
	r.skipTable(head[10])
	for !r.short {
		switch intro := r.byte(); intro {
		case 0x21:
			r.extension(&w)
		case 0x2c:
			if d := r.take(9); d != nil {
				w.frames++
				r.skipTable(d[8])
				r.byte() // code size
				r.blocks(nil)
			}
		case 0x3b:
			w.end = r.at
			if w.frames == 0 {
				return w, errShort
			}
			return w, nil
		default:
			return w, errShort
		}
	}
	return w, errShort
}

type gifReader struct {
	b     []byte
	at    int
	short bool // more was asked for than is there
}

func (r *gifReader) take(n int) []byte {
	if len(r.b)-r.at < n {
		r.short = true
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *gifReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// skipTable skips a colour table of the size that packed flags say.
func (r *gifReader) skipTable(flags byte) {
	if flags&0x80 != 0 {
		r.take(3 << (flags&7 + 1))
	}
}

// blocks reads sub-blocks to their end and hands each to f.
func (r *gifReader) blocks(f func([]byte)) {
	for {
		n := r.byte()
		if n == 0 || r.short {
			return
		}
		if b := r.take(int(n)); b != nil && f != nil {
			f(b)
		}
	}
}

func (r *gifReader) extension(w *gifWalk) {
	label := r.byte()
	looping := false
	r.blocks(func(b []byte) {
		switch {
		case label == 0xf9 && len(b) == 4:
			w.once += time.Duration(binary.LittleEndian.Uint16(b[1:])) * 10 * time.Millisecond
		case label == 0xff && (string(b) == "NETSCAPE2.0" || string(b) == "ANIMEXTS1.0"):
			looping = true
		case looping && len(b) == 3 && b[0] == 1:
			if n := int(binary.LittleEndian.Uint16(b[1:])); n == 0 {
				w.plays = 0
			} else {
				w.plays = n + 1
			}
		}
	})
}
