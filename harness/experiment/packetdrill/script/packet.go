package script

import "net/netip"

// Direction is that of a packet.
type Direction int

const (
	// Inbound ('<') is a packet that the script injects towards the TCP under test.
	Inbound Direction = iota
	// Outbound ('>') is a packet that the TCP under test must send.
	Outbound
)

// Packet is a packet that arrives or is expected.
type Packet struct {
	Pos       Pos
	Direction Direction
	// Outer are the headers around the innermost IP header, the outermost first; empty
	// for all but tunnels.
	Outer []Outer
	IP    IP
	// Ports are nil where the script leaves them to the connection.
	Ports *Ports
	// Exactly one of TCP, UDP and ICMP is set.
	TCP  *TCP
	UDP  *UDP
	ICMP *ICMP
	// PSP is the security parameters index of a PSP header ("encap psp spi 7") around the
	// segment; nil for none.
	PSP *uint32
	// Encap is the UDP header around the TCP segment ("/udp(9899 > 9899)", FreeBSD's
	// TCP over UDP), nil for none.
	Encap *Ports
}

// Outer is a header around a packet: "ipv4 192.0.2.1 > 192.0.2.2:", "ipv6 ...:" or "gre:".
type Outer struct {
	Pos Pos
	// Kind is "ipv4", "ipv6" or "gre".
	Kind     string
	IP       IP
	Src, Dst netip.Addr
}

// Ports are source and destination, "8080 > 80".
type Ports struct{ Src, Dst uint16 }

// IP is what a packet says of its IP header; a nil field is not looked at in an outbound
// packet, and has the usual value in an inbound one.
type IP struct {
	ECN ECN
	// TOS is all eight bits of the type of service or traffic class.
	TOS *uint8
	// DSCP is the upper six bits of it alone.
	DSCP *uint8
	// TTL is the time to live, or the hop limit.
	TTL       *uint8
	FlowLabel *uint32
}

// ECN is what the two ECN bits of the IP header must be (RFC 3168, section 5).
type ECN int

// The codepoints, and what is none. ECT01, either of ECT(0) and ECT(1), stands in
// outbound packets only.
const (
	AnyECN ECN = iota
	NoECN
	ECT0
	ECT1
	CE
	ECT01
)

// UDP is a datagram, of which the length of the payload alone is given.
type UDP struct{ Length uint16 }

// TCP is a segment.
type TCP struct {
	Flags Flags
	Seq   Seq
	// Ack is nil where the script gives none: zero in an inbound segment; in an
	// outbound one without the flag '.', zero too.
	Ack *Number
	// Win is the window as in the header, unscaled. Nil, in outbound segments only: not
	// looked at.
	Win *Number
	Urg *uint16
	// AnyOptions ("<...>"): whatever options an outbound segment has.
	AnyOptions bool
	Options    []TCPOption
}

// Flags are the flags of a TCP header.
type Flags struct {
	Bits FlagBits
	// HasACE: the three bits AE, CWR and ECE are a counter ("S.5"), whose value is ACE,
	// and Bits has none of them (RFC 9768, section 3.2).
	HasACE bool
	ACE    uint8
}

// FlagBits are the nine low bits of the field "data offset, reserved, control bits" (RFC
// 9293, section 3.1).
type FlagBits uint16

// Flags by letter: F, S, R, P, '.', U, E, W, A.
const (
	FIN FlagBits = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
	AE
)

// Seq is "start:end(length)".
type Seq struct {
	Start, End Number
	Length     uint16
	// Any: the script gives the length alone ("...(0)"), and any sequence number will do.
	Any bool
	// Absolute: Start and End are as on the wire ("0:0(0)!"), not relative to the initial
	// sequence number.
	Absolute bool
}

// Number is a sequence number, relative to the sender's initial one, an
// acknowledgement, a window or a timestamp.
//
// With a Name it stands for what the connection has when the event happens, plus
// Offset: "rcv_nxt", "snd_una+1000", "iss-1" (an extension that Config.Strict turns
// off; Names lists them). Value is then zero.
type Number struct {
	Pos    Pos
	Value  uint32
	Name   string
	Offset int32
}

// ICMP is a message of ICMP or ICMPv6.
type ICMP struct {
	// Type and Code are as written, such as "unreachable" and "port_unreachable"; Code
	// may be empty.
	Type, Code string
	// TypeNumber and CodeNumber are of the IP version that the script runs with.
	TypeNumber, CodeNumber uint8
	// MTU is the next hop's, of "mtu 1400"; nil for none.
	MTU *uint32
	// ID is the identifier of an echo; nil for none.
	ID *uint16
	// Echoed is the packet that the message is about; nil for none.
	Echoed *Echoed
}

// Echoed is the packet that an ICMP message quotes. The runner fills in what is not here.
type Echoed struct {
	// Protocol is "tcp", "udp" or "raw".
	Protocol string
	// Seq is of a TCP segment.
	Seq Seq
	// Length is the length of the payload of UDP and raw.
	Length uint16
	// Encap is the UDP header around the quoted segment, nil for none.
	Encap *Ports
}
