package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errCodec = errors.New("encoded message is corrupt")

// appendMessage appends m in the form that the spill and the offer buffer hold:
// topic, key and value, each after its length; the value's is one more than its
// length, and 0 for a tombstone.
func appendMessage(dst []byte, m *Message) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(m.Topic)))
	dst = append(dst, m.Topic...)
	dst = binary.AppendUvarint(dst, uint64(len(m.Key)))
	dst = append(dst, m.Key...)
	if m.Value == nil {
		return binary.AppendUvarint(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.Value))+1)
	return append(dst, m.Value...)
}

// encodedMax is at least what appendMessage appends.
func encodedMax(m *Message) int {
	return 3*binary.MaxVarintLen32 + len(m.Topic) + len(m.Key) + len(m.Value)
}

// parseMessage reads one message off b. Key and value point into b; intern
// returns the topic's string.
func parseMessage(b []byte, intern func([]byte) string) (m Message, rest []byte, err error) {
	topic, b, err := parseBytes(b, 0)
	if err != nil {
		return m, nil, fmt.Errorf("topic: %w", err)
	}
	m.Topic = intern(topic)
	if m.Key, b, err = parseBytes(b, 0); err != nil {
		return m, nil, fmt.Errorf("key: %w", err)
	}
	if len(b) > 0 && b[0] == 0 {
		return m, b[1:], nil
	}
	if m.Value, b, err = parseBytes(b, 1); err != nil {
		return m, nil, fmt.Errorf("value: %w", err)
	}
	return m, b, nil
}

// parseBytes reads a length that is bias too large, and as many bytes.
func parseBytes(b []byte, bias uint64) (field, rest []byte, err error) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n < bias || n-bias > uint64(len(b)-w) {
		return nil, nil, errCodec
	}
	end := w + int(n-bias)
	return b[w:end:end], b[end:], nil
}
