package closepath

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	fin    = segment.FIN | segment.ACK
	ack    = segment.ACK
	psh    = segment.PSH | segment.ACK
	syn    = segment.SYN
	synAck = segment.SYN | segment.ACK
	rst    = segment.RST

	hostISN = segment.Seq(0xffff_fff0)
	peerISN = segment.Seq(0x7fff_fff8)
	mss     = 1460
)

// rig drives an Endpoint from both ends by hand: netstack's side by write, the
// wire's by deliver, the time by a manual clock.
//
//	test --write--> Endpoint --> channel.Endpoint --> wire()
//	test --deliver--> channel.Endpoint --> Endpoint --> delivered
type rig struct {
	t         *testing.T
	clock     *rigClock
	set       *tunable.Set
	wireEnd   *channel.Endpoint
	ep        *Endpoint
	v6        bool
	peerPort  uint16
	ts        uint32 // the peer's TSval of the next segment
	delivered []string
	events    []string
	alive     bool
	// registered and deaf are what netstack says: it has an endpoint for the
	// tuple, and nobody listens.
	registered, deaf bool
	phases           []string
	// toHost is told of what netstack receives, if there is one.
	toHost func(s *segment.Segment, data []byte)
}

// unclosed keeps what was written readable after Close.
type unclosed struct{ *channel.Endpoint }

func (unclosed) Close() {}

func newRig(t *testing.T, v6 bool) *rig {
	r := &rig{
		t: t, clock: newRigClock(), set: tunable.NewSet(), v6: v6,
		wireEnd: channel.New(4096, 1500, ""), peerPort: 40000, ts: 1000, alive: true,
	}
	r.ep = New(unclosed{r.wireEnd}, Config{
		Clock: r.clock, Tunables: r.set, Tap: r.record, TapHost: true,
		Alive:      func(segment.Tuple) bool { return r.alive },
		Registered: func(segment.Tuple) bool { return r.registered },
		Listening:  func(segment.Endpoint) bool { return !r.deaf },
		Phase: func(_ segment.Tuple, p Phase) {
			r.phases = append(r.phases, [...]string{"gone", "waiting"}[p])
		},
	})
	r.ep.Attach(r)
	t.Cleanup(r.ep.Close)
	return r
}

// DeliverNetworkPacket is netstack's end.
func (r *rig) DeliverNetworkPacket(_ tcpip.NetworkProtocolNumber, pkt *netstack.PacketBuffer) {
	s, err := parse(pkt)
	if err != nil {
		r.delivered = append(r.delivered, err.Error())
		return
	}
	got := s.Flags.String()
	v := pkt.ToView()
	defer v.Release()
	if !s.ChecksumOK(v.AsSlice()) {
		got += " (bad checksum)"
	}
	r.delivered = append(r.delivered, got)
	if r.toHost != nil {
		r.toHost(&s, append([]byte(nil), v.AsSlice()[s.PayloadStart:]...))
	}
}

// DeliverLinkPacket is never called on a link without packet sockets.
func (r *rig) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *netstack.PacketBuffer) {
	r.t.Error("DeliverLinkPacket was called")
}

func (r *rig) record(e *Event) {
	if got := e.AppendPacket(nil); len(got) == 0 {
		r.t.Error("an event without its packet")
	}
	if e.Kind != Seen {
		r.events = append(r.events, fmt.Sprintf("%s %s", e.Kind, e.Seg.Flags))
	}
}

func (r *rig) tuple(out bool) segment.Tuple {
	t := segment.Tuple{Src: segment.Endpoint{Port: 80}, Dst: segment.Endpoint{Port: r.peerPort}}
	t.Src.Addr = [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: 0, 14: 0, 15: 2}
	t.Dst.Addr = [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: 0, 14: 0, 15: 1}
	if r.v6 {
		t.Src.Addr = [16]byte{0: 0xfd, 15: 2}
		t.Dst.Addr = [16]byte{0: 0xfd, 15: 1}
	}
	if !out {
		t = t.Reverse()
	}
	return t
}

