package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Elements of a WebM file (RFC 8794 EBML, RFC 9559 Matroska).
const (
	idEBML          = 0x1a45dfa3
	idDocType       = 0x4282
	idSegment       = 0x18538067
	idInfo          = 0x1549a966
	idTimecodeScale = 0x2ad7b1
	idDuration      = 0x4489
	idTracks        = 0x1654ae6b
	idTrackEntry    = 0xae
	idCodecID       = 0x86
	idVideo         = 0xe0
	idPixelWidth    = 0xb0
	idPixelHeight   = 0xba
	idCluster       = 0x1f43b675

	maxWebMPart     = 1 << 20 // bytes of what is read into memory
	maxWebMElements = 1 << 20 // at the top and in the segment
	maxWebMDepth    = 8
)

// inspectWebM reads a WebM file's header, information and tracks, and that its
// elements fill the file. Its frames are not decoded.
func inspectWebM(src Source, _ Limits, f *Found) error {
	const what = "a WebM file"
	w := webmReader{src: src, f: f, scale: 1_000_000}
	if err := w.walk(); err != nil {
		return broken(what, err)
	}
	switch {
	case w.docType != "webm":
		return broken(what, fmt.Errorf("its document type is %q", clip(w.docType)))
	case w.codecs == 0:
		return broken(what, errors.New("it has no tracks"))
	case w.clusters == 0:
		return broken(what, errors.New("it has no pictures and no sound"))
	}
	ms := w.duration * float64(w.scale) / 1e6
	if math.IsNaN(ms) || ms < 0 || ms > 1e12 {
		return broken(what, errors.New("its duration is no number"))
	}
	return f.lasts(uint64(math.Round(ms)))
}

type webmReader struct {
	src              Source
	f                *Found
	docType          string
	scale            uint64 // ns of one unit of duration
	duration         float64
	codecs, clusters int
}

// walk reads the elements of the file and of its segment.
func (w *webmReader) walk() error {
	for at, n := int64(0), 0; at < w.src.Size(); n++ {
		id, size, from, err := w.head(at)
		if err != nil {
			return err
		}
		if n >= maxWebMElements {
			return fmt.Errorf("more than %d elements", maxWebMElements)
		}
		end := from + size
		if size < 0 { // not known: up to the end
			if id != idSegment && id != idCluster {
				return fmt.Errorf("element %x does not say its size", id)
			}
			end = w.src.Size()
		}
		if end > w.src.Size() {
			return errShort
		}
		switch id {
		case idSegment: // its elements follow
			if end != w.src.Size() {
				return errors.New("something is behind the segment")
			}
			at = from
			continue
		case idCluster:
			w.clusters++
		case idEBML, idInfo, idTracks:
			if end-from > maxWebMPart {
				return fmt.Errorf("element %x of more than %d bytes", id, maxWebMPart)
			}
			b := make([]byte, end-from)
			if _, err := w.src.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if err := w.children(b, 0); err != nil {
				return err
			}
		}
		at = end
	}
	return nil
}

// head reads an element's id and size; a size of -1 is not known.
func (w *webmReader) head(at int64) (id uint64, size, from int64, err error) {
	var b [12]byte
	n, err := w.src.ReadAt(b[:], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, 0, err
	}
	id, size, used := element(b[:n])
	if used == 0 {
		return 0, 0, 0, errShort
	}
	return id, size, at + int64(used), nil
}

// element reads an id, with its marker, and a size, without (RFC 8794 section 4);
// used is 0 where b is too short or none begins there.
func element(b []byte) (id uint64, size int64, used int) {
	id, n, _ := vint(b, 4)
	if n == 0 {
		return 0, 0, 0
	}
	value, m, unknown := vint(b[n:], 8)
	if m == 0 {
		return 0, 0, 0
	}
	value &^= 1 << (7 * m)
	if unknown {
		return id, -1, n + m
	}
	return id, int64(value), n + m
}

// vint reads a number of at most max bytes, as many as there are zeros before its
// first one, and one more; unknown says that all its other bits are ones.
func vint(b []byte, max int) (v uint64, n int, unknown bool) {
	if len(b) == 0 {
		return 0, 0, false
	}
	n = 1
	for mask := byte(0x80); mask != 0 && b[0]&mask == 0; mask >>= 1 {
		n++
	}
	if n > max || n > len(b) {
		return 0, 0, false
	}
	for _, c := range b[:n] {
		v = v<<8 | uint64(c)
	}
	return v, n, v&(1<<(7*n)-1) == 1<<(7*n)-1
}

// children reads the elements within one that is in memory.
func (w *webmReader) children(b []byte, depth int) error {
	if depth > maxWebMDepth {
		return errors.New("elements too deep within each other")
	}
	for len(b) > 0 {
		id, size, used := element(b)
		if used == 0 || size < 0 || size > int64(len(b)-used) {
			return errShort
		}
		body := b[used : used+int(size)]
		b = b[used+int(size):]
		switch id {
		case idDocType:
			w.docType = text(body)
		case idTimecodeScale:
			w.scale = number(body)
		case idDuration:
			w.duration = float(body)
		case idTrackEntry, idVideo:
			if err := w.children(body, depth+1); err != nil {
				return err
			}
		case idPixelWidth:
			w.f.W = max(w.f.W, int(min(number(body), 1<<20)))
		case idPixelHeight:
			w.f.H = max(w.f.H, int(min(number(body), 1<<20)))
		case idCodecID:
			name := map[string]string{"V_VP8": "vp8", "V_VP9": "vp9", "V_AV1": "av1", "A_OPUS": "opus", "A_VORBIS": "vorbis"}[text(body)]
			if name == "" {
				return fmt.Errorf("codec %q is none of WebM", clip(text(body)))
			}
			w.codecs++
			w.f.codec(name)
		}
	}
	return nil
}

// text ends where zeros fill an element up.
func text(b []byte) string {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return string(b)
}

func number(b []byte) (n uint64) {
	for _, c := range b[:min(len(b), 8)] {
		n = n<<8 | uint64(c)
	}
	return n
}

func float(b []byte) float64 {
	switch len(b) {
	case 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}
