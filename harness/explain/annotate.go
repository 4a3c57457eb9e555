package explain

import (
	"fmt"
	"io"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// Annotator is a source that writes what it reads again, as pcapng, with a comment
// on each packet that matters: "client FIN_WAIT_1 to FIN_WAIT_2; delayed ACK after
// 41.8 ms". Wireshark shows the comments, and finds them with the filter
// frame.comment.
//
// A comment says what could be known when the packet passed. The packet that ends
// a connection also has the verdict. Link headers are not written, nor packets
// that are not IP.
type Annotator struct {
	// Grow writes interfaces that names adds later; it is for live captures, whose
	// interfaces come and go. Without it their packets are written under the first.
	Grow bool

	src    capture.Source
	w      io.Writer
	names  func() []string
	out    *capture.Writer
	ifaces int

	held capture.Packet // read, and not yet written
	any  bool

	failed error // of writing
}

// NewAnnotator reads from src and writes to w, which stay the caller's to close.
// names tells the names of the capture's interfaces; it is called at the first
// packet, by when a pcapng file has told all or most of them; see Grow for later ones.
func NewAnnotator(src capture.Source, w io.Writer, names func() []string) *Annotator {
	return &Annotator{src: src, w: w, names: names}
}

// Next returns the next packet, and writes the one before. After an error of writing, which
// Close returns, it goes on reading and writes no more.
func (n *Annotator) Next() (capture.Packet, error) {
	if n.failed == nil {
		n.failed = n.flush()
	}
	p, err := n.src.Next()
	n.held, n.any = p, err == nil
	return p, err
}

// Remark notes what to write beside the latest packet; it is for Options.Packet.
// A segment that was put together of fragments has its remark at the last; one
// whose last fragment is missing is seen late, and has none.
func (n *Annotator) Remark(p *capture.Packet, remark string) {
	switch {
	case remark == "" || p.Partial:
	case n.held.Comment == "":
		n.held.Comment = remark
	default:
		n.held.Comment += "\n" + remark
	}
}

// flush writes the packet that is held.
func (n *Annotator) flush() error {
	if !n.any {
		return nil
	}
	n.any = false
	if n.out == nil {
		if err := n.begin(); err != nil {
			return err
		}
	}
	if err := n.place(); err != nil {
		return err
	}
	if err := n.out.Write(n.held); err != nil {
		return fmt.Errorf("writing the capture with comments: %w", err)
	}
	return nil
}

// place makes sure that the file knows the interface of the packet that is held.
func (n *Annotator) place() error {
	if n.held.Interface < n.ifaces {
		return nil
	}
	names := n.names()
	if !n.Grow || n.held.Interface >= len(names) {
		n.held.Interface = 0
		return nil
	}
	for ; n.ifaces < len(names); n.ifaces++ {
		if err := n.out.AddInterface(names[n.ifaces]); err != nil {
			return fmt.Errorf("writing the capture with comments: %w", err)
		}
	}
	return nil
}

func (n *Annotator) begin() (err error) {
	names := n.names()
	n.ifaces = max(1, len(names))
	n.out, err = capture.NewWriter(n.w, capture.WriterConfig{Interfaces: names, More: n.Grow, Comment: "explained by lastack explain"})
	return err
}

// Close writes out what is buffered: an empty capture if there was no packet.
func (n *Annotator) Close() error {
	if n.failed != nil {
		return n.failed
	}
	if err := n.flush(); err != nil {
		return err
	}
	if n.out == nil {
		if err := n.begin(); err != nil {
			return err
		}
	}
	return n.out.Close()
}

// remark is what to write beside the latest packet of a connection; over tells
// that it ended with that packet.
func remark(c *teardown.Conn, over bool) string {
	text := c.Remark()
	if !over {
		return text
	}
	r := c.Outcome()
	verdict := fmt.Sprintf("%s: active closer %s, TIME_WAIT %s", r.Close, r.ActiveCloser, r.TimeWait)
	if cause := c.Detail(r.Start).ResetCause; cause != "" {
		verdict = fmt.Sprintf("%s by the %s: %s", r.Close, r.ResetBy, cause)
		if r.Close == teardown.Refused {
			verdict = "refused by the " + string(r.ResetBy)
		}
	}
	if text == "" {
		return verdict
	}
	return text + "; " + verdict
}
