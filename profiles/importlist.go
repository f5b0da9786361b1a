package profiles

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// Appender is the part of the event log that imports need.
type Appender interface {
	Append(ctx context.Context, msgs ...eventlog.Message) error
}

// IDType is what kind of identifier a list holds, and within which space.
type IDType struct {
	Kind  byte   // of package ids
	Space string // the exchange, the source of the eid, or the advertiser's own type
}

// ParseIDType reads "ifa", "buyeruid:EXCHANGE", "eid:SOURCE" or "list:TYPE".
func ParseIDType(s string) (IDType, error) {
	const rule = "want ifa, buyeruid:EXCHANGE, eid:SOURCE or list:TYPE"
	kind, space, _ := strings.Cut(s, ":")
	kinds := map[string]byte{"ifa": ids.KindIFA, "buyeruid": ids.KindBuyerUID, "eid": ids.KindEID, "list": ids.KindList}
	k, ok := kinds[kind]
	if !ok || (k == ids.KindIFA) != (space == "") || k == ids.KindIFA && s != kind || len(space) > maxSpaceBytes {
		return IDType{}, fmt.Errorf("id type: got %.80q; %s", s, rule)
	}
	return IDType{Kind: k, Space: space}, nil
}

// Bounds of an import.
const (
	maxSpaceBytes   = 128
	maxRawIDBytes   = 512
	maxLineBytes    = 64 << 10
	importBatch     = 1000
	maxRefusalsKept = 100
)

// ImportOptions says what a list gives to whom. All but Progress are required.
type ImportOptions struct {
	// ID names the import. The same list imported again under the same ID gives
	// the same events.
	ID     string
	Tag    TagPath // Expires may be zero
	IDType IDType
	At     time.Time // when the users got the tag
	Keys   *ids.Keyring
	Log    Appender
	// Progress, if set, is called after each batch, from the caller's goroutine.
	Progress func(Report)
}

func (o *ImportOptions) validate() error {
	switch {
	case o.ID == "" || len(o.ID) > maxEventIDBytes:
		return fmt.Errorf("import: id: got %d bytes; want 1 to %d", len(o.ID), maxEventIDBytes)
	case o.IDType.Kind == 0:
		return errors.New("import: id type: missing")
	case o.At.IsZero():
		return errors.New("import: at: missing")
	case o.Keys == nil:
		return errors.New("import: keys: missing")
	case o.Log == nil:
		return errors.New("import: log: missing")
	case !o.Tag.Expires.IsZero() && !o.Tag.Expires.After(o.At):
		return fmt.Errorf("import: expires: got %v; want after %v", o.Tag.Expires, o.At)
	}
	if err := o.Tag.Validate(); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

// Refusal is a row that was left out. It never has the identifier.
type Refusal struct {
	Line  int64  // from 1
	Field string // "id", or "line" where the row could not be split
	Rule  string // what it breaks
}

func (r Refusal) String() string { return fmt.Sprintf("line %d: %s: %s", r.Line, r.Field, r.Rule) }

// Report counts an import.
type Report struct {
	Read     int64            // rows, without a header and blank lines
	Accepted int64            // rows published; one user in two rows counts twice
	Refused  map[string]int64 // rows by the rule they break
	First    []Refusal        // the first 100 of them
}

func (r *Report) refuse(line int64, field, rule string) {
	r.Refused[rule]++
	if len(r.First) < maxRefusalsKept {
		r.First = append(r.First, Refusal{line, field, rule})
	}
}

// ImportList publishes a tag event on "behaviour" for each identifier in in:
// CSV, or plain text with one identifier a line. The identifier is the first
// field; other fields are ignored. A header (a first line that names the column)
// and blank lines are skipped; LF, CRLF and a UTF-8 byte order mark are
// tolerated. Identifiers are hashed as they are read, and neither kept nor
// mentioned. A bad row is refused and counted, the others go on.
//
// On an error from the log, in or ctx the report says how far it came; running
// the import again is harmless: its events carry the same ids and times.
func ImportList(ctx context.Context, o ImportOptions, in io.Reader) (Report, error) {
	report := Report{Refused: map[string]int64{}}
	if err := o.validate(); err != nil {
		return report, err
	}
	im := &importer{o: o, report: &report, lines: newLineReader(in)}
	return report, im.run(ctx)
}

type importer struct {
	o        ImportOptions
	report   *Report
	lines    *lineReader
	id       []byte // scratch of one identifier
	arena    []byte
	messages []eventlog.Message
}

func (im *importer) run(ctx context.Context) error {
	first := true
	for {
		line, err := im.lines.next()
		if errors.Is(err, io.EOF) {
			return im.flush(ctx)
		}
		if err != nil {
			return fmt.Errorf("import: line %d: %w", im.lines.n, err)
		}
		im.row(line, first)
		first = first && len(line.text) == 0 && !line.tooLong
		if len(im.messages) < importBatch {
			continue
		}
		if err := im.flush(ctx); err != nil {
			return err
		}
	}
}

// row takes one line: an event, a refusal, or nothing.
func (im *importer) row(line line, first bool) {
	r := im.report
	if len(line.text) == 0 && !line.tooLong {
		return
	}
	if line.tooLong {
		r.Read++
		r.refuse(im.lines.n, "line", fmt.Sprintf("longer than %d bytes", maxLineBytes))
		return
	}
	id, ok := firstField(im.id[:0], line.text)
	im.id = id
	if first && ok && isHeader(id) {
		return
	}
	r.Read++
	if !ok {
		r.refuse(im.lines.n, "line", "quotes do not match")
		return
	}
	id, rule := cleanID(im.o.IDType.Kind, id)
	if rule != "" {
		r.refuse(im.lines.n, "id", rule)
		return
	}
	im.add(im.o.Keys.User(im.o.IDType.Kind, im.o.IDType.Space, id))
}

// add queues the event of user.
func (im *importer) add(user ids.UserKey) {
	e := TagEvent{ID: importEventID(im.o.ID, user), User: user, At: im.o.At, Tag: im.o.Tag}
	var m eventlog.Message
	im.arena, m = e.appendMessage(im.arena)
	im.messages = append(im.messages, m)
}

// importEventID is the same for the same user in the same import.
func importEventID(id string, user ids.UserKey) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(id+"\x00"), uint64(user)))
	return hex.EncodeToString(sum[:16])
}

func (im *importer) flush(ctx context.Context) error {
	if len(im.messages) > 0 {
		if err := im.o.Log.Append(ctx, im.messages...); err != nil {
			return fmt.Errorf("import: publish after %d rows: %w", im.report.Accepted, err)
		}
	}
	im.report.Accepted += int64(len(im.messages))
	im.messages, im.arena = im.messages[:0], im.arena[:0]
	if im.o.Progress != nil {
		im.o.Progress(*im.report)
	}
	return nil
}
