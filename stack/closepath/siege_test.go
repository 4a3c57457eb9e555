package closepath

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/faketime"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// siege is one connection of an honest peer with an echo server on a real netstack behind
// an Endpoint, on a wire that loses, repeats and reorders, beside a forger who may send
// anything that RFC 9293, 5961 and 7323 have the host refuse or ignore. Time is virtual.
//
//	honest peer --+
//	              +--> channel.Endpoint --> Endpoint --> netstack: a listener, an echo
//	forger -------+
type siege struct {
	t     *testing.T
	clock *faketime.ManualClock
	link  *channel.Endpoint
	ep    *Endpoint
	net   *netstack.Stack
	tuple segment.Tuple // Src is the host

	listener, conn  tcpip.Endpoint
	lights          *LightListener
	back            []byte // read, and not yet written back
	got             []byte // all that was read
	eof, shut, gone bool

	peer *besieged
	// loseIn and loseOut count the segments that the wire loses next, of the peer's and of
	// the host's; aside are the peer's that it holds back; past are all that the peer sent.
	loseIn, loseOut int
	aside, past     [][]byte
	holdNext        bool
	trace           []string
}

// besiegedHow is how a siege is set up.
type besiegedHow struct {
	stamps, scale, cookies, light bool
	total                         int
}

func newSiege(t *testing.T, how besiegedHow) *siege {
	s := &siege{t: t, clock: faketime.NewManualClock(), link: channel.New(4096, 1500, "")}
	s.tuple = segment.Tuple{Src: segment.Endpoint{Port: 80}, Dst: segment.Endpoint{Port: 40000}}
	s.tuple.Src.Addr = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 2}
	s.tuple.Dst.Addr = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1}
	s.net = netstack.New(netstack.Options{
		Clock: s.clock, NetworkProtocols: []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	t.Cleanup(func() { s.net.Close(); s.net.Wait() })
	sack := tcpip.TCPSACKEnabled(true)
	_ = s.net.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	set := tunable.NewSet()
	if how.light {
		_ = set.SetInt(tunable.Light, 1)
	}
	s.ep = ForStack(s.net, 1, s.link, Config{Tunables: set, Tap: s.tap, TapHost: true})
	cookies := tcpip.TCPAlwaysUseSynCookies(how.cookies)
	_ = s.net.SetTransportProtocolOption(tcp.ProtocolNumber, &cookies)
	if err := s.net.CreateNIC(1, s.ep); err != nil {
		t.Fatal(err)
	}
	_ = s.net.AddProtocolAddress(1, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}).WithPrefix(),
	}, netstack.AddressProperties{})
	s.net.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	var wq waiter.Queue
	l, err := s.net.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Bind(tcpip.FullAddress{Port: 80}); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(8); err != nil {
		t.Fatal(err)
	}
	s.listener, s.lights = l, s.ep.ListenLight(netip.AddrPortFrom(netip.Addr{}, 80), true, false, 8, &wq)
	s.peer = newBesieged(s, how)
	return s
}

func (s *siege) now() time.Duration { return s.clock.NowMonotonic().Sub(tcpip.MonotonicTime{}) }

func (s *siege) note(format string, args ...any) {
	if len(s.trace) > 600 {
		s.trace = s.trace[300:]
	}
	s.trace = append(s.trace, fmt.Sprintf("%9v ", s.now())+fmt.Sprintf(format, args...))
}

func (s *siege) tap(e *Event) {
	line := fmt.Sprintf("%s %s %s %s", e.Kind, e.Point, e.Dir, e.Seg)
	if e.Step != nil {
		line += fmt.Sprintf(" marks %b", e.Step.Marks)
	}
	s.note("%s", line)
}

// deliver brings bytes to the host at once.
func (s *siege) deliver(b []byte) {
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData(bytes.Clone(b))})
	s.link.InjectInbound(header.IPv4ProtocolNumber, pkt)
	pkt.DecRef()
	s.rest()
}

