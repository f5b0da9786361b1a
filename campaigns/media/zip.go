package media

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"bidhawk/campaigns"
	"bidhawk/internal/blob"
)

const (
	maxRatio   = 200     // of a file's size to its packed size
	smallFile  = 1 << 20 // bytes below which a ratio is nobody's concern
	maxZipPath = 200     // bytes of a name
)

// inspectZip unpacks an HTML5 ad in memory. Every file in it is held against its
// ending by its content, images as if they were uploaded by themselves; the page
// and its styles must load nothing that is neither in the zip nor on https.
func inspectZip(src Source, l Limits, f *Found) error {
	z, err := zip.NewReader(src, src.Size())
	if err != nil {
		return broken("a zip", err)
	}
	var end [22]byte // of a directory without a comment (PKWARE APPNOTE 4.3.16)
	if _, err := src.ReadAt(end[:], src.Size()-int64(len(end))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if z.Comment == "" && string(end[:4]) != "PK\x05\x06" {
		return broken("a zip", errors.New("something is behind its end"))
	}
	if z.Comment != "" {
		return refuse(field, "a comment of "+fmt.Sprint(len(z.Comment))+" bytes", "must be a zip without a comment")
	}
	if err := checkEntries(z, l); err != nil {
		return err
	}
	for _, e := range z.File {
		if skipped(e.Name) {
			continue
		}
		u, err := unpack(e, l, l.UnpackedBytes-f.Unpacked)
		if err != nil {
			return err
		}
		f.Unpacked += u.Bytes
		f.Unzipped = append(f.Unzipped, u)
	}
	return f.page()
}

// skipped are what packers leave beside the ad, and folders.
func skipped(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasPrefix(name, "__MACOSX/") || path.Base(name) == ".DS_Store" || path.Base(name) == "Thumbs.db"
}

// checkEntries checks what the zip says of its files before any is unpacked.
func checkEntries(z *zip.Reader, l Limits) error {
	if len(z.File) > l.ZipFiles {
		return refuse("asset.parts", fmt.Sprintf("%d files", len(z.File)), fmt.Sprintf("must be at most %d files", l.ZipFiles))
	}
	names := map[string]bool{}
	total := uint64(0)
	for _, e := range z.File {
		at := partField(e.Name)
		if err := checkName(at, e.Name); err != nil {
			return err
		}
		mode := e.Mode()
		switch {
		case mode&fs.ModeSymlink != 0:
			return refuse(at, "a symbolic link", "must be a file: links lead out of the zip")
		case !mode.IsRegular() && !mode.IsDir():
			return refuse(at, mode.String(), "must be a file")
		case e.Flags&1 != 0:
			return refuse(at, "encrypted", "must not be encrypted")
		case e.UncompressedSize64 > smallFile && e.UncompressedSize64/max(e.CompressedSize64, 1) > maxRatio:
			return refuse(at, fmt.Sprintf("%d bytes from %d", e.UncompressedSize64, e.CompressedSize64), fmt.Sprintf("must not unpack to more than %d times its size", maxRatio))
		}
		if key := strings.ToLower(e.Name); names[key] {
			return refuse(at, e.Name, "must be in the zip once, in whatever case")
		} else {
			names[key] = true
		}
		if total += e.UncompressedSize64; total > uint64(l.UnpackedBytes) || e.UncompressedSize64 > uint64(l.UnpackedBytes) {
			return refuse("asset.unpacked_bytes", fmt.Sprintf("%d or more", total), fmt.Sprintf("must be at most %d bytes unpacked", l.UnpackedBytes))
		}
	}
	return nil
}

func partField(name string) string { return "asset.parts[" + clip(fmt.Sprintf("%q", name)) + "]" }

// checkName wants a path that stays within the zip on every system, and that can
// be a key of ours and an address.
func checkName(at, name string) error {
	bare := strings.TrimSuffix(name, "/")
	if bare == "" || len(name) > maxZipPath || path.IsAbs(bare) || path.Clean(bare) != bare || bare == ".." || strings.HasPrefix(bare, "../") ||
		strings.ContainsAny(bare, "\\:") {
		return refuse(at, name, fmt.Sprintf("must be a path within the zip of at most %d bytes, without .. or a drive", maxZipPath))
	}
	if !skipped(name) && blob.CheckKey(strings.Repeat("0", 64)+"/"+bare) != nil || strings.ContainsAny(bare, "%#?\"'<>&") {
		return refuse(at, name, "must be a name of letters, digits and marks that an address may hold, none beginning with a dot")
	}
	return nil
}

// unpack reads one file, at most limit bytes whatever the zip says, and checks it.
func unpack(e *zip.File, l Limits, limit int64) (u Unzipped, err error) {
	at := partField(e.Name)
	r, err := e.Open()
	if err != nil {
		return u, refuse(at, err.Error(), "must be a file that can be unpacked")
	}
	defer r.Close() // what was read is whole or refused
	u.Content, err = io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return u, refuse(at, err.Error(), "must be a file that can be unpacked")
	case int64(len(u.Content)) > limit:
		return u, refuse("asset.unpacked_bytes", fmt.Sprintf("more than %d", l.UnpackedBytes), fmt.Sprintf("must be at most %d bytes unpacked", l.UnpackedBytes))
	}
	u.Path, u.Bytes = e.Name, int64(len(u.Content))
	u.MIME, err = checkPart(at, e.Name, u.Content, l)
	return u, err
}

