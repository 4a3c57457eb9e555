package reasons

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture/tracepoint"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"

	"golang.org/x/sys/unix"
)

// open listens to this machine's kernel, or skips.
func open(t *testing.T) *Source {
	t.Helper()
	s, err := Open()
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, err := range s.Without() {
		t.Log(err)
	}
	return s
}

// pair is a connection over loopback of this process with itself.
func pair(t *testing.T) (c, d *net.TCPConn) {
	t.Helper()
	return pairOver(t, "127.0.0.1:0", "127.0.0.1")
}

// pairOver listens at one address and connects to another.
func pairOver(t *testing.T, at, to string) (c, d *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	one, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(to), addr(l.Addr()).Port()).String())
	if err != nil {
		t.Fatal(err)
	}
	two, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return one.(*net.TCPConn), two.(*net.TCPConn)
}

func addr(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// query is about a connection that has just ended.
func query(c *net.TCPConn, start time.Time, first Side, reset bool) Query {
	return Query{Client: addr(c.LocalAddr()), Server: addr(c.RemoteAddr()), Start: start, End: time.Now(), First: first, Reset: reset}
}

// TestKernel: this machine's kernel says why it sent a RST and for whom, as its source has it:
// tcp_disconnect for SO_LINGER 0, tcp_close for unread data, and so on.
func TestKernel(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := open(t)
	for _, tt := range []struct {
		name   string
		finish func(c, d *net.TCPConn)
		want   string // reason of the client
		drops  string
	}{
		{"orderly", func(c, d *net.TCPConn) { _ = c.Close(); _, _ = io.Copy(io.Discard, d); _ = d.Close() }, "", ""},
		{"SO_LINGER 0", func(c, d *net.TCPConn) { _, _ = c.SetLinger(0), c.Close(); _, _ = io.Copy(io.Discard, d) }, "TCP_STATE", ""},
		{"unread data", func(c, d *net.TCPConn) {
			_, _ = d.Write([]byte("x"))
			if raw, err := c.SyscallConn(); err == nil {
				_ = raw.Read(func(fd uintptr) bool { // until it is there
					n, _, _ := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
					return n > 0
				})
			}
			_ = c.Close()
			_, _ = io.Copy(io.Discard, d)
		}, "TCP_ABORT_ON_CLOSE", ""},
		{"data after close", func(c, d *net.TCPConn) {
			_ = c.Close()
			_, _ = io.Copy(io.Discard, d)
			_, _ = d.Write([]byte("x"))
			_, _ = d.Read(make([]byte, 1)) // fails when the RST is there
		}, "TCP_ABORT_ON_DATA", "TCP_ABORT_ON_DATA"},
	} {
		start := time.Now()
		c, d := pair(t)
		tt.finish(c, d)
		k := s.Of(query(c, start, Client, tt.want != ""))
		if k == nil || k.Side != Client || k.PID != os.Getpid() {
			t.Errorf("%s: %+v", tt.name, k)
			continue
		}
		if len(s.Reasons()) > 0 && k.Reason != tt.want {
			t.Errorf("%s: reason %q, want %q", tt.name, k.Reason, tt.want)
		}
		if tt.drops != "" && (len(k.Dropped) == 0 || k.Dropped[0].Reason != tt.drops) {
			t.Errorf("%s: dropped %+v, want %s", tt.name, k.Dropped, tt.drops)
		}
		if tt.want != "" && (k.Other == nil || !k.Other.ResetReceived) {
			t.Errorf("%s: the server: %+v", tt.name, k.Other)
		}
		_, _ = c.Close(), d.Close()
	}
	if n := s.Lost(); n != 0 {
		t.Errorf("%d records lost", n)
	}
}

// TestKernelRefusal: a RST for no socket has no process, and the client has its own, by name
// although that has ended.
func TestKernelRefusal(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := open(t)
	start := time.Now()
	from, to := netip.MustParseAddrPort("127.0.0.1:41234"), netip.MustParseAddrPort("127.0.0.1:9")
	nc := exec.Command("nc", "-p", "41234", "127.0.0.1", "9")
	if err := nc.Run(); errors.Is(err, exec.ErrNotFound) {
		t.Skipf("needs netcat (sudo apt-get install netcat-openbsd): %v", err)
	}
	k := s.Of(Query{Client: from, Server: to, Start: start, End: time.Now(), First: Server, Reset: true})
	if k == nil || k.Other == nil {
		t.Fatalf("%+v", k)
	}
	if k.Side != Server || k.PID != 0 || len(s.Reasons()) > 0 && k.Reason != "NO_SOCKET" {
		t.Errorf("the server: %+v", k.End)
	}
	if k.Other.PID != nc.Process.Pid || !strings.HasPrefix(k.Other.Command, "nc") || !k.Other.ResetReceived {
		t.Errorf("the client: %+v, want process %d", k.Other, nc.Process.Pid)
	}
}

// TestSourceEnds: after Close it answers what was said before, and Close may be called again.
func TestSourceEnds(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := open(t)
	start := time.Now()
	c, d := pair(t)
	_, _ = c.SetLinger(0), c.Close()
	_, _ = io.Copy(io.Discard, d)
	q := query(c, start, Client, true)
	before := s.Of(q)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if after := s.Of(q); before == nil || after == nil || after.Reason != before.Reason {
		t.Errorf("%+v, then %+v", before, after)
	}
}

// TestTracefs: mounted by somebody or by nobody, it is the same, and no mount is left.
func TestTracefs(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	mounts := func() string {
		text, err := os.ReadFile("/proc/thread-self/mountinfo")
		if err != nil {
			t.Log(err)
		}
		return string(text)
	}
	before := mounts()
	point := tracepoint.Tracepoints()[0]
	var ids []uint16
	for _, paths := range [][]string{nil, {t.TempDir()}, mountPoints} {
		fs, err := openTracefs(paths)
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOSYS) {
			t.Skip(&UnavailableError{Err: err})
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := fs.format(&point)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, f.ID)
		_, err = fs.format(&tracepoint.Tracepoint{Group: "tcp", Name: "none"})
		if err == nil || err.Error() != "tracepoint tcp:none: this kernel has none" {
			t.Error(err)
		}
		fs.close()
	}
	if ids[0] != ids[1] || ids[0] != ids[2] {
		t.Errorf("IDs %v", ids)
	}
	if after := mounts(); after != before {
		t.Errorf("mounts:\n%s\nbefore:\n%s", after, before)
	}
}