// rest returns when netstack has worked on what it has, and no connection is on its way there.
func (s *siege) rest() {
	for {
		s.net.Pause()
		s.net.Resume()
		if !s.ep.Moving() {
			return
		}
		s.clock.Advance(0)
		runtime.Gosched()
	}
}

// send is the peer's way to the host.
func (s *siege) send(seg *segment.Segment, data []byte) {
	b := segment.Append(nil, seg, data)
	s.past = append(s.past, b)
	switch {
	case s.loseIn > 0:
		s.loseIn--
		s.note("lost of the peer: %s", seg)
	case s.holdNext:
		s.holdNext = false
		s.aside = append(s.aside, b)
	default:
		s.deliver(b)
	}
}

// release brings what the wire holds back.
func (s *siege) release() {
	for len(s.aside) > 0 {
		b := s.aside[0]
		s.aside = s.aside[1:]
		s.deliver(b)
	}
}

// settle lets both sides react until nothing is left to do at this time.
func (s *siege) settle() {
	for range 200 {
		s.clock.Advance(0)
		s.rest()
		moved := s.serve()
		for {
			pkt := s.link.Read()
			if pkt == nil {
				break
			}
			moved = true
			v := pkt.ToView()
			seg, err := segment.Parse(v.AsSlice())
			if err != nil {
				s.t.Fatalf("on the wire: %v", err)
			}
			lost := s.loseOut > 0
			if lost {
				s.loseOut--
				s.note("lost of the host: %s", &seg)
			} else {
				s.peer.receive(&seg, v.AsSlice()[seg.PayloadStart:seg.PayloadStart+seg.PayloadLen])
			}
			v.Release()
			pkt.DecRef()
		}
		if !moved {
			return
		}
	}
	s.t.Fatalf("the two do not come to rest\n%s", s.show())
}

// serve is the echo server. It reports whether it did something.
func (s *siege) serve() (moved bool) {
	if s.conn == nil {
		if c := s.lights.Accept(); c != nil {
			s.conn = c
			return true
		}
		c, _, err := s.listener.Accept(nil)
		if err != nil {
			return false
		}
		s.conn = c
		moved = true
	}
	for !s.eof && !s.gone {
		var w bytes.Buffer
		_, err := s.conn.Read(&w, tcpip.ReadOptions{})
		s.back, s.got = append(s.back, w.Bytes()...), append(s.got, w.Bytes()...)
		if _, ok := err.(*tcpip.ErrClosedForReceive); ok {
			s.eof = true
		} else if _, ok := err.(*tcpip.ErrWouldBlock); ok {
			break
		} else if err != nil {
			s.note("the server reads: %v", err)
			s.gone = true
		}
		moved = true
	}
	if len(s.back) > 0 && !s.gone && !s.shut {
		n, err := s.conn.Write(bytes.NewReader(s.back), tcpip.WriteOptions{})
		s.back = s.back[n:]
		moved = moved || n > 0 || err == nil
	}
	if s.eof && !s.gone && (len(s.back) == 0 || s.shut) {
		s.conn.Close()
		s.gone, moved = true, true
	}
	return moved
}

// pass lets time pass in steps in which each side's timers fire.
func (s *siege) pass(d time.Duration) {
	for d > 0 {
		step := min(d, 50*time.Millisecond)
		s.clock.Advance(step)
		d -= step
		s.settle()
		s.peer.tick()
		s.settle()
	}
}

func (s *siege) show() string {
	var b bytes.Buffer
	for _, l := range s.trace {
		fmt.Fprintln(&b, l)
	}
	fmt.Fprintf(&b, "peer %+v\n", s.peer)
	if f := s.ep.flows.lookup(s.tuple); f != nil {
		f.mu.Lock()
		fmt.Fprintf(&b, "flow %+v\nadmitted %+v\n", f.conn, f.admitted)
		f.mu.Unlock()
	} else {
		fmt.Fprintln(&b, "no flow")
	}
	if ep := Find(s.net, 1, s.tuple); ep != nil {
		fmt.Fprintf(&b, "netstack is in %v\n", ep.EndpointState())
	}
	return b.String()
}

