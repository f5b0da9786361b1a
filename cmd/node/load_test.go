package node

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const oneExchange = "BIDHAWK_EXCHANGES={demo: {seat: '1'}}"

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// other are values that differ from the defaults and keep every rule, where
// they can't be derived from the setting's kind.
var other = map[string]string{
	"data_dir": "/var/lib/bid hawk: 1", "roles": "api,attributor,profiler,pacer,bidder", "public_url": "https://dsp.example",
	"listen.bids": "[::1]:9001", "listen.api": "0.0.0.0:9002", "listen.operations": ":9003", "log.level": "debug",
	"event_log.backend": "kafka", "event_log.kafka.brokers": "a:9092, b:9093", "event_log.kafka.topic_prefix": "x.",
	"exchanges.demo.seat": "007", "rates.EUR": "0.10", "shutdown_timeout": "9s", "bidder.counts_every": "3s",
	"frequency.hold_for": "4s", "exchanges.demo.network_margin": "6ms",
	"privacy.needed": "1,2", "privacy.consent": "1,2,3,4,5,7", "privacy.legitimate_interest": "8", "privacy.flexible": "2",
	"privacy.gdpr_countries": "DEU,FRA", "identity.eids": "pubcid.org, uidapi.com=uid2/3", "identity.household_eids": "home.example", "traffic.refuse": "crawler, tor_exit",
	"creatives.store": "s3", "creatives.public_url": "https://cdn.example/c", "creatives.s3.endpoint": "127.0.0.1:9000", "creatives.s3.bucket": "creatives", "creatives.s3.insecure": "true", "creatives.s3.prefix": "creatives/", "creatives.s3.region": "eu-central-1",
	"campaigns.database": "postgres://u:p@host:5432/db", "reports.database": "postgres://u:p@host:5432/db", "offers.entries": "524288", "pacing.listen": "127.0.0.1:9004", "pacing.pacers": "https://127.0.0.1:9004, https://localhost:9005",
}

func another(t *testing.T, path string, v reflect.Value) string {
	if s, ok := other[path]; ok {
		return s
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return (time.Duration(v.Int()) + time.Second).String()
	case v.CanInt():
		return fmt.Sprint(v.Int() + 1)
	case v.Kind() == reflect.Bool:
		return fmt.Sprint(!v.Bool())
	case v.Kind() == reflect.String:
		return "/etc/other"
	}
	t.Fatalf("setting %s is a %v; the test has no value for it", path, v.Type())
	return ""
}

// at is the setting at path.
func at(v reflect.Value, path []string) reflect.Value {
	for _, name := range path {
		if v.Kind() == reflect.Map {
			v = v.MapIndex(reflect.ValueOf(name))
			continue
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get(settingTag) == name {
				v = v.Field(i)
				break
			}
		}
	}
	return v
}

// leaves are the settings that hold a value.
func leaves(c *Config) (list []setting) {
	walkSettings(reflect.ValueOf(c).Elem(), nil, func(s setting, _ reflect.Value) {
		if s.kind != reflect.Struct && s.kind != reflect.Map {
			list = append(list, s)
		}
	})
	return list
}

const sample = "exchanges: {demo: {seat: a}}\nrates: {EUR: 1.08}\n"

// companions are the settings without which another is refused.
var companions = map[string][]string{
	"event_log.backend":         {"BIDHAWK_EVENT_LOG_KAFKA_BROKERS=[a:1]"},
	"creatives.store":           {"BIDHAWK_CREATIVES_S3_ENDPOINT=s3.example:9000", "BIDHAWK_CREATIVES_S3_BUCKET=b", "BIDHAWK_CREATIVES_S3_CREDENTIALS_FILE=/etc/c"},
	"pacing.tls.cert_file":      {"BIDHAWK_PACING_TLS_KEY_FILE=/etc/key"},
	"pacing.tls.key_file":       {"BIDHAWK_PACING_TLS_CERT_FILE=/etc/cert"},
	"pacing.tls.client_ca_file": {"BIDHAWK_PACING_TLS_CERT_FILE=/etc/cert", "BIDHAWK_PACING_TLS_KEY_FILE=/etc/key"},
}

