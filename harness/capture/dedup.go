package capture

import (
	"encoding/binary"
	"math/bits"
	"time"

	"lastack/stack/segment"
)

// DedupConfig says within what time a copy of a packet is one. The zero value
// suits captures made on one machine.
type DedupConfig struct {
	// Window is the most that lies between the captures of a packet at two
	// places; 0 means 10 ms. Captures of several machines that were merged
	// need their clocks' difference added.
	Window time.Duration
	// Lane is 0 or 1 for each 4-tuple, and the same for both directions. What is of one lane
	// does not make the Dedup forget what is of the other, so that two that have a lane each
	// find what one finds that has both. It may be nil.
	Lane func(*segment.Tuple) int
}

// How long after a packet the same place sees its copy: a mirror port shows
// both ways of a frame at once. Only the identification of IPv4, which no two
// packets of a connection share within so short a time, makes the longer of the
// two safe; without it the shorter one has to be shorter than a round-trip, so
// that it cannot be a fast retransmission.
const (
	mirrorWithID    = time.Millisecond
	mirrorWithoutID = 10 * time.Microsecond
)

// mirrorWithSum is how long after a segment with data or a FIN the same place, on a busy
// device, sees its copy: with identification and checksum the same. A retransmission has
// another identification, and mostly another timestamp.
const mirrorWithSum = 20 * time.Millisecond

// constantID is the identification that makers of packets, such as Scapy, put into all.
const constantID = 1

const (
	dedupSlots  = 1 << 13 // packets remembered, at most
	dedupPlaces = 5       // places at which a packet is known to have been captured
)

// Dedup recognises a packet that was captured more than once: on two
// interfaces, before and after a router, by a mirror port that shows each frame
// coming and going. It compares what stays the same on the way (addresses,
// ports, sequence numbers, flags, window, timestamp, length and, in IPv4, the
// identification), and where it was captured (interface, direction, link
// header, time to live):
//
//   - the same packet at another place, within Window, is a copy;
//   - at the same place it is a copy within 1 ms if IPv4's identification is
//     there (not 0) and the same, and within 20 ms if it also takes room in sequence space
//     and has the same checksum; without one within 10 microseconds if it takes
//     room in sequence space, and never otherwise: duplicate ACKs are alike;
//   - everything else is another packet. So is a retransmission: its sender gave it
//     another identification or waited, and it passes a place that the packet has passed
//     before.
//
// A merged file has to tell its interfaces apart (mergecap -I none does).
//
// Where addresses are translated on the way, or segments merged or split by
// offloading, there are two packets. Packets without a time are never copies.
//
// It remembers up to 8192 packets, in 320 KiB, and forgets at random. A Dedup is
// for one goroutine.
type Dedup struct {
	window int64 // nanoseconds
	lane   func(*segment.Tuple) int
	hashes []uint64
	slots  []original // of the same indexes
}

// original is when and where a packet was seen. Its hash, at which every packet looks while
// most have another, stands apart: those of all slots stay in the processor's caches.
type original struct {
	at     int64 // nanoseconds
	n      uint16
	sum    uint16 // TCP's checksum
	places [dedupPlaces]uint32
}

// NewDedup returns a Dedup that has seen nothing.
func NewDedup(c DedupConfig) *Dedup {
	if c.Window == 0 {
		c.Window = 10 * time.Millisecond
	}
	return &Dedup{window: int64(c.Window), lane: c.Lane, hashes: make([]uint64, dedupSlots), slots: make([]original, dedupSlots)}
}

// Duplicate reports whether a packet, of which s was parsed, is a copy of one
// that it was called with before. Packets are expected in the order of the
// capture.
func (d *Dedup) Duplicate(p *Packet, s *segment.Segment) bool {
	if p.Time.IsZero() {
		return false
	}
	id := identification(p.Data)
	hash, at, place := tell(fingerprint(s, id), p.Tunnel), p.Time.UnixNano(), placeOf(p)
	sum := binary.BigEndian.Uint16(p.Data[s.TCPStart+16:])
	slot := hash % dedupSlots
	if d.lane != nil {
		slot = hash%(dedupSlots/2) + uint64(d.lane(&s.Tuple))*(dedupSlots/2)
	}
	known, o := &d.hashes[slot], &d.slots[slot]
	if *known == hash {
		apart := max(at-o.at, o.at-at)
		if !o.seenAt(place) {
			if apart <= d.window {
				o.add(place)
				return true
			}
		} else if apart <= mirrored(s, id, o.sum == sum) {
			return true
		}
	}
	*known = hash
	o.at, o.n, o.sum, o.places[0] = at, 1, sum, place
	return false
}

// mirrored is how far apart in time a packet and its copy may be at one place.
func mirrored(s *segment.Segment, id uint16, sameSum bool) int64 {
	switch {
	case id > constantID && sameSum && s.Len() > 0:
		return int64(mirrorWithSum)
	case id != 0:
		return int64(mirrorWithID)
	case s.Len() > 0:
		return int64(mirrorWithoutID)
	}
	return -1
}

func (o *original) seenAt(place uint32) bool {
	for _, known := range o.places[:o.n] {
		if known == place {
			return true
		}
	}
	return false
}

// add remembers a place, as long as there is room.
func (o *original) add(place uint32) {
	if o.n < dedupPlaces {
		o.places[o.n] = place
		o.n++
	}
}

// identification is that of IPv4; 0 is none (RFC 6864 4.1).
func identification(packet []byte) uint16 {
	if packet[0]>>4 != 4 {
		return 0
	}
	return binary.BigEndian.Uint16(packet[4:])
}

// fingerprint is a hash over what a packet keeps on its way.
func fingerprint(s *segment.Segment, id uint16) uint64 {
	le := binary.LittleEndian
	h := mix(le.Uint64(s.Src.Addr[:])^le.Uint64(s.Dst.Addr[8:]), le.Uint64(s.Src.Addr[8:])^bits.RotateLeft64(le.Uint64(s.Dst.Addr[:]), 32))
	h = mix(h^uint64(s.Seq)<<32^uint64(s.Ack), uint64(s.Src.Port)<<48|uint64(s.Dst.Port)<<32|uint64(s.Window)<<16|uint64(id))
	return mix(h^uint64(s.TSVal)<<32^uint64(s.PayloadLen), h^uint64(s.Flags))
}

// tell keeps apart what travels in tunnels: the same packet in another tunnel
// belongs to another connection.
func tell(hash uint64, t *Tunnel) uint64 {
	if t == nil {
		return hash
	}
	return mix(hash, uint64(t.Number))
}

// placeOf is a hash over where a packet was captured.
func placeOf(p *Packet) uint32 {
	ttl := 8
	if p.Data[0]>>4 == 6 {
		ttl = 7
	}
	h := mix(uint64(p.Via)<<32^(uint64(p.Interface)<<16|uint64(p.Direction)<<8|uint64(p.Data[ttl])), 1)
	b := p.LinkHeader
	for ; len(b) > 8; b = b[8:] {
		h = mix(h, binary.LittleEndian.Uint64(b))
	}
	if n := len(p.LinkHeader); n >= 8 {
		b = p.LinkHeader[n-8:] // some of it again, as it can be read at once
	}
	return uint32(mix(h, ending(b)))
}

// ending is a number of up to 8 bytes.
func ending(b []byte) (n uint64) {
	if len(b) == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// mix folds the product of two numbers, made so that a 0 does not erase the
// other.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1b54a32d192ed03)
	return hi ^ lo
}
