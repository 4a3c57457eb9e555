package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket/layers"
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
// one is an error. A packet costs no allocation, unless it has a comment. A
// Reader is for one goroutine.
type Reader struct {
	in       *window
	pcap     *pcapStream // one of these two
	ng       *ngStream   //
	unpacked bool        // gzip came first
	name     string      // for errors
	input    *input      // nil unless Open made it
	packet   Packet      // the one being read
	records  int
	skipped  Skipped
	err      error
}

// NewReader detects the format from the first bytes of r and reads the file
// header. On a pipe it waits for that much. It never closes r, and may read
// beyond the last packet it returned.
func NewReader(r io.Reader) (*Reader, error) {
	reader := &Reader{}
	if err := reader.open(r); err != nil {
		return nil, fmt.Errorf("capture: read the file header: %w", err)
	}
	return reader, nil
}

func (r *Reader) open(src io.Reader) error {
	magic, err := r.unpack(src)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(magic) == blockSection {
		r.ng, err = openNg(r.in)
	} else {
		r.pcap, err = openPcap(r.in)
	}
	return explain(err)
}

// unpack undoes compression and checks that what follows is a capture.
func (r *Reader) unpack(src io.Reader) ([]byte, error) {
	buf := bufio.NewReaderSize(src, streamBuffer)
	r.in = newWindow(buf)
	if magic, err := buf.Peek(2); err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzip, err := gzip.NewReader(buf)
		if err != nil {
			return nil, fmt.Errorf("unpack with gzip: %w", explain(unexpected(err)))
		}
		r.in, r.unpacked = newWindow(unzip), true
	}
	magic, err := r.in.peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, explain(err)
	}
	if len(magic) < 4 {
		return nil, fmt.Errorf("%w: it holds %d bytes, too few for a header", ErrFormat, len(magic))
	}
	if !isMagic(magic) {
		return nil, fmt.Errorf("%w: it starts with % x; pcap and pcapng are read, also gzipped (convert others with editcap -F pcapng)", ErrFormat, magic)
	}
	return magic, nil
}

func isMagic(b []byte) bool {
	for _, n := range []uint32{binary.LittleEndian.Uint32(b), binary.BigEndian.Uint32(b)} {
		switch n {
		case magicMicros, magicNanos, blockSection:
			return true
		}
	}
	return false
}

// Interfaces lists the interfaces known so far; pcapng may add some anywhere in
// the file. Packet.Interface is an index into it, across all sections. The
// caller owns the slice.
func (r *Reader) Interfaces() []Interface {
	if r.pcap != nil {
		return []Interface{{Link: r.pcap.link.String()}}
	}
	var all []Interface
	for _, i := range r.ng.ifs {
		all = append(all, Interface{Name: i.name, Link: i.link.String()})
	}
	return all
}

// Skipped counts the records Next has passed over so far.
func (r *Reader) Skipped() Skipped { return r.skipped }

// Records is the number of records read so far, those passed over included: the
// number that tcpdump and Wireshark give the last packet returned.
func (r *Reader) Records() int { return r.records }

// Next returns the next IP packet of the file, and io.EOF after the last. Any
// other error is a [*ReadError], which tells where, and is returned for good:
// damage hides where the next record starts. Packet.Data is valid until the
// next call.
func (r *Reader) Next() (Packet, error) {
	p, err := r.borrow()
	if err != nil {
		return Packet{}, err
	}
	return *p, nil
}

// borrow is Next without a copy of the Packet: that is valid until the next
// call, too.
func (r *Reader) borrow() (*Packet, error) {
	for r.err == nil {
		link, err := r.record()
		if err != nil {
			r.err = r.fail(err)
			break
		}
		r.records++
		start, dir, v := strip(link, r.packet.Data)
		if v != isIP {
			r.skip(v)
			continue
		}
		r.packet.strip(start, dir)
		return &r.packet, nil
	}
	return nil, r.err
}

// record reads one record, link header included.
func (r *Reader) record() (layers.LinkType, error) {
	r.packet.Direction = DirectionUnknown
	if r.ng == nil {
		return r.pcap.next(&r.packet)
	}
	r.packet.Comment = ""
	return r.ng.next(&r.packet)
}

func (r *Reader) skip(v verdict) {
	switch v {
	case notIP:
		r.skipped.NonIP++
	case tooShort:
		r.skipped.Short++
	case unknownLink:
		r.skipped.UnknownLink++
	}
}

// strip parts the record into link header and IP packet. What pcapng says of
// the direction goes before what the link header says.
func (p *Packet) strip(start int, dir Direction) {
	p.LinkHeader = nil
	if start > 0 {
		p.LinkHeader = p.Data[:start:start]
	}
	p.Data, p.OrigLen = trim(p.Data[start:], p.OrigLen-start)
	if p.Direction == DirectionUnknown {
		p.Direction = dir
	}
}

// fail turns the error of the record after the last good one into what Next
// returns.
func (r *Reader) fail(err error) error {
	if err == io.EOF || r.input != nil && r.input.stopped {
		return io.EOF
	}
	return &ReadError{Name: r.name, Packet: r.records + 1, Offset: r.in.offset(), Unpacked: r.unpacked, Err: explain(err)}
}
