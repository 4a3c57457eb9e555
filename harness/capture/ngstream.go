package capture

import (
	"fmt"
	"time"

	"github.com/gopacket/gopacket/layers"
)

// pcapng block types, and the magic that tells a section's byte order.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockOldPacket = 2
	blockSimple    = 3
	blockPacket    = 6

	orderMagic = 0x1a2b3c4d
)

const (
	blockFrame    = 12      // bytes of a block around its body
	maxInterfaces = 1 << 14 // in one file
)

// ngStream reads the packets of a pcapng file. Blocks of other kinds (names,
// statistics, decryption secrets, journals, custom blocks) are passed over.
type ngStream struct {
	in    *window
	order byteOrder
	ifs   []ngInterface // of all sections
	first int           // index of the current section's first interface
}

// openNg reads the first section header, whose magic has been recognised.
func openNg(in *window) (*ngStream, error) {
	f := &ngStream{in: in}
	kind, length, err := f.blockHeader()
	if err != nil {
		return nil, unexpected(err)
	}
	return f, f.block(kind, length, nil)
}

// next reads blocks up to the next packet, and reads that, link header included.
func (f *ngStream) next(p *Packet) (layers.LinkType, error) {
	for {
		kind, length, err := f.blockHeader()
		if err != nil {
			return 0, err
		}
		switch kind {
		case blockPacket, blockOldPacket, blockSimple:
			if err := f.block(kind, length, p); err != nil {
				return 0, err
			}
			return f.ifs[p.Interface].link, nil
		case blockSection, blockInterface:
			err = f.block(kind, length, nil)
		default:
			if err = f.in.discard(length - 4); err == nil {
				err = f.blockEnd(length)
			}
		}
		if err != nil {
			return 0, unexpected(err)
		}
	}
}

// blockHeader looks at the type and the length of the next block. A section
// header brings its byte order with it.
func (f *ngStream) blockHeader() (kind uint32, length int, err error) {
	h, err := f.in.peek(blockFrame) // no block is shorter
	if err != nil {
		return 0, 0, ended(err, len(h))
	}
	if kind = f.order.u32(h); kind == blockSection {
		if err := f.sectionOrder(h[8:]); err != nil {
			return 0, 0, err
		}
	}
	n := f.order.u32(h[4:])
	if n < blockFrame || n%4 != 0 || n > maxRecord {
		return 0, 0, fmt.Errorf("%w: a pcapng block with the impossible length %d", ErrMalformed, n)
	}
	return kind, int(n), nil
}

func (f *ngStream) sectionOrder(magic []byte) error {
	for _, o := range [...]byteOrder{false, true} {
		if o.u32(magic) == orderMagic {
			f.order = o
			return nil
		}
	}
	return fmt.Errorf("%w: a pcapng section header with an unknown byte order", ErrMalformed)
}

// block reads a block that is of interest and passes it.
func (f *ngStream) block(kind uint32, length int, p *Packet) error {
	b, err := f.in.peek(length)
	if err != nil {
		return unexpected(err)
	}
	if end := f.order.u32(b[length-4:]); int(end) != length {
		return lengthsDiffer(length, end)
	}
	body := b[8 : length-4]
	switch kind {
	case blockSection:
		err = f.section(body)
	case blockInterface:
		err = f.addInterface(body)
	case blockSimple:
		err = f.simple(body, p)
	default:
		err = f.packet(body, kind == blockOldPacket, p)
	}
	if err == nil {
		f.in.pass(length)
	}
	return err
}

// blockEnd reads the length a block that was passed over ends with.
func (f *ngStream) blockEnd(length int) error {
	b, err := f.in.peek(4)
	if err != nil {
		return unexpected(err)
	}
	if end := f.order.u32(b); int(end) != length {
		return lengthsDiffer(length, end)
	}
	f.in.pass(4)
	return nil
}

func lengthsDiffer(begin int, end uint32) error {
	return fmt.Errorf("%w: a pcapng block of %d bytes ends with the length %d", ErrMalformed, begin, end)
}

func (f *ngStream) section(body []byte) error {
	if len(body) < 16 {
		return fmt.Errorf("%w: a pcapng section header of %d bytes", ErrMalformed, len(body)+blockFrame)
	}
	if major := f.order.u16(body[4:]); major != 1 {
		return fmt.Errorf("%w: pcapng version %d.%d; 1 is read", ErrFormat, major, f.order.u16(body[6:]))
	}
	f.first = len(f.ifs)
	return nil
}

// packet reads an enhanced packet block, or the obsolete one, which differs in
// how it names the interface.
func (f *ngStream) packet(body []byte, old bool, p *Packet) error {
	const header = 20
	if len(body) < header {
		return fmt.Errorf("%w: a pcapng packet block of %d bytes", ErrMalformed, len(body)+blockFrame)
	}
	id := f.order.u32(body)
	if old {
		id = uint32(f.order.u16(body))
	}
	i, err := f.interfaceOf(id, p)
	if err != nil {
		return err
	}
	captured, orig := f.order.u32(body[12:]), f.order.u32(body[16:])
	if uint64(captured) > uint64(len(body)-header) {
		return fmt.Errorf("%w: a captured length of %d in a pcapng block of %d bytes", ErrMalformed, captured, len(body)+blockFrame)
	}
	p.Time = i.time(uint64(f.order.u32(body[4:]))<<32 | uint64(f.order.u32(body[8:])))
	end := header + int(captured)
	p.Data, p.OrigLen = body[header:end:end], int(max(orig, captured))
	if at := (end + 3) &^ 3; len(body) >= at+4 {
		f.packetOptions(body[at:], p)
	}
	return nil
}

// simple reads a simple packet block: no time, no captured length, and the
// section's first interface.
func (f *ngStream) simple(body []byte, p *Packet) error {
	if len(body) < 4 {
		return fmt.Errorf("%w: a pcapng simple packet block of %d bytes", ErrMalformed, len(body)+blockFrame)
	}
	i, err := f.interfaceOf(0, p)
	if err != nil {
		return err
	}
	orig := f.order.u32(body)
	captured := min(uint64(orig), uint64(len(body)-4))
	if i.snap != 0 {
		captured = min(captured, uint64(i.snap))
	}
	p.Time = time.Time{}
	p.Data, p.OrigLen = body[4:4+captured], int(orig)
	return nil
}

// interfaceOf finds an interface of the current section by its number there.
func (f *ngStream) interfaceOf(id uint32, p *Packet) (*ngInterface, error) {
	if uint64(id) >= uint64(len(f.ifs)-f.first) {
		return nil, fmt.Errorf("%w: a packet of interface %d; the pcapng section has described %d by here", ErrMalformed, id, len(f.ifs)-f.first)
	}
	p.Interface = f.first + int(id)
	return &f.ifs[p.Interface], nil
}
