package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prebid/openrtb/v20/openrtb2"
)

// This file tests a node that reaches its pacer by HTTP, as nodes of other
// processes do.

// authority signs certificates of a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	made int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key, a.cert = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "a test's authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign})
	a.file = filepath.Join(a.dir, "ca.pem")
	a.write(a.file, "CERTIFICATE", a.cert.Raw)
	return a
}

// sign makes a key and its certificate; the first signs itself.
func (a *authority) sign(c *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.made++
	c.SerialNumber = big.NewInt(a.made)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	c.NotBefore = c.NotAfter.Add(-2 * time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	return key, c
}

func (a *authority) write(file, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// issue writes a certificate of a node on loopback, and its key.
func (a *authority) issue(cert, key string, change ...func(*x509.Certificate)) {
	a.t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "a node"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, f := range change {
		f(c)
	}
	k, c := a.sign(c)
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(key, "EC PRIVATE KEY", der)
	a.write(cert, "CERTIFICATE", c.Raw)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Leases come by TLS with certificates on both sides; whoever shows none, or one
// of another authority, is refused; a new certificate is served without a restart.
func TestPacerByTLS(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	c := installation(t)
	tlsFiles := PacingTLS{CertFile: filepath.Join(ours.dir, "node.pem"), KeyFile: filepath.Join(ours.dir, "node.key"), CAFile: ours.file, ClientCAFile: ours.file}
	ours.issue(tlsFiles.CertFile, tlsFiles.KeyFile)
	c.Pacing.Listen, c.Pacing.TLS = freeAddress(t), tlsFiles
	c.Pacing.Pacers = []string{"https://" + c.Pacing.Listen}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckFiles(func(string) {}); err != nil {
		t.Fatal(err)
	}
	r := start(t, c)
	r.bidding(r.newLine(123, `{}`), "u0000001") // its lease came by TLS: there is no other way

	// call asks as a caller with such files would, and tells the serial that the pacer shows.
	call := func(files PacingTLS) (serial int64, err error) {
		t.Helper()
		secure, err := (&Node{cfg: Config{Pacing: Pacing{TLS: files}}}).callerTLS()
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}}
		resp, err := client.Get(c.Pacing.Pacers[0] + "/v1/state")
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("status %d", resp.StatusCode)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64(), nil
	}
	good, err := call(tlsFiles)
	if err != nil {
		t.Fatal(err)
	}
	f := func(what, want string, files PacingTLS) {
		t.Helper()
		if _, err := call(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
	}
	f("without a certificate", "certificate required", PacingTLS{CAFile: ours.file})
	theirs := PacingTLS{CertFile: filepath.Join(foreign.dir, "x.pem"), KeyFile: filepath.Join(foreign.dir, "x.key"), CAFile: ours.file}
	foreign.issue(theirs.CertFile, theirs.KeyFile)
	f("with a certificate of another authority", "tls: ", theirs)
	f("a pacer of an authority that is not trusted", "unknown authority", PacingTLS{CertFile: tlsFiles.CertFile, KeyFile: tlsFiles.KeyFile, CAFile: foreign.file})
	if resp, err := http.Get("http://" + c.Pacing.Listen + "/v1/state"); err == nil {
		if resp.Body.Close(); resp.StatusCode == http.StatusOK {
			t.Error("plain HTTP is answered")
		}
	}
	http.DefaultClient.CloseIdleConnections()

	ours.issue(tlsFiles.CertFile, tlsFiles.KeyFile)
	renewed, err := call(tlsFiles)
	if err != nil || renewed == good {
		t.Errorf("after a renewal certificate %d is served, %v; it was %d", renewed, err, good)
	}
	ours.write(tlsFiles.CertFile, "CERTIFICATE", []byte("nonsense"))
	another := PacingTLS{CertFile: filepath.Join(ours.dir, "bidder.pem"), KeyFile: filepath.Join(ours.dir, "bidder.key"), CAFile: ours.file}
	ours.issue(another.CertFile, another.KeyFile)
	if last, err := call(another); err != nil || last != renewed {
		t.Errorf("after a broken renewal certificate %d is served, %v; want the last good one, %d", last, err, renewed)
	}
}

func TestPacingTLSSettings(t *testing.T) {
	a := newAuthority(t)
	cert, key := filepath.Join(a.dir, "n.pem"), filepath.Join(a.dir, "n.key")
	a.issue(cert, key)
	f := func(setting string, change func(*Pacing)) {
		t.Helper()
		c := valid()
		c.Pacing.Pacers = []string{"https://127.0.0.1:8083"}
		change(&c.Pacing)
		err := c.Validate()
		if err == nil {
			err = c.Pacing.TLS.checkFiles()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "setting pacing."+setting+": got ") || !strings.Contains(err.Error(), "want ") {
			t.Errorf("got %v; want an error of pacing.%s", err, setting)
		}
	}
	f("tls.key_file", func(p *Pacing) { p.TLS.CertFile = cert })
	f("tls.cert_file", func(p *Pacing) { p.TLS.KeyFile = key })
	f("tls.cert_file", func(p *Pacing) { p.TLS.ClientCAFile = a.file })
	f("pacers", func(p *Pacing) { p.TLS.CAFile, p.Pacers = a.file, []string{"http://127.0.0.1:8083"} })
	f("tls.ca_file", func(p *Pacing) { p.TLS.CAFile = a.dir })
	f("tls.ca_file", func(p *Pacing) { p.TLS.CAFile = key })
	f("tls.client_ca_file", func(p *Pacing) { p.TLS = PacingTLS{CertFile: cert, KeyFile: key, ClientCAFile: a.dir + "/none"} })
	f("tls.cert_file", func(p *Pacing) { p.TLS = PacingTLS{CertFile: a.file, KeyFile: key} })
	a.issue(cert, key, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	f("tls.cert_file", func(p *Pacing) { p.TLS = PacingTLS{CertFile: cert, KeyFile: key} })
}

// wire passes connections on, until it is cut or holds everything back.
type wire struct {
	net.Listener
	to    string
	mu    sync.Mutex
	state string // "", cut or held; mu
	conns []net.Conn
	ended sync.WaitGroup
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to}
	w.ended.Go(w.accept)
	t.Cleanup(func() { _ = l.Close(); w.set("cut"); w.ended.Wait() })
	return w
}

func (w *wire) accept() {
	for {
		in, err := w.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		state := w.state
		w.conns = append(w.conns, in)
		w.mu.Unlock()
		out, err := net.Dial("tcp", w.to)
		if state == "cut" || err != nil {
			_ = in.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, out)
		w.mu.Unlock()
		if state == "" {
			w.ended.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
			w.ended.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
		}
	}
}

// set ends what is connected: what comes next finds the new state.
func (w *wire) set(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// An edit of budgets asks the pacer, wherever it is. Where it does not answer, a cut
// is refused within seconds and changes nothing; what takes nothing away goes on.
func TestBudgetCutAsksThePacerElsewhere(t *testing.T) {
	c := installation(t)
	c.Pacing.Listen = freeAddress(t)
	w := newWire(t, c.Pacing.Listen)
	c.Pacing.Pacers = []string{"http://" + w.Addr().String()}
	r := start(t, c)
	ours := r.newLine(123, `{}`)
	var bids []*openrtb2.Bid
	for range 3 {
		bids = append(bids, r.bidding(ours, "u0000001"))
	}
	for _, b := range bids[:2] { // two posted at 0.002, one is held
		if s := r.notify(b.BURL, "1.2"); s != http.StatusNoContent {
			t.Fatalf("bill: %d", s)
		}
	}
	const posted = 2 * 2_000_000
	within(t, 10*time.Second, "both bills are posted", func() bool { _, charged := r.ledger(); return charged[ours.id] == posted })

	path := fmt.Sprintf("/v1/line-items/%d", ours.id)
	lifetime := func() (n int64) {
		var e struct {
			Budget struct {
				Lifetime int64 `json:"lifetime_nanos"`
			} `json:"budget"`
		}
		r.do("GET", path, "", &e)
		return e.Budget.Lifetime
	}
	f := func(body string, status int, want string) {
		t.Helper()
		before, began := lifetime(), time.Now()
		got, h, b := r.call(r.key, "PATCH", path, body, "If-Match", "*")
		if text := h.Get("Bidhawk-Note") + string(b); got != status || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s; want %d, %q", body, got, text, status, want)
		}
		if took := time.Since(began); took > editPatience+time.Second {
			t.Errorf("%s took %v", body, took)
		}
		if after := lifetime(); status != http.StatusOK && after != before {
			t.Errorf("%s was refused, and changed the budget from %d to %d", body, before, after)
		}
	}
	budget := func(n int64) string { return fmt.Sprintf(`{"budget":{"lifetime_nanos":%d}}`, n) }
	f(budget(posted-1), http.StatusUnprocessableEntity, "must be at least what is posted, 4000000")
	f(budget(posted+1), http.StatusOK, "is a target for now")
	f(budget(900_000_000_000), http.StatusOK, "")

	for _, state := range []string{"cut", "held"} {
		w.set(state)
		f(budget(posted-1), http.StatusServiceUnavailable, "nothing was changed: the ledger could not be asked")
		f(budget(800_000_000_000), http.StatusServiceUnavailable, "or pause the line_item")
		f(`{"budget":{"lifetime_nanos":900000000000,"daily_nanos":1000000000}}`, http.StatusServiceUnavailable, "nothing was changed")
		f(`{"name":"ours, renamed"}`, http.StatusOK, "renamed")
		f(budget(lifetime()+1), http.StatusOK, "could not be asked")
		r.do("POST", path+"/pause", "", nil)
		r.do("POST", path+"/resume", "", nil)
	}
	w.set("")
	within(t, 10*time.Second, "the pacer answers again", func() bool {
		status, _, _ := r.call(r.key, "PATCH", path, budget(700_000_000_000), "If-Match", "*")
		return status == http.StatusOK
	})
	f(budget(posted-1), http.StatusUnprocessableEntity, "must be at least what is posted")
}
