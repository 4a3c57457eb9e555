package closepath

import (
	"encoding/binary"
	"strings"
	"testing"

	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/ports"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// TestEthernet: around an endpoint whose frames have addresses, everything is as around
// one that has none: closes in three segments, answers out of TIME_WAIT, ports.
func TestEthernet(t *testing.T) {
	for i, addr := range []string{"10.0.0.2", "fd00::2"} {
		t.Run(addr, func(t *testing.T) {
			a := adoptOn(t, Config{}, func(l netstack.LinkEndpoint) netstack.LinkEndpoint { return ethernet.New(l) })
			for s, mac := range map[*netstack.Stack]tcpip.LinkAddress{a.host: peerMAC, a.peer: hostMAC} {
				for _, n := range append(append([]string{}, hostAddrs...), peerAddrs...) {
					_ = s.AddStaticNeighbor(1, protocol(ipAddr(n)), ipAddr(n), mac)
				}
			}
			l := a.listen(a.host)
			_ = a.peer.SetPortRange(5000, 5000)
			c, err := a.dial(a.peer, addr)
			if err != nil {
				t.Fatal(err)
			}
			h := a.accept(l)
			a.seen()
			a.closeBoth(h, c)
			// A SYN that is too old is answered out of TIME_WAIT. By then netstack has nothing
			// for the connection.
			s := segment.Segment{Version: 4, Flags: segment.SYN}
			if i == 1 {
				s.Version = 6
			}
			s.Src, s.Dst = segment.EndpointFrom(mustAddrPort(peerAddrs[i])), segment.EndpointFrom(mustAddrPort(addr))
			s.Src.Port, s.Dst.Port = 5000, 80
			rec, _ := a.path.TimeWait(s.Tuple.Reverse())
			s.Seq = rec.RcvNxt - 1000
			a.seen()
			p := made(&s, nil)
			a.path.DeliverNetworkPacket(p.buf.NetworkProtocolNumber, p.buf)
			p.buf.DecRef()
			// The peer answers with a RST, if it got that.
			got := a.seen()
			a.await("the peer's RST", func() bool { got += a.seen(); return strings.HasSuffix(got, "RST") })
			if want := "SYN >ACK RST"; strings.ReplaceAll(got, ">ACKRST", ">ACK RST") != want {
				t.Errorf("the wire saw %s, want %s", got, want)
			}
		})
	}
}

// TestFrames: segments of the close path's own making, and of an impairment's, are framed as
// netstack's are.
func TestFrames(t *testing.T) {
	wire := channel.New(64, 1500, hostMAC)
	e := New(ethernet.New(wire), Config{Alive: func(segment.Tuple) bool { return true }})
	defer e.Close()
	if !e.framed {
		t.Fatal("not framed")
	}
	s := segment.Segment{Version: 4, Flags: segment.ACK, Seq: 1, Ack: 1}
	s.Src, s.Dst = segment.EndpointFrom(mustAddrPort("10.0.0.2")), segment.EndpointFrom(mustAddrPort("10.0.0.1"))
	s.Src.Port, s.Dst.Port = 80, 5000
	p := made(&s, []byte("data"))
	p.buf = e.room(&p.seg, p.buf)
	p.buf.EgressRoute.LocalLinkAddress, p.buf.EgressRoute.RemoteLinkAddress = hostMAC, peerMAC
	e.AddHeader(p.buf) // as netstack does
	var l netstack.PacketBufferList
	l.PushBack(p.buf)
	if n, err := e.WritePackets(l); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	p.buf.DecRef()
	e.emit(nil, &s, nil, len(e.chain))
	for _, want := range []int{44, 40} {
		out := wire.Read()
		v := out.ToView()
		b := v.AsSlice()
		if len(b) != 14+want || string(b[:6]) != string(peerMAC) || string(b[6:12]) != string(hostMAC) ||
			binary.BigEndian.Uint16(b[12:]) != 0x0800 || b[14] != 0x45 {
			t.Errorf("frame % x, want %d bytes of IPv4 from %x to %x", b, want, hostMAC, peerMAC)
		}
		v.Release()
		out.DecRef()
	}
}

// TestNeighboursAreBounded: a peer with many addresses fills no memory.
func TestNeighboursAreBounded(t *testing.T) {
	var n neighbours
	buf := netstack.NewPacketBuffer(netstack.PacketBufferOptions{})
	defer buf.DecRef()
	buf.EgressRoute.RemoteLinkAddress = peerMAC
	var s segment.Segment
	for i := range maxNeighbours + 100 {
		binary.BigEndian.PutUint32(s.Dst.Addr[12:], uint32(i))
		n.learn(&s, buf)
	}
	if len(n.routes) != maxNeighbours || n.known(s.Dst.Addr).remote != peerMAC {
		t.Errorf("%d routes, the latest %x", len(n.routes), n.known(s.Dst.Addr).remote)
	}
}

// countingPool is a port manager that counts.
type countingPool struct{ made int }

func (c *countingPool) ReserveTuple(ports.Reservation) bool { c.made++; return true }
func (c *countingPool) ReleasePort(ports.Reservation)       { c.made-- }

// TestReservationsAreBounded: reservations end at a bound, and all are given back.
func TestReservationsAreBounded(t *testing.T) {
	r := newRig(t, false)
	pool := &countingPool{}
	r.ep.reserve(pool)
	if err := r.set.SetInt(tunable.MaxTWBuckets, 1<<20); err != nil {
		t.Fatal(err)
	}
	f := &tracked{host: 0}
	for i := range maxReserved + 100 {
		binary.BigEndian.PutUint32(f.key.Dst.Addr[:], uint32(i))
		r.ep.reserved.waits(f, 0)
	}
	if n := len(r.ep.reserved.held); n != maxReserved {
		t.Errorf("%d reservations, want %d", n, maxReserved)
	}
	// None of these is in TIME_WAIT, so that none is reserved after all.
	r.clock.Advance(2 * reserveAfter)
	if n := len(r.ep.reserved.held) + len(r.ep.reserved.pending); n != 0 || pool.made != 0 {
		t.Errorf("%d left, %d reserved", n, pool.made)
	}
}
