package node

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bidhawk/bidder"
	"bidhawk/campaigns/sqlstore"
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
	if err == nil && len(userKeys) > 1 {
		err = fmt.Errorf("got %d keys; want one: user keys don't rotate", len(userKeys))
	}
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

// EnsureOperatorKey makes the first operator's API key and writes it to its
// file. The file comes first: a crash at any moment leaves a start that makes
// another key, never a key that is in force and that nobody knows.
func EnsureOperatorKey(ctx context.Context, c Config, store *sqlstore.Store) error {
	path := c.OperatorKeyFile()
	_, err := store.EnsureOperatorKey(ctx, func(key string) error {
		if err := writePrivate(path, []byte(key+"\n")); err != nil {
			return wrong("secrets.operator_file", path, "a file that can be written: "+err.Error())
		}
		return nil
	})
	return err
}

// writePrivate writes a file that only its owner reads, whole or not at all,
// and durably: what depends on it may be written next.
func writePrivate(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
