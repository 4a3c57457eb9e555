//go:build !race

// The race detector empties pools at random, so that nothing can be counted with it.

package closepath

import (
	"runtime/debug"
	"testing"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// void is a wire that takes everything and a netstack that keeps nothing.
type void struct{ *channel.Endpoint }

func (void) WritePackets(l netstack.PacketBufferList) (int, tcpip.Error) { return l.Len(), nil }

func (void) DeliverNetworkPacket(tcpip.NetworkProtocolNumber, *netstack.PacketBuffer) {}
func (void) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *netstack.PacketBuffer)    {}

// exactly is testing.AllocsPerRun while no collection empties the pools from which
// packets come.
func exactly(runs int, f func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return testing.AllocsPerRun(runs, f)
}

// lane is a connection whose segments come and go without an allocation of the
// test's own: their packets are made before, and rewritten for each round.
type lane struct {
	*rig
	ep        *Endpoint
	seq, ackd segment.Seq
	list      netstack.PacketBufferList
}

func newLane(t *testing.T, v6 bool, tap Tap) *lane {
	l := &lane{rig: newRig(t, v6)}
	l.ep = New(void{l.wireEnd}, Config{
		Clock: l.clock, Tunables: l.set, Tap: tap,
		Alive: func(segment.Tuple) bool { return true },
	})
	l.ep.Attach(void{})
	t.Cleanup(l.ep.Close)
	l.in(l.seg(false, syn, 0, 0), 0)
	l.out(l.seg(true, synAck, 0, 1), 0)
	l.in(l.seg(false, ack, 1, 1), 0)
	return l
}

func (l *lane) in(s *segment.Segment, n int) {
	protocol := header.IPv4ProtocolNumber
	if l.v6 {
		protocol = header.IPv6ProtocolNumber
	}
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData(segment.Append(nil, s, make([]byte, n)))})
	l.ep.DeliverNetworkPacket(protocol, pkt)
	pkt.DecRef()
}

func (l *lane) out(s *segment.Segment, n int) {
	pkt := packetOf(s, n)
	l.list.PushBack(pkt)
	if _, err := l.ep.WritePackets(l.list); err != nil {
		l.t.Error(err)
	}
	l.list.Reset()
}

// once is a request and its answer, with ACKs that are held and carried.
func (l *lane) once(n int) {
	l.in(l.seg(false, psh, 1+l.seq, 1+l.ackd), n)
	l.seq += segment.Seq(n)
	l.out(l.seg(true, ack, 1+l.ackd, 1+l.seq), 0)
	l.out(l.seg(true, psh, 1+l.ackd, 1+l.seq), n)
	l.ackd += segment.Seq(n)
	l.in(l.seg(false, ack, 1+l.seq, 1+l.ackd), 0)
}

// bare is what once allocates without the endpoint: segments and their packets.
func (l *lane) bare(n int) {
	for _, c := range []struct {
		out bool
		f   segment.Flags
		n   int
	}{{false, psh, n}, {true, ack, 0}, {true, psh, n}, {false, ack, 0}} {
		s := l.seg(c.out, c.f, 1+l.seq, 1+l.ackd)
		if c.out {
			pkt := packetOf(s, c.n)
			l.list.PushBack(pkt)
			l.list.Reset()
			continue
		}
		netstack.NewPacketBuffer(netstack.PacketBufferOptions{
			Payload: buffer.MakeWithData(segment.Append(nil, s, make([]byte, c.n))),
		}).DecRef()
	}
}

// The chain allocates nothing for a segment of a connection that is under way, with
// and without somebody watching.
func TestSegmentAllocatesNothing(t *testing.T) {
	seen := 0
	for name, tap := range map[string]Tap{"unwatched": nil, "watched": func(*Event) { seen++ }} {
		for _, v6 := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " IPv4", true: " IPv6"}[v6], func(t *testing.T) {
				l := newLane(t, v6, tap)
				for range 2000 { // tables and queues get their size
					l.once(64)
				}
				bare := exactly(200, func() { l.bare(64) })
				if n := exactly(200, func() { l.once(64) }); n > bare {
					t.Errorf("four segments allocate %v times, their packets alone %v times", n, bare)
				}
			})
		}
	}
	if seen == 0 {
		t.Error("the tap saw nothing")
	}
}

// TestOwnSegmentAllocatesNothing: a segment that the close path itself sends on a connection.
func TestOwnSegmentAllocatesNothing(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		l := newLane(t, v6, nil)
		l.once(64)
		f := l.ep.flows.lookup(l.tuple(true))
		send := func() {
			f.mu.Lock()
			s := l.ep.own(f, psh, f.conn.Next(f.host))
			l.ep.emit(f, &s, make([]byte, 64), l.ep.lights.place)
			if err := l.ep.drain(f); err != nil {
				t.Error(err)
			}
		}
		for range 100 { // pools and queues get their size
			send()
		}
		if n := exactly(200, send); n > 0 {
			t.Errorf("IPv6 %v: a segment allocates %v times", v6, n)
		}
	}
}
