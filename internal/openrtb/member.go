package openrtb

// Member finds the value of the member name of raw, an extension as a request
// gave it (BidRequest.Ext, Imp.Ext and so on), whose JSON Decode has checked. It
// returns the value's own text, a view; nil where raw is no object or has no such
// member. Of members sent twice the last one holds. It does not allocate.
func Member(raw []byte, name string) []byte {
	s := scanner{b: raw}
	s.space()
	if s.peek() != '{' {
		return nil
	}
	var value []byte
	for ok := s.openObject(); ok; ok = s.moreMembers() {
		key, _ := s.rawKey()
		start := s.i
		s.skip()
		if string(key) == name && s.err == nil {
			value = raw[start:s.i]
		}
	}
	if s.err != nil {
		return nil
	}
	return value
}

// FirstText is the first string or number of value, an array or that scalar
// itself: the text of a number, and of a string what is between its quotes, as
// sent. Nil where there is none.
func FirstText(value []byte) []byte {
	s := scanner{b: value}
	s.space()
	if s.peek() == '[' && !s.openArray() {
		return nil
	}
	switch c := s.peek(); {
	case c == '"':
		text, plain := s.rawString()
		if !plain || s.err != nil {
			return nil
		}
		return text
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	return nil
}

// Elements calls f with the text of each element of value, an array, until f says
// false; nothing happens where value is no array.
func Elements(value []byte, f func(element []byte) (more bool)) {
	s := scanner{b: value}
	s.space()
	if s.peek() != '[' {
		return
	}
	for ok := s.openArray(); ok; ok = s.moreElements() {
		start := s.i
		s.skip()
		if s.err != nil || !f(value[start:s.i]) {
			return
		}
	}
}
