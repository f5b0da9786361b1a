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
	return []kind{
		{"a PNG image", campaigns.AssetImage, "image/png", "png", begins("\x89PNG\r\n\x1a\n"), image, inspectPNG},
		{"a JPEG image", campaigns.AssetImage, "image/jpeg", "jpg", begins("\xff\xd8\xff"), image, inspectJPEG},
		{"a GIF image", campaigns.AssetImage, "image/gif", "gif", begins("GIF87a", "GIF89a"), image, inspectGIF},
		{"a WebP image", campaigns.AssetImage, "image/webp", "webp", isWebP, image, inspectWebP},
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
