package bidder

import "unsafe"

// bytesView is b as a string without a copy. It is only for look-ups that end
// before b changes; what is kept is copied.
func bytesView(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
