package campaigns

import (
	"slices"
	"strings"
)

// AssetType says what an uploaded file is.
type AssetType string

// The types.
const (
	AssetImage AssetType = "image"
	AssetHTML5 AssetType = "html5" // a zip of HTML with all that it loads
	AssetVideo AssetType = "video"
	AssetAudio AssetType = "audio"
	AssetVAST  AssetType = "vast" // a VAST document
)

// Asset is an uploaded file, as it was found to be when it was decoded. It never
// changes: other content is another asset. Creatives refer to it by its id.
type Asset struct {
	Meta
	AdvertiserID ID     `json:"advertiser_id"`
	Name         string `json:"name"` // as it was uploaded, for people
	Status       Status `json:"status"`
	FileFacts
}

// FileFacts is what decoding a file has shown. Nothing of it is what somebody said.
type FileFacts struct {
	// File is the name under which it is served: its SHA-256 in hex and what its
	// content is, "<hash>.png", or of an HTML5 zip its page, "<hash>/index.html".
	File   string    `json:"file"`
	SHA256 string    `json:"sha256"`
	Type   AssetType `json:"type"`
	MIME   string    `json:"mime"`
	Bytes  int64     `json:"bytes"`
	// Unpacked is the weight of what an HTML5 zip holds.
	Unpacked int64 `json:"unpacked_bytes,omitempty"`
	W        int   `json:"w,omitempty"` // pixels; of an HTML5 page what its ad.size says, 0 where it does not
	H        int   `json:"h,omitempty"`
	// Duration of video, audio and VAST, and of an image's animation with its repeats.
	Duration int64    `json:"duration_ms,omitempty"`
	Bitrate  int      `json:"bitrate_kbps,omitempty"` // average
	Frames   int      `json:"frames,omitempty"`       // of an image that moves; else 1
	Colour   string   `json:"colour,omitempty"`       // of an image: gray, palette, rgb, cmyk, with -alpha where it has one
	Codecs   []string `json:"codecs,omitempty"`       // of video and audio, such as avc1, mp4a, vp9, opus
	// VASTVersion is the major version of a VAST document.
	VASTVersion int `json:"vast_version,omitempty"`
	// Parts are the files of an HTML5 zip.
	Parts []FilePart `json:"parts,omitempty"`
	// Calls are the hosts that an HTML5 page or a VAST document was seen to call.
	Calls []string `json:"calls,omitempty"`
}

// FilePart is one file of an HTML5 zip.
type FilePart struct {
	Path  string `json:"path"`
	MIME  string `json:"mime"`
	Bytes int64  `json:"bytes"`
}

// Upload is an uploaded file that stands in the place of an address.
type Upload struct {
	AssetID ID `json:"asset_id,omitempty"`
	// File is the asset's File. The editor sets it, whatever was given.
	File string `json:"asset_file,omitempty"`
}

// given says whether a file is referred to.
func (u Upload) given() bool { return u.AssetID != 0 }

// address is where the file is served below base.
func (u Upload) address(base string) string { return base + "/" + u.File }

// Normalize implements Entity.
func (a *Asset) Normalize() {
	a.Name = strings.TrimSpace(a.Name)
	a.Status = orActive(a.Status)
}

// Validate implements Entity. Beside its name and status an asset is what it is.
func (a *Asset) Validate(r *Refs) error {
	c := newChecker(KindAsset)
	c.entity(a, a.Name, r)
	c.parent("advertiser_id", a, r.Advertiser == nil, r)
	c.check(a.File != "" && strings.HasPrefix(a.File, a.SHA256), "file", a.File, "must be the name of an uploaded file")
	if before, ok := r.Before.(*Asset); ok {
		c.check(a.SHA256 == before.SHA256 && a.File == before.File && slices.Equal(a.Parts, before.Parts), "file", a.File,
			"must not change: other content is another asset")
	}
	return c.err()
}
