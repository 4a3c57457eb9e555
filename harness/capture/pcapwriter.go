package capture

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// PcapWriter writes IP packets to a plain pcap file (raw IP, nanoseconds), for
// tools that read no pcapng. The format has no place for interfaces, directions
// and comments: they are lost. Its methods may be called concurrently.
type PcapWriter struct {
	mu     sync.Mutex
	buf    *bufio.Writer
	pcap   *pcapgo.Writer
	closed bool
}

// NewPcapWriter starts a pcap file on w, which stays the caller's to close.
func NewPcapWriter(w io.Writer) (*PcapWriter, error) {
	buf := bufio.NewWriterSize(w, streamBuffer)
	pcap := pcapgo.NewWriterNanos(buf)
	if err := pcap.WriteFileHeader(defaultSnapLen, layers.LinkTypeRaw); err != nil {
		return nil, fmt.Errorf("capture: write the pcap header: %w", err)
	}
	return &PcapWriter{buf: buf, pcap: pcap}, nil
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

// Flush writes out what is buffered.
func (w *PcapWriter) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrWriterClosed
	}
	return w.flush()
}

func (w *PcapWriter) flush() error {
	if err := w.buf.Flush(); err != nil {
		return fmt.Errorf("capture: write out the pcap buffer: %w", err)
	}
	return nil
}

// Close flushes and ends writing. A second Close does nothing.
func (w *PcapWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	return w.flush()
}
