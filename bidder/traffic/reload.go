package traffic

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const maxDatabaseBytes = 512 << 20

// fileState is how a file was when it was last read with success.
type fileState struct {
	size int64
	at   time.Time
}

// Reload reads the files of the configuration that have changed since they were
// last read, and swaps in what they hold. A file that is missing or broken is
// an error, and what was in use stays in use. Files are to be replaced by
// renaming a whole one.
func (f *Filter) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, errA := f.mu.crawlers.read("crawlers_file", f.cfg.CrawlersFile, maxListBytes, f.useCrawlers)
	b, errB := f.mu.addresses.read("addresses_file", f.cfg.AddressesFile, maxDatabaseBytes, f.useAddresses)
	return a || b, errors.Join(errA, errB)
}

func (f *Filter) useCrawlers(list []byte) error {
	patterns, err := readPatterns(list)
	if err != nil {
		return err
	}
	c, err := newCrawlers(patterns, &f.cfg)
	if err != nil {
		return err
	}
	f.agents.Store(newAgents(c, f.cfg.CachedAgents))
	return nil
}

func (f *Filter) useAddresses(raw []byte) error {
	db, err := openDatabase(raw)
	if err != nil {
		return err
	}
	f.network.Store(db)
	return nil
}

// read gives the file to use where it differs from what s remembers.
func (s *fileState) read(field, path string, limit int64, use func([]byte) error) (changed bool, err error) {
	if path == "" {
		return false, nil
	}
	raw, state, err := readFile(path, limit, *s)
	if err == nil && raw == nil {
		return false, nil
	}
	if err == nil {
		err = use(raw)
	}
	if err != nil {
		return false, fmt.Errorf("traffic.%s %q: %w", field, path, err)
	}
	*s = state
	return true, nil
}

// readFile reads a file of at most limit bytes; raw is nil where it still is as
// old says.
func readFile(path string, limit int64, old fileState) (raw []byte, state fileState, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, state, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, state, err
	}
	state = fileState{size: info.Size(), at: info.ModTime()}
	switch {
	case !info.Mode().IsRegular():
		return nil, state, errors.New("got a folder or device; want a file")
	case state.size == 0 || state.size > limit:
		return nil, state, fmt.Errorf("got %d bytes; want 1 to %d", state.size, limit)
	case state == old:
		return nil, state, nil
	}
	raw = make([]byte, state.size)
	_, err = io.ReadFull(file, raw)
	return raw, state, err
}
