// Package yamltree decodes a YAML file strictly into structs and remembers the
// line of every value, so that whoever checks the values afterwards can name the
// line too. Fields are named by their json tags: a file and the API use one
// vocabulary. Unknown and repeated keys, aliases, fractions and numbers in
// quotes are errors, and all of them are reported at once.
package yamltree

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Options of Decode.
type Options struct {
	MaxBytes int64 // of the file
	// Refuse maps keys that must not be given on top, or in the items of a list on
	// top, to the rule.
	Refuse map[string]string
	// Time reads a time; nil is RFC 3339.
	Time func(string) (time.Time, error)
}

// Problem is one thing that is wrong with the file.
type Problem struct {
	Line  int    // from 1; 0 is the file as a whole
	Path  string // such as "line_items[3].budget.daily_nanos"
	Value string
	Rule  string
}

func (p Problem) String() string {
	return fmt.Sprintf("line %d: %s %q: %s", p.Line, p.Path, p.Value, p.Rule)
}

// Error is every problem that was found, up to 100.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	texts := make([]string, 0, maxText)
	for i, p := range e.Problems {
		if i == maxText {
			texts = append(texts, fmt.Sprintf("and %d more", len(e.Problems)-i))
			break
		}
		texts = append(texts, p.String())
	}
	return strings.Join(texts, "; ")
}

const (
	maxProblems = 100
	maxText     = 10
	maxValue    = 80 // bytes of a value in a problem
)

// Lines knows where the values of a decoded file stand.
type Lines map[string]int

// At returns the line of path, or of the nearest value above it that is there.
func (l Lines) At(path string) int {
	for path != "" {
		if n, ok := l[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return l[""]
}

// Decode reads one document from r into dst, a pointer to a struct. A broken
// file is an *Error; an error of r is itself.
func Decode(r io.Reader, opt Options, dst any) (Lines, error) {
	data, err := io.ReadAll(io.LimitReader(r, opt.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read YAML: %w", err)
	}
	d := &decoder{opt: opt, lines: Lines{"": 1}}
	if int64(len(data)) > opt.MaxBytes {
		d.fail(&yaml.Node{}, "", fmt.Sprintf("must be at most %d bytes", opt.MaxBytes))
		return nil, d.err()
	}
	var doc, more yaml.Node
	docs := yaml.NewDecoder(bytes.NewReader(data))
	err = docs.Decode(&doc)
	switch after := docs.Decode(&more); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) != 1:
		d.fail(&yaml.Node{}, "", "must hold a document")
	case err != nil:
		d.fail(&yaml.Node{Line: lineOf(err)}, "", "must be YAML: "+err.Error())
	case after == nil:
		// Nobody would read it: what is in it would be lost without a word.
		d.fail(&more, "", "must hold one document")
	case !errors.Is(after, io.EOF):
		d.fail(&yaml.Node{Line: lineOf(after)}, "", "must be YAML: "+after.Error())
	default:
		d.decode(doc.Content[0], reflect.ValueOf(dst).Elem(), "")
	}
	return d.lines, d.err()
}

// lineOf reads N from "yaml: line N: ...".
func lineOf(err error) (n int) {
	_, rest, _ := strings.Cut(err.Error(), "line ")
	digits, _, _ := strings.Cut(rest, ":")
	n, _ = strconv.Atoi(digits) // 0, the whole file, where the error names no line
	return n
}

type decoder struct {
	opt      Options
	lines    Lines
	problems []Problem
}

func (d *decoder) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return &Error{d.problems}
}

func (d *decoder) fail(n *yaml.Node, path, rule string) {
	if len(d.problems) < maxProblems {
		value := n.Value
		if len(value) > maxValue {
			value = strings.ToValidUTF8(value[:maxValue], "") + "..."
		}
		d.problems = append(d.problems, Problem{n.Line, path, value, rule})
	}
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value, path string) {
	d.lines[path] = n.Line
	if t, ok := v.Addr().Interface().(*time.Time); ok {
		d.scalar(n, path, func(s string) error { return d.time(s, t) })
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.scalar(n, path, func(s string) error { return u.UnmarshalText([]byte(s)) })
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), path)
	case reflect.Struct:
		d.mapping(n, v, path)
	case reflect.Map:
		d.named(n, v, path)
	case reflect.Slice:
		d.sequence(n, v, path)
	case reflect.String:
		d.scalar(n, path, func(s string) error { v.SetString(s); return nil })
	case reflect.Int, reflect.Int64:
		d.integer(n, v, path)
	case reflect.Uint32:
		d.integer(n, v, path)
	case reflect.Bool:
		d.boolean(n, v, path)
	default:
		d.fail(n, path, "cannot be given in a file")
	}
}

func (d *decoder) time(s string, t *time.Time) (err error) {
	if d.opt.Time != nil {
		*t, err = d.opt.Time(s)
		return err
	}
	*t, err = time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("must be a time such as 2026-11-21T10:00:00Z")
	}
	return nil
}

func (d *decoder) scalar(n *yaml.Node, path string, set func(string) error) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.fail(n, path, "must be a single value")
		return
	}
	if err := set(n.Value); err != nil {
		d.fail(n, path, err.Error())
	}
}

func (d *decoder) integer(n *yaml.Node, v reflect.Value, path string) {
	digits := strings.ReplaceAll(n.Value, "_", "")
	i, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil:
		d.fail(n, path, "must be a whole number")
	case v.CanInt() && !v.OverflowInt(i):
		v.SetInt(i)
	case v.CanUint() && i >= 0 && !v.OverflowUint(uint64(i)):
		v.SetUint(uint64(i))
	default:
		d.fail(n, path, "is out of range")
	}
}

func (d *decoder) boolean(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		d.fail(n, path, "must be true or false")
		return
	}
	v.SetBool(strings.EqualFold(n.Value, "true"))
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "must be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.decode(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "must be a mapping of keys to values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		field, ok := fieldOf(v, key.Value)
		switch rule, refused := d.opt.Refuse[key.Value]; {
		case refused && strings.Count(at, ".") <= 1:
			d.fail(key, at, rule)
		case !ok || key.Kind != yaml.ScalarNode:
			d.fail(key, at, "is not a known key")
		case seen[key.Value]:
			d.fail(key, at, "is given twice")
		default:
			d.decode(value, field, at)
		}
		seen[key.Value] = true
	}
}

// named decodes a mapping whose keys are names of the file's own.
func (d *decoder) named(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "must be a mapping of names to values")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := path + "." + key.Value
		name, item := reflect.ValueOf(key.Value), reflect.New(v.Type().Elem()).Elem()
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fail(key, at, "must be a name")
		case v.MapIndex(name).IsValid():
			d.fail(key, at, "is given twice")
		default:
			d.decode(value, item, at)
			v.SetMapIndex(name, item)
		}
	}
}

// fieldOf finds the field with the json name, also in embedded structs.
func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if inner, ok := fieldOf(v.Field(i), name); ok {
				return inner, true
			}
			continue
		}
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" && tag != "-" && tag == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}
