package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/abema/go-mp4"
)

// maxIndex bounds the part of a video that says what it holds: it is read into
// memory, the pictures are not.
const maxIndex = 16 << 20

// inspectMP4 reads the boxes of an MP4 (ISO/IEC 14496-12): that they fill the file,
// what its tracks say, and that their samples lie within it. Samples are not decoded.
func inspectMP4(src Source, _ Limits, f *Found) error {
	const what = "an MP4 file"
	if err := walkMP4(src); err != nil {
		return broken(what, err)
	}
	r := mp4Reader{f: f, size: src.Size()}
	// Its tables are not unpacked: a few bytes of one may stand for any number of samples.
	if _, err := mp4.ReadBoxStructure(io.NewSectionReader(src, 0, src.Size()), r.box); err != nil {
		return broken(what, err)
	}
	if r.tracks == 0 || r.samples == 0 {
		return broken(what, errors.New("it has no tracks with samples"))
	}
	return f.lasts(r.ms)
}

type mp4Reader struct {
	f               *Found
	size            int64
	boxes           int
	tracks, samples int
	ms              uint64 // of the longest track
}

// maxBoxes bounds how many boxes are looked at.
const maxBoxes = 10_000

// box reads one box, and those in it where it is one that leads to what is asked.
func (r *mp4Reader) box(h *mp4.ReadHandle) (any, error) {
	if r.boxes++; r.boxes > maxBoxes {
		return nil, fmt.Errorf("more than %d boxes", maxBoxes)
	}
	switch name := h.BoxInfo.Type.String(); name {
	case "moov", "mdia", "minf", "stbl", "stsd":
		return h.Expand()
	case "trak":
		r.tracks++
		return h.Expand()
	case "tkhd", "mdhd":
		box, _, err := h.ReadPayload()
		if err != nil {
			return nil, err
		}
		return nil, r.header(box)
	case "stco", "co64", "stsz":
		return nil, r.table(h, name)
	case "avc1", "avc3", "hvc1", "hev1", "vp09", "av01", "mp4a", "Opus", "ac-3", "ec-3":
		r.f.codec(name)
	default:
		if len(h.Path) >= 2 && h.Path[len(h.Path)-2].String() == "stsd" {
			return nil, fmt.Errorf("codec %q is none that players take", name)
		}
	}
	return nil, nil
}

func (r *mp4Reader) header(box mp4.IBox) error {
	switch b := box.(type) {
	case *mp4.Tkhd:
		r.f.W, r.f.H = max(r.f.W, int(b.Width>>16)), max(r.f.H, int(b.Height>>16))
	case *mp4.Mdhd:
		if b.Timescale == 0 {
			return errors.New("a track without a time scale")
		}
		r.ms = max(r.ms, scaled(b.GetDuration(), uint64(b.Timescale)))
	}
	return nil
}

// table reads the places of chunks and the sizes of samples, as they stand in the file.
func (r *mp4Reader) table(h *mp4.ReadHandle, name string) error {
	if h.BoxInfo.Size > maxIndex {
		return fmt.Errorf("box %q of %d bytes", name, h.BoxInfo.Size)
	}
	var buf bytes.Buffer
	if _, err := h.ReadData(&buf); err != nil {
		return err
	}
	b := buf.Bytes()
	if len(b) < 8 || name == "stsz" && len(b) < 12 {
		return errShort
	}
	if name == "stsz" {
		n, same := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[4:])
		if same == 0 && uint64(n)*4 > uint64(len(b)-12) || uint64(n)*uint64(same) > uint64(r.size) {
			return errors.New("more samples than the file holds")
		}
		r.samples += int(min(n, 1<<30))
		return nil
	}
	n, wide, b := uint64(binary.BigEndian.Uint32(b[4:])), 4, b[8:]
	if name == "co64" {
		wide = 8
	}
	if n*uint64(wide) > uint64(len(b)) {
		return errShort
	}
	for i := range int(n) {
		at := uint64(binary.BigEndian.Uint32(b[i*wide:]))
		if wide == 8 {
			at = binary.BigEndian.Uint64(b[i*wide:])
		}
		if at >= uint64(r.size) {
			return errors.New("samples lie behind the end of the file")
		}
	}
	return nil
}

func (f *Found) codec(name string) {
	if name != "" && !slices.Contains(f.Codecs, name) {
		f.Codecs = append(f.Codecs, name)
	}
}

// scaled is n/scale in ms.
func scaled(n, scale uint64) uint64 {
	if n > math.MaxUint64/1000 {
		return n / scale * 1000
	}
	return n * 1000 / scale
}

// lasts sets the duration in ms.
func (f *Found) lasts(ms uint64) error {
	const longest = 3_600_000
	if ms == 0 || ms > longest {
		return refuse("asset.duration_ms", fmt.Sprint(ms), fmt.Sprintf("must be 1 to %d", longest))
	}
	f.Duration = int64(ms)
	return nil
}

// walkMP4 checks that boxes fill the file, from ftyp to its end, and bounds those
// that a reader keeps in memory.
func walkMP4(src Source) error {
	var head [16]byte
	index := int64(0)
	for at := int64(0); at < src.Size(); {
		if _, err := src.ReadAt(head[:8], at); err != nil {
			return errShort
		}
		size, name, from := int64(binary.BigEndian.Uint32(head[:])), string(head[4:8]), int64(8)
		if size == 1 {
			if _, err := src.ReadAt(head[:], at); err != nil {
				return errShort
			}
			size, from = int64(binary.BigEndian.Uint64(head[8:])), 16
		}
		if size < from || size > src.Size()-at {
			return fmt.Errorf("box %q at byte %d says %d bytes of the %d that are left", name, at, size, src.Size()-at)
		}
		switch name {
		case "ftyp", "mdat", "free", "skip", "wide", "uuid", "pdin", "styp", "sidx", "mfra", "meta", "emsg", "prft":
		case "moov", "moof":
			if index += size; index > maxIndex {
				return fmt.Errorf("an index of more than %d bytes", maxIndex)
			}
		default:
			return fmt.Errorf("an unknown box %q at byte %d", name, at)
		}
		at += size
	}
	if index == 0 {
		return errors.New("no moov box")
	}
	return nil
}
