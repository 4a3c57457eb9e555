package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Why a file cannot be read. Errors of NewReader and Next wrap one of these,
// io.ErrUnexpectedEOF for a file that was cut off, or the error of the
// underlying reader.
var (
	// ErrFormat: neither pcap nor pcapng.
	ErrFormat = errors.New("not a capture file")
	// ErrLinkType: a pcap file of packets from a kind of link that is not
	// read here. In a pcapng file, which may mix them, such packets are
	// counted in Skipped.UnknownLink instead.
	ErrLinkType = errors.New("unsupported link type")
	// ErrMalformed: a record contradicts itself. Nothing after it can be read.
	ErrMalformed = errors.New("malformed record")
)

const (
	streamBuffer  = 64 << 10 // of every buffered stream, bytes
	maxInterfaces = 1 << 14  // and as many sections, in one file
)

// Interface is what a capture file says about one of its interfaces.
type Interface struct {
	// Name is empty in pcap, and may be in pcapng.
	Name string
	// Link is the link type by its name where it has one, such as "Ethernet".
	Link string
}

// Skipped counts the records of a file that Next passed over.
type Skipped struct {
	NonIP       int // ARP, spanning tree, ...
	Short       int // cut before the IP packet begins
	UnknownLink int // from an interface whose link type is not read here
}

// Total is the number of records passed over.
func (s Skipped) Total() int { return s.NonIP + s.Short + s.UnknownLink }

// Reader reads the IP packets of a capture file: pcap with microseconds or
// nanoseconds, or pcapng, in either byte order, also compressed by gzip. It
// removes the link headers Ethernet (with VLAN tags), Linux cooked version 1
// and 2, raw IP, and BSD loopback.
//
// Memory is bounded whatever the file says: a record is at most 16 MiB, a longer
// one is an error. A Reader is for one goroutine.
type Reader struct {
	pcap    *pcapgo.Reader   // one of these two
	ng      *pcapgo.NgReader //
	blocks  *ngBlocks        // pcapng only
	budget  *budget
	closed  []Interface // of the pcapng sections before the current one
	section int         // index of the current pcapng section
	records int
	skipped Skipped
	err     error
}

// NewReader detects the format from the first bytes of r and reads the file
// header. On a pipe it waits for that much. It never closes r, and may read
// beyond the last packet it returned.
func NewReader(r io.Reader) (*Reader, error) {
	src, magic, err := open(r)
	if err != nil {
		return nil, fmt.Errorf("capture: read the file header: %w", err)
	}
	reader := &Reader{}
	if binary.LittleEndian.Uint32(magic) == blockSection {
		err = reader.openNg(src)
	} else {
		err = reader.openPcap(src)
	}
	if err != nil {
		return nil, fmt.Errorf("capture: read the file header: %w", reader.reword(err))
	}
	return reader, nil
}

// open undoes compression and checks that what follows is a capture.
func open(r io.Reader) (*bufio.Reader, []byte, error) {
	src := bufio.NewReaderSize(r, streamBuffer)
	if magic, err := src.Peek(2); err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzip, err := gzip.NewReader(src)
		if err != nil {
			return nil, nil, err
		}
		src = bufio.NewReaderSize(unzip, streamBuffer)
	}
	magic, err := src.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if len(magic) < 4 {
		return nil, nil, fmt.Errorf("%w: it holds %d bytes, too few for a header", ErrFormat, len(magic))
	}
	if !isMagic(magic) {
		return nil, nil, fmt.Errorf("%w: it starts with % x; pcap and pcapng are read, also gzipped (convert others with editcap -F pcapng)", ErrFormat, magic)
	}
	return src, magic, nil
}

func isMagic(b []byte) bool {
	for _, n := range []uint32{binary.LittleEndian.Uint32(b), binary.BigEndian.Uint32(b)} {
		switch n {
		case 0xa1b2c3d4, 0xa1b23c4d, blockSection: // pcap, nanosecond pcap, pcapng
			return true
		}
	}
	return false
}

func (r *Reader) openPcap(src *bufio.Reader) (err error) {
	r.budget = &budget{src: src}
	r.budget.refill()
	r.pcap, err = pcapgo.NewReader(bufio.NewReaderSize(r.budget, streamBuffer))
	if err != nil {
		return err
	}
	if link := r.pcap.LinkType(); !knownLink(link) {
		return fmt.Errorf("%w %s (%d): capture on the interface itself, or with tcpdump -y EN10MB", ErrLinkType, link, link)
	}
	return nil
}

func (r *Reader) openNg(src *bufio.Reader) (err error) {
	r.blocks = &ngBlocks{src: src}
	r.budget = &budget{src: r.blocks}
	r.budget.refill()
	r.ng, err = pcapgo.NewNgReader(bufio.NewReaderSize(r.budget, streamBuffer), pcapgo.NgReaderOptions{
		WantMixedLinkType: true,
		SectionEndCallback: func(ended []pcapgo.NgInterface, _ pcapgo.NgSectionInfo) {
			for _, i := range ended {
				r.closed = append(r.closed, describe(i.Name, i.LinkType))
			}
			r.section++
		},
	})
	return err
}

