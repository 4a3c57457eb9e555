package serve

import (
	"errors"
	"fmt"
	"os"

	"lastack/harness/capture"
	"lastack/harness/trace"
)

// recording is the pcapng file: the wire as the host sees it, with a comment on
// each segment whose ACK was held.
type recording struct {
	file *os.File
	w    *capture.Writer
}

func newRecording(path, iface string) (*recording, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	w, err := capture.NewWriter(f, capture.WriterConfig{Interfaces: []string{iface}})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("recording to %s: %w", path, err), f.Close())
	}
	return &recording{file: f, w: w}, nil
}

func (r *recording) write(i *trace.Item) error {
	if i.Lost {
		return nil // the wire never had it
	}
	p := capture.Packet{Time: i.Time, Data: i.Packet, Direction: capture.Outgoing, Comment: i.Comment()}
	if i.Out {
		// Relative to the kernel, which the host's packets come into.
		p.Direction = capture.Incoming
	}
	if err := r.w.Write(p); err != nil {
		return fmt.Errorf("recording to %s: %w", r.file.Name(), err)
	}
	return nil
}

func (r *recording) close() error {
	err := errors.Join(r.w.Close(), r.file.Close())
	if err != nil {
		return fmt.Errorf("recording to %s: %w", r.file.Name(), err)
	}
	return nil
}
