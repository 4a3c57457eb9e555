package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
	"lastack/harness/lab/sockstat"
	"lastack/harness/lab/wire"
	"lastack/harness/teardown"
	"lastack/stack"
	"lastack/stack/closepath"
	"lastack/stack/fastopen"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"golang.org/x/sys/unix"
)

// kernelCount reads one of the namespace's TcpExt counters.
func kernelCount(t *testing.T, name string) int {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/net/netstat")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		if at := slices.Index(names, name); at > 0 && names[0] == "TcpExt:" {
			n, err := strconv.Atoi(values[at])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("this kernel does not count %s", name)
	return 0
}

// handshakes lists what the capture has of SYNs: "SYN 73 cookie", "SYN+ACK of 74".
func handshakes(t *testing.T, live *capture.Live) []string {
	t.Helper()
	if err := live.Stop(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = live.Close() }()
	var out []string
	var first segment.Seq
	for {
		p, err := live.Next()
		if err != nil {
			return out
		}
		s, err := segment.Parse(p.Data)
		if err != nil || !s.Flags.Has(segment.SYN) {
			continue
		}
		line := "SYN"
		if s.Flags.Has(segment.ACK) {
			line = fmt.Sprintf("SYN+ACK of %d", s.Ack-first)
		} else {
			first = s.Seq
			line = fmt.Sprintf("SYN %d", s.PayloadLen)
		}
		switch {
		case s.Cookie.Len > 0:
			line += " cookie"
		case s.FastOpen != segment.NoFastOpen:
			line += " asks"
		}
		out = append(out, line)
	}
}

// TestCurlFastOpen: the kernel's client fetches a cookie and then sends its request
// in the SYN, which saves one of the two round trips of 100 ms. The kernel counts no
// failure.
func TestCurlFastOpen(t *testing.T) {
	for _, offload := range []bool{false, true} {
		t.Run(fmt.Sprintf("offload=%v", offload), func(t *testing.T) {
			if labtest.Inside(t) {
				curlFastOpen(t, offload)
			}
		})
	}
}

func curlFastOpen(t *testing.T, offload bool) {
	s := start(t, Config{
		Settings:    []string{"net.ipv4.tcp_fastopen=2"},
		Impairments: []string{"delay segments from either by 50 ms"},
		Offload:     offload,
	})
	plain := curlTime(t)
	first := curlTime(t, "--tcp-fastopen")
	if n := kernelCount(t, "TCPFastOpenActive"); n != 0 {
		t.Errorf("the kernel counts %d before there was a cookie", n)
	}
	// One that is through before two round trips can be shows that one was saved; the machine
	// may be too busy for the others to show anything.
	second, asked := curlTime(t, "--tcp-fastopen"), 1
	for ; second >= 200*time.Millisecond && asked < 50; asked++ {
		second = min(second, curlTime(t, "--tcp-fastopen"))
	}
	t.Logf("plain %s, first %s, second %s at request %d", plain, first, second, asked)
	if plain < 200*time.Millisecond || first < 200*time.Millisecond {
		t.Errorf("plain %s, first %s; want two round trips of 100 ms", plain, first)
	}
	if second < 100*time.Millisecond || second >= 200*time.Millisecond {
		t.Errorf("the second took %s, want one round trip", second)
	}
	if n, fail := kernelCount(t, "TCPFastOpenActive"), kernelCount(t, "TCPFastOpenActiveFail"); n != asked || fail != 0 {
		t.Errorf("TCPFastOpenActive is %d, want %d; TCPFastOpenActiveFail %d, want 0", n, asked, fail)
	}
	got := handshakes(t, s.live)
	if len(got) < 6 || got[2] != "SYN 0 asks" || got[3] != "SYN+ACK of 1 cookie" {
		t.Fatalf("captured %q", got)
	}
	var n int
	if _, err := fmt.Sscanf(got[4], "SYN %d cookie", &n); err != nil || n < 50 || got[5] != fmt.Sprintf("SYN+ACK of %d", n+1) {
		t.Errorf("the second began with %q", got[4:6])
	}
}

func curlTime(t *testing.T, args ...string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	args = append(args, "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", "http://10.77.0.2/bytes/100")
	out, err := lab.Command(ctx, "curl", args...).Output()
	var code int
	var seconds float64
	if _, scan := fmt.Sscan(string(out), &code, &seconds); err != nil || scan != nil || code != 200 {
		t.Fatalf("curl: %q, %v", out, err)
	}
	return time.Duration(seconds * float64(time.Second))
}

