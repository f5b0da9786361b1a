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
func parseUSPrivacy(s []byte) (u usPrivacy, f Fault) {
	if len(s) > 4 {
		return u, FaultTooLong
	}
	if len(s) < 4 {
		return u, FaultShort
	}
	if s[0] != '1' {
		return u, FaultVersion
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
			return u, FaultAlphabet
		}
	}
	notice, sale, lspa := choice[0], choice[1], choice[2]
	if sale == '-' {
		if notice != '-' || lspa != '-' {
			return u, FaultValue
		}
		return u, FaultNone
	}
	return usPrivacy{applies: true, noNotice: notice == 'n', optedOut: sale == 'y'}, FaultNone
}
