package loadtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxReplayFiles = 1_000_000
	maxReplayBytes = 8 << 20 // of one body
)

// readRequests reads the bodies to replay: each .json file under a directory
// (in the order of their names), one .json file, or each line of a .jsonl file.
// Bodies are sent as they are, broken ones too.
func readRequests(path string) ([]template, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("loadtest: requests: %w", err)
	}
	var made []template
	switch {
	case info.IsDir():
		made, err = readDir(path)
	case strings.HasSuffix(path, ".jsonl"):
		made, err = readLines(path)
	default:
		made, err = readBody(nil, path)
	}
	if err != nil {
		return nil, fmt.Errorf("loadtest: requests: %w", err)
	}
	if len(made) == 0 {
		return nil, fmt.Errorf("loadtest: requests: %s: no .json file and no line: want at least one request", path)
	}
	return made, nil
}

func readDir(dir string) (made []template, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		if len(made) >= maxReplayFiles {
			return fmt.Errorf("%s: more than %d files", dir, maxReplayFiles)
		}
		made, err = readBody(made, path)
		return err
	})
	return made, err
}

func readBody(made []template, path string) ([]template, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(body) > maxReplayBytes {
		return nil, fmt.Errorf("%s: %d bytes: want at most %d", path, len(body), maxReplayBytes)
	}
	return append(made, replayed(body)), nil
}

func readLines(path string) (made []template, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxReplayBytes)
	for lines.Scan() {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			made = append(made, replayed(bytes.Clone(line)))
		}
	}
	return made, lines.Err()
}

func replayed(body []byte) template {
	return template{body: body, facts: readFacts(body)}
}
