package node

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// settingTag is the tag of Config's fields.
const settingTag = "yaml"

// lay puts a YAML node into the setting v at path: sections are laid over what
// is there, entry by entry, lists and values replace it, null leaves it. Every
// scalar is read as it is written, so that a seat of 007 and a rate of 0.10 keep
// their digits. An unknown name, a name given twice and a value of another kind
// are errors.
func (l *layers) lay(v reflect.Value, path []string, n *yaml.Node) error {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Style == 0 && n.Line > 0 {
		return nil
	}
	l.from[strings.Join(path, ".")] = l.where(n)
	switch v.Kind() {
	case reflect.Struct:
		return l.section(path, n, func(name string, value *yaml.Node) error {
			for i := range v.NumField() {
				if v.Type().Field(i).Tag.Get(settingTag) == name {
					return l.lay(v.Field(i), append(slices.Clip(path), name), value)
				}
			}
			return l.wrong(append(slices.Clip(path), name), value, "a name that there is: "+names(v.Type()))
		})
	case reflect.Map:
		return l.section(path, n, func(name string, value *yaml.Node) error {
			return l.layEntry(v, append(slices.Clip(path), name), value)
		})
	case reflect.Slice:
		list, err := l.list(path, n)
		if err == nil {
			v.Set(reflect.ValueOf(list))
		}
		return err
	}
	return l.layScalar(v, path, n)
}

// section calls f for each entry of a mapping.
func (l *layers) section(path []string, n *yaml.Node, f func(name string, value *yaml.Node) error) error {
	if n.Kind == yaml.ScalarNode && strings.TrimSpace(n.Value) == "" {
		return nil // an empty variable
	}
	if n.Kind != yaml.MappingNode {
		want := "a section of settings by name"
		if len(path) > 0 {
			want += ", such as " + path[len(path)-1] + ": {name: value}"
		}
		return l.wrong(path, n, want)
	}
	given := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if given[name] {
			return l.wrong(append(slices.Clip(path), name), n.Content[i+1], "it once; it is given twice")
		}
		given[name] = true
		if err := f(name, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// layEntry lays a node over an entry of a map; a new exchange starts from what
// an exchange need not say.
func (l *layers) layEntry(m reflect.Value, path []string, n *yaml.Node) error {
	key := reflect.ValueOf(path[len(path)-1])
	entry := reflect.New(m.Type().Elem()).Elem()
	if old := m.MapIndex(key); old.IsValid() {
		entry.Set(old)
	} else if entry.Type() == reflect.TypeFor[Exchange]() {
		entry.Set(reflect.ValueOf(defaultExchange()))
	}
	if err := l.lay(entry, path, n); err != nil {
		return err
	}
	m.SetMapIndex(key, entry)
	return nil
}

// list reads a sequence of texts, or one text that separates them by commas.
func (l *layers) list(path []string, n *yaml.Node) ([]string, error) {
	list := []string{}
	if n.Kind == yaml.ScalarNode {
		for s := range strings.SplitSeq(n.Value, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		return list, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, l.wrong(path, n, "a list of texts, such as [a, b]")
	}
	for _, e := range n.Content {
		if e.Kind != yaml.ScalarNode {
			return nil, l.wrong(path, e, "a text in the list")
		}
		list = append(list, e.Value)
	}
	return list, nil
}

func (l *layers) layScalar(v reflect.Value, path []string, n *yaml.Node) (err error) {
	want, bare := "a text", strings.TrimSpace(n.Value)
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		want = "a duration with its unit, such as 250ms, 10s or 48h"
		var d time.Duration
		d, err = time.ParseDuration(bare)
		v.SetInt(int64(d))
	case v.CanInt():
		want = "a whole number"
		var i int64
		i, err = strconv.ParseInt(strings.ReplaceAll(bare, "_", ""), 10, v.Type().Bits())
		v.SetInt(i)
	case v.Kind() == reflect.Bool:
		want = "true or false"
		v.SetBool(bare == "true")
		if bare != "true" && bare != "false" {
			err = strconv.ErrSyntax
		}
	case v.Kind() == reflect.String:
		v.SetString(n.Value)
	default:
		panic("a setting of a type that no file can give: " + v.Type().String()) // the tests walk every setting
	}
	if err != nil || n.Kind != yaml.ScalarNode {
		return l.wrong(path, n, want)
	}
	return nil
}

// wrong is a SettingError with its place.
func (l *layers) wrong(path []string, n *yaml.Node, want string) error {
	name := strings.Join(path, ".")
	if name == "" {
		name = "(the whole file)"
	}
	var got any = n.Value
	switch n.Kind {
	case yaml.MappingNode:
		got = unquoted("a section")
	case yaml.SequenceNode:
		got = unquoted("a list")
	}
	return fmt.Errorf("%w (%s)", wrong(name, got, want), l.where(n))
}

// where is the place of a node: the variable, or the file's line.
func (l *layers) where(n *yaml.Node) string {
	if strings.HasPrefix(l.source, EnvPrefix) {
		return l.source
	}
	return fmt.Sprintf("%s:%d", l.source, n.Line)
}

// names lists what a section holds.
func names(t reflect.Type) string {
	var list []string
	for i := range t.NumField() {
		list = append(list, t.Field(i).Tag.Get(settingTag))
	}
	return strings.Join(list, ", ")
}
