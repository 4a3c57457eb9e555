package closepath

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"lastack/stack/flow"
	"lastack/stack/light"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/seqnum"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// This file is about how a light connection begins.

// begin takes a SYN that a listener wants to have so. f.mu is held.
func (l *lights) begin(f *tracked, p *packet) verdict {
	if !opensFlow(&p.seg) || p.refused || !f.embryo || f.host != flow.Server || p.step.Marks.Has(flow.Again) || !l.may(f, &p.seg) {
		return pass
	}
	listener := l.reserve(p.seg.Dst)
	if listener == nil {
		return pass
	}
	c := &Light{e: l.e, f: f, listener: listener, waits: true}
	number, stamp := l.hash(f.key)
	now := l.e.timeWait.now()
	c.conn = light.New(&p.seg, isn(f, number, now), &l.configs.Load()[index(&p.seg)])
	f.light = c
	l.taken.Add(1)
	s := c.conn.SYNACK()
	s.Tuple, s.Version = f.key, p.seg.Version
	s.TSVal = uint32(stamp) + uint32(now.Milliseconds())
	l.e.emit(f, &s, nil, l.place)
	c.after(synAckAfter, l.repeat)
	return taken
}

// may reports whether a SYN is one for a light connection.
func (l *lights) may(f *tracked, syn *segment.Segment) bool {
	e := l.e
	if l.forwarder == nil || e.observe || !e.tunables.Bool(tunable.Light) || e.tunables.Int(tunable.SynCookies) == 2 || e.closed.Load() {
		return false
	}
	if f.opening.accepted != nil || f.opening.offer != segment.NoFastOpen || !light.Takes(syn) {
		return false
	}
	return !l.ending(f.key)
}

// isn is the connection's initial sequence number, by RFC 6528, or beyond the old
// connection on the 4-tuple.
func isn(f *tracked, hash uint64, now time.Duration) segment.Seq {
	if f.numbers.follows {
		return f.numbers.first
	}
	return segment.Seq(hash) + segment.Seq(now/(64*time.Nanosecond))
}

// hash is of a connection and a secret: one half for its initial sequence number, the other
// for its timestamps.
func (l *lights) hash(t segment.Tuple) (number, stamp uint64) {
	var b [16 + 36]byte
	copy(b[:], l.secret[:])
	copy(b[16:], t.Src.Addr[:])
	copy(b[32:], t.Dst.Addr[:])
	binary.BigEndian.PutUint16(b[48:], t.Src.Port)
	binary.BigEndian.PutUint16(b[50:], t.Dst.Port)
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])
}

// repeat sends the SYN-ACK again, as often as netstack does.
func (l *lights) repeat(c *Light) {
	c.tries++
	if c.tries > synAckRetries {
		l.e.flows.forget(c.f)
		return
	}
	l.e.emit(c.f, &c.f.admitted.kept, nil, l.place)
	c.after(synAckAfter<<c.tries, l.repeat)
}

// handshaking reports whether the peer has not acknowledged the SYN-ACK.
func (c *Light) handshaking() bool { return c.conn.Una() == c.conn.ISS }

// handshake takes a segment in SYN_RECEIVED; true if the connection is established. What is
// no acknowledgment of the SYN-ACK is answered with a RST (RFC 9293 3.10.7.4, fifth check in
// SYN-RECEIVED), as one that comes when nobody listens any more.
func (l *lights) handshake(c *Light, p *packet) bool {
	f, s := c.f, &p.seg
	switch done := !p.refused && f.conn.State(f.host) > flow.SynReceived; {
	case done && c.listener.push(c):
		c.stopTimer()
		c.conn.Open()
		return true
	case done, s.Flags.Has(segment.ACK) && s.Ack != c.conn.Next():
		l.e.admit.reset(f, s)
		if done {
			l.e.flows.forget(f)
		}
	}
	return false
}

func index(s *segment.Segment) int {
	if s.Version == 6 {
		return 1
	}
	return 0
}

// configure takes what netstack's connections are like, which a caller may have changed
// since.
func (l *lights) configure() {
	var buffer tcpip.TCPReceiveBufferSizeRangeOption
	var moderate tcpip.TCPModerateReceiveBufferOption
	var sack tcpip.TCPSACKEnabled
	_ = l.stack.TransportProtocolOption(tcp.ProtocolNumber, &buffer)
	_ = l.stack.TransportProtocolOption(tcp.ProtocolNumber, &moderate)
	_ = l.stack.TransportProtocolOption(tcp.ProtocolNumber, &sack)
	size, most := tcp.DefaultReceiveBufferSize, buffer.Max
	if !moderate {
		most = size
	}
	scale := uint8(tcp.FindWndScale(seqnum.Size(most)))
	var both [2]light.Config
	for i, ip := range []int{header.IPv4MinimumSize, header.IPv6MinimumSize} {
		mss := int(l.e.MTU()) - ip - header.TCPMinimumSize
		window := uint32(min(size/2, 0xffff, 2*light.InitialWindow*mss)) >> scale << scale
		both[i] = light.Config{
			MSS: uint16(mss), Window: max(window, 1), Scale: scale,
			// netstack counts what a segment takes in memory, of that too which it answers.
			Full:     uint32(size/2 - 2*tcp.SegOverheadSize),
			Overhead: tcp.SegOverheadSize, SACK: bool(sack),
		}
	}
	l.configs.Store(&both)
}
