// Package vnet is the header that the kernel puts before each packet of a TUN
// device with offload, and expects before each it is given: struct
// virtio_net_hdr, which says what is left to be done to the packet.
//
//	| Header, 10 bytes | IP header | TCP header | data, up to 64 KiB in all |
//
// Two things may be left undone. The checksum: its field then holds the sum over the
// pseudo header, and the sender on a wire adds the rest. And cutting it up: the packet
// then is a large TCP segment that stands for several.
//
// The package is pure: it opens nothing and keeps nothing.
package vnet

import "encoding/binary"

// Len is the length of an encoded Header in bytes.
const Len = 10

// GSO says how a packet is to be cut up (generic segmentation offload).
type GSO uint8

// The values are the kernel's (VIRTIO_NET_HDR_GSO_*).
const (
	// Whole: the packet is one segment.
	Whole GSO = 0
	// TCP4 and TCP6: a large TCP segment in an IPv4 or an IPv6 packet.
	TCP4 GSO = 1
	TCP6 GSO = 4
)

// Header says what is left to be done to a packet. The zero value says nothing.
type Header struct {
	// NeedsChecksum: the checksum over the packet from ChecksumStart on is to be put
	// ChecksumOffset bytes behind that, where the sum over the pseudo header stands. In a
	// packet from the kernel it also says that the packet is undamaged.
	NeedsChecksum bool
	// ChecksumValid: the checksum was found right; only from the kernel.
	ChecksumValid                 bool
	ChecksumStart, ChecksumOffset uint16
	// GSO is how to cut, SegmentSize the most data of each segment (the MSS),
	// HeaderLen the length of the headers that each of them repeats.
	GSO         GSO
	SegmentSize uint16
	HeaderLen   uint16
}

// Bits of the flags field (VIRTIO_NET_HDR_F_*).
const (
	flagNeedsChecksum = 1
	flagDataValid     = 2
)

// Encode writes h as the kernel has it, in the machine's byte order.
func (h *Header) Encode(b *[Len]byte) {
	b[0] = 0
	if h.NeedsChecksum {
		b[0] |= flagNeedsChecksum
	}
	if h.ChecksumValid {
		b[0] |= flagDataValid
	}
	b[1] = byte(h.GSO)
	binary.NativeEndian.PutUint16(b[2:], h.HeaderLen)
	binary.NativeEndian.PutUint16(b[4:], h.SegmentSize)
	binary.NativeEndian.PutUint16(b[6:], h.ChecksumStart)
	binary.NativeEndian.PutUint16(b[8:], h.ChecksumOffset)
}

// Decode reads what Encode wrote, or the kernel.
func (h *Header) Decode(b *[Len]byte) {
	*h = Header{
		NeedsChecksum:  b[0]&flagNeedsChecksum != 0,
		ChecksumValid:  b[0]&flagDataValid != 0,
		GSO:            GSO(b[1]),
		HeaderLen:      binary.NativeEndian.Uint16(b[2:]),
		SegmentSize:    binary.NativeEndian.Uint16(b[4:]),
		ChecksumStart:  binary.NativeEndian.Uint16(b[6:]),
		ChecksumOffset: binary.NativeEndian.Uint16(b[8:]),
	}
}

// udpChecksum is where UDP has its checksum, for which 0 means none.
const udpChecksum = 6

// Complete puts the checksum into the packet, if that is left to be done, and
// notes that it is done. A packet that ends before the place stays as it is.
func (h *Header) Complete(packet []byte) {
	start := int(h.ChecksumStart)
	at := start + int(h.ChecksumOffset)
	if !h.NeedsChecksum || at+2 > len(packet) {
		return
	}
	sum := uint64(0)
	b := packet[start:]
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	check := ^uint16(sum)
	if check == 0 && h.ChecksumOffset == udpChecksum {
		check = 0xffff
	}
	binary.BigEndian.PutUint16(packet[at:], check)
	h.NeedsChecksum, h.ChecksumValid = false, true
}
