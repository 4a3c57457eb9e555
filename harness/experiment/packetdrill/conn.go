package packetdrill

import (
	"net/netip"

	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

// conn is the connection that a script speaks of: how its numbers stand to those on the
// wire. The peer's sequence numbers and timestamps are on the wire as the script has them;
// the subject's are its own choice.
type conn struct {
	local, remote netip.AddrPort
	// fd is the script's descriptor, -1 if there is none (yet, or any more).
	fd int
	// listening: a listener, which a SYN makes a connection of.
	listening bool

	// A script has sequence numbers as it likes in SYNs, and relative to those of the SYNs
	// in all other segments (0 and 1 are the usual ones). own is the subject's initial
	// number, ownScript what the script calls it; peer is the peer's, which is on the wire
	// as the script has it.
	own, ownScript, peer uint32
	hasOwn, hasPeer      bool
	// stamps has the subject's timestamps, by the script's.
	stamps map[uint32]uint32
	// stamp is what timestamps that the script has not named before have on top.
	stamp    uint32
	hasStamp bool

	seen seen
}

// seen is what the names of numbers stand for: what both sides have sent, as on the wire.
type seen struct {
	iss, irs       uint32 // the subject's, the peer's initial sequence number
	sndNxt, rcvNxt uint32 // as the subject sees it
	sndUna         uint32
	edge           uint32 // the right edge of the subject's receive window
	window         uint16 // the subject's latest, as in the header
	scale          uint8  // of the subject's window
	peerScales     bool
	sndWnd         uint32 // the peer's, scaled
	peerScale      uint8
	tsVal          uint32 // the subject's latest
}

// ownOffset is what the subject's sequence numbers have on the wire on top of those in a
// segment of the script's.
func (c *conn) ownOffset(inSYN bool) uint32 {
	if inSYN {
		return c.own - c.ownScript
	}
	return c.own
}

// peerOffset is the same of the peer's numbers.
func (c *conn) peerOffset(inSYN bool) uint32 {
	if inSYN {
		return 0
	}
	return c.peer
}

const (
	fin = uint16(script.FIN)
	syn = uint16(script.SYN)
	rst = uint16(script.RST)
	ack = uint16(script.ACK)
)

// length is the room that a segment takes in sequence space.
func length(t *packet.TCP) uint32 {
	n := uint32(len(t.Payload))
	if t.Flags&syn != 0 {
		n++
	}
	if t.Flags&fin != 0 {
		n++
	}
	return n
}

func after(a, b uint32) bool { return int32(a-b) > 0 }

// sent takes in a segment of the subject's.
func (c *conn) sent(t *packet.TCP) {
	s := &c.seen
	switch {
	case t.Flags&rst != 0:
		return
	case t.Flags&syn != 0:
		s.iss, s.sndNxt, s.sndUna, s.scale = t.Seq, t.Seq+1, t.Seq, 0
		for _, o := range t.Options {
			if o.Kind == uint8(script.WScale) && len(o.Data) == 1 {
				s.scale = min(o.Data[0], 14)
			}
		}
	case after(t.Seq+length(t), s.sndNxt):
		s.sndNxt = t.Seq + length(t)
	}
	if val, _, ok := stampsOf(t); ok {
		s.tsVal = val
	}
	if t.Flags&ack == 0 {
		return
	}
	window := uint32(t.Window)
	if t.Flags&syn == 0 && s.peerScales {
		window <<= s.scale
	}
	s.window, s.rcvNxt, s.edge = t.Window, t.Ack, t.Ack+window
}

// received takes in a segment of the peer's.
func (c *conn) received(t *packet.TCP) {
	s := &c.seen
	if t.Flags&syn != 0 {
		if !c.hasPeer {
			c.peer, c.hasPeer = t.Seq, true
		}
		s.irs, s.peerScales, s.peerScale = t.Seq, false, 0
		for _, o := range t.Options {
			if o.Kind == uint8(script.WScale) && len(o.Data) == 1 {
				s.peerScales, s.peerScale = true, min(o.Data[0], 14)
			}
		}
		s.rcvNxt = t.Seq + 1
	}
	s.sndWnd = uint32(t.Window)
	if t.Flags&syn == 0 {
		s.sndWnd <<= s.peerScale
	}
	// What is in order the subject takes, as far as can be told; its next ACK says.
	if end := t.Seq + length(t); t.Flags&(syn|rst|ack) == ack && !after(t.Seq, s.rcvNxt) && after(end, s.rcvNxt) {
		s.rcvNxt = end
	}
	if t.Flags&ack != 0 && after(t.Ack, s.sndUna) && !after(t.Ack, s.sndNxt) {
		s.sndUna = t.Ack
	}
}

// matches reports whether a segment of the subject's belongs to the connection.
func (c *conn) matches(t *packet.TCP) bool {
	return t.SrcPort == c.local.Port() && t.DstPort == c.remote.Port() && t.Dst == c.remote.Addr()
}

// live is the subject's timestamp that a timestamp of the script's stands for.
func (c *conn) live(stamp uint32) uint32 {
	if v, ok := c.stamps[stamp]; ok {
		return v
	}
	return stamp + c.stamp
}

// learnStamp is told a timestamp of the subject's that the script calls by another.
func (c *conn) learnStamp(scripted, live uint32) {
	if c.stamps == nil {
		c.stamps = map[uint32]uint32{}
	}
	if len(c.stamps) < maxStamps {
		c.stamps[scripted] = live
	}
	if !c.hasStamp {
		c.stamp, c.hasStamp = live-scripted, true
	}
}

// maxStamps is how many timestamps of a connection are remembered one by one.
const maxStamps = 1 << 16
