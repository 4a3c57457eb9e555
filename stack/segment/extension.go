package segment

import "encoding/binary"

// Extension headers that may stand between IPv6 and TCP (RFC 8200 4).
const (
	ExtHopByHop = 0
	ExtRouting  = 43
	ExtFragment = 44
	ExtAuth     = 51
	ExtDest     = 60
)

// IsExtension reports whether a next-header value announces an extension header that
// Extension can pass.
func IsExtension(kind byte) bool {
	switch kind {
	case ExtHopByHop, ExtRouting, ExtFragment, ExtAuth, ExtDest:
		return true
	}
	return false
}

// Extension reads the extension header of the given kind that b begins with: the kind of
// the header behind it, and its own size in bytes, which may be more than len(b). The error is
// ErrNotTCP where the kind is no extension header, and ErrTruncated where b has less
// than the 8 bytes of the shortest.
func Extension(kind byte, b []byte) (next byte, size int, err error) {
	switch {
	case !IsExtension(kind):
		return 0, 0, ErrNotTCP
	case len(b) < 8:
		return 0, 0, ErrTruncated
	case kind == ExtFragment:
		return b[0], 8, nil
	case kind == ExtAuth:
		return b[0], (int(b[1]) + 2) * 4, nil // RFC 4302 2.2 counts in words of 4
	}
	return b[0], (int(b[1]) + 1) * 8, nil
}

// split reports whether a fragment header is that of a part of a packet. One with offset
// 0 and no more fragments (an "atomic fragment", RFC 6946) is a whole packet.
func split(fragment []byte) bool { return binary.BigEndian.Uint16(fragment[2:])&0xfff9 != 0 }
