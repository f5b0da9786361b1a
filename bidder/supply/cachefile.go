package supply

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// state is the first line of a cache file: what is known of its body.
type state struct {
	URL          string    `json:"url,omitempty"`     // where the body came from, after redirects
	Checked      time.Time `json:"checked,omitzero"`  // when the body, or that there is none, was last confirmed; zero: never
	Expires      time.Time `json:"expires,omitzero"`  // until when it need not be asked for again
	ETag         string    `json:"etag,omitempty"`    // as sent
	LastModified string    `json:"lastmod,omitempty"` // as sent
	Absent       bool      `json:"absent,omitempty"`  // the server said that there is none: nothing is declared
	Failed       time.Time `json:"failed,omitzero"`   // when the last attempt failed; zero: it did not
	Why          string    `json:"why,omitempty"`     // of Failed
}

const (
	stateMark    = "#bidhawk "
	maxStateLine = 16 << 10
	tempPrefix   = ".tmp-"
)

// cacheFile is an open file of the cache; its Reader stands at the body.
type cacheFile struct {
	state
	*bufio.Reader
	file *os.File
}

func (c *cacheFile) Close() error { return c.file.Close() }

// openCache opens a file of the cache. One that was not there is fs.ErrNotExist.
func openCache(path string) (*cacheFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c := &cacheFile{file: f, Reader: bufio.NewReaderSize(f, maxStateLine)}
	var told bool
	if c.state, told, err = readState(c.Reader); err == nil && !told {
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil {
			c.Checked = info.ModTime()
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

// readState reads the first line of a cache file, if it is one of ours; r then
// stands at the body. r's buffer holds maxStateLine.
func readState(r *bufio.Reader) (s state, told bool, err error) {
	mark, err := r.Peek(len(stateMark))
	if err != nil && !errors.Is(err, io.EOF) {
		return state{}, false, err
	}
	if string(mark) != stateMark {
		return state{}, false, nil
	}
	line, err := r.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line[len(stateMark):], &s)
	}
	if err != nil {
		return state{}, false, fmt.Errorf("first line: %w", err)
	}
	return s, true, nil
}

// line is what readState reads.
func (s state) line() ([]byte, error) {
	head, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	line := append(append([]byte(stateMark), head...), '\n')
	if len(line) > maxStateLine {
		return nil, fmt.Errorf("first line: got %d bytes; want at most %d", len(line), maxStateLine)
	}
	return line, nil
}

// writeCache puts a file of the cache in place whole, or leaves what was there.
// check, if set, reads the body back before that and may refuse it.
func writeCache(path string, s state, body io.Reader, check func(io.Reader) error) (err error) {
	head, err := s.line()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(head); err != nil {
		return err
	}
	if _, err = io.Copy(f, body); err != nil {
		return err
	}
	if check != nil {
		if _, err = f.Seek(int64(len(head)), io.SeekStart); err != nil {
			return err
		}
		if err = check(f); err != nil {
			return err
		}
	}
	if err = f.Chmod(0o644); err != nil { // what is in it is public
		return err
	}
	if err = f.Sync(); err != nil { // a name must not come to stand for an empty file
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// checkBody says whether a body is a file of its kind.
func checkBody(k Kind, r io.Reader) error {
	if k == SellersJSON {
		_, err := ParseSellers(r, func(*Seller) error { return nil })
		return err
	}
	_, err := readText(r)
	return err
}

// readText reads and parses an ads.txt or app-ads.txt.
func readText(r io.Reader) (*Authorised, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxTextBytes+1))
	if err != nil {
		return nil, err
	}
	return ParseAdsTxt(b)
}

// readSuffixes reads the public suffix list of a cache directory; nil without one.
func readSuffixes(dir string) (*suffixes, error) {
	f, err := os.Open(filepath.Join(dir, "public_suffix_list.dat"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseSuffixes(f)
}

const (
	maxBundles = 1 << 24
	maxBundle  = 256 + 1 + maxDomain // bytes of STORE:BUNDLE
)

// readBundles calls each with every row of bundles.tsv, the app in lower case
// and the host of its developer, and returns how many rows it could not read.
// A directory without that file has no rows.
func readBundles(dir string, each func(app, host string)) (bad int, err error) {
	f, err := os.Open(filepath.Join(dir, "bundles.tsv"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return parseBundles(f, each)
}

func parseBundles(r io.Reader, each func(app, host string)) (bad int, err error) {
	lines := bufio.NewScanner(r)
	for n := 0; lines.Scan(); {
		line := bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff"))
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		if n++; n > maxBundles {
			return bad, fmt.Errorf("bundles.tsv: got more than %d rows; want at most that many", maxBundles)
		}
		app, url, _ := strings.Cut(string(line), "\t")
		app = strings.ToLower(strings.TrimSpace(app))
		host, ok := domainOf(hostOf(strings.TrimSpace(url)))
		if !ok || app == "" || len(app) > maxBundle {
			bad++
			continue
		}
		each(app, host)
	}
	if err := lines.Err(); err != nil {
		return bad, fmt.Errorf("bundles.tsv: %w", err)
	}
	return bad, nil
}
