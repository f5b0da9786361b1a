package node

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// PacingTLS is the certificates that pacers and their callers know each other by.
// Without any the pacer's API is plain HTTP.
type PacingTLS struct {
	// CertFile and KeyFile are this node's, in PEM, with the chain below an authority:
	// a pacer serves by them, a caller is known by them. They are read again once they
	// have changed; the authorities are not.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// CAFile is who signs pacers' certificates; empty: the system's authorities.
	CAFile string `yaml:"ca_file"`
	// ClientCAFile is who signs callers' certificates; empty: none are asked for.
	ClientCAFile string `yaml:"client_ca_file"`
}

// checkPacingTLS checks what the settings need of each other.
func (c *Config) checkPacingTLS() error {
	t := c.Pacing.TLS
	switch {
	case t.CertFile == "" && t.KeyFile != "":
		return wrong("pacing.tls.cert_file", t.CertFile, "the certificate of pacing.tls.key_file")
	case t.CertFile != "" && t.KeyFile == "":
		return wrong("pacing.tls.key_file", t.KeyFile, "the key of pacing.tls.cert_file")
	case t.ClientCAFile != "" && t.CertFile == "":
		return wrong("pacing.tls.cert_file", t.CertFile, "a certificate: callers show theirs by TLS alone (pacing.tls.client_ca_file)")
	}
	if t == (PacingTLS{}) {
		return nil
	}
	for _, p := range c.Pacing.Pacers {
		if strings.HasPrefix(p, "http:") {
			return wrong("pacing.pacers", p, "https, since pacing.tls is configured")
		}
	}
	return nil
}

// checkFiles reads the files as a start would.
func (t PacingTLS) checkFiles() error {
	if t.CertFile != "" {
		if _, err := newKeyPair(t, func(error) {}); err != nil {
			return err
		}
	}
	if _, err := authorities("pacing.tls.ca_file", t.CAFile); err != nil {
		return err
	}
	_, err := authorities("pacing.tls.client_ca_file", t.ClientCAFile)
	return err
}

// grantsTLS is how the pacer's API is served; nil: by plain HTTP.
func (n *Node) grantsTLS() (*tls.Config, error) {
	t := n.cfg.Pacing.TLS
	if t.CertFile == "" {
		return nil, nil
	}
	pair, err := newKeyPair(t, n.warnRarely("the pacer's new certificate can't be used; the last good one is"))
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.current(), nil },
	}
	if cfg.ClientCAs, err = authorities("pacing.tls.client_ca_file", t.ClientCAFile); err != nil {
		return nil, err
	}
	if cfg.ClientCAs != nil {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
}

// callerTLS is how pacers of https are called: they are always verified.
func (n *Node) callerTLS() (*tls.Config, error) {
	t := n.cfg.Pacing.TLS
	roots, err := authorities("pacing.tls.ca_file", t.CAFile)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}
	if t.CertFile != "" {
		pair, err := newKeyPair(t, n.warnRarely("this node's new certificate for pacers can't be used; the last good one is"))
		if err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.current(), nil }
	}
	return cfg, nil
}

// authorities reads certificates of authorities in PEM; nil where path is empty.
func authorities(setting, path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, wrong(setting, path, "a file that can be read: "+err.Error())
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, wrong(setting, path, "a file with certificates of authorities in PEM")
	}
	return pool, nil
}

// keyPair is a certificate that follows its files: a handshake that finds them
// changed reads them again. It is safe for concurrent use.
type keyPair struct {
	of      PacingTLS
	onError func(error)
	mu      sync.Mutex
	cert    *tls.Certificate // the last good one; mu
	seen    [2]time.Time     // when the files read last were written; mu
}

func newKeyPair(t PacingTLS, onError func(error)) (*keyPair, error) {
	p := &keyPair{of: t, onError: onError}
	seen, err := p.written()
	if err != nil {
		return nil, err
	}
	p.seen = seen
	return p, p.read()
}

// written is when the files were.
func (p *keyPair) written() (at [2]time.Time, err error) {
	for i, f := range [2]struct{ setting, path string }{{"pacing.tls.cert_file", p.of.CertFile}, {"pacing.tls.key_file", p.of.KeyFile}} {
		info, err := os.Stat(f.path)
		if err != nil {
			return at, wrong(f.setting, f.path, "a file that can be read: "+err.Error())
		}
		at[i] = info.ModTime()
	}
	return at, nil
}

func (p *keyPair) read() error {
	cert, err := tls.LoadX509KeyPair(p.of.CertFile, p.of.KeyFile)
	if err != nil {
		return wrong("pacing.tls.cert_file", p.of.CertFile, "a certificate in PEM, and its key in "+p.of.KeyFile+": "+err.Error())
	}
	if now := Clock(); now.After(cert.Leaf.NotAfter) {
		return wrong("pacing.tls.cert_file", p.of.CertFile, fmt.Sprintf("a certificate that is valid now; it ended at %s", cert.Leaf.NotAfter.UTC().Format(time.RFC3339)))
	}
	p.cert = &cert
	return nil
}

// current is the certificate of the files as they are now, or the last good one.
func (p *keyPair) current() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, err := p.written()
	if err == nil && seen != p.seen {
		p.seen = seen
		err = p.read()
	}
	if err != nil {
		p.onError(err)
	}
	return p.cert
}
