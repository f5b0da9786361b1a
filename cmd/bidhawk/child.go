package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"bidhawk/cmd/node"
)

// server is a serve process of our own.
type server struct {
	cmd    *exec.Cmd
	log    string
	exited chan error
	done   bool
}

// startServer starts serve on the addresses of cfg, which must be free: another
// server there would be taken for ours.
func startServer(config string, cfg node.Config, env []string, log string) (*server, error) {
	for _, addr := range []string{cfg.Listen.Bids, cfg.Listen.API, cfg.Listen.Operations, cfg.Pacing.Listen} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("another server runs already: %w", err)
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own handle
	s := &server{cmd: exec.Command(self, "serve", "--config", config), log: log, exited: make(chan error, 1)}
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = env, out, out
	s.cmd.SysProcAttr = ownGroup()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the child ends with the thread that started it
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.exited <- s.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return s, nil
}

// stop asks the server to end and waits for it; a second call does nothing.
func (s *server) stop(timeout time.Duration) error {
	if s.done {
		return nil
	}
	s.done = true
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case err := <-s.exited:
		if err != nil {
			return errors.Join(fmt.Errorf("the server ended with an error: %w", err), s.tail())
		}
		return nil
	case <-time.After(timeout):
		_ = s.cmd.Process.Kill()
		<-s.exited
		return errors.Join(fmt.Errorf("the server did not stop within %v and was killed", timeout), s.tail())
	}
}

// tail is the end of the server's log, as an error to be shown.
func (s *server) tail() error {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err
	}
	return errors.New("the server's last lines: " + string(b[max(0, len(b)-2000):]))
}