func TestEverySettingByItsVariable(t *testing.T) {
	path := writeFile(t, sample)
	base, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	settings := leaves(&base)
	if len(settings) < 35 {
		t.Fatalf("found %d settings", len(settings))
	}
	for _, s := range settings {
		name := strings.Join(s.path, ".")
		before := at(reflect.ValueOf(base), s.path)
		value := another(t, name, before)
		env := []string{Variable(s.path...) + "=" + value, "HOME=/root", "BIDHAWK_TEST_KAFKA=required", "BIDHAWK_DATA=../d"}
		env = append(env, companions[name]...)
		got, err := Load(path, env)
		if err != nil {
			t.Errorf("%v: %v", env[0], err)
			continue
		}
		after := at(reflect.ValueOf(got), s.path)
		if reflect.DeepEqual(before.Interface(), after.Interface()) {
			t.Errorf("%s: still %v", env[0], after)
		}
		if text := fmt.Sprint(after); after.Kind() != reflect.Slice && text != value {
			t.Errorf("%s: got %q", env[0], text)
		}
	}
}

// The same values by the file give the same configuration as by variables.
func TestFileAndEnvironmentMeanTheSame(t *testing.T) {
	path := writeFile(t, sample)
	base, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	sections := map[string][]string{}
	for _, s := range leaves(&base) {
		name := strings.Join(s.path, ".")
		value := another(t, name, at(reflect.ValueOf(base), s.path))
		env = append(env, Variable(s.path...)+"="+value)
		if s.kind == reflect.Slice {
			value = "[" + value + "]"
		} else if s.kind == reflect.String {
			value = fmt.Sprintf("%q", value)
		}
		above := strings.Join(s.path[:len(s.path)-1], ".")
		sections[above] = append(sections[above], s.path[len(s.path)-1]+": "+value)
	}
	byEnv, err := Load(path, env)
	if err != nil {
		t.Fatal(err)
	}
	var section func(path string) string // what is in it, its own sections too
	section = func(path string) string {
		parts := slices.Clone(sections[path])
		for _, below := range slices.Sorted(maps.Keys(sections)) {
			for dir := below; dir != ""; {
				parent := ""
				if i := strings.LastIndexByte(dir, '.'); i >= 0 {
					parent = dir[:i]
				}
				if name := strings.TrimPrefix(dir, parent+"."); parent == path && !slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, name+": {") }) {
					parts = append(parts, name+": {"+section(dir)+"}")
				}
				dir = parent
			}
		}
		return strings.Join(parts, ", ")
	}
	text := "{" + section("") + "}\n"
	byFile, err := Load(writeFile(t, text), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(byEnv, byFile) {
		t.Errorf("by variables %+v\nby file      %+v", byEnv, byFile)
	}
}

