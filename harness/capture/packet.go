package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// Direction is the way in which a packet crossed the interface it was captured on.
type Direction uint8

// The directions. The zero value is unknown, as in most files.
const (
	DirectionUnknown Direction = iota
	// Incoming packets came from the link (or from the program behind a TUN)
	// into this kernel.
	Incoming
	// Outgoing packets were sent by this kernel.
	Outgoing
)

// String is "in", "out" or "?".
func (d Direction) String() string {
	switch d {
	case Incoming:
		return "in"
	case Outgoing:
		return "out"
	}
	return "?"
}

// Packet is one captured IP packet.
type Packet struct {
	// Time is when the kernel saw the packet, in UTC. It is the zero Time for
	// a file's record that carries no time (a pcapng simple packet block), or
	// one that is not of the years 1 to 9999.
	Time time.Time
	// Recorded is the time by a file's record where Reader did not believe it and Time is
	// that of the record before; see Skipped.Leaps. It is nil for all others. It is valid
	// as long as Data. Writers write it rather than Time.
	Recorded *time.Time
	// Data is the packet from the first byte of the IP header on: link headers
	// and the padding that Ethernet adds behind short packets are removed. It
	// is never empty, and shorter than OrigLen when the capture cut it. It
	// belongs to the source that returned it, and is valid until the next
	// call of its Next; Clone makes a copy to keep.
	Data []byte
	// LinkHeader is what a file's record has before Data, as captured. It is
	// nil for sources other than files and where the link has no header, and
	// valid as long as Data.
	LinkHeader []byte
	// OrigLen is the length of the IP packet on the wire in bytes, as far as
	// it is known: never less than len(Data). Writers take 0 for len(Data).
	OrigLen int
	// Partial is set by Segments alone: Data is the first IP fragment of a
	// packet whose last was not captured. OrigLen, and every length parsed
	// from Data, is what the fragment has, and less than the packet had.
	Partial bool
	// Interface numbers the interface: LiveConfig.Index for a live capture,
	// an index into Reader.Interfaces for a file, and into
	// WriterConfig.Interfaces for writing.
	Interface int
	// Direction is relative to the kernel that captured the packet.
	Direction Direction
	// Tunnel is set by Segments alone: the tunnel that Data was taken out of;
	// nil outside tunnels. Data then begins with the inner IP header, and
	// LinkHeader is that of the record.
	Tunnel *Tunnel
	// Via is set by Segments alone: a hash of the addresses that the packet
	// travelled between in tunnels or mirrors, 0 outside them.
	Via uint32
	// Comment is free text that pcapng keeps beside the packet, several
	// comments joined by newlines. Plain pcap has no room for it.
	Comment string
}

// Clone returns the packet with copies of Data, LinkHeader and Recorded that the caller
// owns.
func (p Packet) Clone() Packet {
	p.Data, p.LinkHeader = bytes.Clone(p.Data), bytes.Clone(p.LinkHeader)
	if p.Recorded != nil {
		recorded := *p.Recorded
		p.Recorded = &recorded
	}
	return p
}

// Truncated reports whether Data is only the beginning of the packet.
func (p Packet) Truncated() bool { return p.OrigLen > len(p.Data) }

// Source is what Live, Tcpdump and Reader have in common.
type Source interface {
	// Next returns the next packet, waiting for it where the source is live.
	// It returns io.EOF after the last packet and on every later call. One
	// goroutine at a time may call it. Packet.Data is valid until the next
	// call.
	Next() (Packet, error)
}

// ReadAll returns copies of all packets up to the end of the source. On any
// error but io.EOF it returns the packets before it together with the error.
func ReadAll(s Source) ([]Packet, error) {
	var all []Packet
	for {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, p.Clone())
	}
}

// DropError reports that a capture is incomplete. Everything that was captured
// has been delivered by the time it is returned.
type DropError struct {
	// Source names the capture: "packet socket on veth0".
	Source string
	// Packets is how many are missing.
	Packets uint64
	// Why says what lost them and what to change.
	Why string
}

// Error names the capture, the number of packets and what to do about it.
func (e *DropError) Error() string {
	return fmt.Sprintf("capture: %s: %d packets are missing: %s", e.Source, e.Packets, e.Why)
}
