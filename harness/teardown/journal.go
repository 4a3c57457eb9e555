package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// event is what a Conn keeps of one record. A gap stands for the events that
// were dropped at its place.
type event struct {
	at   time.Duration // since the first record
	held time.Duration
	wait time.Duration // with carries: since the latest copy of the FIN

	seq, ack segment.Seq // relative to the ISNs
	marks    flow.Mark
	len      int32
	window   uint16
	flags    segment.Flags
	from     flow.Side
	hold     flow.Hold
	note     note
	key      bool    // never dropped
	newAck   bool    // acknowledges more than its side did before
	carries  bool    // the first ACK of the other side's FIN
	kills    [2]bool // ends the TIME_WAIT of these sides

	before, after [2]flow.State
	still         [2]flow.State // behind a RST that may not count
	gap           *Elided

	impaired string // what a rule did to it
	lost     bool   // it never came to the wire
	missed   bool   // it did, and was lost on its way in
}

// pureACK is segment.Segment.PureACK for what is left of one.
func (e *event) pureACK() bool { return e.flags == segment.ACK && e.len == 0 }

// journal keeps the events that a reader of the close needs, and drops the rest
// from the middle of what is left.
type journal struct {
	events []event
	keys   int // key events kept
	bulk   int // other events kept
}

const (
	// defaultKeep is how many events are kept beside the key ones.
	defaultKeep = 16
	// shortConn is how many events a short connection has: handshake, request,
	// answer, close. There are many of those at once, and their events are
	// most of what a Table holds.
	shortConn = 12
	// maxKeys bounds the key events: past it, those that repeat something
	// (a FIN storm, a flood of strays) are bulk like any other.
	maxKeys = 128
)

// essential marks events that are kept whatever their number, which is bounded
// by what they mark: each happens at most twice in a connection.
const essential = flow.FirstFIN | flow.Reset | flow.AcksFIN

// recall keeps of a lean connection what ackedUnseen may ask for: a few of the
// latest ACKs of something that has not been seen.
func (c *Conn) recall(e *event) {
	peer := &c.side[e.from.Other()]
	seen := !peer.hasData && peer.synSeen && e.ack.LessEq(1) || peer.hasData && e.ack.LessEq(peer.dataEnd)
	if seen || peer.fin.seen || !e.flags.Has(segment.ACK) || c.Done() {
		return
	}
	j := &c.log
	if j.events == nil {
		j.events = make([]event, 0, recalled)
	}
	if len(j.events) >= recalled {
		j.events = append(j.events[:0], j.events[1:]...)
	}
	j.events = append(j.events, *e)
}

// recalled is how far a capture that is out of order may have an ACK before the
// FIN that it acknowledges.
const recalled = 4

func (j *journal) add(e event, keep int) {
	if keep == 0 {
		keep = defaultKeep
	}
	if e.key && j.keys >= maxKeys && !e.marks.Any(essential) {
		e.key = false
	}
	if j.events == nil {
		j.events = make([]event, 0, shortConn)
	}
	j.events = append(j.events, e)
	if e.key {
		j.keys++
		return
	}
	j.bulk++
	// Twice the number at a time, so that the cost per event is constant.
	if keep > 0 && j.bulk > 2*keep {
		j.compact(keep)
	}
}

// compact drops bulk events but for the first and the last half of keep.
func (j *journal) compact(keep int) {
	head := keep / 2
	tail := j.bulk - (keep - head)
	out, seen := j.events[:0], 0
	for _, e := range j.events {
		bulk := !e.key && e.gap == nil
		if bulk {
			seen++
		}
		if e.gap == nil && (!bulk || seen <= head || seen > tail) {
			out = append(out, e)
			continue
		}
		if n := len(out); n > 0 && out[n-1].gap != nil {
			out[n-1].swallow(&e)
			continue
		}
		if e.gap == nil {
			e.becomeGap()
		}
		out = append(out, e)
	}
	clear(j.events[len(out):])
	j.events = out
	j.bulk = keep
}

func (e *event) becomeGap() {
	g := &Elided{}
	g.count(e)
	e.gap, e.note, e.carries = g, noteNone, false
}

// swallow adds a dropped event, or a gap, to the gap e.
func (e *event) swallow(o *event) {
	e.after = o.after
	for s := range e.kills {
		e.kills[s] = e.kills[s] || o.kills[s]
	}
	if o.gap == nil {
		e.gap.count(o)
		return
	}
	e.gap.ClientSegments += o.gap.ClientSegments
	e.gap.ServerSegments += o.gap.ServerSegments
	e.gap.ClientBytes += o.gap.ClientBytes
	e.gap.ServerBytes += o.gap.ServerBytes
}

// Elided counts segments that were seen but not kept.
type Elided struct {
	ClientSegments uint64 `json:"client_segments"`
	ServerSegments uint64 `json:"server_segments"`
	// Bytes of data, retransmissions included.
	ClientBytes uint64 `json:"client_bytes"`
	ServerBytes uint64 `json:"server_bytes"`
}

func (g *Elided) count(e *event) {
	if e.lost {
		return
	}
	if e.from == flow.Client {
		g.ClientSegments++
		g.ClientBytes += uint64(e.len)
		return
	}
	g.ServerSegments++
	g.ServerBytes += uint64(e.len)
}

// promote makes a kept event a key one.
func (j *journal) promote(e *event) {
	if !e.key {
		e.key = true
		j.keys++
		j.bulk--
	}
}

// firstAckPast finds the first event kept from side that acknowledges off.
func (j *journal) firstAckPast(side flow.Side, off segment.Seq) *event {
	for i := range j.events {
		e := &j.events[i]
		if e.gap == nil && !e.lost && !e.missed && e.from == side && e.flags.Has(segment.ACK) &&
			!e.flags.Has(segment.RST) && off.Less(e.ack) {
			return e
		}
	}
	return nil
}
