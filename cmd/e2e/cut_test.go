//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// island is a network namespace of its own, from which a process reaches the
// broker, and is reached, by forwarders alone. Cut, nothing passes any more and
// nothing is refused either, as where a cable is pulled.
type island struct {
	ns string

	mu      sync.Mutex
	passing *sync.Cond
	cut     bool
	closers []io.Closer
}

// newIsland makes a namespace where the machine lets it; nil: it does not. The
// ports are those on 127.0.0.1 that the process inside listens on.
func newIsland(t *testing.T, dir, broker string, ports ...string) *island {
	t.Helper()
	w := &island{ns: fmt.Sprintf("bidhawk-e2e-%d", os.Getpid())}
	w.passing = sync.NewCond(&w.mu)
	ip := func(args ...string) error { return exec.Command("ip", args...).Run() }
	if err := ip("netns", "add", w.ns); err != nil {
		t.Logf("NOT TESTED: no network namespace can be made here, so that no pacer is cut off: %v", err)
		return nil
	}
	t.Cleanup(func() { _ = ip("netns", "del", w.ns) })
	if err := ip("netns", "exec", w.ns, "ip", "link", "set", "lo", "up"); err != nil {
		t.Fatal(err)
	}
	// Unix sockets lead out of a namespace: a file is a file.
	inside := []string{"tcp:" + broker + "=unix:" + filepath.Join(dir, "broker.sock")}
	w.forward(t, "unix:"+filepath.Join(dir, "broker.sock"), "tcp:"+broker)
	for i, port := range ports {
		socket := filepath.Join(dir, fmt.Sprint("port-", i, ".sock"))
		inside = append(inside, "unix:"+socket+"=tcp:"+port)
		w.forward(t, "tcp:"+port, "unix:"+socket)
	}
	helper := exec.Command("ip", "netns", "exec", w.ns, os.Args[0], "-test.run=^TestForwarder$", "-test.timeout=0")
	helper.Env = append(os.Environ(), "BIDHAWK_E2E_FORWARD="+strings.Join(inside, ","))
	stdin, err := helper.StdinPipe() // it ends with us, however we end
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = helper.Wait()
		w.setCut(false)
		for _, c := range w.closers {
			_ = c.Close()
		}
	})
	return w
}

// TestForwarder is no test: it is the process inside a namespace that forwards.
func TestForwarder(t *testing.T) {
	routes := os.Getenv("BIDHAWK_E2E_FORWARD")
	if routes == "" {
		t.Skip("it runs as another test's helper alone")
	}
	w := &island{}
	w.passing = sync.NewCond(&w.mu)
	for route := range strings.SplitSeq(routes, ",") {
		from, to, _ := strings.Cut(route, "=")
		w.forward(t, from, to)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started it ends
}

func (w *island) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	w.passing.Broadcast()
}

// forward hands the connections to from on to to. Addresses are network:address.
func (w *island) forward(t *testing.T, from, to string) {
	t.Helper()
	network, address, _ := strings.Cut(from, ":")
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	w.closers = append(w.closers, l)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go w.join(in, to)
		}
	}()
}

func (w *island) join(in net.Conn, to string) {
	defer in.Close()
	w.pass()
	network, address, _ := strings.Cut(to, ":")
	out, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			buf := make([]byte, 64<<10)
			for {
				n, err := way[0].Read(buf)
				w.pass()
				if n > 0 {
					if _, e := way[1].Write(buf[:n]); e != nil {
						err = e
					}
				}
				if err != nil {
					break
				}
			}
			done <- struct{}{}
		}()
	}
	<-done
}

// pass waits while the island is cut off.
func (w *island) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.cut {
		w.passing.Wait()
	}
}
