package capture

import (
	"encoding/binary"

	"lastack/stack/segment"
)

const (
	protocolTCP = 6
	maxPacket   = 0xffff // bytes in an IP packet that was split
	lenIPv6     = 40
)

// fragmentKey is what the fragments of a packet have in common (RFC 791 3.2,
// RFC 8200 4.5).
type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	tunnel   uint32 // number of the one it was in
	version  uint8
}

// piece is what the headers of one fragment say.
type piece struct {
	key    fragmentKey
	header int  // bytes before the fragment's share of the packet
	field  int  // offset of the 16 bits with the fragment offset in the packet
	offset int  // of its share in what was split
	share  int  // bytes of it
	more   bool // it is not the last
}

// end is the least length of the packet that was split.
func (p *piece) end() int { return p.offset + p.share }

// parseFragment reads a packet that is a fragment of something that may be TCP.
func parseFragment(b []byte) (piece, error) {
	if b[0]>>4 == 4 {
		return parseFragment4(b)
	}
	return parseFragment6(b)
}

// parseFragment4 reads a packet whose header segment.Decode has found sound.
func parseFragment4(b []byte) (piece, error) {
	field := binary.BigEndian.Uint16(b[6:])
	p := piece{header: int(b[0]&15) * 4, field: 6, offset: int(field&0x1fff) * 8, more: field&0x2000 != 0}
	p.share = int(binary.BigEndian.Uint16(b[2:])) - p.header
	p.key = fragmentKey{id: uint32(binary.BigEndian.Uint16(b[4:])), version: 4}
	copy(p.key.src[:], b[12:16])
	copy(p.key.dst[:], b[16:20])
	return p, p.check()
}

// parseFragment6 walks to the fragment header, which segment.Decode has found.
func parseFragment6(b []byte) (piece, error) {
	next, at := b[6], lenIPv6
	for next != segment.ExtFragment {
		following, n, err := segment.Extension(next, b[min(at, len(b)):])
		if err != nil {
			return piece{}, err
		}
		next, at = following, at+n
	}
	if carried := b[at]; carried != protocolTCP && (carried == segment.ExtFragment || !segment.IsExtension(carried)) {
		return piece{}, segment.ErrNotTCP
	}
	field := binary.BigEndian.Uint16(b[at+2:])
	p := piece{header: at + 8, field: at + 2, offset: int(field &^ 7), more: field&1 != 0}
	p.share = lenIPv6 + int(binary.BigEndian.Uint16(b[4:])) - p.header
	p.key = fragmentKey{id: binary.BigEndian.Uint32(b[at+4:]), version: 6}
	copy(p.key.src[:], b[8:])
	copy(p.key.dst[:], b[24:])
	return p, p.check()
}

// check refuses a fragment of which no packet can be put together.
func (p *piece) check() error {
	if p.share <= 0 || p.more && p.share%8 != 0 || p.header+p.end() > maxPacket {
		return segment.ErrMalformed
	}
	return nil
}

// makeWhole turns a first fragment into the beginning of a whole packet with so
// many bytes behind the header. IPv6 keeps its fragment header, which then says
// that it is the only one (RFC 6946).
func makeWhole(b []byte, p *piece, length int) {
	field := binary.BigEndian.Uint16(b[p.field:])
	if b[0]>>4 == 4 {
		binary.BigEndian.PutUint16(b[p.field:], field&0x4000) // don't fragment
		binary.BigEndian.PutUint16(b[2:], uint16(p.header+length))
		return
	}
	binary.BigEndian.PutUint16(b[p.field:], field&6) // reserved
	binary.BigEndian.PutUint16(b[4:], uint16(p.header-lenIPv6+length))
}
