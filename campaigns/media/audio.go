package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// inspectMP3 reads every frame of an MPEG audio file, layer 3 (ISO/IEC 11172-3 and
// 13818-3). Tags before and behind are skipped; between frames nothing may be.
func inspectMP3(src Source, _ Limits, f *Found) error {
	b, err := read(src)
	if err != nil {
		return err
	}
	at, end := id3Bytes(b), len(b)
	if end-at >= 128 && string(b[end-128:end-125]) == "TAG" {
		end -= 128
	}
	us, frames := uint64(0), 0
	for at < end {
		size, length, ok := mp3Frame(b[at:end])
		if !ok {
			return broken("an MP3 file", fmt.Errorf("no frame at byte %d", at))
		}
		if size > end-at { // the last may be cut
			break
		}
		us += length
		frames++
		at += size
	}
	if frames < 2 {
		return broken("an MP3 file", errors.New("it has no frames"))
	}
	f.Codecs = []string{"mp3"}
	return f.lasts((us + 500) / 1000)
}

// id3Bytes is how long the tag before the sound is (ID3v2.4, section 3.1).
func id3Bytes(b []byte) int {
	if len(b) < 10 || string(b[:3]) != "ID3" {
		return 0
	}
	n := 10 + int(b[6]&0x7f)<<21 + int(b[7]&0x7f)<<14 + int(b[8]&0x7f)<<7 + int(b[9]&0x7f)
	return min(n, len(b))
}

// mp3Frame reads a frame's header: its bytes, and its length in microseconds.
func mp3Frame(b []byte) (size int, us uint64, ok bool) {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe6 != 0xe2 { // sync, layer 3
		return 0, 0, false
	}
	version := b[1] >> 3 & 3 // 3: MPEG 1; 2: MPEG 2; 0: MPEG 2.5
	rate, speed := b[2]>>4, b[2]>>2&3
	if version == 1 || rate == 0 || rate == 15 || speed == 3 {
		return 0, 0, false
	}
	kbps := [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}[rate]
	hertz, samples := [...]int{44100, 48000, 32000}[speed], 1152
	if version != 3 {
		kbps = [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[rate]
		hertz, samples = hertz/2, 576
		if version == 0 {
			hertz /= 2
		}
	}
	padding := int(b[2] >> 1 & 1)
	return samples/8*kbps*1000/hertz + padding, uint64(samples) * 1_000_000 / uint64(hertz), true
}

// inspectAAC reads every frame of an ADTS stream (ISO/IEC 13818-7, annex).
func inspectAAC(src Source, _ Limits, f *Found) error {
	b, err := read(src)
	if err != nil {
		return err
	}
	us, frames := uint64(0), 0
	for at := id3Bytes(b); at < len(b); frames++ {
		size, length, ok := adtsFrame(b[at:])
		if !ok || size > len(b)-at {
			return broken("an AAC file", fmt.Errorf("no frame at byte %d", at))
		}
		us += length
		at += size
	}
	if frames < 2 {
		return broken("an AAC file", errors.New("it has no frames"))
	}
	f.Codecs = []string{"aac"}
	return f.lasts((us + 500) / 1000)
}

func adtsFrame(b []byte) (size int, us uint64, ok bool) {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return 0, 0, false
	}
	rates := [...]uint64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	rate := int(b[2] >> 2 & 15)
	size = int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if rate >= len(rates) || size < 7 {
		return 0, 0, false
	}
	return size, (uint64(b[6]&3) + 1) * 1024 * 1_000_000 / rates[rate], true
}

// inspectOgg reads every page of an Ogg file (RFC 3533) with its check sum, of one
// stream of Vorbis or Opus (RFC 7845).
func inspectOgg(src Source, _ Limits, f *Found) error {
	const what = "an Ogg file"
	b, err := read(src)
	if err != nil {
		return err
	}
	w := oggWalk{}
	for at := 0; at < len(b); {
		size, err := w.page(b[at:])
		if err != nil {
			return broken(what, fmt.Errorf("byte %d: %w", at, err))
		}
		at += size
	}
	if w.rate == 0 || w.last < w.skip {
		return broken(what, errors.New("it has no sound"))
	}
	f.Codecs = []string{w.codec}
	return f.lasts(scaled(w.last-w.skip, w.rate))
}

type oggWalk struct {
	serial           uint32
	pages            int
	codec            string
	rate, skip, last uint64 // samples a second, to leave out, at the end
}

func (w *oggWalk) page(b []byte) (size int, err error) {
	if len(b) < 27 || string(b[:4]) != "OggS" || b[4] != 0 {
		return 0, errors.New("no page")
	}
	segments := int(b[26])
	size = 27 + segments
	if len(b) < size {
		return 0, errShort
	}
	head := size
	for _, s := range b[27:size] {
		size += int(s)
	}
	if len(b) < size {
		return 0, errShort
	}
	if binary.LittleEndian.Uint32(b[22:]) != oggSum(b[:size]) {
		return 0, errors.New("a page's check sum is wrong")
	}
	serial := binary.LittleEndian.Uint32(b[14:])
	if w.pages == 0 {
		w.serial = serial
		w.first(b[head:size])
	} else if serial != w.serial {
		return 0, errors.New("more than one stream")
	}
	if w.rate == 0 {
		return 0, errors.New("neither Vorbis nor Opus")
	}
	if g := binary.LittleEndian.Uint64(b[6:]); g != math.MaxUint64 { // no packet ends here
		w.last = max(w.last, g)
	}
	w.pages++
	return size, nil
}

// first reads the packet that says what the stream is.
func (w *oggWalk) first(b []byte) {
	switch {
	case len(b) >= 19 && string(b[:8]) == "OpusHead":
		w.codec, w.rate, w.skip = "opus", 48_000, uint64(binary.LittleEndian.Uint16(b[10:]))
	case len(b) >= 30 && string(b[:7]) == "\x01vorbis":
		w.codec, w.rate = "vorbis", uint64(binary.LittleEndian.Uint32(b[12:]))
	}
}

// oggSum is the CRC of a page, with its own field as zero: polynomial 0x04c11db7,
// not reflected.
func oggSum(page []byte) (crc uint32) {
	for i, c := range page {
		if i >= 22 && i < 26 {
			c = 0
		}
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