// seg builds a segment with numbers relative to the ISNs.
func (r *rig) seg(out bool, flags segment.Flags, seq, ackNo segment.Seq) *segment.Segment {
	s := &segment.Segment{Tuple: r.tuple(out), Version: 4, Flags: flags, Window: 500}
	if r.v6 {
		s.Version = 6
	}
	mine, theirs := hostISN, peerISN
	if !out {
		mine, theirs = theirs, mine
	}
	s.Seq, s.HasTimestamps = mine+seq, true
	if flags.Has(ack) {
		s.Ack = theirs + ackNo
	}
	if flags.Has(syn) {
		s.MSS = mss
		s.SACKPermitted = out // or it may be a cookie
	}
	if out {
		s.TSVal, s.TSEcr = 77, r.ts // netstack echoes the latest
	} else {
		r.ts++
		s.TSVal, s.TSEcr = r.ts, 77
	}
	return s
}

// packetOf is an outgoing packet as netstack makes it: headers in one view,
// data in another.
func packetOf(s *segment.Segment, n int) *netstack.PacketBuffer {
	b := segment.Append(nil, s, make([]byte, n))
	head := len(b) - n
	buf := buffer.MakeWithData(b[:head])
	if n > 0 {
		data := buffer.MakeWithData(b[head:])
		buf.Merge(&data)
	}
	return netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buf})
}

func (r *rig) writeSegment(s *segment.Segment, n int) {
	r.t.Helper()
	pkt := packetOf(s, n)
	defer pkt.DecRef()
	var l netstack.PacketBufferList
	l.PushBack(pkt)
	if sent, err := r.ep.WritePackets(l); err != nil || sent != 1 {
		r.t.Fatalf("WritePackets: %d, %v", sent, err)
	}
}

// write has netstack send a segment.
func (r *rig) write(flags segment.Flags, seq, ackNo segment.Seq, n int) {
	r.t.Helper()
	r.writeSegment(r.seg(true, flags, seq, ackNo), n)
}

// deliver has the wire bring a segment from the peer.
func (r *rig) deliver(flags segment.Flags, seq, ackNo segment.Seq, n int) {
	r.deliverSegment(r.seg(false, flags, seq, ackNo), n)
}

func (r *rig) deliverSegment(s *segment.Segment, n int) {
	protocol := header.IPv4ProtocolNumber
	if r.v6 {
		protocol = header.IPv6ProtocolNumber
	}
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		Payload: buffer.MakeWithData(segment.Append(nil, s, make([]byte, n))),
	})
	r.wireEnd.InjectInbound(protocol, pkt)
	pkt.DecRef()
}

// sent takes what the wire saw since the last call.
func (r *rig) sent() []segment.Segment {
	var out []segment.Segment
	for {
		pkt := r.wireEnd.Read()
		if pkt == nil {
			return out
		}
		v := pkt.ToView()
		b := append([]byte(nil), v.AsSlice()...)
		v.Release()
		pkt.DecRef()
		s, err := segment.Parse(b)
		if err != nil {
			r.t.Fatalf("on the wire: %v", err)
		}
		if !s.ChecksumOK(b) {
			r.t.Errorf("on the wire: bad checksum in %s", s.String())
		}
		out = append(out, s)
	}
}

// wire compares what the wire saw since the last call: "FIN+ACK 1/12" is a
// FIN+ACK with relative sequence and acknowledgment numbers.
func (r *rig) wire(want ...string) []segment.Segment {
	r.t.Helper()
	segs := r.sent()
	var got []string
	for _, s := range segs {
		got = append(got, fmt.Sprintf("%s %d/%d", s.Flags, s.Seq-hostISN, s.Ack-peerISN))
	}
	if g, w := strings.Join(got, ", "), strings.Join(want, ", "); g != w {
		r.t.Fatalf("on the wire: %q, want %q", g, w)
	}
	return segs
}

// connect runs a handshake that the peer began.
func (r *rig) connect() {
	r.t.Helper()
	r.deliver(syn, 0, 0, 0)
	r.write(synAck, 0, 1, 0)
	r.deliver(ack, 1, 1, 0)
	r.wire("SYN+ACK 0/1")
}

func (r *rig) pass(d time.Duration) { r.clock.Advance(d) }

// eachFamily runs a test over IPv4 and over IPv6.
func eachFamily(t *testing.T, f func(t *testing.T, r *rig)) {
	for _, v6 := range []bool{false, true} {
		t.Run(map[bool]string{false: "IPv4", true: "IPv6"}[v6], func(t *testing.T) {
			f(t, newRig(t, v6))
		})
	}
}
