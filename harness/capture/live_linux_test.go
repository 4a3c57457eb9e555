package capture

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func openLive(t *testing.T, iface string, c LiveConfig) *Live {
	t.Helper()
	l, err := OpenLive(iface, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// stopAndRead returns everything a Live has recorded.
func stopAndRead(t *testing.T, l *Live) []Packet {
	t.Helper()
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	all, err := ReadAll(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Next(); err != io.EOF {
		t.Fatalf("Next after the end: %v", err)
	}
	return all
}

// room is how many small packets surely fit into the queue, at most limit: who
// may not exceed net.core.rmem_max has a small one.
func room(l *Live, limit int) int { return min(limit, l.Stats().Buffer/2048) }

// Both ends of a wire: every packet sent between OpenLive and Stop is recorded
// on both, in order, with its direction and times that do not run backwards.
func TestLiveVeth(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	wire.sendN(t, 900000, 3) // before OpenLive: not recorded
	left := openLive(t, wire.left, LiveConfig{Index: 7})
	right := openLive(t, wire.right, LiveConfig{})
	n := room(left, 5000)
	begin := time.Now()
	wire.sendN(t, 0, n)
	if err := left.Stop(); err != nil { // before anything was read
		t.Fatal(err)
	}
	if err := right.Stop(); err != nil {
		t.Fatal(err)
	}
	end := time.Now()
	wire.sendN(t, 900003, 3) // after Stop: not recorded

	for _, c := range []struct {
		name  string
		live  *Live
		dir   Direction
		index int
	}{{"left", left, Outgoing, 7}, {"right", right, Incoming, 0}} {
		all := stopAndRead(t, c.live)
		if err := checkNumbers(all, n, c.dir); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		stats := c.live.Stats()
		t.Logf("%s: %+v", c.name, stats)
		if stats.Delivered != uint64(len(all)) || stats.Dropped != 0 || stats.Unstamped != 0 {
			t.Errorf("%s: %d packets, %+v", c.name, len(all), stats)
		}
		last := begin
		for i, p := range all {
			if p.Interface != c.index {
				t.Fatalf("%s: interface %d, want %d", c.name, p.Interface, c.index)
			}
			if number(p) < 0 {
				continue
			}
			if p.Time.Before(last) || p.Time.After(end) {
				t.Fatalf("%s: packet %d at %v, after one at %v, Stop at %v", c.name, i, p.Time, last, end)
			}
			last = p.Time
		}
	}
}

// On loopback each packet is there twice, out and in, with all of a real
// connection: what was written is what was recorded.
func TestLiveLoopbackTCP(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	live := openLive(t, "lo", LiveConfig{})
	exchange(t, "some bytes that are easy to find")
	var in, out [][]byte
	for _, p := range stopAndRead(t, live) {
		if p.Direction == Outgoing {
			out = append(out, p.Data)
		} else {
			in = append(in, p.Data)
		}
	}
	// SYN, SYN-ACK, ACK, data, ACK, FIN, (ACK,) FIN, ACK
	if len(out) < 8 || len(in) != len(out) {
		t.Fatalf("%d out, %d in; want the same and 8 or more", len(out), len(in))
	}
	found := false
	for i := range out {
		if !bytes.Equal(out[i], in[i]) {
			t.Errorf("packet %d: out % x, in % x", i, out[i], in[i])
		}
		found = found || bytes.Contains(out[i], []byte("easy to find"))
	}
	if !found {
		t.Error("the data is in no packet")
	}
}

// exchange sends text over a TCP connection on loopback and waits until both
// ends have closed and seen the other's end.
func exchange(t *testing.T, text string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			_, err = io.Copy(io.Discard, c)
			c.Close()
		}
		served <- err
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil { // until the server's FIN
		t.Fatal(err)
	}
	c.Close()
}

func TestLiveSnapLenAndFrames(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	live := openLive(t, wire.right, LiveConfig{SnapLen: 40})
	vlan := join(wire.header[:12], unhex(t, "8100 0064 0800"))
	arp := join(wire.header[:12], unhex(t, "0806"))
	long := udp4(probePort, bytes.Repeat([]byte{'x'}, 1000))
	wire.send(t, wire.header, long)
	wire.send(t, arp, make([]byte, 28))
	wire.send(t, vlan, numbered(1))
	wire.send(t, wire.header, join(numbered(2), make([]byte, 14))) // padded to 60
	var got []Packet
	for _, p := range stopAndRead(t, live) {
		if p.Data[0]>>4 == 4 {
			got = append(got, p)
		}
	}
	if len(got) != 3 {
		t.Fatalf("%d IPv4 packets, want 3: %v", len(got), got)
	}
	if !bytes.Equal(got[0].Data, long[:40]) || got[0].OrigLen != len(long) || !got[0].Truncated() {
		t.Errorf("the long packet: %d of %d bytes", len(got[0].Data), got[0].OrigLen)
	}
	for i := range 2 {
		if p := got[1+i]; number(p) != 1+i || p.OrigLen != 32 {
			t.Errorf("packet %d: % x of %d", 1+i, p.Data, p.OrigLen)
		}
	}
	if s := live.Stats(); s.NonIP != 1 {
		t.Errorf("%+v, want one packet that is not IP", s)
	}
}

// A full queue is reported, after what was in it.
func TestLiveDrops(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	live := openLive(t, wire.left, LiveConfig{Buffer: 16 << 10})
	const n = 1000
	wire.sendN(t, 0, n)
	if err := live.Stop(); err != nil {
		t.Fatal(err)
	}
	all, err := ReadAll(live)
	var lost *DropError
	if !errors.As(err, &lost) || lost.Packets == 0 {
		t.Fatalf("%d packets, then %v; want a *DropError", len(all), err)
	}
	if got := live.Stats(); got.Delivered+got.Dropped < n || got.Dropped != lost.Packets || got.Delivered == 0 {
		t.Errorf("%+v after %d packets, %v", got, n, err)
	}
	if _, err := live.Next(); err != io.EOF {
		t.Errorf("after the *DropError: %v, want io.EOF", err)
	}
	t.Logf("%v; %+v", err, live.Stats())
}

// waiting starts Next and returns when it blocks in the poller, which is when
// it has emptied the queue of the one packet sent before.
func waiting(t *testing.T, wire *pair, l *Live) <-chan error {
	t.Helper()
	first, last := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			p, err := l.Next()
			if err != nil {
				last <- err
				return
			}
			if number(p) == 0 {
				close(first)
			}
		}
	}()
	wire.sendN(t, 0, 1)
	<-first
	return last
}

