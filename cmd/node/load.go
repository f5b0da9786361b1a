package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins the name of every setting's environment variable.
const EnvPrefix = "BIDHAWK_"

// Variables that begin like settings and are none: of the client, of scripts
// and of tests. They are named one by one where a misspelt setting could begin
// like them.
var (
	otherVariables = []string{"BIDHAWK_API_KEY", "BIDHAWK_CACHE", "BIDHAWK_DATA", "BIDHAWK_SIM_SEED", "BIDHAWK_SIM_SEEDS", "BIDHAWK_TARGETING_PAIRS"}
	otherPrefixes  = []string{"BIDHAWK_TEST_", "BIDHAWK_KAFKA_", "BIDHAWK_POSTGRES_", "BIDHAWK_CHDB_", "BIDHAWK_E2E_", "BIDHAWK_LOADTEST_"}
)

// Load reads the configuration file (none where path is empty), then the
// environment (as os.Environ gives it) over it, and checks the result. Its
// errors are one line that names the setting, its value, what was expected and
// where the value came from.
func Load(path string, environ []string) (Config, error) {
	cfg := Default()
	l := layers{to: reflect.ValueOf(&cfg).Elem(), from: make(map[string]string)}
	if path != "" {
		if err := l.file(path); err != nil {
			return Config{}, err
		}
	}
	if err := l.environment(environ); err != nil {
		return Config{}, err
	}
	if err := cfg.Validate(); err != nil {
		return Config{}, l.sourced(err)
	}
	return cfg, nil
}

// layers lays settings over a Config, one source after the other.
type layers struct {
	to     reflect.Value     // the Config
	from   map[string]string // who gave a setting last, by its path
	source string            // what is read now
}

// file lays a YAML file over the settings.
func (l *layers) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	var doc, more yaml.Node
	dec := yaml.NewDecoder(f)
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file: everything is left as it is by default
	} else if err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("configuration %s: want one YAML document, not several", path)
	}
	l.source = path
	return l.lay(l.to, nil, doc.Content[0])
}

// environment lays variables over the settings, sections before what is in
// them, so that BIDHAWK_EXCHANGES may name what BIDHAWK_EXCHANGES_X_SEAT sets.
func (l *layers) environment(environ []string) error {
	var mine []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, EnvPrefix) || slices.Contains(otherVariables, name) ||
			slices.ContainsFunc(otherPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		mine = append(mine, kv)
	}
	slices.SortFunc(mine, func(a, b string) int {
		x, _, _ := strings.Cut(a, "=")
		y, _, _ := strings.Cut(b, "=")
		return strings.Compare(x, y) // a section's name begins those of its settings
	})
	for _, kv := range mine {
		name, value, _ := strings.Cut(kv, "=")
		if err := l.variable(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (l *layers) variable(name, value string) error {
	found := l.named(name)
	switch {
	case len(found) == 0 && (strings.HasPrefix(name, "BIDHAWK_EXCHANGES_") || strings.HasPrefix(name, "BIDHAWK_RATES_")):
		return fmt.Errorf("environment variable %s: got %q; want the name of a setting of an exchange or rate that the configuration file or BIDHAWK_EXCHANGES or BIDHAWK_RATES lists", name, value)
	case len(found) == 0:
		return fmt.Errorf("environment variable %s: got %q; want the name of a setting, such as BIDHAWK_DATA_DIR or BIDHAWK_LISTEN_BIDS", name, value)
	case len(found) > 1:
		return fmt.Errorf("environment variable %s: got %q; want a name that means one setting, not both %s and %s",
			name, value, strings.Join(found[0].path, "."), strings.Join(found[1].path, "."))
	}
	l.source = name
	s := found[0]
	n, err := variableNode(s.kind, value)
	if err != nil {
		return fmt.Errorf("environment variable %s: setting %s: got %q; want YAML: %w", name, strings.Join(s.path, "."), value, err)
	}
	// Laid from the root, so that entries of maps are replaced as a file would.
	for _, key := range slices.Backward(s.path) {
		n = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, n}}
	}
	return l.lay(l.to, nil, n)
}

// variableNode reads a variable's value: text as it is, lists also separated by
// commas, sections in YAML's flow style ({a: 1, b: 2}).
func variableNode(kind reflect.Kind, value string) (*yaml.Node, error) {
	section := kind == reflect.Struct || kind == reflect.Map
	list := kind == reflect.Slice && strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]")
	if !section && !list {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: value}, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(value), &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 { // no more than blanks
		return &yaml.Node{Kind: yaml.ScalarNode, Value: value}, nil
	}
	return doc.Content[0], nil
}

// setting is one that a variable can name.
type setting struct {
	path []string
	kind reflect.Kind
}

// named finds the settings whose variable is name: fields of Config, and those
// of every exchange and rate there is so far.
func (l *layers) named(name string) (found []setting) {
	walkSettings(l.to, nil, func(s setting, _ reflect.Value) {
		if Variable(s.path...) == name {
			found = append(found, s)
		}
	})
	return found
}

// Variable is the name of a setting's environment variable.
func Variable(path ...string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(strings.Join(path, "_"), "-", "_"))
}

// walkSettings calls f for each setting in v, sections before what is in them.
func walkSettings(v reflect.Value, path []string, f func(setting, reflect.Value)) {
	visit := func(name string, v reflect.Value) {
		p := append(slices.Clip(path), name)
		f(setting{p, v.Kind()}, v)
		walkSettings(v, p, f)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			visit(v.Type().Field(i).Tag.Get(settingTag), v.Field(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			visit(k.String(), v.MapIndex(k))
		}
	}
}

// Settings lists every setting and its value, as a file would give it. A Secret's
// is left out; other secrets are in files, and only their paths are settings.
func (c Config) Settings() (list [][2]string) {
	walk := func(s setting, v reflect.Value) {
		text := quote(v.Interface())
		switch {
		case s.kind == reflect.Struct || s.kind == reflect.Map:
			return
		case s.kind == reflect.Slice:
			text = "[" + strings.Join(v.Interface().([]string), ", ") + "]"
		}
		list = append(list, [2]string{strings.Join(s.path, "."), text})
	}
	walkSettings(reflect.ValueOf(c), nil, walk)
	return list
}

// sourced adds to a rule's error where the value came from.
func (l *layers) sourced(err error) error {
	path, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "setting "), ":")
	if from, ok := l.from[path]; ok {
		return fmt.Errorf("%w (%s)", err, from)
	}
	return err
}
