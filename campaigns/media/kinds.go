package media

import (
	"bytes"
	"strings"

	"bidhawk/campaigns"
)

// kind is one format of files: how it begins and how it is read.
type kind struct {
	name      string // with its article
	kind      campaigns.AssetType
	mime      string
	extension string
	is        func(head []byte) bool
	limit     func(Limits) int64
	inspect   func(Source, Limits, *Found) error
}

// headBytes is how much of a file says what it is.
const headBytes = 4096

// kinds are tried in order: what begins with fixed bytes before what is text.
func kinds() []kind {
	image := func(l Limits) int64 { return l.ImageBytes }
	video := func(l Limits) int64 { return l.VideoBytes }
	audio := func(l Limits) int64 { return l.AudioBytes }
	return []kind{
		{"a PNG image", campaigns.AssetImage, "image/png", "png", begins("\x89PNG\r\n\x1a\n"), image, inspectPNG},
		{"a JPEG image", campaigns.AssetImage, "image/jpeg", "jpg", begins("\xff\xd8\xff"), image, inspectJPEG},
		{"a GIF image", campaigns.AssetImage, "image/gif", "gif", begins("GIF87a", "GIF89a"), image, inspectGIF},
		{"a WebP image", campaigns.AssetImage, "image/webp", "webp", isWebP, image, inspectWebP},
		{"an HTML5 zip", campaigns.AssetHTML5, "text/html", "html", begins("PK\x03\x04"), func(l Limits) int64 { return l.ZipBytes }, inspectZip},
		{"an MP4 sound", campaigns.AssetAudio, "audio/mp4", "m4a", isM4A, audio, inspectMP4},
		{"an MP4 video", campaigns.AssetVideo, "video/mp4", "mp4", isMP4, video, inspectMP4},
		{"a WebM video", campaigns.AssetVideo, "video/webm", "webm", begins("\x1a\x45\xdf\xa3"), video, inspectWebM},
		{"an Ogg sound", campaigns.AssetAudio, "audio/ogg", "ogg", begins("OggS"), audio, inspectOgg},
		{"an AAC sound", campaigns.AssetAudio, "audio/aac", "aac", isADTS, audio, inspectAAC},
		{"an MP3 sound", campaigns.AssetAudio, "audio/mpeg", "mp3", isMP3, audio, inspectMP3},
		{"an SVG image", campaigns.AssetImage, "image/svg+xml", "svg", isXML("svg"), image, inspectSVG},
		{"a VAST document", campaigns.AssetVAST, "application/xml", "xml", isXML("VAST"), func(l Limits) int64 { return l.VASTBytes }, inspectVAST},
	}
}

func begins(with ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, w := range with {
			if bytes.HasPrefix(head, []byte(w)) {
				return true
			}
		}
		return false
	}
}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

func isMP4(head []byte) bool { return len(head) >= 12 && string(head[4:8]) == "ftyp" }

func isM4A(head []byte) bool { return isMP4(head) && begins("M4A ", "M4B ")(head[8:]) }

func isADTS(head []byte) bool { _, _, ok := adtsFrame(head); return ok }

func isMP3(head []byte) bool {
	_, _, ok := mp3Frame(head)
	return ok || begins("ID3")(head)
}

// isXML wants a document whose first element has the name, as far as its head shows.
func isXML(name string) func([]byte) bool {
	return func(head []byte) bool {
		s := strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n")
		for strings.HasPrefix(s, "<?") || strings.HasPrefix(s, "<!") {
			end := ">"
			if strings.HasPrefix(s, "<!--") {
				end = "-->"
			} else if i := strings.IndexAny(s, "[>"); i >= 0 && s[i] == '[' { // with declarations, which are refused later
				end = "]>"
			}
			_, rest, found := strings.Cut(s, end)
			if !found {
				return false
			}
			s = strings.TrimLeft(rest, " \t\r\n")
		}
		rest, ok := strings.CutPrefix(s, "<"+name)
		return ok && rest != "" && strings.ContainsAny(rest[:1], " \t\r\n>/")
	}
}

// kindOf is what src begins like; nil where that is nothing we know.
func kindOf(src Source) *kind {
	b := make([]byte, min(src.Size(), headBytes))
	n, _ := src.ReadAt(b, 0) // a file that can't be read is of no kind
	for _, k := range kinds() {
		if k.is(b[:n]) {
			return &k
		}
	}
	return nil
}

// ContentType is the type that a file of ours is served with, by the ending that
// it was given when it was stored; "" is no file of ours.
func ContentType(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return ""
	}
	return contentTypes[strings.ToLower(name[dot+1:])]
}

// contentTypes are also those of the files in HTML5 zips.
var contentTypes = map[string]string{
	"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "svg": "image/svg+xml",
	"html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
	"js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8", "json": "application/json",
	"txt": "text/plain; charset=utf-8", "xml": "application/xml",
	"woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf",
	"mp4": "video/mp4", "webm": "video/webm", "mp3": "audio/mpeg", "m4a": "audio/mp4", "aac": "audio/aac", "ogg": "audio/ogg",
}
