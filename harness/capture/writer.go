package capture

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// maxComment is the longest pcapng option, in bytes.
const maxComment = math.MaxUint16

// WriterConfig is what a pcapng file says about itself. The zero value is one interface
// without a name.
type WriterConfig struct {
	// Interfaces names the interfaces that Packet.Interface counts from 0: all
	// that will be written, unless More says that AddInterface may add some. Empty
	// means one without a name.
	Interfaces []string
	More       bool
	// Comment is added to the section's comment, at most 65000 bytes. Empty
	// means only "written by lastack".
	Comment string
}

// Writer writes IP packets to a pcapng file that tcpdump and Wireshark read:
// raw-IP interfaces, times in nanoseconds, directions and comments. It buffers;
// Flush or Close writes out. Its methods may be called concurrently.
type Writer struct {
	buffered
	ng     *pcapgo.NgWriter
	ifaces int
}

// NewWriter starts a pcapng file on w, which stays the caller's to close.
func NewWriter(w io.Writer, c WriterConfig) (*Writer, error) {
	comment := "written by lastack"
	if c.Comment != "" {
		comment += "\n" + c.Comment
	}
	if len(comment) > maxComment {
		return nil, fmt.Errorf("capture: the file's comment is %d bytes long, pcapng allows %d", len(comment), maxComment)
	}
	names := c.Interfaces
	if len(names) == 0 {
		names = []string{""}
	}
	link := layers.LinkTypeRaw
	if len(names) > 1 || c.More {
		// libpcap compares the numbers of the interfaces' link types after
		// it has translated only the first, and refuses a second interface
		// of type 101. 12 is the translation; everybody reads it as raw IP.
		link = linkRaw12
	}
	var interfaces []pcapgo.NgInterface
	for _, name := range names {
		if len(name) > maxComment {
			return nil, fmt.Errorf("capture: an interface name of %d bytes, pcapng allows %d", len(name), maxComment)
		}
		interfaces = append(interfaces, pcapgo.NgInterface{Name: name, LinkType: link})
	}
	buf := bufio.NewWriterSize(w, streamBuffer)
	section := pcapgo.NgSectionInfo{Application: "lastack", Comment: comment}
	ng, err := pcapgo.NewNgWriterInterface(buf, interfaces[0], pcapgo.NgWriterOptions{SectionInfo: section})
	for i := 1; i < len(interfaces) && err == nil; i++ {
		_, err = ng.AddInterface(interfaces[i])
	}
	if err != nil {
		return nil, fmt.Errorf("capture: write the pcapng header: %w", err)
	}
	return &Writer{buffered: buffered{flush: ng.Flush}, ng: ng, ifaces: len(interfaces)}, nil
}

// AddInterface names one more interface, which has the next number. It is for files begun
// with WriterConfig.More.
func (w *Writer) AddInterface(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrWriterClosed
	}
	if _, err := w.ng.AddInterface(pcapgo.NgInterface{Name: name, LinkType: linkRaw12}); err != nil {
		return fmt.Errorf("capture: write an interface to pcapng: %w", err)
	}
	w.ifaces++
	return nil
}

// Write appends one packet and keeps no reference to its Data. A Direction or
// Comment that is not set is not written.
func (w *Writer) Write(p Packet) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrWriterClosed
	}
	if p.Interface < 0 || p.Interface >= w.ifaces {
		return fmt.Errorf("capture: write a packet of interface %d: the file has %d (WriterConfig.Interfaces names them)", p.Interface, w.ifaces)
	}
	if len(p.Comment) > maxComment {
		return fmt.Errorf("capture: write a packet: its comment is %d bytes long, pcapng allows %d", len(p.Comment), maxComment)
	}
	var opts pcapgo.NgPacketOptions
	switch p.Direction {
	case Incoming:
		opts.Flags = &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}
	case Outgoing:
		opts.Flags = &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound}
	}
	if p.Comment != "" {
		opts.Comments = []string{p.Comment}
	}
	if err := w.ng.WritePacketWithOptions(p.info(), p.Data, opts); err != nil {
		return fmt.Errorf("capture: write a packet to pcapng: %w", err)
	}
	return nil
}

// WriteDrops records how many packets an interface's capture delivered and
// lost, where Wireshark shows it (Statistics, Capture File Properties). at is
// when that was counted.
func (w *Writer) WriteDrops(iface int, at time.Time, delivered, dropped uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrWriterClosed
	}
	err := w.ng.WriteInterfaceStats(iface, pcapgo.NgInterfaceStatistics{
		LastUpdate: at, PacketsReceived: delivered, PacketsDropped: dropped,
	})
	if err != nil {
		return fmt.Errorf("capture: write the statistics of interface %d: %w", iface, err)
	}
	return nil
}

// info is the packet's record header. The zero Time, which has no number of
// nanoseconds, becomes the beginning of 1970.
func (p Packet) info() gopacket.CaptureInfo {
	if p.Recorded != nil {
		p.Time = *p.Recorded
	}
	if p.Time.IsZero() {
		p.Time = time.Unix(0, 0)
	}
	return gopacket.CaptureInfo{
		Timestamp:      p.Time,
		CaptureLength:  len(p.Data),
		Length:         max(p.OrigLen, len(p.Data)),
		InterfaceIndex: p.Interface,
	}
}
