package monitor

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"

	"golang.org/x/sys/unix"
)

// socketsEnv is with how many sockets TestLookCost looks; its log has the time it took.
const socketsEnv = "LASTACK_SOCKETS"

// TestLookCost: a look at many sockets in TIME_WAIT allocates little, however many there are.
func TestLookCost(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	want := 5000
	if text := os.Getenv(socketsEnv); text != "" {
		var err error
		if want, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	waiting(t, want)
	var k Kernel
	if _, err := k.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), cpuTime(t)
	s, err := k.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	took, busy := time.Since(began), cpuTime(t)-cpu
	runtime.ReadMemStats(&after)
	seen := s.States["TIME_WAIT"]
	t.Logf("%d in TIME_WAIT: %v, %v of a processor, %d KiB allocated, %d destinations",
		seen, took, busy, (after.TotalAlloc-before.TotalAlloc)>>10, len(s.Destinations))
	if seen < want*9/10 {
		t.Errorf("%d in TIME_WAIT, want about %d", seen, want)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes allocated for a look at %d sockets", n, seen)
	}
}

// waiting leaves n sockets in TIME_WAIT: 20,000 toward each of several ports.
func waiting(t *testing.T, n int) {
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

// cpuTime is what the process and the kernel for it have used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
