package bidder

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2"
)

// A snapshot is a line that says what it is, every key and value of the state, each
// after its length, an empty key, and the CRC-32C of all that. It holds the offsets
// too: a node that starts from it reads the log from where the snapshot ends, and
// counts nothing twice.
const snapshotHead = "bidhawk exposures 1\n"

// maxSnapshotField bounds a key or a value.
const maxSnapshotField = 1 << 10

// WriteSnapshot writes the state as of now, for another node to start from: counts
// of lifetime caps are older than what the log keeps. Exposures go on meanwhile.
func (e *Exposures) WriteSnapshot(w io.Writer) error {
	s := e.db.NewSnapshot()
	it, err := s.NewIter(nil)
	if err != nil {
		return errors.Join(fmt.Errorf("write exposure counts: %w", err), s.Close())
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	_, err = out.WriteString(snapshotHead)
	for it.First(); err == nil && it.Valid(); it.Next() {
		for _, field := range [][]byte{it.Key(), it.Value()} {
			if _, e := out.Write(binary.AppendUvarint(nil, uint64(len(field)))); e != nil {
				err = e
				break
			}
			if _, e := out.Write(field); e != nil {
				err = e
				break
			}
		}
	}
	if err == nil {
		err = out.WriteByte(0)
	}
	if err = errors.Join(err, out.Flush(), it.Close(), s.Close()); err != nil {
		return fmt.Errorf("write exposure counts: %w", err)
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// errSnapshot reports what is no whole snapshot.
var errSnapshot = errors.New("it is not a whole snapshot of exposures")

// RestoreExposures makes dir, which must not be there, of a snapshot: all of it or
// nothing.
func RestoreExposures(dir string, r io.Reader) (err error) {
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("restore exposure counts: %s is there: this node has counts of its own", dir)
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restore exposure counts: %w", err)
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("restore exposure counts: %w", err)
	}
	if err := restoreInto(part, r); err != nil {
		return errors.Join(fmt.Errorf("restore exposure counts: %w", err), os.RemoveAll(part))
	}
	if err := os.Rename(part, dir); err != nil {
		return fmt.Errorf("restore exposure counts: %w", err)
	}
	return nil
}

func restoreInto(dir string, r io.Reader) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	in := &summed{in: bufio.NewReaderSize(r, 64<<10), table: crc32.MakeTable(crc32.Castagnoli)}
	head := make([]byte, len(snapshotHead))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != snapshotHead {
		return errSnapshot
	}
	b := db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	for {
		key, err := in.field()
		if err != nil {
			return err
		}
		if len(key) == 0 {
			break
		}
		value, err := in.field()
		if err != nil {
			return err
		}
		if err := b.Set(key, value, nil); err != nil {
			return err
		}
		if b.Len() > 1<<20 {
			if err := b.Commit(pebble.NoSync); err != nil {
				return err
			}
			b.Reset()
		}
	}
	want := in.sum
	var tail [4]byte
	if _, err := io.ReadFull(in, tail[:]); err != nil || binary.BigEndian.Uint32(tail[:]) != want {
		return errSnapshot
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return errSnapshot
	}
	return b.Commit(pebble.Sync)
}

// summed reads and keeps the CRC-32C of what was read.
type summed struct {
	in    *bufio.Reader
	table *crc32.Table
	sum   uint32
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	s.sum = crc32.Update(s.sum, s.table, p[:n])
	return n, err
}

func (s *summed) ReadByte() (byte, error) {
	c, err := s.in.ReadByte()
	if err == nil {
		s.sum = crc32.Update(s.sum, s.table, []byte{c})
	}
	return c, err
}

func (s *summed) field() ([]byte, error) {
	n, err := binary.ReadUvarint(s)
	if err != nil || n > maxSnapshotField {
		return nil, errSnapshot
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s, b); err != nil {
		return nil, errSnapshot
	}
	return b, nil
}
