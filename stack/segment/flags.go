package segment

import "strings"

// Flags are the eight control bits of RFC 9293 3.1 (CWR and ECE from RFC 3168).
type Flags uint8

// The control bits, by their place in the header.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// flagNames lists the bits in the order people write them: what the segment
// does first, ACK after it, the decorations last.
var flagNames = [...]struct {
	bit  Flags
	name string
}{{SYN, "SYN"}, {FIN, "FIN"}, {RST, "RST"}, {PSH, "PSH"}, {ACK, "ACK"}, {URG, "URG"}, {ECE, "ECE"}, {CWR, "CWR"}}

// Has reports whether all bits of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Any reports whether at least one bit of g is set.
func (f Flags) Any(g Flags) bool { return f&g != 0 }

// String writes the set bits as "FIN+ACK"; a segment without any is "none".
func (f Flags) String() string {
	if f == 0 {
		return "none"
	}
	var b strings.Builder
	for _, n := range flagNames {
		if f&n.bit == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('+')
		}
		b.WriteString(n.name)
	}
	return b.String()
}
