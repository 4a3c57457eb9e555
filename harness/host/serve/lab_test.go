package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
	"lastack/harness/teardown"
)

const (
	// patientACK is as long as an ACK may be held, so that a busy machine's server has the time
	// to close.
	patientACK = "499"

	three = "client FIN+ACK, server FIN+ACK, client ACK"
	four  = "client FIN+ACK, server ACK, server FIN+ACK, client ACK"
)

// TestCurlAndNetcatCloseInThreeAndInFour is the main promise: fifty of fifty,
// as an independent capture sees them.
func TestCurlAndNetcatCloseInThreeAndInFour(t *testing.T) {
	for _, tt := range []struct {
		client, port, delayed, want string
		run                         func(*testing.T)
	}{
		{"curl", "80", "1", three, runCurl},
		{"curl", "80", "0", four, runCurl},
		{"nc", "7", "1", three, runNetcat},
		{"nc", "7", "0", four, runNetcat},
	} {
		t.Run(tt.client+" delayed_ack="+tt.delayed, func(t *testing.T) {
			if !labtest.Inside(t) {
				return
			}
			s := start(t, Config{})
			s.set("lastack.delayed_ack", tt.delayed)
			s.set("lastack.delayed_ack_ms", patientACK)
			const n = 50
			for range n {
				tt.run(t)
			}
			s.reports(n)
			port := uint16(80)
			if tt.port == "7" {
				port = 7
			}
			seen := s.captured(port)
			if len(seen) != n {
				t.Fatalf("captured %d connections, want %d", len(seen), n)
			}
			for i := range seen {
				if got := closing(&seen[i]); got != tt.want {
					t.Errorf("connection %d of %d: %s, want %s", i+1, n, got, tt.want)
				}
			}
		})
	}
}

func runCurl(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := lab.Command(ctx, "curl", "-sS", "--noproxy", "*", "http://10.77.0.2/bytes/100").Output()
	if err != nil || len(out) != 100 {
		t.Fatalf("curl: %d bytes, %v", len(out), err)
	}
}

// runNetcat is (printf x; sleep 0.2) | nc -N HOST 7, with the echo in place of
// the sleep.
func runNetcat(t *testing.T) {
	t.Helper()
	nc, err := lab.Netcat()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := lab.Command(ctx, nc, "-N", "10.77.0.2", "7")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Write([]byte("x"))
	_, readErr := io.ReadFull(out, make([]byte, 1))
	_ = in.Close()
	if err := cmd.Wait(); err != nil || readErr != nil {
		t.Fatalf("nc: %v, %v", err, readErr)
	}
}

// TestMegabyteThroughEcho goes from the kernel to lastack and back.
func TestMegabyteThroughEcho(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{})
	var data bytes.Buffer
	if _, err := io.Copy(&data, app.Content(1<<20)); err != nil {
		t.Fatal(err)
	}
	for _, delayed := range []string{"1", "0"} {
		s.set("lastack.delayed_ack", delayed)
		for _, addr := range []string{"10.77.0.2:7", "[fd77::2]:7"} {
			c := dial(t, addr)
			go func() {
				_, _ = c.Write(data.Bytes())
				_ = c.CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, data.Bytes()) {
				t.Errorf("delayed_ack=%s, %s: %d bytes back, %v", delayed, addr, len(got), err)
			}
			_ = c.Close()
		}
	}
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// TestSlowCloser: behind data, the pure ACK of the FIN comes when the delayed ACK runs
// out, not before, and the FIN when the application closes.
func TestSlowCloser(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{})
	c := dial(t, "10.77.0.2:8002")
	if _, err := io.CopyN(c, strings.NewReader("hello"), 5); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	_, _ = io.ReadAll(c)
	_ = c.Close()
	r := s.reports(1)[0]
	if r.Close != teardown.FourWay || r.AckDelayUS < 40_000 || r.AckDelayUS >= 290_000 {
		t.Errorf("%s, ACK of the FIN after %d us; want four-way, from 40 ms on and before the close at 300 ms", r.Close, r.AckDelayUS)
	}
	if got := closing(&s.captured(8002)[0]); got != four {
		t.Errorf("captured %s, want %s", got, four)
	}
}

