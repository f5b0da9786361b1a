package loadtest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// userHZ is the unit of /proc/PID/stat: 100 on every Linux that Go runs on.
const userHZ = 100

// processCPU is the user and system time that a process has used.
func processCPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	// The second field is the command in parentheses; it may hold anything.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const user, system = 11, 12 // fields 14 and 15, counted from the third
	if len(fields) <= system {
		return 0, fmt.Errorf("CPU time of process %d: %d fields: want more than 14", pid, len(fields)+2)
	}
	var ticks int64
	for _, f := range fields[user : system+1] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / userHZ, nil
}

// listenerPID finds the process that listens on a local host:port. It sees only
// processes of the own user.
func listenerPID(addr string) (int, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", addr, err)
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue // a machine without IPv6 has no tcp6
		}
		addListeners(inodes, b, port)
	}
	sockets, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, fmt.Errorf("%s: %w", addr, err)
	}
	for _, fd := range sockets {
		link, err := os.Readlink(fd)
		if err != nil {
			continue // closed, or not ours to see
		}
		if inode, ok := strings.CutPrefix(link, "socket:["); ok && inodes[strings.TrimSuffix(inode, "]")] {
			return strconv.Atoi(strings.Split(fd, "/")[2])
		}
	}
	return 0, fmt.Errorf("%s: no process found that listens there; name it with --target-pid", addr)
}

// addListeners reads the inodes of sockets that listen on port.
func addListeners(inodes map[string]bool, table []byte, port string) {
	const local, state, inode, listening = 1, 3, 9, "0A"
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) <= inode || f[state] != listening {
			continue
		}
		_, hexPort, _ := strings.Cut(f[local], ":")
		b, err := hex.DecodeString(hexPort)
		if err == nil && len(b) == 2 && strconv.Itoa(int(b[0])<<8|int(b[1])) == port {
			inodes[f[inode]] = true
		}
	}
}
