package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

// The files of these tests are containers by the letter of their specifications,
// with samples of zeros: samples are not decoded.

func box(name string, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(all))), name...), all...)
}

func be32(n ...uint32) (b []byte) {
	for _, v := range n {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// mp4Of has one track of one sample.
func mp4Of(scale, duration, w, h uint32, codec string) []byte {
	ftyp := box("ftyp", []byte("isom"), be32(512), []byte("isommp42"))
	identity := be32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
	tkhd := box("tkhd", be32(3, 0, 0, 1, 0, duration, 0, 0, 0, 0), identity, be32(w<<16, h<<16))
	mdhd := box("mdhd", be32(0, 0, 0, scale, duration, 0x55c40000))
	sample := make([]byte, 78) // of a visual sample entry
	if codec == "mp4a" {
		sample = make([]byte, 28)
	}
	build := func(offset uint32) []byte {
		stbl := box("stbl", box("stsd", be32(0, 1), box(codec, sample)), box("stts", be32(0, 1, 1, duration)), box("stsc", be32(0, 1, 1, 1, 1)),
			box("stsz", be32(0, 0, 1, 100)), box("stco", be32(0, 1, offset)))
		hdlr := box("hdlr", be32(0, 0), []byte("vide"), be32(0, 0, 0), []byte{0})
		return box("moov", box("mvhd", be32(0, 0, 0, scale, duration), make([]byte, 80)), box("trak", tkhd, box("mdia", mdhd, hdlr, box("minf", stbl))))
	}
	moov := build(0)
	moov = build(uint32(len(ftyp) + len(moov) + 8))
	return append(append(ftyp, moov...), box("mdat", make([]byte, 100))...)
}

// streams checks what a file is found to be.
func streams(t *testing.T, b []byte, want string) {
	t.Helper()
	f, err := inspect(b)
	if err != nil {
		t.Errorf("refused: %v; want %s", err, want)
		return
	}
	got := fmt.Sprintf("%s %s %dx%d %d ms %v %s", f.Type, f.MIME, f.W, f.H, f.Duration, f.Codecs, f.File[64:])
	if kbps := int(int64(len(b)) * 8 / f.Duration); got != want || f.Bitrate != kbps {
		t.Errorf("got %s, %d kbps; want %s, %d kbps", got, f.Bitrate, want, kbps)
	}
}

func TestMP4(t *testing.T) {
	streams(t, mp4Of(600, 9000, 1280, 720, "avc1"), "video video/mp4 1280x720 15000 ms [avc1] .mp4")
	sound := mp4Of(48000, 720000, 0, 0, "mp4a")
	copy(sound[8:], "M4A ")
	streams(t, sound, "audio audio/mp4 0x0 15000 ms [mp4a] .m4a")

	good := mp4Of(600, 9000, 1280, 720, "avc1")
	refuses(t, good[:len(good)-1], "asset.file", `box "mdat"`, "an MP4 file that can be decoded")
	refuses(t, append(bytes.Clone(good), "<script>"...), "asset.file", "", "an MP4 file that can be decoded")
	refuses(t, mp4Of(600, 0, 1280, 720, "avc1"), "asset.duration_ms", "0", "1 to 3600000")
	refuses(t, mp4Of(600, 9000, 0, 0, "avc1"), "asset.w", "0 x 0", "with a picture")
	refuses(t, mp4Of(600, 9000, 1280, 720, "tx3g"), "asset.file", "tx3g", "an MP4 file that can be decoded")
	refuses(t, box("ftyp", []byte("isom"), be32(512)), "asset.file", "no moov", "an MP4 file that can be decoded")
	// A table that stands for four billion samples in twelve bytes.
	many := bytes.Replace(good, be32(0, 0, 1, 100), be32(0, 7, 0xffffffff, 100), 1)
	refuses(t, many, "asset.file", "more samples", "an MP4 file that can be decoded")
	many = bytes.Replace(good, be32(0, 1, 1, 9000), be32(0, 1, 0xffffffff, 9000), 1)
	streams(t, many, "video video/mp4 1280x720 15000 ms [avc1] .mp4") // and is not unpacked
	far := bytes.Clone(good)
	binary.BigEndian.PutUint32(far[bytes.Index(far, []byte("stco"))+12:], 1<<30)
	refuses(t, far, "asset.file", "behind the end", "an MP4 file that can be decoded")
}

// el is an element of EBML with a size of eight bytes.
func el(id uint64, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	b := binary.BigEndian.AppendUint64(nil, id)
	return append(binary.BigEndian.AppendUint64(bytes.TrimLeft(b, "\x00"), 1<<56|uint64(len(all))), all...)
}

func webmOf(ms float32, w, h uint16, codec string) []byte {
	f := make([]byte, 4)
	binary.BigEndian.PutUint32(f, math.Float32bits(ms))
	track := el(idTrackEntry, el(idCodecID, []byte(codec)), el(idVideo, el(idPixelWidth, binary.BigEndian.AppendUint16(nil, w)), el(idPixelHeight, binary.BigEndian.AppendUint16(nil, h))))
	return append(el(idEBML, el(idDocType, []byte("webm"))),
		el(idSegment, el(idInfo, el(idTimecodeScale, be32(1_000_000)), el(idDuration, f)), el(idTracks, track), el(idCluster, make([]byte, 50)))...)
}

func TestWebM(t *testing.T) {
	streams(t, webmOf(15000, 640, 360, "V_VP9"), "video video/webm 640x360 15000 ms [vp9] .webm")
	good := webmOf(15000, 640, 360, "V_VP9")
	refuses(t, good[:len(good)-1], "asset.file", "ends early", "a WebM file that can be decoded")
	refuses(t, append(bytes.Clone(good), "PK\x03\x04"...), "asset.file", "behind the segment", "a WebM file that can be decoded")
	refuses(t, webmOf(15000, 640, 360, "V_MPEG4"), "asset.file", "V_MPEG4", "a WebM file that can be decoded")
	refuses(t, bytes.Replace(good, []byte("webm"), []byte("mkvs"), 1), "asset.file", "document type", "a WebM file that can be decoded")
	refuses(t, webmOf(0, 640, 360, "V_VP9"), "asset.duration_ms", "0", "1 to 3600000")
}

// mp3Of has frames of MPEG 1 layer 3 at 128 kbps and 44,100 Hz: 417 bytes each.
func mp3Of(frames int) []byte {
	frame := append([]byte{0xff, 0xfb, 0x90, 0}, make([]byte, 413)...)
	return bytes.Repeat(frame, frames)
}

func adtsOf(frames int) []byte {
	const size = 100
	frame := append([]byte{0xff, 0xf1, 3 << 2, size >> 11, size >> 3 & 0xff, size & 7 << 5, 0}, make([]byte, size-7)...)
	return bytes.Repeat(frame, frames)
}

// oggOf is an Opus stream of two pages that ends at a sample.
func oggOf(end uint64) []byte {
	page := func(granule uint64, sequence uint32, body []byte) []byte {
		b := append([]byte("OggS\x00\x02"), binary.LittleEndian.AppendUint64(nil, granule)...)
		b = binary.LittleEndian.AppendUint32(b, 77)
		b = binary.LittleEndian.AppendUint32(b, sequence)
		b = append(b, 0, 0, 0, 0, 1, byte(len(body)))
		b = append(b, body...)
		binary.LittleEndian.PutUint32(b[22:], oggSum(b))
		return b
	}
	head := append([]byte("OpusHead\x01\x02"), 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0) // 312 samples to leave out
	return append(page(0, 0, head), page(end, 1, make([]byte, 50))...)
}

func TestAudio(t *testing.T) {
	streams(t, mp3Of(400), "audio audio/mpeg 0x0 10449 ms [mp3] .mp3")
	tagged := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x05hello"), mp3Of(400)...)
	streams(t, append(tagged, append([]byte("TAG"), make([]byte, 125)...)...), "audio audio/mpeg 0x0 10449 ms [mp3] .mp3")
	refuses(t, append(mp3Of(400), "<html>"...), "asset.file", "no frame at byte 166800", "an MP3 file that can be decoded")
	streams(t, adtsOf(500), "audio audio/aac 0x0 10667 ms [aac] .aac")
	refuses(t, append(adtsOf(500), 1, 2, 3), "asset.file", "no frame at byte 50000", "an AAC file that can be decoded")
	streams(t, oggOf(15*48000+312), "audio audio/ogg 0x0 15000 ms [opus] .ogg")
	damaged := oggOf(15*48000 + 312)
	damaged[len(damaged)-1] ^= 1
	refuses(t, damaged, "asset.file", "check sum", "an Ogg file that can be decoded")
	refuses(t, append(oggOf(48000), "tail"...), "asset.file", "no page", "an Ogg file that can be decoded")
}

const vastText = `<?xml version="1.0"?><VAST version="4.2"><Ad id="1"><InLine><AdSystem>x</AdSystem><Impression><![CDATA[https://imp.example/?cb=[CACHEBUSTING]]]></Impression>
<Creatives><Creative><Linear><Duration>00:00:15.500</Duration><MediaFiles><MediaFile type="video/mp4">https://cdn.example/a.mp4</MediaFile></MediaFiles>
<VideoClicks><ClickThrough>https://shop.example/</ClickThrough></VideoClicks></Linear></Creative></Creatives></InLine></Ad></VAST>`

func TestVAST(t *testing.T) {
	f, err := inspect([]byte(vastText))
	if err != nil || f.Type != "vast" || f.VASTVersion != 4 || f.Duration != 15500 || fmt.Sprint(f.Calls) != "[cdn.example imp.example shop.example]" || f.File[64:] != ".xml" {
		t.Errorf("got %+v, %v", f.FileFacts, err)
	}
	g := func(old, now, field, value, rule string) {
		t.Helper()
		refuses(t, []byte(strings.Replace(vastText, old, now, 1)), field, value, rule)
	}
	g("https://cdn", "http://cdn", "asset.vast.MediaFile", "http://cdn.example", "an https address")
	g("https://imp", "javascript:", "asset.vast.Impression", "javascript:", "an https address")
	g(`version="4.2"`, `version="1.0"`, "asset.vast_version", "1.0", "2.0 to 4.3")
	g("00:00:15.500", "15 s", "asset.vast.Duration", "15 s", "HH:MM:SS")
	g("<Duration>00:00:15.500</Duration>", "", "asset.vast.Duration", "none", "must be given")
	g("</VAST>", "<Ad/></VAST>", "asset.vast.Ad", "2", "exactly one")
	g("</VAST>", "", "asset.file", "", "a VAST document that can be decoded")
	g(`<VAST `, `<!DOCTYPE VAST [<!ENTITY a SYSTEM "file:///etc/passwd">]><VAST `, "asset.file", "ENTITY", "must not declare entities")
}
