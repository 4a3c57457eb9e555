package closepath

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/impair"
	"lastack/stack/segment"
	"lastack/stack/timewait"

	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// packet is a segment on its way through the chain.
type packet struct {
	seg segment.Segment
	buf *netstack.PacketBuffer
	// hold and held tell the taps what the delayed-ACK stage knows.
	hold flow.Hold
	held time.Duration
	// old is the connection in TIME_WAIT that the segment ends; with renewed.
	old *timewait.Record
	// step is what the segment meant to the host; set by the tracker. refused: TCP
	// does not take the segment, so that no stage but the taps and the renumbering one
	// sees it: netstack answers it, or drops it.
	step    flow.Step
	refused bool
	// rule is the impairment that the segment fell to; following are the segments that come
	// in right after it, for the same reason.
	rule      *impair.Rule
	following []*late
}

// parse reads the segment in a packet buffer, outgoing (headers pushed) or incoming (not
// yet parsed). The packet has to be whole: netstack drops one that ends before its length
// says.
func parse(buf *netstack.PacketBuffer) (segment.Segment, error) {
	pieces, offset := views(buf)
	front := pieces.Front()
	if front == nil || front.Size() < offset {
		return segment.Segment{}, segment.ErrTruncated
	}
	head := front.AsSlice()[offset:]
	seg, err := segment.Parse(head)
	if front.Next() != nil && (err == segment.ErrTruncated || err == nil && len(head) < seg.PayloadStart) {
		// Headers over several views: rare, so a copy will do.
		v := flat(buf)
		defer v.Release()
		seg, err = segment.Parse(v.AsSlice())
	}
	if err == nil && buf.Size()-len(buf.LinkHeader().Slice()) < seg.PayloadStart+seg.PayloadLen {
		return seg, segment.ErrTruncated
	}
	seg.Unfinished = buf.GSOOptions.NeedsCsum
	return seg, err
}

// sound reports whether an incoming segment's checksum is right (RFC 9293 3.1). Where
// the wrapped endpoint vouches for it, netstack does not look either.
func (e *Endpoint) sound(s *segment.Segment, buf *netstack.PacketBuffer) bool {
	if s.Unfinished || e.trusts() {
		return true
	}
	end := s.PayloadStart + s.PayloadLen
	pieces, offset := views(buf)
	if front := pieces.Front(); front.Size()-offset >= end {
		return s.ChecksumOK(front.AsSlice()[offset:])
	}
	v := flat(buf)
	defer v.Release()
	return s.ChecksumOK(v.AsSlice())
}

// trusts reports whether the wrapped endpoint vouches for checksums.
func (e *Endpoint) trusts() bool { return e.Capabilities()&netstack.CapabilityRXChecksumOffload != 0 }

// header is the packet up to the end of the TCP header, in one piece, for a
// stage to change; nil if netstack has it in several.
func (p *packet) header() []byte {
	pieces, offset := views(p.buf)
	front := pieces.Front()
	if front == nil || front.Size()-offset < p.seg.PayloadStart {
		return nil
	}
	return front.AsSlice()[offset:]
}

// incoming is header for a packet that came from the wire, which may have it in several
// pieces; nil if part of it is missing.
func (p *packet) incoming() []byte {
	if b := p.header(); b != nil {
		return b
	}
	b, ok := p.buf.Data().PullUp(p.seg.PayloadStart)
	if !ok {
		return nil
	}
	return b
}

// cut takes the data out of a packet that came from the wire; b is its header.
func (p *packet) cut(b []byte) {
	if p.seg.PayloadLen == 0 {
		return
	}
	p.buf.Data().CapLength(p.seg.PayloadStart)
	p.seg.CutPayload(b[:p.seg.PayloadStart])
}
