package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/impair"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// opened is a pair of hosts of which the peer is a server that takes part in Fast
// Open: it reads a request until EOF and sends it back.
type opened struct {
	*two
	to string

	mu       sync.Mutex
	requests map[string]int // how often the application had each
}

// newOpened is for what needs no timer: time passes slowly, because the server waits for
// netstack for a tenth of a second, then goes on without the data, and a busy machine may take
// that long.
func newOpened(t *testing.T, at netip.Addr) *opened {
	t.Helper()
	return newOpenedOn(t, at, paced{tcpip.NewStdClock(), 1, 20})
}

func newOpenedOn(t *testing.T, at netip.Addr, clock tcpip.Clock) *opened {
	t.Helper()
	o := &opened{two: newTwoOn(t, clock), requests: make(map[string]int)}
	o.tune(t, o.peer, "net.ipv4.tcp_fastopen=2")
	l, err := o.peer.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	o.to = l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go o.serve(c)
		}
	}()
	return o
}

func (o *opened) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	request, err := io.ReadAll(c)
	if len(request) == 0 {
		return
	}
	o.mu.Lock()
	o.requests[string(request)]++ // though the connection may have ended badly
	o.mu.Unlock()
	if err == nil {
		_, _ = c.Write(request)
	}
}

// ask sends a request with the SYN, if it may, and reads the answer.
func (o *opened) ask(request string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := o.host.DialFastOpen(ctx, "tcp", o.to, []byte(request))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	err = c.(*Conn).CloseWrite()
	answer, more := io.ReadAll(c)
	if string(answer) != request {
		more = errors.Join(more, fmt.Errorf("the answer to %d bytes has %d", len(request), len(answer)))
	}
	return errors.Join(err, more, c.Close())
}

// syns takes what the wire saw of handshakes: "SYN 0+5 cookie" is a SYN with five
// bytes and a cookie.
func (o *opened) syns() []string {
	o.two.mu.Lock()
	defer o.two.mu.Unlock()
	var out []string
	var first [2]segment.Seq
	for i := range o.wire {
		s := &o.wire[i]
		switch {
		case s.Flags == segment.SYN:
			first[0] = s.Seq
			out = append(out, fmt.Sprintf("SYN+%d%s", s.PayloadLen, option(s)))
		case s.Flags == segment.SYN|segment.ACK:
			out = append(out, fmt.Sprintf("SYN-ACK %d%s", s.Ack-first[0], option(s)))
		}
	}
	o.wire = nil
	return out
}

func option(s *segment.Segment) string {
	switch {
	case s.FastOpen == segment.NoFastOpen:
		return ""
	case s.Cookie.Len == 0:
		return " asks"
	}
	return " cookie"
}

