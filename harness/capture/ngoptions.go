package capture

import "strings"

// options calls each for the options in b up to the end of the list, or up to
// the first that does not fit: what is not understood of an option never costs
// the packet.
func (f *ngStream) options(b []byte, each func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := f.order.u16(b), int(f.order.u16(b[2:]))
		b = b[4:]
		if code == 0 || n > len(b) {
			return
		}
		each(code, b[:n])
		b = b[min((n+3)&^3, len(b)):]
	}
}

// packetOptions reads what a packet block says besides the packet.
func (f *ngStream) packetOptions(b []byte, p *Packet) {
	var comments strings.Builder
	said := 0
	f.options(b, func(code uint16, v []byte) {
		switch {
		case code == 1: // opt_comment
			if said++; said > 1 {
				comments.WriteByte('\n')
			}
			comments.Write(v)
		case code == 2 && len(v) == 4: // epb_flags, pack_flags
			p.Direction = flagsDirection(f.order.u32(v))
		}
	})
	p.Comment = comments.String()
}

// flagsDirection reads bits 0 and 1 of the flags word.
func flagsDirection(flags uint32) Direction {
	switch flags & 3 {
	case 1:
		return Incoming
	case 2:
		return Outgoing
	}
	return DirectionUnknown
}
