package profiles

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// The schema version of "profiles" and "behaviour" that this package writes and
// the only one it reads. See docs/topics.md.
const wireVersion = 1

// Bounds of what travels.
const (
	maxPathBytes    = 256
	maxEventIDBytes = 128
)

// TagNumbers gives tags their numbers; campaigns/taxonomy implements it. It
// must be safe for concurrent use.
type TagNumbers interface {
	// Number is the number of a taxonomy path or of "list/NAME"; false when
	// there is no such tag (yet). path is valid during the call only: an
	// implementation must not keep it.
	Number(path string) (campaigns.TagNumber, bool)
}

// TagPath is a tag as it travels: by its path, so that producers need no numbers.
type TagPath struct {
	Owner   campaigns.ID // an advertiser; 0 is the operator
	Path    string       // of the taxonomy, or "list/NAME"
	Weight  uint8        // 1 to 255
	Expires time.Time    // zero: never
}

// Validate names the field, the value and the rule that t breaks.
func (t TagPath) Validate() error {
	switch {
	case t.Owner < 0 || t.Owner > math.MaxUint32:
		return fmt.Errorf("owner: got %d; want 0 to %d", t.Owner, uint32(math.MaxUint32))
	case t.Path == "" || len(t.Path) > maxPathBytes:
		return fmt.Errorf("tag: got %d bytes; want 1 to %d", len(t.Path), maxPathBytes)
	case strings.ToValidUTF8(t.Path, "") != t.Path:
		return fmt.Errorf("tag: got %q; want UTF-8", t.Path)
	case t.Weight == 0:
		return fmt.Errorf("weight: got 0; want 1 to 255")
	}
	return nil
}

// Full is a whole profile on its way to the topic "profiles".
type Full struct {
	User    ids.UserKey
	Version uint64
	At      time.Time
	Tags    []TagPath
}

// AppendJSON appends the record's value.
func (f Full) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"v":1,"user":"`...)
	dst = appendUser(dst, f.User)
	dst = append(dst, '"')
	dst = appendField(dst, "version", f.Version)
	dst = append(dst, `,"at":"`...)
	dst = f.At.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","tags":[`...)
	for i, t := range f.Tags {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		dst = t.appendMembers(dst)
		dst = append(dst, '}')
	}
	return append(dst, ']', '}')
}

func (t TagPath) appendMembers(dst []byte) []byte {
	dst = append(dst, `"owner":`...)
	dst = strconv.AppendInt(dst, int64(t.Owner), 10)
	dst = append(dst, `,"tag":`...)
	dst = appendString(dst, t.Path)
	dst = appendField(dst, "weight", uint64(t.Weight))
	if !t.Expires.IsZero() {
		dst = append(dst, `,"expires":"`...)
		dst = t.Expires.UTC().AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, '"')
	}
	return dst
}

// TagEvent gives a user a tag, or removes it, on the topic "behaviour".
type TagEvent struct {
	ID     string // unique; a repeat has the same
	User   ids.UserKey
	At     time.Time
	Tag    TagPath
	Remove bool
}

// AppendJSON appends the record's value.
func (e TagEvent) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"v":1,"id":`...)
	dst = appendString(dst, e.ID)
	dst = append(dst, `,"user":"`...)
	dst = appendUser(dst, e.User)
	dst = append(dst, `","type":"tag","at":"`...)
	dst = e.At.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"', ',')
	dst = e.Tag.appendMembers(dst)
	if e.Remove {
		dst = append(dst, `,"remove":true`...)
	}
	return append(dst, '}')
}

// appendMessage appends f's key and value to arena, which the message refers to.
func (f Full) appendMessage(arena []byte) ([]byte, eventlog.Message) {
	start := len(arena)
	arena = appendUser(arena, f.User)
	value := len(arena)
	arena = f.AppendJSON(arena)
	return arena, eventlog.Message{Topic: eventlog.TopicProfiles, Key: arena[start:value:value], Value: arena[value:len(arena):len(arena)]}
}

// appendMessage is the same for an event.
func (e TagEvent) appendMessage(arena []byte) ([]byte, eventlog.Message) {
	start := len(arena)
	arena = appendUser(arena, e.User)
	value := len(arena)
	arena = e.AppendJSON(arena)
	return arena, eventlog.Message{Topic: eventlog.TopicBehaviour, Key: arena[start:value:value], Value: arena[value:len(arena):len(arena)]}
}

// appendUser appends the 16 hex digits of a user key, which are also its key on
// the log.
func appendUser(dst []byte, user ids.UserKey) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[user>>shift&15])
	}
	return dst
}

// parseUser reads 16 hex digits, either case; 0 is no user.
func parseUser(b []byte) (ids.UserKey, bool) {
	if len(b) != 16 {
		return 0, false
	}
	var k ids.UserKey
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		k = k<<4 | ids.UserKey(c)
	}
	return k, k != 0
}