func (o *opened) wants(t *testing.T, request string, want ...string) {
	t.Helper()
	if err := o.ask(request); err != nil {
		t.Fatal(err)
	}
	if got := o.syns(); !slices.Equal(got, want) {
		t.Errorf("the handshake was %q, want %q", got, want)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for r, n := range o.requests {
		if n != 1 || r != request {
			t.Errorf("the application had %.20q (%d bytes) %d times", r, len(r), n)
		}
	}
	clear(o.requests)
}

// TestFastOpen: the first connection fetches a cookie, the second sends data with
// it; data that are longer than a SYN follow; and a server with other keys has to
// give another cookie first.
func TestFastOpen(t *testing.T) {
	families(t, func(t *testing.T, _, peer netip.Addr) {
		o := newOpened(t, peer)
		room := 1460 - 40
		if peer.Is6() {
			room = 1440 - 40
		}
		long := string(bytes.Repeat([]byte("0123456789"), 10_000))
		o.wants(t, "one", "SYN+0 asks", "SYN-ACK 1 cookie")
		o.wants(t, "two", "SYN+3 cookie", "SYN-ACK 4")
		o.wants(t, long, fmt.Sprintf("SYN+%d cookie", room), fmt.Sprintf("SYN-ACK %d", room+1))
		o.wants(t, long[:room], fmt.Sprintf("SYN+%d cookie", room), fmt.Sprintf("SYN-ACK %d", room+1))
		o.wants(t, long[:room+1], fmt.Sprintf("SYN+%d cookie", room), fmt.Sprintf("SYN-ACK %d", room+1))
		o.tune(t, o.peer, "net.ipv4.tcp_fastopen_key=1-2-3-4")
		o.wants(t, "aging", "SYN+5 cookie", "SYN-ACK 6 cookie")
		o.tune(t, o.peer, "net.ipv4.tcp_fastopen_key=1-2-3-5,1-2-3-6")
		o.wants(t, "refused", "SYN+7 cookie", "SYN-ACK 1 cookie")
		o.wants(t, "again", "SYN+5 cookie", "SYN-ACK 6")
		o.tune(t, o.peer, "net.ipv4.tcp_fastopen=0")
		o.wants(t, "off", "SYN+3 cookie", "SYN-ACK 1")
		o.tune(t, o.host, "net.ipv4.tcp_fastopen=2")
		o.wants(t, "plain", "SYN+0", "SYN-ACK 1")
		o.tune(t, o.host, "net.ipv4.tcp_fastopen=5")
		o.tune(t, o.peer, "net.ipv4.tcp_fastopen=514", "net.ipv4.tcp_fastopen_key=1-1-1-1,2-2-2-2")
		o.wants(t, "no matter", "SYN+9 cookie", "SYN-ACK 10 cookie")
		want := closepath.FastOpenCounts{Active: 7, ActiveFail: 2}
		if got := o.host.FastOpenCounts(); got != want {
			t.Errorf("the client counted %+v, want %+v", got, want)
		}
	})
}

// TestFastOpenSocket: a connection tells with how many bytes it was opened, on both
// sides.
func TestFastOpenSocket(t *testing.T) {
	o := newOpened(t, peer4)
	o.wants(t, "one", "SYN+0 asks", "SYN-ACK 1 cookie")
	c, err := o.host.DialFastOpen(t.Context(), "tcp", o.to, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, h := range []*Host{o.host, o.peer} {
		n := 0
		for _, s := range h.Sockets() {
			// The server is in SYN_RECEIVED until the client's ACK has come, as on Linux.
			if s.State == "ESTABLISHED" || s.State == "SYN_RECEIVED" {
				n += s.FastOpen
			}
		}
		if n != 5 {
			t.Errorf("sockets %+v, want one opened with 5 bytes", h.Sockets())
		}
	}
}

// TestFastOpenResetBeforeAccept: a connection that was opened with data and reset
// before anybody accepted it is not handed out, and is in nobody's way.
func TestFastOpenResetBeforeAccept(t *testing.T) {
	w := newTwo(t)
	w.tune(t, w.peer, "net.ipv4.tcp_fastopen=2")
	l, err := w.peer.Listen("tcp", netip.AddrPortFrom(peer4, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	open := func(data string) *Conn {
		t.Helper()
		c, err := w.host.DialFastOpen(t.Context(), "tcp", l.Addr().String(), []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		return c.(*Conn)
	}
	for _, data := range []string{"cookie", "reset"} {
		c := open(data)
		if err := errors.Join(c.SetLinger(0), c.Close()); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return w.peer.Flows() == 0 }, func() string { return "the RST had no effect" })
	}
	c := open("served")
	defer func() { _ = c.Close() }()
	if n := w.peer.FastOpenCounts().Passive; n != 2 {
		t.Errorf("%d connections were opened with data, want 2", n)
	}
	got := make([]byte, 10)
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if n, err := s.Read(got); err != nil || string(got[:n]) != "served" {
		t.Errorf("accepted %q, %v", got[:n], err)
	}
}

// TestDialFastOpenEnds: ctx ends a dial that gets no answer.
func TestDialFastOpenEnds(t *testing.T) {
	o := newOpened(t, peer4)
	o.rule(t, o.host, "drop every SYN from host")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	c, err := o.host.DialFastOpen(ctx, "tcp", o.to, []byte("hello"))
	if c != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", c, err)
	}
}

func (o *opened) rule(t *testing.T, h *Host, lines ...string) {
	t.Helper()
	var rules []impair.Rule
	for _, l := range lines {
		r, err := impair.Parse(l)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	if err := h.SetImpairments(rules); err != nil {
		t.Fatal(err)
	}
}

// TestFastOpenOnABadWire: whatever is lost, comes twice or out of order while a
// connection is opened with data, each request is delivered once.
func TestFastOpenOnABadWire(t *testing.T) {
	for _, line := range []string{
		"drop the 1st SYN from host",
		"drop the 1st SYN+ACK from peer",
		"drop the 1st pure ACK from host",
		"drop the 1st segment with data from peer",
		"duplicate every SYN from either",
		"duplicate every segment with data from either",
		"corrupt the 1st SYN from host",
		"corrupt the 1st SYN+ACK from peer",
		"reorder the 1st SYN+ACK from peer",
		"reorder the 1st pure ACK from host",
		"delay every segment from either by 5 ms",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			o := newOpenedOn(t, peer4, nil)
			if err := o.ask("cookie"); err != nil {
				t.Fatal(err)
			}
			o.rule(t, o.host, line)
			for i := range 3 {
				if err := o.ask(fmt.Sprint("request ", i)); err != nil {
					t.Fatal(err)
				}
			}
			o.once(t, 4)
		})
	}
}

// once checks that the application had so many requests, each once.
func (o *opened) once(t *testing.T, n int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.requests) != n {
		t.Errorf("the application had %d requests, want %d", len(o.requests), n)
	}
	for r, times := range o.requests {
		if times != 1 {
			t.Errorf("it had %q %d times", r, times)
		}
	}
}

