package link

import (
	"lastack/stack/segment"
	"lastack/tun/vnet"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// OffloadDevice is a Device that may carry unfinished packets, with a header that
// says what is left to be done to them; lastack/tun.OffloadDevice is one.
type OffloadDevice interface {
	Device
	// Offload reports whether it does. If not, it is used as a Device.
	Offload() bool
	// ReadOffload is Read of a packet of up to 65,535 bytes and its header.
	ReadOffload(h *vnet.Header, p []byte) (int, error)
	// WriteOffload sends the packet that the pieces are together. It keeps none.
	WriteOffload(h *vnet.Header, pieces [][]byte) (int, error)
}

const (
	// maxOffload is the longest packet of such a device: what IP can state.
	maxOffload = 65535
	// maxPieces is how many pieces of a packet are written where they are; of
	// more, one copy costs less.
	maxPieces = 16
)

// GSOMaxSize implements stack.GSOEndpoint.
func (*Endpoint) GSOMaxSize() uint32 { return maxOffload }

// SupportedGSO implements stack.GSOEndpoint: with offload, the kernel cuts up
// netstack's large segments.
func (e *Endpoint) SupportedGSO() netstack.SupportedGSO {
	if e.offload != nil {
		return netstack.HostGSOSupported
	}
	return netstack.GSONotSupported
}

// frame is a packet on its way to the device.
type frame struct {
	header vnet.Header
	pieces [][]byte
}

func (e *Endpoint) writeOffload(pkt *netstack.PacketBuffer) error {
	f := e.frames.Get().(*frame)
	defer e.frames.Put(f)
	views, offset := pkt.AsViewList()
	length := 0
	for v := views.Front(); v != nil; v = v.Next() {
		n := min(offset, v.Size())
		offset -= n
		if n < v.Size() {
			f.pieces = append(f.pieces, v.AsSlice()[n:])
			length += v.Size() - n
		}
	}
	var err error
	if length > 0 {
		f.header = headerOf(pkt, f.pieces[0], length)
		if len(f.pieces) > maxPieces {
			err = e.writeJoined(f)
		} else {
			_, err = e.offload.WriteOffload(&f.header, f.pieces)
		}
	}
	clear(f.pieces) // lets go of the packet
	f.pieces = f.pieces[:0]
	return err
}

// writeJoined writes a frame's pieces as one.
func (e *Endpoint) writeJoined(f *frame) error {
	b := e.gather.Get().(*[]byte)
	defer e.gather.Put(b)
	*b = (*b)[:0]
	for _, p := range f.pieces {
		*b = append(*b, p...)
	}
	clear(f.pieces)
	f.pieces = append(f.pieces[:0], *b)
	_, err := e.offload.WriteOffload(&f.header, f.pieces)
	return err
}

// headerOf says what netstack left undone in a packet of that length, of which
// front is the first piece.
func headerOf(pkt *netstack.PacketBuffer, front []byte, length int) vnet.Header {
	g := &pkt.GSOOptions
	if !g.NeedsCsum {
		return vnet.Header{}
	}
	start := int(g.L3HdrLen)
	h := vnet.Header{NeedsChecksum: true, ChecksumStart: g.L3HdrLen, ChecksumOffset: g.CsumOffset}
	if g.Type == netstack.GSONone || len(front) < start+header.TCPMinimumSize {
		return h
	}
	headers := start + int(header.TCP(front[start:]).DataOffset())
	if g.MSS == 0 || length-headers <= int(g.MSS) {
		return h
	}
	h.SegmentSize, h.HeaderLen, h.GSO = g.MSS, uint16(headers), vnet.TCP4
	if g.Type == netstack.GSOTCPv6 {
		h.GSO = vnet.TCP6
	}
	return h
}

// optionsOf is the header of an incoming packet in netstack's terms. netstack does not
// look at it; code that copies or forwards the packet does.
func optionsOf(h *vnet.Header) netstack.GSO {
	var g netstack.GSO
	if h.NeedsChecksum {
		g.NeedsCsum, g.L3HdrLen, g.CsumOffset = true, h.ChecksumStart, h.ChecksumOffset
	}
	switch h.GSO {
	case vnet.TCP4:
		g.Type, g.MSS, g.MaxSize = netstack.GSOTCPv4, h.SegmentSize, maxOffload
	case vnet.TCP6:
		g.Type, g.MSS, g.MaxSize = netstack.GSOTCPv6, h.SegmentSize, maxOffload
	}
	return g
}

// vouched reports whether the kernel says that a packet is undamaged.
func vouched(h *vnet.Header) bool { return h.NeedsChecksum || h.ChecksumValid }

// sound verifies a packet's checksums in netstack's place: IPv4's and TCP's. netstack
// verifies others itself, and a fragment has none to verify.
func sound(packet []byte) bool {
	s, err := segment.Parse(packet)
	if err != nil {
		return true // nor is it for us to say that it does not parse
	}
	if s.Version == 4 && !header.IPv4(packet).IsChecksumValid() {
		return false
	}
	return s.ChecksumOK(packet)
}