// TestEachApp closes against each default app as a kernel client would, and
// looks at what lastack says of it.
func TestEachApp(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{})
	// Behind data, the ACK of a FIN waits that long.
	s.set("lastack.delayed_ack_ms", patientACK)
	halfClose := func(c *net.TCPConn) error {
		_, _ = c.Write([]byte("hello"))
		_ = c.CloseWrite()
		_, err := io.Copy(io.Discard, c)
		return err
	}
	ask := func(c *net.TCPConn) error {
		_, _ = c.Write([]byte("hello"))
		_, err := io.Copy(io.Discard, c)
		return err
	}
	for i, tt := range []struct {
		port   string
		client func(*net.TCPConn) error
		want   teardown.Kind
		closer teardown.Who
		err    error
	}{
		{"9", halfClose, teardown.ThreeWay, teardown.Client, nil},
		{"8001", ask, teardown.ThreeWay, teardown.Server, nil},
		{"8003", halfClose, teardown.FourWay, teardown.Client, nil},
		{"8005", ask, teardown.Reset, teardown.None, syscall.ECONNRESET},
		{"8006", ask, teardown.Reset, teardown.None, syscall.ECONNRESET},
	} {
		c := dial(t, "10.77.0.2:"+tt.port)
		if err := tt.client(c); !errors.Is(err, tt.err) {
			t.Errorf("port %s: %v, want %v", tt.port, err, tt.err)
		}
		_ = c.Close()
		r := s.reports(i + 1)[i]
		// Who acknowledges a FIN in three or in four segments is, with the
		// kernel as the passive side, the kernel's affair.
		kindOK := r.Close == tt.want || tt.closer == teardown.Server && r.Close == teardown.FourWay
		if !strings.HasSuffix(r.Server, ":"+tt.port) || !kindOK || r.ActiveCloser != tt.closer {
			t.Errorf("port %s: %s is %s, first %s; want %s, %s", tt.port, r.Server, r.Close, r.ActiveCloser, tt.want, tt.closer)
		}
	}
	if _, err := net.DialTimeout("tcp", "10.77.0.2:4321", 5*time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a closed port: %v", err)
	}
	all := s.reports(6)
	if got := all[5].Close; got != teardown.Refused {
		t.Errorf("a closed port is %s", got)
	}
}

// TestLeakerIsInTheSummary: a connection that never ends is told of at the end.
func TestLeakerIsInTheSummary(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{})
	c := dial(t, "10.77.0.2:8004")
	defer func() { _ = c.Close() }()
	_ = c.CloseWrite()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	local, remote := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
	if _, err := lab.WaitState(ctx, local, remote, "FIN_WAIT_2"); err != nil {
		t.Fatal(err)
	}
	s.cancel()
	s.out.wait(t, "summary", func(l []string) bool { return strings.Contains(l[len(l)-1], `"summary"`) })
	all := s.reports(1)
	if len(all) != 1 || all[0].ActiveCloser != teardown.Client || all[0].States[1] == "LAST_ACK" {
		t.Errorf("reported %+v", all)
	}
}

// TestManyAtOnce: closes of parallel connections do not mix.
func TestManyAtOnce(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := start(t, Config{})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			c, err := net.DialTimeout("tcp", []string{"10.77.0.2:7", "[fd77::2]:7"}[i%2], 10*time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			want := fmt.Sprint("connection ", i)
			_, _ = c.Write([]byte(want))
			_ = c.(*net.TCPConn).CloseWrite()
			if got, err := io.ReadAll(c); err != nil || string(got) != want {
				t.Errorf("%q back, %v; want %q", got, err, want)
			}
		})
	}
	wg.Wait()
	for _, r := range s.reports(200) {
		if r.ActiveCloser != teardown.Client || r.Close != teardown.ThreeWay && r.Close != teardown.FourWay {
			t.Errorf("%s: %s, %s", r.Client, r.Close, r.Reason)
		}
	}
}

// TestPing: the host answers ICMP echo.
func TestPing(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	start(t, Config{})
	c, err := net.Dial("ip4:icmp", "10.77.0.2")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// Echo request, identifier 0x1234, sequence 1; 0xe5ca completes the sum.
	if _, err := c.Write([]byte{8, 0, 0xe5, 0xca, 0x12, 0x34, 0, 1}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, _, err := c.(*net.IPConn).ReadFrom(b) // without the IP header
	if err != nil || n < 8 || b[0] != 0 || b[4] != 0x12 || b[5] != 0x34 {
		t.Errorf("reply % x, %v", b[:n], err)
	}
}
