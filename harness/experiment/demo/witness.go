package demo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// witness is an independent capture of one interface: tcpdump, or the packet
// socket where tcpdump cannot run.
type witness struct {
	name    string
	tcpdump *capture.Tcpdump
	live    *capture.Live
}

// watch starts a witness; its name says which it became.
func watch(ctx context.Context, iface string, noTcpdump string) (*witness, error) {
	if noTcpdump == "" {
		t, err := capture.StartTcpdump(ctx, iface, capture.TcpdumpConfig{})
		if err != nil {
			return nil, fmt.Errorf("starting tcpdump on %s: %w", iface, err)
		}
		return &witness{name: "tcpdump", tcpdump: t}, nil
	}
	l, err := capture.OpenLive(iface, capture.LiveConfig{})
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket on %s: %w", iface, err)
	}
	return &witness{name: "the packet socket", live: l}, nil
}

// whyNoTcpdump is empty if tcpdump can be the witness on the interface, and
// otherwise the reason, which the reader is told.
func whyNoTcpdump(ctx context.Context, iface string) (string, error) {
	t, err := capture.StartTcpdump(ctx, iface, capture.TcpdumpConfig{})
	var un *capture.UnavailableError
	switch {
	case errors.As(err, &un):
		return un.Error(), nil
	case err != nil:
		return "", err
	}
	return "", t.Close()
}

// finish ends the capture and returns its packets.
func (w *witness) finish(ctx context.Context) ([]capture.Packet, error) {
	if w.tcpdump != nil {
		if _, err := w.tcpdump.Stop(ctx, capture.Drain{}); err != nil {
			return nil, errors.Join(err, w.tcpdump.Close())
		}
		packets, err := capture.ReadAll(w.tcpdump)
		return packets, errors.Join(notEOF(err), w.tcpdump.Close())
	}
	if err := w.live.Stop(); err != nil {
		return nil, errors.Join(err, w.live.Close())
	}
	packets, err := capture.ReadAll(w.live)
	return packets, errors.Join(notEOF(err), w.live.Close())
}

// abandon ends the capture without looking at it.
func (w *witness) abandon() {
	if w.tcpdump != nil {
		_ = w.tcpdump.Close()
		return
	}
	_ = w.live.Close()
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// records are the TCP segments among the packets, of the connection only unless
// tuple is zero.
func records(packets []capture.Packet, of segment.Tuple) []teardown.Record {
	var out []teardown.Record
	for _, p := range packets {
		s, err := segment.Parse(p.Data)
		if err != nil || (of != segment.Tuple{} && s.Tuple != of && s.Tuple != of.Reverse()) {
			continue
		}
		out = append(out, teardown.Record{Time: p.Time, Seg: s})
	}
	return out
}
