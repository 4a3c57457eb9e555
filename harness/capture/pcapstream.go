package capture

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gopacket/gopacket/layers"
)

// Magic numbers of pcap files.
const (
	magicMicros = 0xa1b2c3d4
	magicNanos  = 0xa1b23c4d
	// magicModified is of patched libpcaps on old Red Hat systems, which note interface
	// and direction of each packet.
	magicModified = 0xa1b2cd34
)

const (
	pcapHeader       = 24
	pcapRecordHeader = 16
	modifiedHeader   = 24 // of a record with magicModified
)

// maxRecord is the longest record the reader takes, in bytes, pcapng blocks
// included: what Wireshark takes.
const maxRecord = 16 << 20

// pcapStream reads the records of a pcap file.
type pcapStream struct {
	in    *window
	order byteOrder
	unit  int64 // nanoseconds in a unit of the fraction
	link  layers.LinkType
	// header is how long a record's is.
	header int
	// swapped: libpcap before 2.4 wrote both lengths of a record in the other
	// order, 2.3 only on some systems.
	swapped bool
}

// openPcap reads the file header, whose magic has been recognised.
func openPcap(in *window) (*pcapStream, error) {
	h, err := in.peek(pcapHeader)
	if err != nil {
		return nil, unexpected(err)
	}
	f := &pcapStream{in: in, unit: 1, header: pcapRecordHeader}
	magic := binary.LittleEndian.Uint32(h)
	if magic != magicMicros && magic != magicNanos && magic != magicModified {
		f.order = true
		magic = binary.BigEndian.Uint32(h)
	}
	if magic != magicNanos {
		f.unit = 1000
	}
	if magic == magicModified {
		f.header = modifiedHeader
	}
	f.swapped = f.order.u16(h[6:]) < 4
	if major := f.order.u16(h[4:]); major != 2 {
		return nil, fmt.Errorf("%w: pcap version %d.%d; 2 is read", ErrFormat, major, f.order.u16(h[6:]))
	}
	// The upper bits announce frame check sequences behind the packets; the length in the
	// IP header cuts them off.
	f.link = layers.LinkType(uint16(f.order.u32(h[20:])))
	if !knownLink(f.link) {
		return nil, refuseLink(f.link)
	}
	in.pass(pcapHeader)
	return f, nil
}

// refuseLink says that the packets of a file cannot be read.
func refuseLink(link layers.LinkType) error {
	return fmt.Errorf("%w %s, number %d: capture on the interface itself, or with tcpdump -y EN10MB", ErrLinkType, linkName(link), link)
}

// next reads one record, link header included.
func (f *pcapStream) next(p *Packet) (layers.LinkType, error) {
	h, err := f.in.peek(f.header)
	if err != nil {
		return 0, ended(err, len(h))
	}
	captured, orig := f.order.u32(h[8:]), f.order.u32(h[12:])
	if f.swapped && captured > orig {
		captured, orig = orig, captured
	}
	if captured > maxRecord {
		return 0, fmt.Errorf("%w: a record of %d bytes; packets have at most %d", ErrMalformed, captured, maxRecord)
	}
	n := f.header + int(captured)
	h, err = f.in.peek(n)
	if err != nil {
		return 0, unexpected(err)
	}
	f.in.pass(n)
	p.Time = time.Unix(int64(f.order.u32(h)), int64(f.order.u32(h[4:]))*f.unit).UTC()
	// Like tcpdump, take all that was captured even where the record says that
	// the packet was shorter.
	p.Data, p.OrigLen = h[f.header:], int(max(orig, captured))
	return f.link, nil
}
