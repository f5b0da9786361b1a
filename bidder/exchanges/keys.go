package exchanges

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// priceKeys is one generation of an exchange's price keys.
type priceKeys struct{ encryption, integrity []byte }

const (
	maxKeyPairs  = 8
	maxKeysBytes = 8 << 10
)

func readKeysFile(path string) ([]priceKeys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("price keys: %w", err)
	}
	defer f.Close()
	keys, err := readPriceKeys(f)
	if err != nil {
		return nil, fmt.Errorf("price keys %s: %w", path, err)
	}
	return keys, nil
}

// ReadPriceKeys gives the exchange the keys that r holds, as PriceKeysFile
// does: one pair a line, the newest first, the encryption key and the integrity
// key between blanks, each 32 bytes in hex or base64 (web-safe or not, padded or
// not); empty lines and those that begin with # are skipped. Up to 8 pairs let
// keys be rotated: a price is tried with each. Errors never show a key.
func (e *Exchange) ReadPriceKeys(r io.Reader) error {
	keys, err := readPriceKeys(r)
	if err == nil {
		e.keys = keys
	}
	return err
}

func readPriceKeys(r io.Reader) (keys []priceKeys, err error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxKeysBytes))
	for n := 1; lines.Scan(); n++ {
		parts := strings.Fields(lines.Text())
		if len(parts) == 0 || strings.HasPrefix(parts[0], "#") {
			continue
		}
		if len(parts) != 2 {
			return nil, fmt.Errorf("line %d: got %d keys; want an encryption key and an integrity key", n, len(parts))
		}
		var pair priceKeys
		if pair.encryption, err = parseKey(parts[0]); err != nil {
			return nil, fmt.Errorf("line %d: encryption key: %w", n, err)
		}
		if pair.integrity, err = parseKey(parts[1]); err != nil {
			return nil, fmt.Errorf("line %d: integrity key: %w", n, err)
		}
		if bytes.Equal(pair.encryption, pair.integrity) {
			return nil, fmt.Errorf("line %d: got one key twice; want two keys", n)
		}
		keys = append(keys, pair)
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, err
	case len(keys) == 0 || len(keys) > maxKeyPairs:
		return nil, fmt.Errorf("got %d pairs; want 1 to %d", len(keys), maxKeyPairs)
	}
	return keys, nil
}

const keyBytes = 32

func parseKey(text string) ([]byte, error) {
	if key, err := hex.DecodeString(text); err == nil && len(key) == keyBytes {
		return key, nil
	}
	web := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	if key, err := base64.RawURLEncoding.DecodeString(web); err == nil && len(key) == keyBytes {
		return key, nil
	}
	return nil, errors.New("want 32 bytes in hex or base64")
}
