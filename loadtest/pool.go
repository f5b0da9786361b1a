package loadtest

import (
	"bytes"
	"fmt"
	"strconv"
)

// template is a body with the places where each request differs. Both the body
// and its facts are read-only once made.
type template struct {
	body            []byte
	ids, users, ifa []int // offsets of the marks
	facts           *facts
	cohort          cohort
}

func newTemplate(body []byte) template {
	t := template{
		body: body,
		ids:  offsets(body, idMark), users: offsets(body, userMark), ifa: offsets(body, ifaMark),
	}
	// The facts are read from what is sent, not from what was meant.
	filled := bytes.Clone(body)
	t.fill(filled, 0, 0, 0)
	t.facts = readFacts(filled)
	return t
}

func offsets(body []byte, mark string) []int {
	var at []int
	for from := 0; ; {
		i := bytes.Index(body[from:], []byte(mark))
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(mark)
	}
}

// fill writes one request's id and user over the marks of dst, a copy of the body.
func (t *template) fill(dst []byte, run uint32, seq uint64, user int) {
	for _, at := range t.ids {
		putRequestID(dst[at:at+len(idMark)], run, seq)
	}
	for _, at := range t.users {
		putUserName(dst[at:at+len(userMark)], user)
	}
	for _, at := range t.ifa {
		copy(dst[at:at+len(ifaMark)], UserIFA(user))
	}
}

// putRequestID writes eight digits that tell runs apart and sixteen of the
// request's sequence number.
func putRequestID(dst []byte, run uint32, seq uint64) {
	putHex(dst[:8], uint64(run))
	dst[8], dst[9] = '-', 'q'
	putHex(dst[10:26], seq)
}

func putHex(dst []byte, v uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = "0123456789abcdef"[v&15]
		v >>= 4
	}
}

// putUserName is UserName without the allocation.
func putUserName(dst []byte, i int) {
	dst[0] = 'u'
	for at := 7; at > 0; at-- {
		dst[at] = byte('0' + i%10)
		i /= 10
	}
}

// pool turns sequence numbers into requests. It is read-only, so that all
// connections share it.
type pool struct {
	seed      uint64
	run       uint32
	templates []template
	byCohort  [cohorts][]int // indexes of templates; nil when replaying
	replay    bool
	users     zipf
	heads     [][]byte // request line and headers, per exchange, up to the length's digits
	exchanges []string
}

// newPool generates or reads the bodies of cfg.
func newPool(cfg Config) (*pool, error) {
	p := &pool{
		seed: cfg.Seed, run: uint32(draw(cfg.Seed, forRunID, 0)),
		users: newZipf(cfg.Users, cfg.Generate.ZipfExponent), exchanges: cfg.exchanges(),
	}
	for _, name := range p.exchanges {
		p.heads = append(p.heads, fmt.Appendf(nil, "POST /openrtb2/%s HTTP/1.1\r\nHost: %s\r\n"+
			"Content-Type: application/json\r\nx-openrtb-version: 2.6\r\nContent-Length: ", name, address(cfg.Target)))
	}
	var err error
	if cfg.Requests != "" {
		p.replay = true
		p.templates, err = readRequests(cfg.Requests)
		return p, err
	}
	if p.templates, err = generate(cfg); err != nil {
		return nil, err
	}
	for i := range p.templates {
		c := p.templates[i].cohort.index()
		p.byCohort[c] = append(p.byCohort[c], i)
	}
	return p, nil
}

// shot is one bid request: what is sent and what is known about it.
type shot struct {
	seq      uint64
	user     int
	exchange string
	facts    *facts
	wire     []byte // the whole HTTP request; valid until the next call with the same buffer
	body     []byte // its body, within wire
}

// load makes request seq in buf, which it may grow, and returns it.
func (p *pool) load(s *shot, seq uint64) {
	exchange := draw(p.seed, forExchange, seq) % uint64(len(p.exchanges))
	s.seq, s.exchange = seq, p.exchanges[exchange]
	t := p.choose(s)
	s.facts = t.facts
	s.wire = append(s.wire[:0], p.heads[exchange]...)
	s.wire = strconv.AppendInt(s.wire, int64(len(t.body)), 10)
	s.wire = append(s.wire, "\r\n\r\n"...)
	head := len(s.wire)
	s.wire = append(s.wire, t.body...)
	s.body = s.wire[head:]
	t.fill(s.body, p.run, seq, s.user)
}

func (p *pool) choose(s *shot) *template {
	if p.replay {
		s.user = 0
		return &p.templates[s.seq%uint64(len(p.templates))]
	}
	s.user = p.users.rank(draw(p.seed, forUser, s.seq))
	mine := p.byCohort[cohortOf(s.user).index()]
	return &p.templates[mine[draw(p.seed, forTemplate, s.seq)%uint64(len(mine))]]
}

// id is the id of the request: the replayed body's own, or the one written by fill.
func (p *pool) id(s *shot) string {
	if p.replay {
		return s.facts.id
	}
	var b [len(idMark)]byte
	putRequestID(b[:], p.run, s.seq)
	return string(b[:])
}

// sizes returns the bodies' lengths, for the report of a run.
func (p *pool) sizes() []int {
	out := make([]int, len(p.templates))
	for i := range p.templates {
		out[i] = len(p.templates[i].body)
	}
	return out
}
