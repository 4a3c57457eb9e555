package labtest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"lastack/harness/lab"
)

// SocketsEnv is with how many sockets tests of what many of them cost are run; their logs
// have the figures.
const SocketsEnv = "LASTACK_SOCKETS"

// fewSockets is how many it is where nobody says.
const fewSockets = 5000

// Many is how many sockets to make.
func Many(t *testing.T) int {
	t.Helper()
	text := os.Getenv(SocketsEnv)
	if text == "" {
		return fewSockets
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", SocketsEnv, err)
	}
	return n
}

// TimeWait leaves n sockets in TIME_WAIT on loopback, 20,000 toward each of several ports, and
// sets what the kernel needs for that. It is for a test inside a lab.
func TimeWait(t *testing.T, n int) {
	t.Helper()
	for key, value := range map[string]string{"tcp_max_tw_buckets": strconv.Itoa(2*n + 1000), "ip_local_port_range": "10000 65000", "tcp_tw_reuse": "0"} {
		if err := lab.Sysctl("net.ipv4."+key, value); err != nil {
			t.Fatal(err)
		}
	}
	const each = 20_000
	for port := uint16(2000); n > 0; port++ {
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
		l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(to))
		if err != nil {
			t.Fatal(err)
		}
		for range min(n, each) {
			c, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(to))
			if err != nil {
				t.Fatal(err)
			}
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = c.CloseWrite()
			if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			_, _ = s.Close(), c.Close()
		}
		_ = l.Close()
		n -= each
	}
}
