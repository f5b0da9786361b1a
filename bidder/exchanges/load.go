package exchanges

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bidhawk/internal/yamldoc"
)

const (
	maxFile  = 64 << 10 // bytes of an exchange's file
	maxFiles = 100
	maxList  = 1000
)

// Load reads every *.yaml of dir, by name. The error joins what is wrong with
// each file; then there are no exchanges, and the caller keeps those it has.
func Load(dir string) ([]Exchange, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("exchanges in %s: %w", dir, err)
	case len(paths) == 0 || len(paths) > maxFiles:
		return nil, fmt.Errorf("exchanges in %s: got %d files; want 1 to %d named NAME.yaml", dir, len(paths), maxFiles)
	}
	list, errs := make([]Exchange, len(paths)), make([]error, len(paths))
	for i, path := range paths {
		list[i], errs[i] = LoadFile(path)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return list, nil
}

// LoadFile reads one exchange, named as its file without ".yaml", and its price
// keys. Its errors are a line each, of the form
//
//	FILE:LINE: FIELD: got VALUE; want RULE
//
// and all settings that are not of their form are reported at once.
func LoadFile(path string) (Exchange, error) {
	e := Default(strings.TrimSuffix(filepath.Base(path), ".yaml"))
	e.sources = make(map[string]string)
	root, err := parseFile(path)
	if err != nil {
		return Exchange{}, err
	}
	r := reader{path: path, sources: e.sources, lines: make(map[string]int)}
	r.section(reflect.ValueOf(&e).Elem(), "", root)
	if err := errors.Join(r.errs...); err != nil {
		return Exchange{}, err
	}
	if e.UserIDSpace == "" {
		e.UserIDSpace = e.Name
	}
	if e.PriceKeysFile != "" && !filepath.IsAbs(e.PriceKeysFile) {
		e.PriceKeysFile = filepath.Join(filepath.Dir(path), e.PriceKeysFile)
	}
	if err := e.Validate(); err != nil {
		return Exchange{}, r.placed(err)
	}
	if e.PriceKeysFile == "" {
		return e, nil
	}
	if e.keys, err = readKeysFile(e.PriceKeysFile); err != nil {
		return Exchange{}, fmt.Errorf("%s: %w", r.at("price_keys_file"), err)
	}
	return e, nil
}

// parseFile returns the one document of a file.
func parseFile(path string) (*yaml.Node, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	defer f.Close()
	return parse(path, f)
}

func parse(path string, in io.Reader) (*yaml.Node, error) {
	return yamldoc.Read(path, in, maxFile, "the settings of an exchange")
}

// reader lays a file's settings over an Exchange.
type reader struct {
	path    string
	sources map[string]string
	lines   map[string]int // of settings, by their path
	errs    []error
}

// at names the place of a setting that the file gave, or else the file.
func (r *reader) at(field string) string {
	if line := r.lines[field]; line > 0 {
		return fmt.Sprintf("%s:%d", r.path, line)
	}
	return r.path
}

func (r *reader) placed(err error) error {
	if rule, ok := errors.AsType[*RuleError](err); ok {
		return fmt.Errorf("%s: %w", r.at(rule.Field), err)
	}
	return fmt.Errorf("%s: %w", r.path, err)
}

func (r *reader) fail(n *yaml.Node, field, rule string) {
	value := fmt.Sprintf("%.80q", n.Value)
	switch n.Kind {
	case yaml.MappingNode:
		value = "a mapping"
	case yaml.SequenceNode:
		value = "a list"
	}
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %w", r.path, n.Line, &RuleError{field, value, rule}))
}

// pairs calls f for each entry of a mapping; an entry given twice is an error.
func (r *reader) pairs(n *yaml.Node, field, rule string, f func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, field, rule)
		return
	}
	given := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if given[key.Value] {
			r.fail(key, join(field, key.Value), "it once; it is given twice")
			continue
		}
		given[key.Value] = true
		f(key, n.Content[i+1])
	}
}

func join(section, name string) string { return strings.TrimPrefix(section+"."+name, ".") }

// section lays settings by name over the struct v.
func (r *reader) section(v reflect.Value, path string, n *yaml.Node) {
	r.pairs(n, path, "settings by name, such as seat: {value: x, source: assumed}", func(key, value *yaml.Node) {
		field, ok := fieldOf(v, key.Value)
		at := join(path, key.Value)
		switch {
		case !ok:
			r.fail(key, at, "a setting that there is: "+strings.Join(names(v.Type()), ", "))
		case field.Type() == reflect.TypeFor[Supply]():
			r.section(field, at, value)
		default:
			r.setting(field, at, value)
		}
	})
}

var sourceForm = regexp.MustCompile(`^(assumed|documented \((\d{4}(-\d{2}(-\d{2})?)?|undated)\))$`)

// setting reads {value: ..., source: ..., see: ...}: see, where the document
// is, may be left out.
func (r *reader) setting(v reflect.Value, path string, n *yaml.Node) {
	const form = "{value: ..., source: ...}: each setting says where its value comes from"
	var value *yaml.Node
	var source, see string
	r.lines[path] = n.Line
	r.pairs(n, path, form, func(key, part *yaml.Node) {
		switch key.Value {
		case "value":
			value = part
		case "source":
			if source = part.Value; !sourceForm.MatchString(source) {
				r.fail(part, path+".source", `"assumed", or "documented (2025-06)" with the document's year, month or day, or "documented (undated)"`)
			}
		case "see":
			see = part.Value
		default:
			r.fail(key, join(path, key.Value), "value, source or see")
		}
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if value == nil || source == "" {
		r.fail(n, path, form)
		return
	}
	r.value(v, path, value)
	r.sources[path] = strings.TrimSpace(source + " " + see)
}

// value reads a scalar or a list of scalars.
func (r *reader) value(v reflect.Value, path string, n *yaml.Node) {
	if v.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode && len(n.Content) <= maxList {
		list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, item := range n.Content {
			r.value(list.Index(i), fmt.Sprintf("%s[%d]", path, i), item)
		}
		v.Set(list)
		return
	}
	want := ""
	switch {
	case v.Kind() == reflect.Slice:
		want = fmt.Sprintf("a list of at most %d", maxList)
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		want = "a single value"
	default:
		want = scalar(v, n)
	}
	if want != "" {
		r.fail(n, path, want)
	}
}

// scalar sets v from the text of n; want is what it should have been.
func scalar(v reflect.Value, n *yaml.Node) (want string) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(n.Value)); err != nil {
			return err.Error()
		}
		return ""
	}
	var err error
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		var d time.Duration
		d, err = time.ParseDuration(n.Value)
		v.SetInt(int64(d))
		want = "a duration with its unit, such as 250ms or 48h"
	case v.CanInt():
		var i int64
		i, err = strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 10, 32)
		v.SetInt(i)
		want = "a whole number"
	case v.Kind() == reflect.Bool:
		v.SetBool(n.Value == "true")
		if n.Value != "true" && n.Value != "false" {
			err = strconv.ErrSyntax
		}
		want = "true or false"
	default:
		v.SetString(n.Value)
	}
	if err != nil {
		return want
	}
	return ""
}

// tag is the name of a setting in a file; empty for fields that no file gives.
func tag(f reflect.StructField) string {
	name := f.Tag.Get("yaml")
	if name == "-" {
		return ""
	}
	return name
}

func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	for f := range v.Type().Fields() {
		if name != "" && tag(f) == name {
			return v.FieldByIndex(f.Index), true
		}
	}
	return reflect.Value{}, false
}

func names(t reflect.Type) (list []string) {
	for f := range t.Fields() {
		if name := tag(f); name != "" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
