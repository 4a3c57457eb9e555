package closepath

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/impair"
	"lastack/stack/segment"

	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Point is where in the chain an event happened.
type Point uint8

// The two taps.
const (
	Wire Point = iota
	Host
)

// String is "wire" or "host".
func (p Point) String() string {
	if p == Wire {
		return "wire"
	}
	return "host"
}

// Dir is a segment's direction, as the host sees it.
type Dir uint8

// In is from the wire to netstack, Out the other way.
const (
	In Dir = iota
	Out
)

// String is "in" or "out".
func (d Dir) String() string {
	if d == In {
		return "in"
	}
	return "out"
}

// Kind is what an event reports.
type Kind uint8

const (
	// Seen: the segment passed a tap.
	Seen Kind = iota
	// Held: the delayed-ACK stage keeps the segment back.
	Held
	// Superseded: a held segment was dropped because a later one, which
	// passes next, says all that it said; or because the connection was reset.
	Superseded
	// Dropped: the close path dropped the segment. On its way out: a RST, FIN or SYN of
	// netstack's for a connection in TIME_WAIT, a FIN that has just gone out, an ACK that
	// the ACK of a FIN follows at once. On its way in: a segment that TCP refuses and
	// netstack would accept (the close path answers it), a SYN that comes again, data
	// behind the peer's FIN, a SYN that net.ipv4.tcp_tw_recycle refuses, an ACK behind
	// both FINs that repeats another.
	Dropped
	// Impaired: Rule was applied to the segment. One on its way in was Seen at
	// the wire before, with the same Rule; one on its way out will be, unless
	// the rule dropped it.
	Impaired
	// Translated: Fast Open translates between the wire and netstack. An outgoing segment
	// stops here, because another one says the same or will; an incoming one was
	// renumbered, or got the timestamps that were missing.
	Translated
)

// String is the kind in lower case.
func (k Kind) String() string {
	return [...]string{"seen", "held", "superseded", "dropped", "impaired", "translated"}[k]
}

// Event is one observation. It and what it points to are valid only during the
// call of the tap.
type Event struct {
	Kind  Kind
	Point Point
	Dir   Dir
	// Time is the clock's wall time.
	Time time.Time
	// Flow numbers the connection within the endpoint, from 1; a 4-tuple that
	// comes back has a new number. 0 is a segment of no known flow.
	Flow uint64
	// HostSide is the side of the connection that the host is.
	HostSide flow.Side
	Seg      *segment.Segment
	// Step is what the segment meant to the host, if it is of a flow and has
	// passed the flow tracker: at the wire of one going out, on the host's side
	// of one coming in.
	Step *flow.Step
	// Hold is what delayed ACK did to a segment going out, known at the wire, and Held
	// is for how long the oldest ACK in it was held.
	Hold flow.Hold
	Held time.Duration
	// Rule is the impairment that the segment fell to; nil if none.
	Rule *impair.Rule
	// Damaged: the segment came in with a wrong checksum (RFC 9293 3.1), so that TCP
	// drops it.
	Damaged bool
	// Refusal is what the host does with a segment that comes in at the wire and that TCP
	// refuses: flow.Challenged or flow.Ignored; 0 if the host takes it, or the endpoint
	// only observes.
	Refusal flow.Mark

	buf *netstack.PacketBuffer
}

// AppendPacket appends the IP packet's bytes to dst, with the checksum completed
// where offload left that undone. A large segment stays one.
func (e *Event) AppendPacket(dst []byte) []byte {
	start := len(dst)
	dst = appendPacket(dst, e.buf)
	if e.Seg.Unfinished {
		e.Seg.WriteChecksum(dst[start:])
	}
	return dst
}

func appendPacket(dst []byte, buf *netstack.PacketBuffer) []byte { return appendFrom(dst, buf, 0) }

// appendPayload appends a segment's data; the packet may go on behind them.
func appendPayload(dst []byte, p *packet) []byte {
	end := len(dst) + p.seg.PayloadLen
	return appendFrom(dst, p.buf, p.seg.PayloadStart)[:end]
}

// appendFrom appends a packet's bytes from an offset on.
func appendFrom(dst []byte, buf *netstack.PacketBuffer, from int) []byte {
	pieces, offset := views(buf)
	offset += from
	for v := pieces.Front(); v != nil; v = v.Next() {
		b := v.AsSlice()
		n := min(offset, len(b))
		dst = append(dst, b[n:]...)
		offset -= n
	}
	return dst
}

// Tap receives every event. It is called with the flow's lock held, so the
// events of one flow come in order, one at a time; those of different flows may
// come at once from different goroutines. It must not block, do I/O, or call
// into the endpoint or netstack.
type Tap func(*Event)
