package capture

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// PcapWriter writes IP packets to a plain pcap file (raw IP, nanoseconds), for
// tools that read no pcapng. The format has no place for interfaces, directions
// and comments: they are lost. Its methods may be called concurrently.
type PcapWriter struct {
	buffered
	pcap *pcapgo.Writer
}

// NewPcapWriter starts a pcap file on w, which stays the caller's to close.
func NewPcapWriter(w io.Writer) (*PcapWriter, error) {
	buf := bufio.NewWriterSize(w, streamBuffer)
	pcap := pcapgo.NewWriterNanos(buf)
	if err := pcap.WriteFileHeader(defaultSnapLen, layers.LinkTypeRaw); err != nil {
		return nil, fmt.Errorf("capture: write the pcap header: %w", err)
	}
	return &PcapWriter{buffered: buffered{flush: buf.Flush}, pcap: pcap}, nil
}

// Write appends one packet and keeps no reference to its Data. The format
// holds times from 1970 to 2106.
func (w *PcapWriter) Write(p Packet) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrWriterClosed
	}
	info := p.info()
	if s := info.Timestamp.Unix(); s < 0 || s > math.MaxUint32 {
		return fmt.Errorf("capture: write a packet to pcap: the time %v does not fit; write pcapng", p.Time)
	}
	if err := w.pcap.WritePacket(info, p.Data); err != nil {
		return fmt.Errorf("capture: write a packet to pcap: %w", err)
	}
	return nil
}