// TestFastOpenFlood: SYNs with data and forged cookies, from many addresses, have
// nothing delivered and hold no place among the pending handshakes; and meanwhile
// other clients are served, with a cookie and without.
func TestFastOpenFlood(t *testing.T) {
	t.Parallel()
	o := newOpenedOn(t, peer4, nil)
	if err := o.ask("cookie"); err != nil {
		t.Fatal(err)
	}
	const n = 6000 // more than the listener's backlog
	to := segment.EndpointFrom(netip.MustParseAddrPort(o.to))
	forged, _ := segment.MakeCookie([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	s := segment.Segment{Version: 4, Flags: segment.SYN, Window: 1000}
	s.Dst, s.MSS, s.FastOpen, s.Cookie = to, 1460, segment.FastOpenOption, forged
	for i := range n {
		from := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		s.Src, s.Seq = segment.EndpointFrom(netip.AddrPortFrom(from, uint16(1024+i))), segment.Seq(i)
		if _, err := o.device.Write(segment.Append(nil, &s, []byte("forged"))); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			o.plain(t, fmt.Sprintf("plain %d", i))
			if err := o.ask(fmt.Sprintf("fast %d", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.once(t, 1+2*n/1000)
	if c := o.peer.FastOpenCounts(); c.PassiveFail < n/4 { // a full device drops
		t.Errorf("%+v, of %d forged", c, n)
	}
	waitFor(t, func() bool { return o.peer.FastOpenCounts().Pending == 0 },
		func() string { return fmt.Sprintf("%+v, and nobody asks", o.peer.FastOpenCounts()) })
}

// plain asks without Fast Open.
func (o *opened) plain(t *testing.T, request string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := o.host.Dial(ctx, "tcp", o.to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Write([]byte(request))
	err = errors.Join(err, c.(*Conn).CloseWrite())
	answer, more := io.ReadAll(c)
	if err = errors.Join(err, more, c.Close()); err != nil || string(answer) != request {
		t.Fatalf("%q, %v", answer, err)
	}
}

// paced is a clock on which times seconds pass in every so many.
type paced struct {
	tcpip.Clock
	times, every time.Duration
}

func (p paced) NowMonotonic() tcpip.MonotonicTime {
	var zero tcpip.MonotonicTime
	return zero.Add(p.Clock.NowMonotonic().Sub(zero) * p.times / p.every)
}

func (p paced) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	return pacedTimer{p.Clock.AfterFunc(d*p.every/p.times, f), p}
}

type pacedTimer struct {
	tcpip.Timer
	paced
}

func (t pacedTimer) Reset(d time.Duration) { t.Timer.Reset(d * t.every / t.times) }

// TestFastOpenLoss: a thousand connections with data in the SYN on a wire that loses
// every fifth segment. Each request is delivered once. A connection that loses all
// that it sends for minutes comes to nothing, as any would, and its request may be
// delivered or not; those are few.
func TestFastOpenLoss(t *testing.T) {
	t.Parallel()
	const n = 1000
	// A connection that loses every segment for two minutes is waited for, but not so long.
	o := newOpenedOn(t, peer4, paced{tcpip.NewStdClock(), 4, 1})
	o.tune(t, o.peer, "lastack.fastopen_pending=1000")
	if err := o.ask("cookie"); err != nil {
		t.Fatal(err)
	}
	o.rule(t, o.host, "drop 20% of segments from either")
	var wg sync.WaitGroup
	failed := make([]error, n)
	atOnce := make(chan struct{}, 200)
	for i := range n {
		wg.Go(func() {
			atOnce <- struct{}{}
			failed[i] = o.ask(fmt.Sprintf("request %04d", i))
			<-atOnce
		})
	}
	wg.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	bad := 0
	for i, err := range failed {
		times := o.requests[fmt.Sprintf("request %04d", i)]
		if err != nil {
			bad++
		}
		if times > 1 || times < 1 && err == nil {
			t.Errorf("request %d was delivered %d times (%v)", i, times, err)
		}
	}
	for r := range o.requests {
		if len(r) > len("request 0000") {
			t.Errorf("a request of %d bytes: %q", len(r), r)
		}
	}
	c := o.peer.FastOpenCounts()
	t.Logf("%d connections failed; %+v", bad, c)
	if bad > n/20 || c.Passive == 0 {
		t.Errorf("%d of %d connections failed; %+v", bad, n, c)
	}
}