// step does what three bytes say.
func (s *siege) step(a, b, c byte) {
	p := s.peer
	switch {
	case a < 70:
		s.forge(a, b, c)
	case a < 130:
		p.transmit(1 + int(b)*8)
	case a < 140:
		p.finish = true
		p.transmit(0)
	case a < 155:
		s.loseIn = 1 + int(b)%3
	case a < 170:
		s.loseOut = 1 + int(b)%3
	case a < 185:
		s.holdNext = true
	case a < 195:
		s.release()
	case a < 205 && len(s.past) > 0:
		s.note("comes again")
		s.deliver(s.past[int(b)%len(s.past)])
	case a < 208 && s.conn != nil && !s.gone:
		s.shut = true
		_ = s.conn.Shutdown(tcpip.ShutdownWrite)
	default:
		s.pass(time.Duration(b) * 4 * time.Millisecond)
		return
	}
	s.settle()
}

func fuzzSiege(t *testing.T, data []byte) {
	if len(data) < 4 {
		return
	}
	s := newSiege(t, besiegedHow{
		stamps: data[0]&1 != 0, scale: data[0]&2 != 0, cookies: data[0]&12 == 12, light: data[0]&128 != 0, total: int(data[1]) * 40 >> (data[0] >> 4 & 7),
	})
	s.peer.open()
	s.settle()
	for i := 2; i+2 < len(data) && i < 302 && !s.peer.over(); i += 3 {
		s.pass(time.Millisecond) // so that no initial sequence number comes twice
		s.step(data[i], data[i+1], data[i+2])
	}
	s.relieve()
}

// relieve ends the siege: the wire is good, nobody forges, and the connection has to end.
func (s *siege) relieve() {
	s.note("the siege is over")
	s.loseIn, s.loseOut, s.holdNext = 0, 0, false
	s.release()
	s.peer.finish = true
	// A timeout of the peer's may have grown to 120 s.
	for range 20 * 400 {
		if s.peer.over() && !s.lives() {
			break
		}
		s.peer.transmit(mss)
		s.pass(50 * time.Millisecond)
	}
	switch {
	case s.peer.reset && !s.peer.refusable:
		s.t.Fatalf("the peer was reset\n%s", s.show())
	case !s.peer.over():
		s.t.Fatalf("the connection does not end\n%s", s.show())
	case s.lives():
		s.t.Fatalf("the host is not through with the connection\n%s", s.show())
	case !bytes.Equal(s.got, s.peer.stream()):
		s.t.Fatalf("the server read %d bytes, or other ones\n%s", len(s.got), s.show())
	}
}

// lives reports whether the host has a connection. A SYN that comes when one is over may
// begin a handshake, which ends by a timer.
func (s *siege) lives() bool {
	if ep := Find(s.net, 1, s.tuple); ep != nil && ep.EndpointState() != tcp.StateSynRecv && ep.EndpointState() != tcp.StateTimeWait {
		return true
	}
	f := s.ep.flows.lookup(s.tuple)
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.embryo
}

// FuzzSiege: no forger keeps a connection from its end. Whatever the wire does, once it is
// good the connection of an honest peer ends as it should, with the right bytes.
func FuzzSiege(f *testing.F) {
	for i := range 64 {
		data := make([]byte, 3*40+2)
		x := uint32(i)*2654435761 + 1
		for j := range data {
			x = x*1664525 + 1013904223
			data[j] = byte(x >> 24)
		}
		for range 2 { // netstack from the start, and light
			f.Add(bytes.Clone(data))
			data[0] ^= 128
		}
	}
	f.Fuzz(fuzzSiege)
}
