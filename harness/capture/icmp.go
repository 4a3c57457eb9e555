package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"lastack/stack/segment"
)

// ICMPError is an ICMP message about a TCP segment that did not arrive. A host
// that receives one may end the connection without any segment to show for it.
type ICMPError struct {
	// Time is when the message was captured.
	Time time.Time
	// From is the sender of the message: a router on the way, or the host the segment was
	// sent to.
	From netip.Addr
	// Version is that of IP, 4 or 6, by which Type and Code have their meaning
	// (RFC 792, RFC 4443).
	Version, Type, Code uint8
	// MTU is what the segment was too large for, 0 where that is not the error.
	MTU uint32
	// Tuple is that of the segment, as its sender sent it: the message is for
	// Tuple.Src. Seq is its sequence number.
	Tuple segment.Tuple
	Seq   segment.Seq
	// Tunnel is the tunnel that the segment was in, or nil.
	Tunnel *Tunnel
}

// icmpWords names the errors by version, type and code.
var icmpWords = map[[3]uint8]string{
	{4, 3, 0}: "network unreachable", {4, 3, 1}: "host unreachable", {4, 3, 2}: "protocol unreachable",
	{4, 3, 3}: "port unreachable", {4, 3, 4}: "fragmentation needed", {4, 3, 5}: "source route failed",
	{4, 3, 6}: "network unknown", {4, 3, 7}: "host unknown", {4, 3, 9}: "network prohibited",
	{4, 3, 10}: "host prohibited", {4, 3, 13}: "prohibited by a filter", {4, 4, 0}: "source quench",
	{4, 11, 0}: "time to live exceeded", {4, 11, 1}: "reassembly time exceeded",
	{6, 1, 0}: "no route", {6, 1, 1}: "prohibited by a filter", {6, 1, 2}: "beyond the scope of the source address",
	{6, 1, 3}: "address unreachable", {6, 1, 4}: "port unreachable", {6, 1, 5}: "source address refused by a policy",
	{6, 1, 6}: "route rejected", {6, 2, 0}: "packet too big", {6, 3, 0}: "hop limit exceeded",
	{6, 3, 1}: "reassembly time exceeded",
}

// What is the error in a few words: "host unreachable".
func (e *ICMPError) What() string {
	if w, ok := icmpWords[[3]uint8{e.Version, e.Type, e.Code}]; ok {
		return w
	}
	return fmt.Sprintf("ICMP type %d code %d", e.Type, e.Code)
}

// isError reports whether a message quotes the packet it is about.
func (e *ICMPError) isError() bool {
	if e.Version == 6 {
		return e.Type >= 1 && e.Type <= 4
	}
	switch e.Type {
	case 3, 4, 11, 12: // unreachable, source quench, time exceeded, parameter problem
		return true
	}
	return false
}

// tooBig reports whether the segment did not fit a link.
func (e *ICMPError) tooBig() bool {
	return e.Version == 4 && e.Type == 3 && e.Code == 4 || e.Version == 6 && e.Type == 2
}

// icmpHeader is how long the header before the quoted packet is.
const icmpHeader = 8

// icmpError reads the ICMP message at the cursor in p.
func (s *Segments) icmpError(p *Packet, c *cursor) {
	b := c.rest()
	if len(b) < icmpHeader {
		return
	}
	e := ICMPError{Time: p.Time, From: netip.AddrFrom16(c.src).Unmap(), Version: p.Data[0] >> 4, Type: b[0], Code: b[1], Tunnel: p.Tunnel}
	if !e.isError() {
		return
	}
	if e.tooBig() {
		e.MTU = binary.BigEndian.Uint32(b[4:])
		if e.Version == 4 {
			e.MTU &= 0xffff
		}
	}
	if !s.quoted(&e, b[icmpHeader:]) {
		return
	}
	s.stats.ICMPErrors++
	if s.icmp != nil {
		s.icmp(&e)
	}
}

// quoted finds the segment in a packet that is quoted, of which 8 bytes behind
// the IP header have to be there (RFC 792).
func (s *Segments) quoted(e *ICMPError, b []byte) bool {
	for range maxNested {
		c := startCursor(b)
		switch v := c.packet(); v {
		case isIP:
			e.Tunnel, b = s.tunnelOf(e.Tunnel, &c), c.rest()
		case isTCP:
			h := c.rest()
			if len(h) < 8 {
				return false
			}
			e.Tuple.Src = segment.Endpoint{Addr: c.src, Port: binary.BigEndian.Uint16(h)}
			e.Tuple.Dst = segment.Endpoint{Addr: c.dst, Port: binary.BigEndian.Uint16(h[2:])}
			e.Seq = segment.Seq(binary.BigEndian.Uint32(h[4:]))
			return true
		default:
			return false
		}
	}
	return false
}
