package capture

import "math/bits"

// maxOpening is how many bytes behind the IP header are looked at where the first
// fragment is too short for the TCP header, which has at most 60.
const maxOpening = 64

// opening is what fragments have of the first bytes behind the IP header. Some senders,
// and attackers that try to get past a filter, make fragments of as little as 8 bytes, so
// that the TCP header is spread over several.
type opening struct {
	bytes [maxOpening]byte
	have  uint64 // a bit for each byte
	end   int    // of the fragments that they are from
}

// put takes in a fragment's share of the packet, and reports whether it had anything new.
// Where two fragments overlap, the first to come counts.
func (o *opening) put(p *piece, packet *Packet) bool {
	share := packet.Data[min(p.header, len(packet.Data)):]
	share = share[:min(len(share), p.share)]
	fresh := len(share) == 0 // cut off: nobody knows
	for i := p.offset; i < min(p.offset+len(share), maxOpening); i++ {
		if o.have>>i&1 == 0 {
			o.bytes[i] = share[i-p.offset]
			o.have |= 1 << i
			fresh = true
		}
	}
	o.end = max(o.end, p.end())
	return fresh
}

// whole is the TCP header, and what is known behind it, once it is all there.
func (o *opening) whole() []byte {
	b := o.bytes[:bits.TrailingZeros64(^o.have)]
	if len(b) < minTCP || len(b) < headerLen(b) {
		return nil
	}
	return b
}

// minTCP is a TCP header without options.
const minTCP = 20

// headerLen is how long a TCP header says it is, of which the beginning is there.
func headerLen(b []byte) int {
	if len(b) < 13 {
		return minTCP
	}
	return max(minTCP, int(b[12]>>4)*4)
}

// cutsHeader reports whether a first fragment ends before its TCP header does, so
// that the next has the rest. IPv6 may have other headers before it, in which
// case the length that is taken for TCP's means nothing (RFC 7112 forbids both).
func (p *piece) cutsHeader(b []byte) bool {
	if b[0]>>4 == 6 && b[p.header-8] != protocolTCP {
		return false
	}
	share := b[min(p.header, len(b)):]
	return p.share < headerLen(share[:min(len(share), p.share)])
}
