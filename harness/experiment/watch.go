package experiment

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab/wire"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// watch is the capture of one attempt, taken apart into connections as it goes.
type watch struct {
	name   string // of what captures
	source source
	stop   func() error // ends the source when it has given all packets
	over   chan error   // what ended the reader
	// accepted leaves out the connections whose SYN was not accepted.
	accepted bool

	mu      sync.Mutex
	table   *teardown.Table
	old     []*teardown.Conn // that the table has forgotten: their 4-tuple was used again
	packets []capture.Packet
	last    time.Time
}

// source is where packets come from.
type source interface {
	Next() (capture.Packet, error)
	Close() error
}

// startWatch captures what crosses the link from now on, with tcpdump or a packet
// socket.
func startWatch(ctx context.Context, near wire.Side, tcpdump bool) (*watch, error) {
	w := &watch{over: make(chan error, 1)}
	w.begin()
	open := w.openLive
	if tcpdump {
		open = func() error { return w.startTcpdump(ctx) }
	}
	if err := near.Do(open); err != nil {
		return nil, err
	}
	go w.read()
	return w, nil
}

func (w *watch) openLive() error {
	l, err := capture.OpenLive(linkName, capture.LiveConfig{})
	if err == nil {
		w.name, w.source, w.stop = "the packet socket", l, l.Stop
	}
	return err
}

func (w *watch) startTcpdump(ctx context.Context) error {
	t, err := capture.StartTcpdump(ctx, linkName, capture.TcpdumpConfig{})
	if err != nil {
		return err
	}
	w.name, w.source = "tcpdump", t
	w.stop = func() error {
		_, err := t.Stop(ctx, capture.Drain{})
		return err
	}
	return nil
}

// begin forgets all connections.
func (w *watch) begin() {
	w.old = nil
	w.table = teardown.NewTable(teardown.Config{
		Keep: -1, OnForget: func(c *teardown.Conn) { w.old = append(w.old, c) },
	})
}

// retell takes the connections from records, whose steps it fills in. It is for a
// capture that is finished.
func (w *watch) retell(records []teardown.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin()
	for i := range records {
		w.table.Add(&records[i])
	}
}

// read ends with the capture: at finish or abandon.
func (w *watch) read() {
	for {
		p, err := w.source.Next()
		if err != nil {
			w.over <- err
			return
		}
		w.add(p)
	}
}

func (w *watch) add(p capture.Packet) {
	s, err := segment.Parse(p.Data)
	if err != nil {
		return // not TCP: neighbour discovery and its like
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.table.Add(&teardown.Record{Time: p.Time, Seg: s})
	w.last = p.Time
	p.Data = bytes.Clone(p.Data)
	w.packets = append(w.packets, p)
}

// pair is who has a connection with whom.
type pair struct{ client, server netip.AddrPort }

// pairs are the connections seen so far, those on one 4-tuple apart.
func (w *watch) pairs() (all []pair) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns() {
		all = append(all, pair{c.Client(), c.Server()})
	}
	return all
}

// conns are the connections so far; w.mu is held.
func (w *watch) conns() []*teardown.Conn {
	all := append(append([]*teardown.Conn(nil), w.old...), w.table.All()...)
	if !w.accepted {
		return all
	}
	return slices.DeleteFunc(all, func(c *teardown.Conn) bool { r := c.Report(); return !accepted(&r) })
}

// accepted reports whether a SYN was answered by one.
func accepted(r *teardown.Report) bool {
	return slices.ContainsFunc(r.Opening, func(l teardown.Line) bool { return l.Flags == "SYN+ACK" })
}

// reports are those of the connections so far, in the order of their first
// segments as far as their 4-tuples were used once.
func (w *watch) reports() []teardown.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []teardown.Report
	for _, c := range w.conns() {
		all = append(all, c.Report())
	}
	return all
}

// latest is when the latest segment was seen.
func (w *watch) latest() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// finish ends the capture when all of it is read.
func (w *watch) finish() error {
	err := w.stop()
	if err == nil {
		if err = <-w.over; errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return errors.Join(err, w.source.Close())
}

// abandon ends the capture without looking at it. After finish it does nothing.
func (w *watch) abandon() { _ = w.source.Close() }
