package explain

import (
	"fmt"
	"io"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// Annotator writes a capture again, as pcapng, with a comment on each packet that
// matters: "client FIN_WAIT_1 to FIN_WAIT_2; delayed ACK after 41.8 ms". Wireshark
// shows the comments, and finds them with the filter frame.comment.
//
// A comment says what could be known when the packet passed. The packet that ends
// a connection also has the verdict. Link headers are not written, nor packets
// that are not IP.
type Annotator struct {
	w      io.Writer
	names  func() []string
	out    *capture.Writer
	ifaces int
}

// NewAnnotator writes to w, which stays the caller's to close. names tells the
// names of the capture's interfaces; it is called at the first packet, by when a
// pcapng file has told all or most of them. Packets of later ones are written
// under the first.
func NewAnnotator(w io.Writer, names func() []string) *Annotator {
	return &Annotator{w: w, names: names}
}

// Packet writes one packet; it is for Options.Packet.
func (n *Annotator) Packet(p *capture.Packet, remark string) error {
	if n.out == nil {
		if err := n.begin(); err != nil {
			return err
		}
	}
	again := *p
	if again.Interface >= n.ifaces {
		again.Interface = 0
	}
	switch {
	case again.Comment == "":
		again.Comment = remark
	case remark != "":
		again.Comment += "\n" + remark
	}
	if err := n.out.Write(again); err != nil {
		return fmt.Errorf("writing the capture with comments: %w", err)
	}
	return nil
}

func (n *Annotator) begin() (err error) {
	names := n.names()
	n.ifaces = max(1, len(names))
	n.out, err = capture.NewWriter(n.w, capture.WriterConfig{Interfaces: names, Comment: "explained by lastack explain"})
	return err
}

// Close writes out what is buffered: an empty capture if there was no packet.
func (n *Annotator) Close() error {
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
