package media

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const (
	maxDepth    = 64
	maxElements = 50_000
)

// inspectSVG takes pictures alone: nothing that runs, embeds a page or loads
// anything from elsewhere.
func inspectSVG(src Source, _ Limits, f *Found) error {
	b, err := read(src)
	if err != nil {
		return err
	}
	root := true
	err = walkXML(b, func(path []string, e xml.StartElement) error {
		if root {
			root = false
			if e.Name.Local != "svg" {
				return refuse(field, "<"+e.Name.Local+">", "must be an SVG image")
			}
			f.W, f.H = svgSize(e)
		}
		return checkSVG(e)
	}, func(path []string, text string) error {
		if len(path) > 0 && path[len(path)-1] == "style" {
			return checkStyle("style", text)
		}
		return nil
	})
	if err != nil {
		return xmlError("an SVG image", err)
	}
	if root {
		return refuse(field, "no element", "must be an SVG image")
	}
	if f.W < 1 || f.H < 1 {
		return refuse("asset.w", fmt.Sprintf("%d x %d", f.W, f.H), "must say its width and height, or a viewBox, in pixels")
	}
	f.Colour = "rgb-alpha"
	return f.canvas(f.W, f.H, 1)
}

// svgRefused are elements that run or show what is not a picture, in lower case.
var svgRefused = map[string]bool{"script": true, "foreignobject": true, "iframe": true, "embed": true, "object": true, "handler": true,
	"listener": true, "audio": true, "video": true, "link": true, "meta": true, "html": true, "body": true}

func checkSVG(e xml.StartElement) error {
	name := strings.ToLower(e.Name.Local)
	if svgRefused[name] {
		return refuse("asset.svg", "<"+e.Name.Local+">", "must hold no script, no foreign content and no other document")
	}
	for _, a := range e.Attr {
		key, value := strings.ToLower(a.Name.Local), strings.ToLower(strings.Map(dropControl, strings.TrimSpace(a.Value)))
		where := "asset.svg." + name + "." + key
		switch {
		case strings.HasPrefix(key, "on"):
			return refuse(where, a.Value, "must not be given: it would run a script")
		case key == "href" || key == "src":
			if !strings.HasPrefix(value, "#") && !imageData(value) && value != "" {
				return refuse(where, a.Value, "must lead to a part of the image itself, or hold an image as data")
			}
		case key == "attributename" && (value == "href" || value == "xlink:href" || strings.HasPrefix(value, "on")):
			return refuse(where, a.Value, "must not animate an address or a script")
		case strings.Contains(value, "javascript:"):
			return refuse(where, a.Value, "must not run a script")
		}
		if err := checkStyle(name+"."+key, a.Value); err != nil {
			return err
		}
	}
	return nil
}

func imageData(v string) bool {
	for _, t := range []string{"png", "jpeg", "jpg", "gif", "webp"} {
		if strings.HasPrefix(v, "data:image/"+t) {
			return true
		}
	}
	return false
}

// checkStyle refuses styles that load.
func checkStyle(where, css string) error {
	if strings.Contains(strings.ToLower(css), "@import") {
		return refuse("asset.svg."+where, css, "must not import styles")
	}
	for _, r := range styleReferences(where, css) {
		if v := strings.ToLower(r.target); !strings.HasPrefix(v, "#") && !imageData(v) {
			return refuse("asset.svg."+where, r.target, "must lead to a part of the image itself, or hold an image as data")
		}
	}
	return nil
}

// svgSize is the image's own, or its viewBox.
func svgSize(e xml.StartElement) (w, h int) {
	var box []string
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "width":
			w = pixels(a.Value)
		case "height":
			h = pixels(a.Value)
		case "viewBox":
			box = strings.FieldsFunc(a.Value, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' })
		}
	}
	if (w == 0 || h == 0) && len(box) == 4 {
		return pixels(box[2]), pixels(box[3])
	}
	return w, h
}

func pixels(s string) int {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 1e6 {
		return 0
	}
	return int(math.Round(n))
}

// walkXML reads a document without entities of its own, and bounded in depth and
// length. path are the names of the elements around, the element itself last for text.
func walkXML(b []byte, start func(path []string, e xml.StartElement) error, text func(path []string, s string) error) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	var path []string
	elements := 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if elements++; elements > maxElements || len(path) >= maxDepth {
				return fmt.Errorf("more than %d elements, or deeper than %d", maxElements, maxDepth)
			}
			if err := start(path, t); err != nil {
				return err
			}
			path = append(path, t.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if err := text(path, string(t)); err != nil {
				return err
			}
		case xml.Directive:
			if s := strings.ToUpper(string(t)); strings.Contains(s, "ENTITY") || strings.Contains(s, "[") {
				return refuse(field, "<!"+clip(string(t))+">", "must not declare entities")
			}
		case xml.ProcInst:
			if t.Target != "xml" {
				return refuse(field, "<?"+clip(t.Target)+">", "must hold no instruction to programs")
			}
		}
	}
}

// xmlError keeps a refusal and says of everything else that the document is broken.
func xmlError(what string, err error) error {
	if isRefusal(err) {
		return err
	}
	return broken(what, err)
}
