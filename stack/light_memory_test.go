package stack

import (
	"net"
	"net/netip"
	"runtime"
	"testing"

	"lastack/stack/closepath"
	"lastack/stack/segment"
	"lastack/stack/tunable"
	"lastack/tun/tuntest"
)

// TestLightMemory: an idle light connection, accepted and held, takes less than 4 KB of the
// heap, where one of netstack's takes 8 and more.
func TestLightMemory(t *testing.T) {
	const n, bound = 4000, 4096
	answers := make(chan segment.Segment, 8)
	a, b := tuntest.Pair(1500)
	host, err := New(Config{Device: a, Addrs: []netip.Addr{addr4}, Tap: func(e *closepath.Event) {
		if e.Kind == closepath.Seen && e.Point == closepath.Wire && e.Dir == closepath.Out && e.Seg.Flags.Has(segment.SYN) {
			answers <- *e.Seg
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = host.Close() }()
	go func() { // what comes out goes nowhere
		buf := make([]byte, 2000)
		for {
			if _, err := b.Read(buf); err != nil {
				return
			}
		}
	}()
	if err := host.Tunables().SetInt(tunable.Light, 1); err != nil {
		t.Fatal(err)
	}
	l, err := host.Listen("tcp", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	held := make([]net.Conn, 0, 2*n)
	open := func(n int) {
		for range n {
			i := len(held)
			s := segment.Segment{Version: 4, Flags: segment.SYN, Seq: 1000, Window: 60000}
			s.Src = segment.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 2000))
			s.Dst = segment.EndpointFrom(netip.AddrPortFrom(addr4, 80))
			s.MSS, s.SACKPermitted, s.HasTimestamps, s.TSVal = 1460, true, true, 1
			if _, err := b.Write(segment.Append(nil, &s, nil)); err != nil {
				t.Fatal(err)
			}
			got := <-answers
			s.Flags, s.Seq, s.Ack, s.TSVal, s.TSEcr = segment.ACK, 1001, got.Seq+1, 2, got.TSVal
			s.MSS, s.SACKPermitted = 0, false
			if _, err := b.Write(segment.Append(nil, &s, nil)); err != nil {
				t.Fatal(err)
			}
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, c)
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	open(n) // maps have their size
	before := heap()
	open(n)
	each := int64(heap()-before) / n
	t.Logf("%d bytes a connection", each)
	if taken, promoted := host.path.LightCounts(); taken != 2*n || promoted != 0 {
		t.Errorf("%d were taken and %d promoted", taken, promoted)
	}
	if each > bound {
		t.Errorf("%d bytes a connection, want %d at most", each, bound)
	}
	runtime.KeepAlive(held)
}