func TestLiveWakesUp(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	for _, c := range []struct {
		name string
		wake func(*Live) error
		want error
	}{
		{"Close", (*Live).Close, os.ErrClosed},
		{"Stop", (*Live).Stop, io.EOF},
		{"Stop twice", func(l *Live) error { return errors.Join(l.Stop(), l.Stop()) }, io.EOF},
	} {
		live := openLive(t, wire.right, LiveConfig{})
		last := waiting(t, wire, live)
		if err := c.wake(live); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		select {
		case err := <-last:
			if !errors.Is(err, c.want) {
				t.Errorf("%s: Next returned %v, want %v", c.name, err, c.want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s does not wake Next", c.name)
		}
	}
	live := openLive(t, wire.right, LiveConfig{})
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	if err := live.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if err := live.Stop(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Stop after Close: %v", err)
	}
	if _, err := live.Next(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
}

// Recording may begin before the link is up, goes on over a down and up, and
// ends with an error instead of silence when the link is removed.
func TestLiveLinkDown(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	left, err := netlink.LinkByName(wire.left)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetDown(left); err != nil {
		t.Fatal(err)
	}
	live := openLive(t, wire.left, LiveConfig{})
	for _, step := range []struct {
		name string
		end  func(netlink.Link) error
	}{{"down", netlink.LinkSetDown}, {"removed", netlink.LinkDel}} {
		if err := netlink.LinkSetUp(left); err != nil {
			t.Fatal(err)
		}
		wire.sendN(t, 0, 10)
		if err := step.end(left); err != nil {
			t.Fatal(err)
		}
		all, err := ReadAll(live)
		if !errors.Is(err, unix.ENETDOWN) {
			t.Errorf("%s: %v, want ENETDOWN", step.name, err)
		}
		if err := checkNumbers(all, 10, Outgoing); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if rest := stopAndRead(t, live); len(rest) != 0 {
		t.Errorf("%d packets after the end", len(rest))
	}
}

func TestOpenLiveErrors(t *testing.T) {
	if _, err := OpenLive("no-such-iface", LiveConfig{}); err == nil {
		t.Error("opened an interface that does not exist")
	}
	if _, err := OpenLive("lo", LiveConfig{SnapLen: -1}); err == nil {
		t.Error("accepted a negative SnapLen")
	}
	denied := make(chan error, 1)
	go func() {
		// The thread gives up its capabilities, and ends with the goroutine.
		runtime.LockOSThread()
		none := [2]unix.CapUserData{}
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			denied <- err
			return
		}
		_, err := OpenLive("lo", LiveConfig{})
		denied <- err
	}()
	if err := <-denied; !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("without CAP_NET_RAW: %v, want os.ErrPermission", err)
	}
}

// How fast the kernel's queue can be emptied: packets a second is the figure.
func TestLiveThroughput(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a measurement, not a check")
	}
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	live := openLive(t, wire.left, LiveConfig{SnapLen: 128})
	n := room(live, 20000)
	wire.sendN(t, 0, n)
	if err := live.Stop(); err != nil {
		t.Fatal(err)
	}
	begin, got := time.Now(), 0
	for {
		p, err := live.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if number(p) >= 0 {
			got++
		}
	}
	each := time.Since(begin) / time.Duration(max(got, 1))
	t.Logf("%d packets read, %v each; %+v", got, each, live.Stats())
	if got != n {
		t.Errorf("%d packets, want %d", got, n)
	}
	if allocs := testing.AllocsPerRun(10, func() { live.Next() }); allocs != 0 {
		t.Errorf("%v allocations a call at the end", allocs)
	}
}

// The first packet after OpenLive already has its time; see awaitStamps.
func TestLiveStampsTheFirstPacket(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	for range 20 {
		live := openLive(t, wire.right, LiveConfig{})
		before := time.Now()
		wire.sendN(t, 0, 2)
		for _, p := range stopAndRead(t, live) {
			if number(p) >= 0 && (p.Time.Before(before) || p.Time.After(time.Now())) {
				t.Errorf("packet at %v, sent after %v", p.Time, before)
			}
		}
		if s := live.Stats(); s.Unstamped != 0 {
			t.Errorf("%+v", s)
		}
		live.Close()
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetDown(lo); err != nil {
		t.Fatal(err)
	}
	live := openLive(t, wire.right, LiveConfig{})
	wire.sendN(t, 0, 3)
	if err := checkNumbers(stopAndRead(t, live), 3, Incoming); err != nil {
		t.Errorf("without loopback: %v", err)
	}
}
