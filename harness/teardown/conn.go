package teardown

import (
	"net/netip"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Conn collects the records of one connection. The zero value is ready. Its memory is
// bounded: the handshake, the FINs, the RSTs and what answers them are kept, the rest
// only as far as Keep says. Dropped segments are counted, and change nothing in the
// verdict.
type Conn struct {
	// What every segment needs stands first, in two lines of the processor's cache with what
	// an entry has before it; see TestLayout.
	ordinal        uint64 // in its Table
	client, server segment.Endpoint
	over           ending
	handshake      bool // a SYN of either side was seen
	begun          bool
	lean           bool          // of a Table that is
	start          time.Time     // of the first record
	last           time.Duration // of the latest record, since start
	talk           talk
	fins           uint8     // sides whose FIN was seen
	firstFIN       flow.Side // whose FIN was seen first

	closing  bool          // atFIN is set
	now      [2]flow.State // after the latest record
	atFIN    [2]flow.State // before the first FIN
	rttKnown [2]bool

	// bareProbe: the first segment is no SYN, and has neither ACK nor RST.
	bareProbe bool
	lateR     bool // a RST among the late ones
	// gone is the side whose TIME_WAIT a late RST from lateBy showed to be over.
	gone   [2]bool
	lateBy flow.Side
	stream stream
	loss   *loss // nil while there was none
	rst    *rst  // likewise

	side [2]side

	rtt             [2]time.Duration // between the observer and the side
	synAt, synAckAt time.Duration
	syns            int32 // SYNs of the client
	late            int32 // segments after the close was over
	fast            fast  // TCP Fast Open

	// Keep is how many segments are kept beside those of the handshake and
	// the close: the first half of them and the last (between Keep and twice
	// as many at any time). 0 means 16, negative means all.
	Keep int

	home   *entry // in its Table
	log    journal
	reuses *Reuse // of an older connection's 4-tuple
	reused *Reuse // of this one's, by a newer connection
}

// ending says whether a RST ended the connection.
type ending uint8

const (
	notReset ending = iota
	wasReset
	wasRefused
)

// side is what one side did. A capture has many at once, so that the fields stand
// in an order that leaves no gaps: the last third is of use to few segments.
type side struct {
	segments uint64
	bytes    uint64      // of data, distinct, in sequence space
	dataEnd  segment.Seq // after the last byte of data sent
	maxAck   segment.Seq // the highest ACK sent
	isn      segment.Seq // as on the wire
	tsVal    uint32      // of its latest timestamp
	hasData  bool        // dataEnd is set
	hasAck   bool        // maxAck is set
	hasISN   bool        // isn is set, from this side's segments or its peer's ACKs
	hasTS    bool        // tsVal is set
	synSeen  bool
	pastFIN  bool // sent data beyond its own FIN
	killed   bool // a RST ended its TIME_WAIT
	finFresh bool // the data in the segment of its FIN had not been sent before
	evidence
	fin fin
	// after counts those of bytes that were sent after the other side's FIN
	// had arrived and before this side's own.
	after   uint64
	refused outcome
}

// fin is the story of one side's FIN.
type fin struct {
	off    segment.Seq // its sequence number
	ack    segment.Seq // what the first copy acknowledges
	data   int32       // bytes in the segment of the first copy
	again  int32       // copies after the first
	copies int32       // again, at the time of the ACK

	seen       bool
	hasAck     bool
	ackLost    bool // a copy was seen after the ACK
	twice      bool // the other side told that it had received two copies
	unheard    bool // the other side spoke, in time to have received it, and did not acknowledge it
	acked      bool
	hold       flow.Hold
	spokeLast  bool // its side had sent the latest data, in a segment before it
	byData     bool // the ACK came with data
	byFIN      bool // the ACK came with the other side's FIN
	alone      bool // acknowledged without a FIN, before the other FIN
	aloneOrder bool // that ACK was seen only after the other FIN

	at    time.Duration // of the first copy
	last  time.Duration // of the latest copy
	idle  time.Duration // how long no data had been sent before the first copy
	ackAt time.Duration
	wait  time.Duration // from the latest copy to the ACK
	held  time.Duration
}

// knows reports whether the FIN acknowledges sequence number off.
func (f *fin) knows(off segment.Seq) bool { return f.hasAck && off.Less(f.ack) }

// Add takes in the next record. Times may run backwards; the order of calls is
// the order in which the observer saw the segments.
func (c *Conn) Add(r Record) { c.add(&r) }

func (c *Conn) add(r *Record) {
	if r.Lost {
		c.addLost(r)
		return
	}
	if !c.begun {
		c.begin(r)
	}
	// Field by field, because a literal would be made elsewhere and copied.
	var e event
	e.at, e.held, e.hold = since(c.start, r.Time), r.Held, r.Hold
	e.seq, e.ack, e.marks = r.Step.SeqOff, r.Step.AckOff, r.Step.Marks
	e.len, e.window = int32(r.Seg.PayloadLen), r.Seg.Window
	e.flags, e.from = r.Seg.Flags, r.Step.From&1
	for s := range e.before {
		e.before[s], e.after[s], e.still[s] = r.Step.Before[s], r.Step.After[s], r.Step.Still[s]
	}
	e.impaired, e.missed = r.Impaired, r.LostIn
	c.lead(&e)
	c.last = max(c.last, e.at)
	c.number(r, &e)
	if e.missed {
		c.learnMissed(r, &e)
	} else {
		c.learn(r, &e)
		c.learnFastOpen(r, &e)
		c.notice(r, &e)
	}
	c.now = e.after
	if !c.closing && e.marks.Has(flow.FirstFIN) {
		c.closing, c.atFIN = true, e.before
	}
	if c.lean {
		c.recall(&e)
		return
	}
	e.key = e.key || e.carries || e.impaired != "" || e.note.close() || e.before != e.after ||
		e.flags.Any(segment.SYN|segment.FIN|segment.RST)
	c.log.add(e, c.Keep)
}

// number counts the segment and takes the initial sequence numbers from it.
func (c *Conn) number(r *Record, e *event) {
	me, peer := &c.side[e.from], &c.side[e.from.Other()]
	me.segments++
	me.isn, me.hasISN = r.Seg.Seq-e.seq, true
	if e.flags.Has(segment.ACK) {
		peer.isn, peer.hasISN = r.Seg.Ack-e.ack, true
	}
}

func (c *Conn) begin(r *Record) {
	c.begun, c.start = true, r.Time
	c.bareProbe = bareProbe(&r.Seg)
	c.client, c.server = r.Seg.Src, r.Seg.Dst
	if r.Step.From == flow.Server {
		c.client, c.server = c.server, c.client
	}
}

// bareProbe reports whether a segment is none that a TCP sends but for a scanner's (or, of a
// FIN without ACK, some very old ones): no SYN, and neither ACK nor RST.
func bareProbe(s *segment.Segment) bool {
	return !s.Flags.Any(segment.SYN | segment.ACK | segment.RST)
}

// Number counts the connections of a Table from 1, in the order of their first
// segments. It is 0 for one that is not numbered yet; see Config.OnBegin.
func (c *Conn) Number() int { return int(c.ordinal) }

// SetNumber is for Config.OnBegin, or for who numbers connections later.
func (c *Conn) SetNumber(n int) { c.ordinal = uint64(n) }

// Start is the time of the first segment.
func (c *Conn) Start() time.Time { return c.start }

// Ends are the endpoints of the client and of the server.
func (c *Conn) Ends() (client, server segment.Endpoint) { return c.client, c.server }

// Client is the endpoint of the side that opened the connection.
func (c *Conn) Client() netip.AddrPort { return c.client.AddrPort() }

// Server is the other endpoint.
func (c *Conn) Server() netip.AddrPort { return c.server.AddrPort() }

// Done reports whether the connection is over: refused, reset, or both FINs
// sent and acknowledged. TIME_WAIT may still be running.
func (c *Conn) Done() bool {
	return c.over != notReset ||
		c.side[flow.Client].fin.acked && c.side[flow.Server].fin.acked
}
