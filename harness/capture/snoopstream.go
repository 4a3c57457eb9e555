package capture

import (
	"fmt"
	"time"

	"github.com/gopacket/gopacket/layers"
)

// magicSnoop begins "snoop" and three zeroes (RFC 1761).
const magicSnoop = 0x736e6f6f

const (
	snoopHeader       = 16
	snoopRecordHeader = 24
)

// snoopLinks are the numbers that RFC 1761 and later Solaris give to links.
var snoopLinks = map[uint32]layers.LinkType{
	0: layers.LinkTypeEthernet, 4: layers.LinkTypeEthernet,
	2: layers.LinkTypeTokenRing, 8: layers.LinkTypeFDDI, 26: linkIPNet,
}

// snoopStream reads the records of a snoop file, as Solaris and many measuring devices
// write them. pcapgo's reader refuses packets over 4 KiB, and those that are longer than
// their record says.
type snoopStream struct {
	in   *window
	link layers.LinkType
}

// openSnoop reads the file header, whose magic has been recognised.
func openSnoop(in *window) (*snoopStream, error) {
	const big byteOrder = true
	h, err := in.peek(snoopHeader)
	if err != nil {
		return nil, unexpected(err)
	}
	if version := big.u32(h[8:]); string(h[:8]) != "snoop\x00\x00\x00" || version != 2 {
		return nil, fmt.Errorf("%w: snoop version %d; 2 is read", ErrFormat, version)
	}
	kind := big.u32(h[12:])
	link, ok := snoopLinks[kind]
	if !ok || !knownLink(link) {
		return nil, fmt.Errorf("%w: number %d of snoop; Ethernet is read: capture on the interface itself", ErrLinkType, kind)
	}
	in.pass(snoopHeader)
	return &snoopStream{in: in, link: link}, nil
}

// next reads one record, link header included, and what pads it.
func (f *snoopStream) next(p *Packet) (layers.LinkType, error) {
	const big byteOrder = true
	h, err := f.in.peek(snoopRecordHeader)
	if err != nil {
		return 0, ended(err, len(h))
	}
	orig, captured, length := big.u32(h), big.u32(h[4:]), big.u32(h[8:])
	if length > maxRecord || length < snoopRecordHeader || captured > length-snoopRecordHeader {
		return 0, fmt.Errorf("%w: %d bytes captured in a snoop record of %d", ErrMalformed, captured, length)
	}
	h, err = f.in.peek(int(length))
	if err != nil {
		return 0, unexpected(err)
	}
	f.in.pass(int(length))
	p.Time = time.Unix(int64(big.u32(h[16:])), int64(big.u32(h[20:]))*1000).UTC()
	end := snoopRecordHeader + int(captured)
	p.Data, p.OrigLen = h[snoopRecordHeader:end:end], int(max(orig, captured))
	return f.link, nil
}
