package consent

// usPrivacy is a US privacy string ("U.S. Privacy String", version 1.0 with the
// clarification of February 2020): version, notice, opt-out of sale, LSPA.
type usPrivacy struct {
	applies  bool // false for "1---": the publisher says that the law does not apply
	noNotice bool
	optedOut bool
}

// parseUSPrivacy takes letters of either case. "-" for the opt-out is an error
// unless all three are "-": the specification says that it is never unknown.
func parseUSPrivacy(s []byte) (u usPrivacy, f fault) {
	if len(s) > 4 {
		return u, faultTooLong
	}
	if len(s) < 4 {
		return u, faultShort
	}
	if s[0] != '1' {
		return u, faultVersion
	}
	var choice [3]byte
	for i, c := range s[1:] {
		switch c {
		case 'Y', 'y':
			choice[i] = 'y'
		case 'N', 'n':
			choice[i] = 'n'
		case '-':
			choice[i] = '-'
		default:
			return u, faultAlphabet
		}
	}
	notice, sale, lspa := choice[0], choice[1], choice[2]
	if sale == '-' {
		if notice != '-' || lspa != '-' {
			return u, faultValue
		}
		return u, faultNone
	}
	return usPrivacy{applies: true, noNotice: notice == 'n', optedOut: sale == 'y'}, faultNone
}
