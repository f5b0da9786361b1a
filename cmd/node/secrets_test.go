package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bidhawk/bidder"
	"bidhawk/campaigns"
	"bidhawk/campaigns/sqlstore"
	"bidhawk/internal/ids"
)

func open(t *testing.T, c Config) secrets {
	t.Helper()
	s, err := openSecrets(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s secrets) sign() []byte {
	payload := s.tokens.AppendPayload(nil, &bidder.Token{Bid: ids.BidID{Incarnation: 1, Counter: 2}, User: 77, Exchange: "demo", Advertiser: 3})
	text, _ := s.tokens.Sign(nil, payload, bidder.PurposeWin, nil)
	return text
}

func user(s secrets) ids.UserKey { return s.users.User(ids.KindIFA, "", []byte("someone")) }

func TestSecretsAreMadeOnce(t *testing.T) {
	c := Config{DataDir: filepath.Join(t.TempDir(), "data")}
	first := open(t, c)
	token := first.sign()
	for _, name := range []string{"token.keys", "user.key"} {
		info, err := os.Stat(filepath.Join(c.DataDir, "secrets", name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s: mode %v; want 0600", name, info.Mode())
		}
	}
	if info, err := os.Stat(filepath.Join(c.DataDir, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("secrets: %v, %v; want a directory of mode 0700", info.Mode(), err)
	}
	again := open(t, c)
	if got, err := again.tokens.Parse(token, bidder.PurposeWin); err != nil || got.User != 77 {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
	if user(first) != user(again) {
		t.Error("after a restart a user has another key")
	}
	other := open(t, Config{DataDir: t.TempDir()})
	if _, err := other.tokens.Parse(token, bidder.PurposeWin); !errors.Is(err, bidder.ErrTokenForged) || user(other) == user(first) {
		t.Errorf("another installation has the same keys: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(c.DataDir, "secrets", ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

const (
	keyA = "00112233445566778899aabbccddeeff"
	keyB = "ffeeddccbbaa99887766554433221100"
	keyC = "0123456789abcdef0123456789ABCDEF"
)

func TestTokenKeysRotate(t *testing.T) {
	c := Config{DataDir: t.TempDir()}
	with := func(keys string) secrets {
		c.Secrets.TokenKeysFile = writeFile(t, keys)
		return open(t, c)
	}
	old := with(keyA + "\n")
	rotated := with("# newest first\n" + keyB + "\n\n  " + keyA + "  \n")
	retired := with(keyC + "\r\n" + keyB + "\r\n")
	f := func(name string, s secrets, token []byte, want error) {
		t.Helper()
		got, err := s.tokens.Parse(token, bidder.PurposeWin)
		if !errors.Is(err, want) || err == nil && got.User != 77 {
			t.Errorf("%s: got user %v, %v; want %v", name, got.User, err, want)
		}
	}
	f("an old token after rotation", rotated, old.sign(), nil)
	f("a new token, at a node that has not rotated", old, rotated.sign(), bidder.ErrTokenForged)
	f("the second newest key", retired, rotated.sign(), nil)
	f("a retired key", retired, old.sign(), bidder.ErrTokenForged)
	if user(old) != user(retired) {
		t.Error("rotating token keys changed user keys")
	}
}

func TestBadKeyFiles(t *testing.T) {
	f := func(token, user, want string) {
		t.Helper()
		c := Config{DataDir: t.TempDir()}
		file := func(text string) string {
			if text == "" || strings.HasPrefix(text, "/") {
				return text
			}
			return writeFile(t, text)
		}
		c.Secrets = Secrets{TokenKeysFile: file(token), UserKeyFile: file(user)}
		_, err := openSecrets(c)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v; want %s", err, want)
		}
		for _, secret := range []string{"0011223344", "nothexnothex"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows a key: %v", err)
			}
		}
	}
	f("# no key\n", "", "setting secrets.token_keys_file: ")
	f("# no key\n", "", "got no key; want one a line, in hex")
	f(keyA+"\nnothexnothexnothexnothexnothexnothex\n", "", "key 2: want at least 32 hex digits")
	f(keyA[:30]+"\n", "", "key 1: want at least 32 hex digits")
	f(keyA+"0\n", "", "key 1: want at least 32 hex digits")
	f(strings.Repeat(keyA+"\n", 9), "", "got 9 keys; want 1 to 8")
	f("/no/such/file", "", "setting secrets.token_keys_file: open /no/such/file: no such file or directory")
	f("", "x\n", "setting secrets.user_key_file: ")
	f("", keyA+"\n"+keyB+"\n", "setting secrets.user_key_file: got 2 keys; want one")
}

func openStore(t *testing.T, c Config) *sqlstore.Store {
	t.Helper()
	s, err := OpenCampaigns(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// operatorKey reads the file, and checks that what it holds opens the door.
func operatorKey(t *testing.T, c Config, s *sqlstore.Store) string {
	t.Helper()
	b, err := os.ReadFile(c.OperatorKeyFile())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(c.OperatorKeyFile()); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info.Mode(), err)
	}
	key := strings.TrimSpace(string(b))
	if p, err := s.Authenticate(t.Context(), key); err != nil || p.Role != campaigns.RoleOperator {
		t.Errorf("the key in the file: %+v, %v", p, err)
	}
	return key
}

func TestOperatorKeyIsMadeOnce(t *testing.T) {
	c := Config{DataDir: t.TempDir()}
	s := openStore(t, c)
	if err := EnsureOperatorKey(t.Context(), c, s); err != nil {
		t.Fatal(err)
	}
	key := operatorKey(t, c, s)
	if err := EnsureOperatorKey(t.Context(), c, s); err != nil {
		t.Fatal(err)
	}
	if operatorKey(t, c, s) != key {
		t.Error("a second start made another key")
	}
	// An operator who has put the key away need not see it come back.
	if err := os.Remove(c.OperatorKeyFile()); err != nil {
		t.Fatal(err)
	}
	if err := EnsureOperatorKey(t.Context(), c, s); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.OperatorKeyFile()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is back: %v", err)
	}
	if _, err := s.Authenticate(t.Context(), key); err != nil {
		t.Errorf("the key is no longer good: %v", err)
	}
}

// A process that dies between the file and the database leaves a file with a key
// that opens nothing; the next start replaces it. The other order would lock the
// operator out for good.
func TestOperatorKeyAfterACrash(t *testing.T) {
	c := Config{DataDir: t.TempDir()}
	s := openStore(t, c)
	dead := make(chan any, 1)
	func() {
		defer func() { dead <- recover() }()
		_, _ = s.EnsureOperatorKey(t.Context(), func(key string) error {
			if err := writePrivate(c.OperatorKeyFile(), []byte(key+"\n")); err != nil {
				t.Fatal(err)
			}
			panic("kill -9")
		})
	}()
	if p := <-dead; p != "kill -9" {
		t.Fatalf("got %v", p)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, c)
	if err := EnsureOperatorKey(t.Context(), c, s); err != nil {
		t.Fatal(err)
	}
	operatorKey(t, c, s)
	if keys, err := s.Keys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v; want one", len(keys), err)
	}
}

func TestOperatorKeyThatCannotBeWritten(t *testing.T) {
	c := Config{DataDir: t.TempDir()}
	c.Secrets.OperatorFile = "/dev/null/key"
	s := openStore(t, c)
	err := EnsureOperatorKey(t.Context(), c, s)
	var setting *SettingError
	if !errors.As(err, &setting) || setting.Setting != "secrets.operator_file" {
		t.Errorf("got %v; want an error of setting secrets.operator_file", err)
	}
	c.Secrets.OperatorFile = ""
	if err := EnsureOperatorKey(t.Context(), c, s); err != nil {
		t.Fatal(err)
	}
	operatorKey(t, c, s)
}
