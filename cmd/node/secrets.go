package node

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bidhawk/bidder"
	"bidhawk/internal/ids"
)

// secrets are the keys of an installation.
type secrets struct {
	tokens *bidder.Tokens
	users  *ids.Keyring
}

// openSecrets reads the keys, and makes those that no file is configured for.
func openSecrets(c Config) (s secrets, err error) {
	tokenKeys, err := readKeys(c.Secrets.TokenKeysFile, filepath.Join(c.DataDir, "secrets", "token.keys"))
	if err != nil {
		return s, fmt.Errorf("setting secrets.token_keys_file: %w", err)
	}
	userKeys, err := readKeys(c.Secrets.UserKeyFile, filepath.Join(c.DataDir, "secrets", "user.key"))
	if err != nil {
		return s, fmt.Errorf("setting secrets.user_key_file: %w", err)
	}
	ring, err := ids.NewKeyring(tokenKeys...)
	if err != nil {
		return s, fmt.Errorf("setting secrets.token_keys_file: %w", err)
	}
	if s.users, err = ids.NewKeyring(userKeys[0]); err != nil {
		return s, fmt.Errorf("setting secrets.user_key_file: %w", err)
	}
	// The mask is derived from the user key, which never rotates: a token of
	// yesterday must still tell its user tomorrow.
	mask := sha256.Sum256(append([]byte("bidhawk user mask\x00"), userKeys[0]...))
	s.tokens, err = bidder.NewTokens(ring, mask[:16])
	return s, err
}

// UserKeys opens only what derives user keys, for commands that import lists.
func UserKeys(c Config) (*ids.Keyring, error) {
	s, err := openSecrets(c)
	return s.users, err
}

// readKeys reads one hex key a line from path, or from own, which is made with
// one random key where it does not exist.
func readKeys(path, own string) ([][]byte, error) {
	if path == "" {
		if err := makeKey(own); err != nil {
			return nil, err
		}
		path = own
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		line := bytes.TrimSpace(sc.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		k, err := hex.DecodeString(string(line))
		if err != nil || len(k) < 16 {
			return nil, fmt.Errorf("%s: key %d: want at least 32 hex digits", path, len(keys)+1)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: got no key; want one a line, in hex", path)
	}
	return keys, nil
}

func makeKey(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	return writePrivate(path, []byte(hex.EncodeToString(key)+"\n"))
}

// writePrivate writes a file that only its owner reads, whole or not at all.
func writePrivate(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
