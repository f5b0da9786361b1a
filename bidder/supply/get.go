package supply

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	maxHops        = 5        // redirects within the root domain
	maxHeaderBytes = 64 << 10 // of an answer
	// What a file's first line keeps of strings that others choose: six times as
	// much in JSON, at worst, and it must fit maxStateLine.
	maxValidator = 256 // bytes of an ETag or Last-Modified
	maxURLKept   = 1000
	maxWhy       = 500
)

// newClient leaves redirects to us, and takes connections from c, or makes its own.
func newClient(c *http.Client) *http.Client {
	own := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c != nil && c.Transport != nil {
		own.Transport = c.Transport
	} else if c == nil {
		own.Transport = publicTransport()
	}
	return own
}

// publicTransport connects to public addresses alone.
func publicTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !public(a.Addr()) {
			return fmt.Errorf("address %v: want a public one", a.Addr())
		}
		return nil
	}}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: maxHeaderBytes, MaxConnsPerHost: 2, MaxIdleConns: 64, IdleConnTimeout: 10 * time.Second,
	}
}

// public says whether a is an address of the public internet, by the special
// purpose registries of RFC 6890 as far as they can be reached from a host.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range [...]string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"192.88.99.0/24", "240.0.0.0/4",
		"::/96", "fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	} {
		if netip.MustParsePrefix(p).Contains(a) {
			return false
		}
	}
	return true
}

// get asks for the file over HTTPS, and over HTTP where no HTTPS server answers
// (ads.txt 3.1). It returns the new state, with a body where there is a new one.
// An error is what the server, or the way there, did wrong.
func (f *fetcher) get(ctx context.Context, j job, old state) (next state, body io.ReadCloser, err error) {
	var resp *http.Response
	for _, scheme := range []string{"https", "http"} {
		resp, err = f.followRedirects(ctx, j, &url.URL{Scheme: scheme, Host: j.domain, Path: "/" + j.kind.String()}, old)
		var none *noServer
		if err == nil || ctx.Err() != nil || !errors.As(err, &none) {
			break
		}
	}
	if err != nil {
		return state{}, nil, err
	}
	next, body, err = f.read(j, resp, old)
	if body == nil {
		resp.Body.Close()
	}
	return next, body, err
}

// noServer is that nobody answered the first request.
type noServer struct{ error }

func (e *noServer) Unwrap() error { return e.error }

// followRedirects asks for u. Redirects are followed freely within the root
// domain, and once out of it; who is trusted with that may not send us on
// (ads.txt 3.1). The codes are those of the specification, and 308, which is
// 301 for all that matters here.
func (f *fetcher) followRedirects(ctx context.Context, j job, u *url.URL, old state) (*http.Response, error) {
	foreign := false
	for hop := 0; ; hop++ {
		resp, err := f.request(ctx, j, u, old)
		if err != nil {
			if hop == 0 {
				err = &noServer{err}
			}
			return nil, err
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return resp, nil
		}
		location, err := resp.Location()
		resp.Body.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("redirect: %w", err)
		case hop == maxHops:
			return nil, fmt.Errorf("redirect: got more than %d; want at most that many", maxHops)
		case foreign:
			return nil, fmt.Errorf("redirect: %.200q came after one out of %s; want none (ads.txt 3.1)", location.Redacted(), j.root)
		}
		host, err := redirectHost(location)
		if err != nil {
			return nil, err
		}
		foreign = !f.suffixes.within(host, j.root)
		u = location
	}
}

// redirectHost refuses what no ads.txt needs: other schemes and ports, and hosts
// that are no domains.
func redirectHost(u *url.URL) (string, error) {
	host, ok := domainOf(u.Hostname())
	port := u.Port()
	if !ok || u.User != nil || u.Scheme != "http" && u.Scheme != "https" ||
		port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		return "", fmt.Errorf("redirect: got %.200q; want HTTP or HTTPS on a domain's own port", u.Redacted())
	}
	return host, nil
}

func (f *fetcher) request(ctx context.Context, j job, u *url.URL, old state) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", f.cfg.UserAgent)
	req.Header.Set("Accept", "text/plain")
	if j.kind == SellersJSON {
		req.Header.Set("Accept", "application/json")
	}
	// Asked for by us, gzip is also undone by us, within the bound of the body.
	req.Header.Set("Accept-Encoding", "gzip")
	if old.ETag != "" {
		req.Header.Set("If-None-Match", old.ETag)
	}
	if old.LastModified != "" {
		req.Header.Set("If-Modified-Since", old.LastModified)
	}
	return f.client.Do(req)
}

// read turns an answer into a state and a body, as ads.txt 3.1 and sellers.json
// (Access Method) have it: a 404 says that nothing is declared in an ads.txt,
// and leaves the last good sellers.json in force, as other errors do.
func (f *fetcher) read(j job, resp *http.Response, old state) (state, io.ReadCloser, error) {
	now := f.cfg.Clock()
	next := state{Checked: now, Expires: now.Add(freshFor(resp.Header, now))}
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound && j.kind != SellersJSON:
		next.Absent = true
		return next, nil, nil
	case code == http.StatusNotModified && (old.ETag != "" || old.LastModified != ""):
		next.URL, next.ETag, next.LastModified = old.URL, old.ETag, old.LastModified
		return next, nil, nil
	case code < 200 || code > 299:
		return state{}, nil, fmt.Errorf("got HTTP status %d; want 200", code)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "" && j.kind != SellersJSON {
		if m, _, err := mime.ParseMediaType(kind); err != nil || m != "text/plain" {
			return state{}, nil, fmt.Errorf("got content type %.80q; want text/plain (ads.txt 3.2)", kind)
		}
	}
	next.URL = fmt.Sprintf("%.*s", maxURLKept, resp.Request.URL.Redacted())
	if v := resp.Header.Get("ETag"); len(v) <= maxValidator {
		next.ETag = v
	}
	if v := resp.Header.Get("Last-Modified"); len(v) <= maxValidator {
		next.LastModified = v
	}
	most := f.cfg.MaxTextBytes
	if j.kind == SellersJSON {
		most = f.cfg.MaxSellersBytes
	}
	body, err := unpack(resp, most)
	return next, body, err
}

// unpack bounds what a body sends and, where it is packed, what it unpacks to.
func unpack(resp *http.Response, most int64) (io.ReadCloser, error) {
	plain := io.Reader(resp.Body)
	switch e := strings.ToLower(resp.Header.Get("Content-Encoding")); e {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(&boundedReader{resp.Body, most, most})
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		plain = z
	default:
		return nil, fmt.Errorf("got content encoding %.40q; want gzip or none", e)
	}
	return struct {
		io.Reader
		io.Closer
	}{&boundedReader{plain, most, most}, resp.Body}, nil
}

// boundedReader fails past its bound, where an io.LimitReader would end.
type boundedReader struct {
	r          io.Reader
	left, most int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("got more than %d bytes; want at most that many", b.most)
	}
	return n, err
}

// freshFor is how long the answer may be used unasked: what Cache-Control or
// Expires say (RFC 9111 section 5), within leastFresh and mostFresh.
func freshFor(h http.Header, now time.Time) time.Duration {
	for _, d := range strings.Split(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(d)), "=")
		switch name {
		case "no-store", "no-cache":
			return leastFresh
		case "max-age":
			if s, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				return min(max(time.Duration(s)*time.Second, leastFresh), mostFresh)
			}
		}
	}
	if t, err := http.ParseTime(h.Get("Expires")); err == nil {
		return min(max(t.Sub(now), leastFresh), mostFresh)
	}
	return mostFresh
}
