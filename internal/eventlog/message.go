package eventlog

import "fmt"

// Check says whether a log may take m: a topic, a key and no more than
// MaxMessageBytes. Both backends and Publisher apply it before anything else.
func Check(m *Message) error {
	if m.Topic == "" {
		return fmt.Errorf("message has no topic; it must name one: %w", ErrUnknownTopic)
	}
	if len(m.Key) == 0 {
		return fmt.Errorf("message to topic %q has no key; its key must not be empty: %w", m.Topic, ErrNoKey)
	}
	if n := len(m.Key) + len(m.Value); n > MaxMessageBytes {
		return fmt.Errorf("message to topic %q has %d bytes, at most %d: %w", m.Topic, n, MaxMessageBytes, ErrTooLarge)
	}
	return nil
}