func TestLoadLayers(t *testing.T) {
	f := func(file string, env []string, check func(Config) bool) {
		t.Helper()
		path := ""
		if file != "" {
			path = writeFile(t, file)
		}
		c, err := Load(path, env)
		if err != nil {
			t.Error(err)
		} else if !check(c) {
			t.Errorf("file %q, environment %q: got %+v", file, env, c)
		}
	}
	f("", []string{oneExchange}, func(c Config) bool {
		return c.Exchanges["demo"] == Exchange{Seat: "1", NetworkMargin: 5 * time.Millisecond, DefaultTMax: 100 * time.Millisecond, Gzip: true, MaxAnswerBytes: 6 << 10}
	})
	// A section comes before what is in it, in whatever order the environment is.
	f("", []string{"BIDHAWK_EXCHANGES_NEW_SEAT=9", "BIDHAWK_EXCHANGES={new: {gzip: false}}"}, func(c Config) bool {
		return c.Exchanges["new"].Seat == "9" && !c.Exchanges["new"].Gzip && c.Exchanges["new"].MaxAnswerBytes == 6<<10
	})
	// A section is laid over the file's, entry by entry.
	f(sample, []string{"BIDHAWK_EXCHANGES={two: {seat: b}}", "BIDHAWK_LISTEN={api: ':1'}", "BIDHAWK_RATES="}, func(c Config) bool {
		return len(c.Exchanges) == 2 && c.Exchanges["demo"].Seat == "a" && c.Listen.API == ":1" && c.Listen.Bids == "127.0.0.1:8080" && c.Rates["EUR"] == "1.08"
	})
	// Text stays as it is written.
	f("exchanges: {a-b: {seat: 007}}\nrates: {JPY: 0.00670, EUR: 1_0}\n", []string{"BIDHAWK_RATES_EUR=1.0", "BIDHAWK_EXCHANGES_A_B_GZIP=false"}, func(c Config) bool {
		return c.Exchanges["a-b"].Seat == "007" && c.Rates["JPY"] == "0.00670" && c.Rates["EUR"] == "1.0" && !c.Exchanges["a-b"].Gzip
	})
	// Null leaves what is there; an empty text is a text; numbers may be grouped; anchors are followed.
	f("data_dir: null\nlisten:\nlog: ~\nexchanges: {x: &x {seat: s}, y: *x}\nfrequency: {max_keys: 1_000_000}\nevent_log: {kafka: {topic_prefix: p}}\n",
		[]string{"BIDHAWK_EVENT_LOG_KAFKA_TOPIC_PREFIX="}, func(c Config) bool {
			return c.DataDir == "./data" && c.Frequency.MaxKeys == 1_000_000 && c.EventLog.Kafka.TopicPrefix == "" && c.Exchanges["y"].Seat == "s"
		})
	f("\n# nothing\n", []string{oneExchange}, func(c Config) bool { return c.DataDir == "./data" })
}