func describe(name string, link layers.LinkType) Interface {
	return Interface{Name: name, Link: link.String()}
}

// Interfaces lists the interfaces known so far; pcapng may add some anywhere in
// the file. Packet.Interface is an index into it, across all sections. The
// caller owns the slice.
func (r *Reader) Interfaces() []Interface {
	if r.pcap != nil {
		return []Interface{describe("", r.pcap.LinkType())}
	}
	all := append([]Interface(nil), r.closed...)
	for n := range r.ng.NInterfaces() {
		if i, err := r.ng.Interface(n); err == nil {
			all = append(all, describe(i.Name, i.LinkType))
		}
	}
	return all
}

// Skipped counts the records Next has passed over so far.
func (r *Reader) Skipped() Skipped { return r.skipped }

// Records is the number of records read so far, those passed over included: the
// number that tcpdump and Wireshark give the last packet returned.
func (r *Reader) Records() int { return r.records }

// Next returns the next IP packet of the file, and io.EOF after the last. Any
// other error names the record by its number, and is returned for good: damage
// hides where the next record starts. Packet.Data is valid until the next call.
func (r *Reader) Next() (Packet, error) {
	for r.err == nil {
		p, link, err := r.record()
		if err != nil {
			r.err = r.fail(err)
			break
		}
		r.records++
		start, dir, v := strip(link, p.Data)
		switch v {
		case notIP:
			r.skipped.NonIP++
			continue
		case tooShort:
			r.skipped.Short++
			continue
		case unknownLink:
			r.skipped.UnknownLink++
			continue
		}
		p.Data, p.OrigLen = trim(p.Data[start:], p.OrigLen-start)
		if p.Direction == DirectionUnknown {
			p.Direction = dir
		}
		return p, nil
	}
	return Packet{}, r.err
}

// record reads one record, link header included.
func (r *Reader) record() (Packet, layers.LinkType, error) {
	r.budget.refill()
	if r.ng != nil {
		return r.ngRecord()
	}
	data, ci, err := r.pcap.ZeroCopyReadPacketData()
	if err != nil {
		if !ci.Timestamp.IsZero() {
			// The record's header was there: an EOF now is a cut file,
			// though pcapgo calls it EOF when not one byte follows.
			err = unexpected(err)
		}
		return Packet{}, 0, err
	}
	return Packet{Time: ci.Timestamp, Data: data, OrigLen: ci.Length}, r.pcap.LinkType(), nil
}

func (r *Reader) ngRecord() (Packet, layers.LinkType, error) {
	data, ci, opts, err := r.ng.ZeroCopyReadPacketDataWithOptions()
	if err != nil {
		return Packet{}, 0, err
	}
	if n := len(r.closed) + r.ng.NInterfaces(); n > maxInterfaces || r.section > maxInterfaces {
		return Packet{}, 0, fmt.Errorf("the file has %d interfaces in %d sections by here", n, r.section+1)
	}
	link, _ := ci.AncillaryData[0].(layers.LinkType)
	if ci.Length < len(data) {
		return Packet{}, 0, fmt.Errorf("%d bytes captured of a packet of %d", len(data), ci.Length)
	}
	p := Packet{Time: ci.Timestamp, Data: data, OrigLen: ci.Length, Interface: len(r.closed) + ci.InterfaceIndex}
	if opts.Flags != nil {
		p.Direction = r.direction(*opts.Flags)
	}
	p.Comment = strings.Join(opts.Comments, "\n")
	return p, link, nil
}

// direction reads bits 0 and 1 of the flags word, which pcapgo has read as
// little-endian: in a big-endian section they are in its last byte.
func (r *Reader) direction(f pcapgo.NgEpbFlags) Direction {
	bits := f.Direction
	if r.section < len(r.blocks.bigEndian) && r.blocks.bigEndian[r.section] {
		bits = f.LinkLayerErr >> 24
	}
	switch bits & pcapgo.NgEpbFlagDirectionMask {
	case pcapgo.NgEpbFlagDirectionInbound:
		return Incoming
	case pcapgo.NgEpbFlagDirectionOutbound:
		return Outgoing
	}
	return DirectionUnknown
}

// fail turns the error of the record after the last good one into what Next
// returns.
func (r *Reader) fail(err error) error {
	if err == io.EOF && (r.budget.err == nil || r.budget.err == io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("capture: packet %d of the file: %w", r.records+1, r.reword(err))
}

// reword puts the cause in place of pcapgo's account of it, and makes every
// error wrap one of those that are documented.
func (r *Reader) reword(err error) error {
	cause := r.budget.err
	if cause != nil && cause != io.EOF {
		err = cause
	}
	switch {
	case r.budget.spent:
		return fmt.Errorf("%w: it is longer than %d bytes", ErrMalformed, maxBlock)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the file ends in the middle of it (was the writer stopped?): %w", io.ErrUnexpectedEOF)
	case errors.Is(err, pcapgo.ErrNgVersionMismatch):
		return fmt.Errorf("%w: %w", ErrFormat, err)
	case errors.Is(err, ErrLinkType), err == cause:
		return err
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}
