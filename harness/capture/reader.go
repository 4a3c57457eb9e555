package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/cpu"
)

// Interface is what a capture file says about one of its interfaces.
type Interface struct {
	// Name is empty in pcap, and may be in pcapng.
	Name string
	// Link is the link type as tcpdump names it, such as "EN10MB (Ethernet)".
	Link string
}

// Skipped counts the records of a file that Next passed over.
type Skipped struct {
	NonIP       int // ARP, spanning tree, ...
	Short       int // cut before the IP packet begins
	UnknownLink int // from an interface whose link type is not read here
	// Aggregates are frames of 802.11 that carry more packets than the one
	// that was read. They are not part of the Total.
	Aggregates int
	// Leaps are records whose time is more than 24 h from that of both the record before
	// and the one behind them, which are no further apart: their Packet.Time is that of
	// the record before. They are not part of the Total.
	Leaps int
}

// Total is the number of records passed over.
func (s Skipped) Total() int { return s.NonIP + s.Short + s.UnknownLink }

// Reader reads the IP packets of a capture file: pcap with microseconds or
// nanoseconds and pcap of patched libpcaps, pcapng, in either byte order, and
// snoop; also compressed with gzip, zstd, lz4 or xz. It removes the headers of
// these links, and of what may stand between them and IP:
//
//   - Ethernet, 802.11 alone and behind radiotap, Prism, AVS or PPI, FDDI, Token
//     Ring, IP over InfiniBand, PPP, Cisco HDLC, Linux cooked version 1 and 2, BSD
//     loopback, raw IP, MPLS;
//   - packets that were logged or tapped above the link: NFLOG, PFLOG, ENC,
//     PKTAP, IPNET;
//   - VLAN tags of any depth, PBB (802.1ah), E-Tag (802.1BR), VN-Tag, LLC and
//     SNAP, MPLS, Ethernet in MPLS, PPPoE.
//
// If a frame of 802.11 carries several packets, the first is read; the frame counts in
// Skipped.Aggregates too.
//
// Memory is bounded whatever the file says: a record is at most 16 MiB, a longer one is
// an error, and a compressed file needs at most what its kind of compression refers back
// to: 128 MiB for zstd and xz, of which xz -9 takes 64; a file that asks for more is
// ErrMemory. A packet costs no allocation, unless it has a comment. A Reader is for one
// goroutine.
type Reader struct {
	_        cpu.CacheLinePad // see window
	in       *window
	pcap     *pcapStream // one of these three
	ng       *ngStream
	snoop    *snoopStream
	unpacked bool   // the file is compressed
	name     string // for errors
	input    *input // nil unless Open made it
	packet   Packet // the one being read
	steady   steady
	records  int
	skipped  Skipped
	kinds    kinds
	err      error
	_        cpu.CacheLinePad
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
	switch {
	case binary.LittleEndian.Uint32(magic) == blockSection:
		r.ng, err = openNg(r.in)
	case binary.BigEndian.Uint32(magic) == magicSnoop:
		r.snoop, err = openSnoop(r.in)
	default:
		r.pcap, err = openPcap(r.in)
	}
	return explain(err)
}

// unpack undoes compression and checks that what follows is a capture.
func (r *Reader) unpack(src io.Reader) ([]byte, error) {
	buf := bufio.NewReaderSize(src, streamBuffer)
	u, err := openUnpacker(buf)
	switch {
	case err != nil:
		return nil, err
	case u != nil:
		r.in, r.unpacked = newWindow(u), true
	default:
		r.in = newWindow(buf)
	}
	magic, err := r.in.peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, explain(err)
	}
	if len(magic) < 4 {
		return nil, fmt.Errorf("%w: it holds %d bytes, too few for a header", ErrFormat, len(magic))
	}
	if !isMagic(magic) {
		return nil, fmt.Errorf("%w: it starts with % x; pcap, pcapng and snoop are read, also compressed with gzip, zstd, lz4 or xz (convert others with editcap -F pcapng)", ErrFormat, magic)
	}
	return magic, nil
}

func isMagic(b []byte) bool {
	if binary.BigEndian.Uint32(b) == magicSnoop {
		return true
	}
	for _, n := range []uint32{binary.LittleEndian.Uint32(b), binary.BigEndian.Uint32(b)} {
		switch n {
		case magicMicros, magicNanos, magicModified, blockSection:
			return true
		}
	}
	return false
}

// Interfaces lists the interfaces known so far; pcapng may add some anywhere in
// the file. Packet.Interface is an index into it, across all sections. The
// caller owns the slice.
func (r *Reader) Interfaces() []Interface {
	switch {
	case r.pcap != nil:
		return []Interface{{Link: linkName(r.pcap.link)}}
	case r.snoop != nil:
		return []Interface{{Link: linkName(r.snoop.link)}}
	}
	var all []Interface
	for _, i := range r.ng.ifs {
		all = append(all, Interface{Name: i.name, Link: linkName(i.link)})
	}
	return all
}

// Skipped counts the records Next has passed over so far.
func (r *Reader) Skipped() Skipped { return r.skipped }

// Records is the number of records read so far, those passed over included: the
// number that tcpdump and Wireshark give the last packet returned.
func (r *Reader) Records() int { return r.records }

// Bytes is how many bytes of the file, unpacked, the records read so far take.
func (r *Reader) Bytes() int64 { return r.in.offset() }

// Next returns the next IP packet of the file, and io.EOF after the last. Any other error
// is a [*ReadError], which says where, and is returned for good: damage hides where the
// next record starts. Packet.Data is valid until the next call.
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
		if second := r.packet.Time.Unix(); r.steady.near(second) {
			r.steady.second, r.steady.nanos = second, r.packet.Time.Nanosecond()
		} else {
			link = r.checkLeap(link)
		}
		r.records++
		if link == layers.LinkTypeEthernet && stripPlain(r.packet.Data) {
			r.packet.strip(14, DirectionUnknown)
			return &r.packet, nil
		}
		c := startCursor(r.packet.Data)
		if v := c.link(link); v != isIP {
			r.skip(v, c.kind)
			continue
		}
		if c.more {
			r.skipped.Aggregates++
		}
		r.packet.strip(c.at, c.dir)
		return &r.packet, nil
	}
	return nil, r.err
}

// record reads one record, link header included.
func (r *Reader) record() (layers.LinkType, error) {
	if r.steady.ahead {
		return r.takeAhead()
	}
	r.packet.Direction = DirectionUnknown
	switch {
	case r.pcap != nil:
		return r.pcap.next(&r.packet)
	case r.snoop != nil:
		return r.snoop.next(&r.packet)
	}
	r.packet.Comment = ""
	return r.ng.next(&r.packet)
}

func (r *Reader) skip(v verdict, k kind) {
	switch v {
	case notIP:
		r.skipped.NonIP++
	case tooShort:
		r.skipped.Short++
		k = kindCut
	case unknownLink:
		r.skipped.UnknownLink++
	}
	if r.kinds == nil {
		r.kinds = kinds{}
	}
	r.kinds.add(k)
}

// SkippedKinds says what the records were that Next has passed over so far, the
// most frequent kinds first. Their sum is that of Skipped.
func (r *Reader) SkippedKinds() []Kind { return r.kinds.list() }

// strip parts the record into link header and IP packet. The direction by pcapng counts
// more than that by the link header.
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