// Each message is read by somebody whose server does not start.
func TestLoadRefuses(t *testing.T) {
	f := func(file string, env []string, want string) {
		t.Helper()
		path := ""
		if file != "" {
			path = writeFile(t, file)
			want = strings.ReplaceAll(want, "FILE", path)
		}
		_, err := Load(path, env)
		if err == nil {
			t.Errorf("file %q, environment %q: no error; want %s", file, env, want)
			return
		}
		if err.Error() != want || strings.Contains(err.Error(), "\n") {
			t.Errorf("file %q, environment %q:\ngot  %s\nwant %s", file, env, err, want)
		}
	}
	env := func(kv string) []string { return []string{oneExchange, kv} }

	f("", env("BIDHAWK_DATA_DR=/x"), `environment variable BIDHAWK_DATA_DR: got "/x"; want the name of a setting, such as BIDHAWK_DATA_DIR or BIDHAWK_LISTEN_BIDS`)
	f("", env("BIDHAWK_="), `environment variable BIDHAWK_: got ""; want the name of a setting, such as BIDHAWK_DATA_DIR or BIDHAWK_LISTEN_BIDS`)
	f("", env("BIDHAWK_EXCHANGES_DEOM_SEAT=1"), `environment variable BIDHAWK_EXCHANGES_DEOM_SEAT: got "1"; want the name of a setting of an exchange or rate that the configuration file or BIDHAWK_EXCHANGES or BIDHAWK_RATES lists`)
	f("exchanges: {a-b: {}, a_b: {}}", env("BIDHAWK_EXCHANGES_A_B_SEAT=1")[1:], `environment variable BIDHAWK_EXCHANGES_A_B_SEAT: got "1"; want a name that means one setting, not both exchanges.a-b.seat and exchanges.a_b.seat`)
	f("", env("BIDHAWK_LISTEN={"), `environment variable BIDHAWK_LISTEN: setting listen: got "{"; want YAML: yaml: line 1: did not find expected node content`)
	f("", env("BIDHAWK_LISTEN={bid: a}"), `setting listen.bid: got "a"; want a name that there is: bids, api, operations (BIDHAWK_LISTEN)`)
	f("", env("BIDHAWK_EVENT_LOG=local"), `setting event_log: got "local"; want a section of settings by name, such as event_log: {name: value} (BIDHAWK_EVENT_LOG)`)
	f("", env("BIDHAWK_EVENT_LOG_PARTITIONS=four"), `setting event_log.partitions: got "four"; want a whole number (BIDHAWK_EVENT_LOG_PARTITIONS)`)
	f("", env("BIDHAWK_EVENT_LOG_PARTITIONS="), `setting event_log.partitions: got ""; want a whole number (BIDHAWK_EVENT_LOG_PARTITIONS)`)
	f("", env("BIDHAWK_EVENT_LOG_PARTITIONS=0"), `setting event_log.partitions: got 0; want 1 to 1024 (BIDHAWK_EVENT_LOG_PARTITIONS)`)
	f("", env("BIDHAWK_PROFILES_CACHE_BYTES=99999999999999999999"), `setting profiles.cache_bytes: got "99999999999999999999"; want a whole number (BIDHAWK_PROFILES_CACHE_BYTES)`)
	f("", env("BIDHAWK_BIDDER_CONTEXTUAL_WITHOUT_BASIS=yes"), `setting bidder.contextual_without_basis: got "yes"; want true or false (BIDHAWK_BIDDER_CONTEXTUAL_WITHOUT_BASIS)`)
	f("", env("BIDHAWK_PACING_LEASE_WINDOW=10"), `setting pacing.lease_window: got "10"; want a duration with its unit, such as 250ms, 10s or 48h (BIDHAWK_PACING_LEASE_WINDOW)`)
	f("", env("BIDHAWK_PACING_LEASE_WINDOW=10m"), `setting pacing.lease_window: got 10m; want 1s to 5m (BIDHAWK_PACING_LEASE_WINDOW)`)
	f("", env("BIDHAWK_LISTEN_BIDS=8080"), `setting listen.bids: got "8080"; want host:port, such as 127.0.0.1:8080 (BIDHAWK_LISTEN_BIDS)`)
	f("", env("BIDHAWK_LISTEN_API=127.0.0.1:8080"), `setting listen.api: got "127.0.0.1:8080"; want another address than listen.bids (BIDHAWK_LISTEN_API)`)
	f("", env("BIDHAWK_LISTEN_API=a:b\nc"), `setting listen.api: got "a:b\nc"; want host:port, such as 127.0.0.1:8080 (BIDHAWK_LISTEN_API)`)
	f("", env("BIDHAWK_BIDDER_MAX_TRIES=257"), `setting bidder.max_tries: got 257; want 1 to 256 (BIDHAWK_BIDDER_MAX_TRIES)`)
	f("", env("BIDHAWK_ROLES=bidder,accountant"), `setting roles: got "accountant"; want one of bidder, pacer, profiler, attributor, api (BIDHAWK_ROLES)`)
	f("", env("BIDHAWK_ROLES="), `setting roles: got none; want at least one of bidder, pacer, profiler, attributor, api (BIDHAWK_ROLES)`)
	f("", nil, `setting exchanges: got none; want at least one exchange, such as {demo: {seat: "1"}}, or an exchanges_dir`)
	f("", env("BIDHAWK_EXCHANGES_DEMO_NETWORK_MARGIN=100ms"), `setting exchanges.demo.network_margin: got 100ms; want less than default_tmax, 100ms (BIDHAWK_EXCHANGES_DEMO_NETWORK_MARGIN)`)

	f("data_dirr: x\n"+sample, nil, `setting data_dirr: got "x"; want a name that there is: data_dir, roles, public_url, shutdown_timeout, listen, log, event_log, secrets, campaigns, api, creatives, bidder, profiles, pacing, frequency, scoring, reports, feed, privacy, identity, supply, traffic, offers, brakes, breakers, exchanges_dir, exchanges_reload_every, exchanges, currency, rates (FILE:1)`)
	f(sample+"listen:\n  bids: [1, 2]\n", nil, `setting listen.bids: got a list; want a text (FILE:4)`)
	f(sample+"listen:\n  bids: {a: b}\n", nil, `setting listen.bids: got a section; want a text (FILE:4)`)
	f(sample+"roles: {a: b}\n", nil, `setting roles: got a section; want a list of texts, such as [a, b] (FILE:3)`)
	f(sample+"roles: [[bidder]]\n", nil, `setting roles: got a list; want a text in the list (FILE:3)`)
	f(sample+"log: {level: info, level: warn}\n", nil, `setting log.level: got "warn"; want it once; it is given twice (FILE:3)`)
	f(sample+"pacing:\n  close_after: soon\n", nil, `setting pacing.close_after: got "soon"; want a duration with its unit, such as 250ms, 10s or 48h (FILE:4)`)
	f(sample+"pacing:\n  close_after: 1000h\n", nil, `setting pacing.close_after: got 1000h; want 1s to 24h (FILE:4)`)
	f("- a\n", nil, `setting (the whole file): got a list; want a section of settings by name (FILE:1)`)
	f("rates:\n  EUR: cheap\n"+oneExchangeYAML, nil, `setting rates.EUR: got "cheap"; want US dollars for one unit: a decimal above 0, at most 1000000, such as 1.08 (FILE:2)`)
	f("rates:\n  eur: 1\n"+oneExchangeYAML, nil, `setting rates.eur: got "1"; want a name of three upper-case letters (ISO 4217), such as EUR (FILE:2)`)
	f("exchanges:\n  demo:\n    default_tmax: 1ms\n", nil, `setting exchanges.demo.default_tmax: got 1ms; want 10ms to 10s (FILE:3)`)
	f(sample+"---\na: b\n", nil, `configuration FILE: want one YAML document, not several`)
	f("a: [\n", nil, `configuration FILE: yaml: line 1: did not find expected node content`)
}

