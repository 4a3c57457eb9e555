package segment

import (
	"fmt"
	"strings"
)

// SACKBlock is one range of RFC 2018: received, but not yet acknowledged.
type SACKBlock struct {
	Start, End Seq
}

// Segment is what one packet says, in host byte order. Who follows connections looks at
// what stands first.
type Segment struct {
	Tuple
	// Version is 4 or 6.
	Version uint8
	Flags   Flags
	// Unfinished: the checksum field holds the sum over the pseudo header alone, to which
	// the sender on a wire adds the rest. Parse cannot know that; a caller that does sets
	// it.
	Unfinished bool
	Seq        Seq
	// Ack is meaningful only with the ACK flag.
	Ack Seq
	// Window is the field as it stands in the header, not yet scaled.
	Window uint16
	// PayloadLen counts the bytes of data by the IP and TCP headers, whether
	// or not the capture kept them.
	PayloadLen int

	Options

	// TCPStart and PayloadStart are offsets from the start of the packet.
	TCPStart, PayloadStart int
}

// Options are the TCP options lastack reads.
type Options struct {
	// MSS is 0 where the option is absent (RFC 9293 3.7.1).
	MSS uint16
	// WindowScale is the shift count; HasWindowScale tells a count of 0 from
	// an absent option (RFC 7323 2.2).
	WindowScale    uint8
	HasWindowScale bool
	SACKPermitted  bool
	// TSVal and TSEcr are meaningful only with HasTimestamps (RFC 7323 3.2).
	HasTimestamps bool
	TSVal, TSEcr  uint32
	// FastOpen is the form of RFC 7413's option, if there is one. Cookie is empty where
	// the option asks for one.
	FastOpen FastOpen
	Cookie   Cookie
	// FastClose: Multipath TCP aborts all of its connection, of which this is a
	// subflow (MP_FASTCLOSE, RFC 8684 3.5).
	FastClose bool

	// SACKBlocks holds the first SACKCount entries (RFC 2018 3).
	SACKCount  uint8
	SACKBlocks [4]SACKBlock
	// tsStart and sackStart are the offsets of these options from the start of the
	// packet, for the methods that rewrite them; 0 where there is none.
	tsStart, sackStart int
}

// Len is the room the segment takes in sequence space: data, and one each for
// SYN and FIN (RFC 9293 3.4).
func (s *Segment) Len() int {
	n := s.PayloadLen
	if s.Flags&SYN != 0 {
		n++
	}
	if s.Flags&FIN != 0 {
		n++
	}
	return n
}

// End is the sequence number after the segment's last.
func (s *Segment) End() Seq { return s.Seq + Seq(s.Len()) }

// FINSeq is the sequence number of the segment's FIN, if it has one.
func (s *Segment) FINSeq() Seq { return s.End() - 1 }

// PureACK reports whether the segment does nothing but acknowledge: ACK is its
// only flag and it carries no data.
func (s *Segment) PureACK() bool { return s.Flags == ACK && s.PayloadLen == 0 }

// String is one line for logs and test failures:
// "10.0.0.1:1234 > 10.0.0.2:80 FIN+ACK seq=5 ack=9 len=0 win=512".
func (s *Segment) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s seq=%d", s.Tuple, s.Flags, s.Seq)
	if s.Flags.Has(ACK) {
		fmt.Fprintf(&b, " ack=%d", s.Ack)
	}
	fmt.Fprintf(&b, " len=%d win=%d", s.PayloadLen, s.Window)
	return b.String()
}