// checkPart holds a file's content against its ending.
func checkPart(at, name string, content []byte, l Limits) (string, error) {
	served := ContentType(name)
	if served == "" {
		return "", refuse(at, path.Ext(name), "must end in html, css, js, json, txt, xml, png, jpg, gif, webp, svg, woff, woff2, ttf, otf, mp4, webm, mp3, m4a, aac or ogg")
	}
	mime, _, _ := strings.Cut(served, ";")
	k := kindOf(bytes.NewReader(content))
	if text := isText(mime); k != nil && (k.kind == campaigns.AssetHTML5 || text && mime != "image/svg+xml" && mime != "application/xml") {
		return "", refuse(at, k.name, "must be what its name says, and no archive")
	} else if text && k == nil {
		return mime, textContent(at, content)
	}
	if strings.HasPrefix(mime, "font/") {
		if !isFont(content) {
			return "", refuse(at, fmt.Sprintf("%d bytes", len(content)), "must be the font that its name says")
		}
		return mime, nil
	}
	if k == nil || k.mime != mime && !(mime == "application/xml" && k.kind == campaigns.AssetVAST) {
		return "", refuse(at, head(bytes.NewReader(content)), "must be "+mime+" as its name says")
	}
	if _, err := Inspect(bytes.NewReader(content), l); err != nil {
		return "", within(at, err)
	}
	return mime, nil
}

// within names a violation of a file by its place in the zip.
func within(at string, err error) error {
	ve, ok := err.(*campaigns.ValidationError)
	if !ok {
		return err
	}
	out := &campaigns.ValidationError{}
	for _, v := range ve.Violations {
		v.Field = at + strings.TrimPrefix(strings.TrimPrefix(v.Field, "asset"), ".file")
		out.Violations = append(out.Violations, v)
	}
	return out
}

func isText(mime string) bool {
	return strings.HasPrefix(mime, "text/") || mime == "application/json" || mime == "application/xml" || mime == "image/svg+xml"
}

func textContent(at string, b []byte) error {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return refuse(at, fmt.Sprintf("a zero at byte %d", i), "must be text as its name says")
	}
	return nil
}

func isFont(b []byte) bool {
	return begins("wOFF", "wOF2", "\x00\x01\x00\x00", "OTTO", "true")(b)
}

// page finds the page that is shown, and checks what all files load.
func (f *Found) page() error {
	var pages []string
	names := map[string]bool{}
	for _, u := range f.Unzipped {
		names[u.Path] = true
		f.Parts = append(f.Parts, u.FilePart)
		if u.MIME == "text/html" {
			pages = append(pages, u.Path)
		}
	}
	index := indexOf(pages)
	if index == "" {
		return refuse("asset.parts", fmt.Sprintf("%d pages: %s", len(pages), clip(strings.Join(pages, ", "))), "must have an index.html at the top, or in the one folder, or just one page")
	}
	calls := map[string]bool{}
	for i := range f.Unzipped {
		u := &f.Unzipped[i]
		refs, err := references(u)
		if err != nil {
			return err
		}
		for _, r := range refs {
			if err := r.check(u.Path, names, calls); err != nil {
				return err
			}
		}
		if u.Path == index {
			f.W, f.H = adSize(u.Content)
			u.Content = withClickTag(u.Content)
			f.Parts[i].Bytes = int64(len(u.Content))
		}
	}
	for host := range calls {
		f.Calls = append(f.Calls, host)
	}
	slices.Sort(f.Calls)
	f.Frames = 0
	f.File = "/" + index
	return nil
}

func indexOf(pages []string) string {
	if slices.Contains(pages, "index.html") || len(pages) == 0 {
		return map[bool]string{true: "index.html"}[len(pages) > 0]
	}
	if len(pages) == 1 {
		return pages[0]
	}
	found := ""
	for _, p := range pages {
		if path.Base(p) == "index.html" {
			if found != "" {
				return ""
			}
			found = p
		}
	}
	return found
}