const oneExchangeYAML = "exchanges: {demo: {seat: a}}\n"

func TestLoadNamesAFileThatIsNotThere(t *testing.T) {
	_, err := Load("/no/such.yaml", nil)
	if err == nil || err.Error() != "configuration: open /no/such.yaml: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

// What is shipped loads, and what it says of its defaults is true.
func TestShippedConfigurationLoads(t *testing.T) {
	c, err := Load(root+"configs/dev.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := Default()
	d.EventLog.Kafka.TopicPrefix = "bidhawk."
	d.Exchanges, d.Rates, d.Traffic.Refuse = c.Exchanges, c.Rates, c.Traffic.Refuse // what development needs
	if !reflect.DeepEqual(c, d) {
		t.Errorf("configs/dev.yaml gives %+v\nthe defaults are    %+v", c, d)
	}
	if len(c.ExchangeNames()) == 0 || len(c.Rates) < 5 {
		t.Errorf("exchanges %v, rates %v", c.ExchangeNames(), c.Rates)
	}
}

// No file can make the loader panic; what loads keeps the rules.
func FuzzLoad(f *testing.F) {
	f.Add(sample)
	f.Add("a: &a [*a]\n")
	f.Add("exchanges: &x {demo: {seat: *x}}\n")
	f.Add("<<: {data_dir: x}\n? [a]\n: b\n")
	f.Add("listen: !!binary aGk=\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(writeFile(t, text), nil)
		if err == nil {
			err = c.Validate()
		}
		if err != nil && !strings.Contains(err.Error(), "setting ") && !strings.HasPrefix(err.Error(), "configuration ") {
			t.Errorf("%q: the error names neither setting nor file: %v", text, err)
		}
	})
}
