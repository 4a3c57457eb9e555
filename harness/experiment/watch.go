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
	"lastack/harness/host/trace"
	"lastack/harness/lab/wire"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// watch is the capture of one attempt, taken apart into connections as it goes.
type watch struct {
	name   string // of what captures
	iface  string // what is captured
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
	// hits is where a bad wire accounts for segments, nil on a plain one; told is what it
	// has told so far. Only a stranger's states are looked up there.
	hits *hits
	told []trace.Item
	// room is how many packets may still be kept, and full says that there were more.
	room int
	full bool
	// deaf: what comes belongs to no connection of the experiment's any more.
	deaf bool
}

// source is where packets come from.
type source interface {
	Next() (capture.Packet, error)
	Close() error
}

// mostPackets of an attempt are looked at, which is ten times what any experiment makes: a
// subject may flood the wire.
const mostPackets = 1 << 17

// startWatch captures what crosses an interface of a side from now on, with tcpdump or a packet
// socket.
func startWatch(ctx context.Context, at wire.Side, iface string, tcpdump bool) (*watch, error) {
	w := &watch{iface: iface, over: make(chan error, 1), room: mostPackets}
	w.begin()
	open := w.openLive
	if tcpdump {
		open = func() error { return w.startTcpdump(ctx) }
	}
	if err := at.Do(open); err != nil {
		return nil, err
	}
	go w.read()
	return w, nil
}

func (w *watch) openLive() error {
	l, err := capture.OpenLive(w.iface, capture.LiveConfig{})
	if err == nil {
		w.name, w.source, w.stop = "the packet socket", l, l.Stop
	}
	return err
}

func (w *watch) startTcpdump(ctx context.Context) error {
	t, err := capture.StartTcpdump(ctx, w.iface, capture.TcpdumpConfig{})
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

// records are the packets, with what the close path said of them: the items, and those
// that were taken before.
func (w *watch) records(items []trace.Item) []teardown.Record {
	return merge(w.packets, append(w.told, items...))
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
	if w.deaf || s.Src.AddrPort().Addr() == knocker || s.Dst.AddrPort().Addr() == knocker {
		return
	}
	if w.room == 0 {
		w.full = true
		return
	}
	w.room--
	w.table.Add(&teardown.Record{Time: p.Time, Seg: s})
	w.last = p.Time
	p.Data = bytes.Clone(p.Data)
	w.packets = append(w.packets, p)
}

// ignoreAll leaves out what crosses the link from now on.
func (w *watch) ignoreAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = true
}

// serverState is that of the latest connection of a 4-tuple, by what the wire shows.
func (w *watch) serverState(p pair) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.latestOf(p); c != nil && c.Outcome().States[1] != "" {
		return c.Outcome().States[1]
	}
	return "CLOSED"
}

// latestOf is the latest connection of a 4-tuple, as far as its segments arrived; w.mu is
// held.
func (w *watch) latestOf(p pair) *teardown.Conn {
	all := w.conns()
	if w.hits != nil {
		w.told = append(w.told, w.hits.trace.Take()...)
		all = nil
		t := teardown.NewTable(teardown.Config{Keep: -1, OnForget: func(c *teardown.Conn) { all = append(all, c) }})
		records := w.records(nil)
		for i := range records {
			t.Add(&records[i])
		}
		all = append(all, t.All()...)
	}
	for _, c := range slices.Backward(all) {
		if c.Client() == p.client && c.Server() == p.server {
			return c
		}
	}
	return nil
}

// owing are the 4-tuples whose server owes an ACK to a FIN that comes again, by what the
// wire shows, or may owe it: a RST is not known to have ended its TIME_WAIT.
func (w *watch) owing(all []pair) (owe []pair) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range all {
		c := w.latestOf(p)
		if c == nil {
			continue
		}
		o := c.Outcome()
		first := o.ActiveCloser == teardown.Server || o.ActiveCloser == teardown.Both
		switch {
		case o.States[1] == "TIME_WAIT", o.States[1] == "CLOSE_WAIT",
			o.States[1] == "CLOSED" && first && o.ResetBy == teardown.None:
			owe = append(owe, p)
		}
	}
	return owe
}

// clientFIN is the latest FIN that a client sent.
func (w *watch) clientFIN(p pair) (segment.Segment, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := segment.Tuple{Src: segment.EndpointFrom(p.client), Dst: segment.EndpointFrom(p.server)}
	for _, packet := range slices.Backward(w.packets) {
		s, err := segment.Parse(packet.Data)
		if err == nil && s.Flags.Has(segment.FIN) && s.Tuple == from {
			return s, true
		}
	}
	return segment.Segment{}, false
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