// TestFastOpenSockets: the host lists a connection with the bytes that came with its
// SYN, and explains what its SYNs said.
func TestFastOpenSockets(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{Settings: []string{"net.ipv4.tcp_fastopen=2"}})
	for _, want := range []int{0, 5} {
		c := dialWith(t, "10.77.0.2:7", "hello")
		if err := s.control.Sockets(t.Context(), "ESTABLISHED", func(k *sockstat.Socket) error {
			if k.FastOpen != want {
				t.Errorf("%+v, want %d bytes of the SYN", k, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []teardown.FastOpen{teardown.FastOpenCookie, teardown.FastOpenData} {
		if got := s.reports(2)[i].FastOpen; got != want {
			t.Errorf("connection %d: Fast Open %q, want %q", i+1, got, want)
		}
	}
}

// dialWith connects with the kernel's TCP_FASTOPEN_CONNECT, and reads the echo.
func dialWith(t *testing.T, addr, data string) net.Conn {
	t.Helper()
	d := net.Dialer{Control: option(unix.TCP_FASTOPEN_CONNECT, 1)}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, len(data))); err != nil {
		t.Fatal(err)
	}
	return c
}

// option sets a TCP option of a socket before it is used.
func option(name, value int) func(string, string, syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if raw := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, name, value)
		}); raw != nil {
			return raw
		}
		return err
	}
}

// TestFastOpenKernelServer: the host fetches a cookie from the kernel's listener and
// then sends data in its SYNs, which the kernel counts as taken. The cookie is the
// one that lastack would have made with that key.
func TestFastOpenKernelServer(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	const key = "00112233-44556677-8899aabb-ccddeeff"
	set := tunable.NewSet()
	if err := set.Set("net.ipv4.tcp_fastopen_key", key); err != nil {
		t.Fatal(err)
	}
	ring := fastopen.NewKeyring(fastopen.Key(set.Keys(tunable.FastOpenKey)[0]))
	for _, near := range []string{"10.78.0.1/24", "fd78::1/64"} {
		given := make(chan bool, 100) // whether a cookie was ours too
		cfg := wire.Config{
			Subject: wire.Lastack{}, Link: "lastack1", NearAddr: netip.MustParsePrefix(near),
			NearSettings: map[string]string{"net.ipv4.tcp_fastopen": "3", "net.ipv4.tcp_fastopen_key": key},
			Tap: func(e *closepath.Event) {
				if e.Kind == closepath.Seen && e.Dir == closepath.In && e.Seg.Cookie.Len > 0 {
					given <- ring.Cookie(e.Seg.Reverse()) == e.Seg.Cookie
				}
			},
		}
		cfg.FarAddr = cfg.NearAddr.Addr().Next()
		w, err := wire.Raise(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		fastOpenFrom(t, w.Host, kernelEcho(t, netip.AddrPortFrom(cfg.NearAddr.Addr(), 0).String()))
		if len(given) != 1 || !<-given {
			t.Errorf("%s gave another cookie than lastack would, or several", near)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := kernelCount(t, "TCPFastOpenPassiveFail"); n != 0 {
		t.Errorf("TCPFastOpenPassiveFail is %d", n)
	}
}

// fastOpenFrom opens four connections to a kernel's listener, of which all but the first
// have data in the SYN.
func fastOpenFrom(t *testing.T, h *stack.Host, to string) {
	t.Helper()
	for i, want := range []int{0, 1, 1, 1} {
		before := kernelCount(t, "TCPFastOpenPassive")
		askFast(t, h, to, strings.Repeat("hello ", 1+i*100))
		if got := kernelCount(t, "TCPFastOpenPassive") - before; got != want {
			t.Errorf("connection %d to %s: TCPFastOpenPassive rose by %d, want %d", i+1, to, got, want)
		}
	}
	if c := h.FastOpenCounts(); c.Active != 3 || c.ActiveFail != 0 {
		t.Errorf("after %s: %+v", to, c)
	}
}

// kernelEcho serves one connection after the other on a kernel's listener that takes
// part in Fast Open.
func kernelEcho(t *testing.T, addr string) string {
	t.Helper()
	cfg := net.ListenConfig{Control: option(unix.TCP_FASTOPEN, 16)}
	l, err := cfg.Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// askFast opens a connection with a request and reads it back.
func askFast(t *testing.T, h *stack.Host, to, request string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := h.DialFastOpen(ctx, "tcp", to, []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.(*stack.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != request {
		t.Fatalf("%d bytes of %d came back: %v", len(got), len(request), err)
	}
}
