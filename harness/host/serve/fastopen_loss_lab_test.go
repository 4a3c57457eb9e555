package serve

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
	"lastack/harness/lab/wire"
	"lastack/stack/impair"

	"golang.org/x/sys/unix"
)

// tally is a server that counts requests of twelve bytes.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func (y *tally) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = c.Close() }()
			var request [12]byte
			if _, err := io.ReadFull(c, request[:]); err != nil {
				return
			}
			y.mu.Lock()
			y.of[string(request[:])]++
			y.mu.Unlock()
			_, _ = c.Write(request[:])
			more, _ := io.ReadAll(c)
			if len(more) > 0 {
				y.mu.Lock()
				y.of["more"]++
				y.mu.Unlock()
			}
		}()
	}
}

// TestFastOpenLossOfKernelClients: a thousand connections of the kernel's with data
// in the SYN, on a wire that loses every fifth segment. Each request is delivered
// once; the few connections that lose all for a long time may come to nothing.
func TestFastOpenLossOfKernelClients(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	w, err := wire.Raise(t.Context(), wire.Config{
		Subject: wire.Lastack{}, Link: "lastack1",
		NearAddr: netip.MustParsePrefix("10.78.0.1/24"), FarAddr: netip.MustParseAddr("10.78.0.2"),
		FarSettings: map[string]string{"net.ipv4.tcp_fastopen": "2", "lastack.fastopen_pending": "1000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	h := w.Host
	l, err := w.Far.Listen(7)
	if err != nil {
		t.Fatal(err)
	}
	y := &tally{of: make(map[string]int)}
	go y.serve(l)
	if err := askKernel("cookie asked"); err != nil {
		t.Fatal(err)
	}
	rule, err := impair.Parse("drop 20% of segments from either")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SetImpairments([]impair.Rule{rule}); err != nil {
		t.Fatal(err)
	}
	y.check(t, askMany(1000))
	// Where the machine is busy, netstack does not take some of the data in time.
	if c := h.FastOpenCounts(); c.Passive == 0 || c.Passive+c.PassiveFail < 500 {
		t.Errorf("%+v; want most to have come with data, and some to have been opened with it", c)
	}
}

// askMany asks so often, many at once, and returns what failed.
func askMany(n int) []error {
	failed, atOnce := make([]error, n), make(chan struct{}, 250)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			atOnce <- struct{}{}
			failed[i] = askKernel(fmt.Sprintf("request %04d", i))
			<-atOnce
		})
	}
	wg.Wait()
	return failed
}

// askKernel has the kernel's client send a request with its SYN.
func askKernel(request string) error {
	d := net.Dialer{Control: option(unix.TCP_FASTOPEN_CONNECT, 1), Timeout: 30 * time.Second}
	c, err := d.Dial("tcp4", "10.78.0.2:7")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	answer := make([]byte, len(request))
	err = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, unwritten := c.Write([]byte(request))
	_, unread := io.ReadFull(c, answer)
	if unread == nil && string(answer) != request {
		unread = fmt.Errorf("%q was answered by %q", request, answer)
	}
	return errors.Join(err, unwritten, unread)
}

func (y *tally) check(t *testing.T, failed []error) {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	bad := 0
	for i, err := range failed {
		if err != nil {
			bad++
		}
		if n := y.of[fmt.Sprintf("request %04d", i)]; n > 1 || n < 1 && err == nil {
			t.Errorf("request %d was delivered %d times (%v)", i, n, err)
		}
	}
	t.Logf("%d of %d connections failed", bad, len(failed))
	if bad > len(failed)/20 || y.of["more"] > 0 {
		t.Errorf("%d of %d connections failed; %d had more than a request", bad, len(failed), y.of["more"])
	}
}