// TestTwoNamespaces: sockets of two namespaces that have the same addresses and ports at one
// time are not told apart by the kernel, and neither is believed.
func TestTwoNamespaces(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := open(t)
	start := time.Now()
	var ends [2][2]*net.TCPConn
	for i := range ends {
		ns, err := lab.NewNamespace()
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		err = ns.Do(func() error {
			l, err := net.Listen("tcp", "127.0.0.1:8080")
			if err != nil {
				return err
			}
			defer l.Close()
			c, err := net.DialTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000}, l.Addr().(*net.TCPAddr))
			if err != nil {
				return err
			}
			d, err := l.Accept()
			ends[i] = [2]*net.TCPConn{c, d.(*net.TCPConn)}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range ends {
		_, _ = e[0].Close(), e[1].Close()
	}
	k := s.Of(query(ends[0][0], start, Client, false))
	if k == nil || !k.Ambiguous || k.PID != 0 || k.Other != nil {
		t.Errorf("%+v", k)
	}
}

// TestKernelIPv6: over IPv6, and over IPv4 where the server's socket is one of IPv6, both ends
// are found by the addresses that a capture has.
func TestKernelIPv6(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := open(t)
	for _, to := range []string{"::1", "127.0.0.1"} {
		start := time.Now()
		c, d := pairOver(t, "[::]:0", to)
		_, _ = d.SetLinger(0), d.Close()
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
		k := s.Of(query(c, start, Server, true))
		if k == nil || k.Side != Server || k.PID != os.Getpid() || k.Other == nil || !k.Other.ResetReceived || k.Other.PID != os.Getpid() {
			t.Errorf("%s: %+v", to, k)
		}
	}
}
