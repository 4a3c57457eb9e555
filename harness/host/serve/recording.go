package serve

import (
	"errors"
	"fmt"

	"lastack/harness/capture"
	"lastack/harness/host/trace"
	"lastack/harness/term/outfile"
)

// recording is the pcapng file: the wire as the host sees it, with a comment on
// each segment whose ACK was held. It ends at the first error.
type recording struct {
	file  *outfile.File
	iface string
	w     *capture.Writer // nil before begin
	// packets were written since the last flush, and before it.
	packets, flushed int
	size             int64 // of the file, at the last flush
	err              error // why it ended
	ended            bool  // flush has returned err
}

// newRecording opens the file and leaves it as it is.
func newRecording(path, iface string) (*recording, error) {
	f, err := outfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	return &recording{file: f, iface: iface}, nil
}

// begin empties the file and writes its header.
func (r *recording) begin() (err error) {
	if r.w, err = capture.NewWriter(r.file, capture.WriterConfig{Interfaces: []string{r.iface}}); err != nil {
		return fmt.Errorf("recording to %s: %w", r.file.Name(), err)
	}
	return r.flush()
}

// write adds a segment; what fails is for flush to tell.
func (r *recording) write(i *trace.Item) {
	if i.Lost || r.err != nil {
		return // the wire never had it, or the file cannot have it
	}
	p := capture.Packet{Time: i.Time, Data: i.Packet, Direction: capture.Outgoing, Comment: i.Comment()}
	if i.Out {
		// Relative to the kernel, which the host's packets come into.
		p.Direction = capture.Incoming
	}
	r.err = r.w.Write(p)
	r.packets++
}

// flush writes out what was added. If that cannot be done it ends the recording behind
// the last flush, so that the file has whole packets only, and says why, once.
func (r *recording) flush() error {
	if r.err == nil {
		if r.err = r.w.Flush(); r.err == nil {
			r.flushed, r.packets, r.size = r.flushed+r.packets, 0, r.file.Size()
			return nil
		}
	}
	if r.ended {
		return nil
	}
	r.ended = true
	r.err = fmt.Errorf("recording to %s ended after %d packets: %w", r.file.Name(), r.flushed, errors.Join(r.err, r.file.CutTo(r.size)))
	return r.err
}

// close ends the recording. Its error is why it ended before.
func (r *recording) close() error {
	err := r.err
	if r.w != nil && err == nil {
		err = r.w.Close()
	}
	return errors.Join(err, r.file.Close())
}
