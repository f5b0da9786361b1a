package node

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	yamlv3 "go.yaml.in/yaml/v3"
)

// EnvPrefix begins the name of every setting's environment variable.
const EnvPrefix = "BIDHAWK_"

// reserved are variables that begin like settings and are none.
var reserved = []string{"BIDHAWK_TEST_", "BIDHAWK_KAFKA_", "BIDHAWK_DATA", "BIDHAWK_E2E_", "BIDHAWK_API_"}

// Load reads the configuration file (none where path is empty), then the
// environment (as os.Environ gives it) over it, and checks the result.
func Load(path string, environ []string) (Config, error) {
	k := koanf.New(".")
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("configuration %s: %w", path, err)
		}
	}
	if err := loadEnv(k, environ); err != nil {
		return Config{}, err
	}
	cfg := Default()
	if err := decode(k, &cfg); err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	if err := cfg.Validate(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// loadEnv lays the environment over k. A variable's value is YAML, so that
// lists and whole sections can be given too.
func loadEnv(k *koanf.Koanf, environ []string) error {
	names := settingNames(k)
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		setting, ok := names[name]
		if !ok {
			if slices.ContainsFunc(reserved, func(p string) bool { return strings.HasPrefix(name, p) }) {
				continue
			}
			return fmt.Errorf("environment variable %s: no setting has that name", name)
		}
		var v any
		if err := yamlv3.Unmarshal([]byte(value), &v); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
		if err := k.Set(setting, v); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

// settingNames maps each setting's variable to its path: the fields of Config,
// and those of every exchange and rate that the file names.
func settingNames(k *koanf.Koanf) map[string]string {
	names := make(map[string]string)
	add := func(path string) {
		names[EnvPrefix+strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))] = path
	}
	var walk func(prefix string, t reflect.Type)
	walk = func(prefix string, t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			path := prefix + f.Tag.Get("koanf")
			add(path)
			switch {
			case f.Type.Kind() == reflect.Struct:
				walk(path+".", f.Type)
			case f.Type.Kind() == reflect.Map:
				for _, key := range k.MapKeys(path) {
					add(path + "." + key)
					if f.Type.Elem().Kind() == reflect.Struct {
						walk(path+"."+key+".", f.Type.Elem())
					}
				}
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	return names
}

// decode fills cfg strictly: an unknown key or a value of another type is an
// error that names it.
func decode(k *koanf.Koanf, cfg *Config) error {
	exchanges := k.MapKeys("exchanges")
	for _, name := range exchanges {
		cfg.Exchanges[name] = defaultExchange()
	}
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		TagName: "koanf", Result: cfg, ErrorUnused: true, WeaklyTypedInput: false,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(decodeDuration, decodeScalarToText, mapstructure.StringToSliceHookFunc(",")),
		MatchName:  func(key, field string) bool { return key == field },
	})
	if err != nil {
		return err
	}
	return plain(d.Decode(k.Raw()))
}

// plain turns mapstructure's list of problems into one line.
func plain(err error) error {
	if err == nil {
		return nil
	}
	text := strings.NewReplacer("\n\n* ", " ", "\n* ", "; ", "\n", " ").Replace(err.Error())
	if _, rest, ok := strings.Cut(text, "error(s):"); ok {
		text = strings.TrimSpace(rest)
	}
	return errors.New(text)
}

func decodeDuration(from, to reflect.Type, v any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() || from == to {
		return v, nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("got %v; want a duration such as 250ms", v)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, fmt.Errorf("got %q; want a duration such as 250ms", s)
	}
	return d, nil
}

// decodeScalarToText lets YAML's numbers stand where text is due (rates, seats).
func decodeScalarToText(from, to reflect.Type, v any) (any, error) {
	if to.Kind() != reflect.String || to.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return v, nil
	}
	switch from.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		return fmt.Sprint(v), nil
	}
	return v, nil
}
