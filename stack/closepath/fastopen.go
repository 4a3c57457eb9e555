package closepath

import (
	"crypto/rand"
	"time"

	"lastack/stack/fastopen"
	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// fastOpen translates TCP Fast Open (RFC 7413), which netstack does not know, into an
// ordinary handshake followed by data. While the handshake is over on one side and not on
// the other, the wire and netstack use different numbers.
//
// A server's part is in fastopen_server.go, a client's in fastopen_client.go.
type fastOpen struct {
	e     *Endpoint
	place int // in the chain
	ring  *fastopen.Keyring
	cache *fastopen.Cache
	hole  fastopen.Blackhole
	fastOpenCounts
	offers offers
}

// opening is a flow's share of the stage, guarded by the flow's lock.
type opening struct {
	// offer is the form of the option with the cookie that the SYN-ACK is to have.
	offer segment.FastOpen
	// accepted is a server's connection whose SYN brought data, until its handshake is
	// over; asked is a client's connection that asked for Fast Open, until netstack has
	// sent the data that the server already has.
	accepted *accepted
	asked    *asked
	// taken counts the bytes of the SYN that the SYN-ACK acknowledged.
	taken int
}

// The bits of net.ipv4.tcp_fastopen.
const (
	clientBit          = 0x1
	serverBit          = 0x2
	clientNoCookieBit  = 0x4
	serverNoCookieBit  = 0x200
	cachedDestinations = 1024
)

func newFastOpen(e *Endpoint) *fastOpen {
	o := &fastOpen{e: e, ring: fastopen.NewKeyring(), cache: fastopen.NewCache(cachedDestinations)}
	o.setKeys(0)
	e.unwatch = append(e.unwatch, e.tunables.OnChange(tunable.FastOpenKey, o.setKeys))
	return o
}

// setKeys takes the keys from the tunable, or draws one where the tunable has none.
func (o *fastOpen) setKeys(int64) {
	var keys []fastopen.Key
	for _, k := range o.e.tunables.Keys(tunable.FastOpenKey) {
		keys = append(keys, fastopen.Key(k))
	}
	if len(keys) == 0 {
		keys = make([]fastopen.Key, 1)
		_, _ = rand.Read(keys[0][:]) // it never fails
	}
	o.ring.Change(keys...)
}

// may reports whether net.ipv4.tcp_fastopen has the bit.
func (o *fastOpen) may(bit int64) bool { return o.e.tunables.Int(tunable.FastOpen)&bit != 0 }

// inbound and outbound let everything pass but SYNs, and segments of connections
// that are just being opened.
func (o *fastOpen) inbound(f *tracked, p *packet) verdict {
	switch {
	case f == nil || o.e.observe:
		return pass
	case f.opening.accepted != nil:
		return o.confirm(f, p)
	case f.opening.asked != nil:
		return o.granted(f, p)
	case opensFlow(&p.seg) && f.host == flow.Server:
		o.welcome(f, p)
	}
	return pass
}

func (o *fastOpen) outbound(f *tracked, p *packet) verdict {
	switch {
	case f == nil || o.e.observe:
		return pass
	case f.opening.accepted != nil:
		return o.answer(f, p)
	case f.opening.asked != nil:
		return o.follow(f, p)
	case !p.seg.Flags.Has(segment.SYN):
		return pass
	case f.opening.offer != segment.NoFastOpen:
		return o.give(f, p)
	case f.host == flow.Client && opensFlow(&p.seg):
		return o.ask(f, p)
	}
	return pass
}

// rstKept is how long a handshake that the client reset counts as pending (as in Linux):
// an attacker whose SYNs carry a victim's address and cookie relies on the victim's RSTs
// to make room for more (RFC 7413 5.1).
const rstKept = time.Minute

// drop forgets a connection that is gone. f.mu is held.
func (o *fastOpen) drop(f *tracked) {
	// The segment that ended it is still the flow's latest.
	if last := &f.now.seg; f.opening.accepted != nil && last.Flags.Has(segment.RST) && last.Src == f.key.Dst {
		o.pending.Add(1)
		o.after(rstKept, func() { o.pending.Add(-1) })
	}
	o.settle(f)
	f.opening.asked = nil
}

// close stops the timers of handshakes that are not over.
func (o *fastOpen) close() {
	for _, f := range o.e.flows.all() {
		f.mu.Lock()
		o.drop(f)
		f.mu.Unlock()
	}
}

// send sends a segment that the stage made through the stages outside of it; the caller
// drains the flow's queue.
func (o *fastOpen) send(f *tracked, s *segment.Segment, data []byte) {
	o.e.emit(f, s, data, o.place)
}

// deliver hands netstack a segment that the stage made. No lock is held.
func (o *fastOpen) deliver(s *segment.Segment, data []byte) {
	p := made(s, data)
	defer p.buf.DecRef()
	o.e.receive(&p.seg, p.buf, o.place+1)
}

// emit sends a segment through the stages outside of the given one; the caller drains the
// flow's queue, if there is a flow.
func (e *Endpoint) emit(f *tracked, s *segment.Segment, data []byte, place int) {
	p := e.strays.Get().(*packet)
	*p = made(s, data)
	p.buf = e.room(&p.seg, p.buf)
	switch {
	case e.runOutbound(f, p, place) != pass:
	case f != nil:
		f.enqueue(p.buf)
	default:
		// A failed write is a lost segment: what it answers will come again.
		_ = e.writeOne(p.buf)
	}
	p.buf.DecRef()
	*p = packet{}
	e.strays.Put(p)
}

// deliverMade hands netstack a segment that the close path made, past all stages. No lock
// is held.
func (e *Endpoint) deliverMade(s *segment.Segment) {
	p := made(s, nil)
	e.Endpoint.DeliverNetworkPacket(protocolOf(s), p.buf)
	p.buf.DecRef()
}

// made is a packet with a segment that the stage made; the caller owns its buffer.
func made(s *segment.Segment, data []byte) packet {
	var room [256]byte // most are small: on the stack, until the packet has a copy
	buf := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		Payload: buffer.MakeWithData(segment.Append(room[:0], s, data)),
	})
	buf.NetworkProtocolNumber = protocolOf(s)
	seg, _ := parse(buf) // which was written the line before
	return packet{seg: seg, buf: buf}
}

// echo is the TSecr of a made-up ACK, from which netstack measures a round trip of d.
func echo(tsVal uint32, d time.Duration) uint32 { return tsVal - uint32(d.Milliseconds()) }

// scaled is the window field by which a segment after the handshake offers the same
// window as the SYN, whose window is never scaled (RFC 7323 2.2).
func scaled(syn *segment.Segment, scaling bool) uint16 {
	if !scaling {
		return syn.Window
	}
	return syn.Window >> syn.WindowScale
}

// after calls f from a goroutine of its own, where no lock is held.
func (o *fastOpen) after(d time.Duration, f func()) tcpip.Timer {
	return o.e.clock.AfterFunc(d, func() {
		if !o.e.closed.Load() {
			f()
		}
	})
}
