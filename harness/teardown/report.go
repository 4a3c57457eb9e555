package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Report says how one connection closed, as far as it was seen. The fields up
// to RFC are those of the JSON output whose names never change.
type Report struct {
	// Client and Server are "ip:port". The client is the side that sent the first SYN;
	// where no SYN was seen, the side that the Table took for it.
	Client string `json:"client"`
	Server string `json:"server"`
	Close  Kind   `json:"close"`
	// ActiveCloser is the side that sent the first FIN: both in a simultaneous close,
	// none where no FIN was seen (ResetBy then names the sender of the RST).
	ActiveCloser Who `json:"active_closer"`
	// TimeWait is the side that went into TIME_WAIT and was not thrown out by a RST.
	TimeWait Who `json:"time_wait"`
	// FINRetransmissions counts the FINs of both sides after their first.
	FINRetransmissions int `json:"fin_retransmissions"`
	// HalfCloseBytes counts the bytes that the other side sent after the first FIN had
	// arrived there and before its own: distinct bytes in sequence space, sent with an
	// ACK of the FIN. Data that crossed the FIN on its way do not count.
	HalfCloseBytes uint64 `json:"half_close_bytes"`
	// AckDelayUS is the time from the first FIN to the first segment that
	// acknowledges it, in microseconds; -1 if there is none.
	AckDelayUS int64 `json:"ack_delay_us"`
	// Reason is one sentence: why it closed like this.
	Reason string `json:"reason"`
	// RFC is the number and the section that rule the case: "9293 3.6".
	RFC string `json:"rfc"`

	// Start is the time of the first record.
	Start      time.Time `json:"start"`
	DurationUS int64     `json:"duration_us"`
	// States are those of client and server at the end, as of RFC 9293
	// 3.3.2: "TIME_WAIT". Empty where nothing is known.
	States [2]string `json:"states"`
	// Handshake: the SYN of either side was seen.
	Handshake      bool   `json:"handshake"`
	ClientSegments uint64 `json:"client_segments"`
	ServerSegments uint64 `json:"server_segments"`
	// Bytes of data, distinct, in sequence space.
	ClientBytes uint64 `json:"client_bytes"`
	ServerBytes uint64 `json:"server_bytes"`
	// FastOpen is what became of TCP Fast Open; empty where it was not tried.
	FastOpen FastOpen `json:"fast_open,omitempty"`
	// ResetBy is the sender of the RST that ended or refused the connection.
	ResetBy Who `json:"reset_by"`
	// Cause is why: CauseNone after an orderly close.
	Cause Cause `json:"cause"`
	// Challenged and Ignored count the segments of both sides that their receiver refused:
	// with an ACK in answer, or with none (RFC 9293 3.10.7.4, RFC 5961). ChallengedResets
	// and IgnoredResets are those of them that were RSTs.
	Challenged       int `json:"challenged"`
	Ignored          int `json:"ignored"`
	ChallengedResets int `json:"challenged_resets"`
	IgnoredResets    int `json:"ignored_resets"`
	// LateReset: a RST came after the close was over.
	LateReset bool `json:"late_reset"`
	// LateSegments counts all that came after the close was over.
	LateSegments int `json:"late_segments"`
	// ACKLost: a FIN came again although its ACK had been seen.
	ACKLost bool `json:"ack_lost"`
	// DataPastFIN is the side that sent data beyond its own FIN, which no sound stack
	// does.
	DataPastFIN Who `json:"data_past_fin"`
	// OutOfOrder: the capture has segments in another order than they were
	// sent, and the verdict goes by their numbers.
	OutOfOrder bool `json:"out_of_order"`
	// Opening are the segments before the close, as far as they were kept.
	Opening []Line `json:"opening"`
	// Segments are those of the close, from the first FIN or RST on.
	Segments []Line `json:"segments"`
}

// Line is one segment of a Report, or, with Elided, a number of them that were
// not kept.
type Line struct {
	// TimeUS is the time since the first FIN or RST, in microseconds, or
	// since the first segment where there is neither.
	TimeUS int64  `json:"time_us"`
	From   Who    `json:"from,omitempty"`
	Flags  string `json:"flags,omitempty"`
	// Seq and Ack are relative to the initial sequence numbers: the SYN is
	// 0. Ack is 0 without the ACK flag.
	Seq uint32 `json:"seq"`
	Ack uint32 `json:"ack"`
	Len int    `json:"len"`
	// Carries is "ack of FIN" on the first segment that acknowledges the
	// other side's FIN.
	Carries string `json:"carries,omitempty"`
	// HeldUS is how long the ACK had been held back, where that is known.
	HeldUS int64 `json:"held_us,omitempty"`
	// Again: the segment repeats an earlier one, or its FIN or data, or the
	// ACK of a FIN that was acknowledged before. A trace without loss has none.
	Again bool `json:"again,omitempty"`
	// Outcome is "challenged" or "ignored" where the receiver refused the segment.
	Outcome string `json:"outcome,omitempty"`
	// Why is a remark of a few words.
	Why string `json:"why,omitempty"`
	// Impaired is what a rule of the host's did to the segment: "dropped: the 1st FIN
	// from host". With Lost the segment never came to the wire; with LostIn it was on the
	// wire and did not reach the other side.
	Impaired string `json:"impaired,omitempty"`
	Lost     bool   `json:"lost,omitempty"`
	LostIn   bool   `json:"lost_in,omitempty"`
	// States of client and server after the segment.
	States [2]string `json:"states"`
	Elided *Elided   `json:"elided,omitempty"`
}

// Arrived reports whether the other side got the segment, as far as is known.
func (l *Line) Arrived() bool { return !l.Lost && !l.LostIn }

// Report is what is known so far. It may be asked for at any time, and shares
// no memory with c.
func (c *Conn) Report() Report {
	r := c.Verdict()
	r.Reason, r.RFC = c.reason(r.Close)
	r.Opening, r.Segments = c.lines()
	return r
}

// Verdict is the Report without its prose and its lines (Reason, RFC, Opening, Segments
// are empty), for a caller that counts many connections and draws none.
func (c *Conn) Verdict() Report {
	r := c.Outcome()
	r.Client, r.Server = c.client.String(), c.server.String()
	return r
}

// Outcome is the Verdict without Client and Server, and allocates nothing.
func (c *Conn) Outcome() (r Report) {
	c.OutcomeTo(&r)
	return r
}

// OutcomeTo is Outcome for a caller of many: it writes the Report where it is kept. A copy
// would wait for all of its parts to be stored.
func (c *Conn) OutcomeTo(r *Report) {
	*r = Report{}
	first, _, swapped := c.order()
	cl, sv := &c.side[flow.Client], &c.side[flow.Server]
	st := c.states()
	r.Close, r.ActiveCloser, r.TimeWait = c.kind(), c.activeCloser(), whoAre(c.inTimeWait())
	r.FINRetransmissions = int(cl.fin.again + sv.fin.again)
	r.HalfCloseBytes = c.side[first.Other()].after
	r.AckDelayUS, r.ResetBy = -1, None
	r.Start, r.DurationUS = c.start, c.last.Microseconds()
	r.States[0], r.States[1] = st[0].String(), st[1].String()
	r.Handshake, r.FastOpen = c.handshake, c.fast.outcome()
	r.ClientSegments, r.ServerSegments = cl.segments, sv.segments
	r.ClientBytes, r.ServerBytes = cl.bytes, sv.bytes
	r.LateReset, r.LateSegments = c.lateR, int(c.late)
	r.ACKLost = cl.fin.ackLost || sv.fin.ackLost
	r.DataPastFIN = whoAre([2]bool{cl.pastFIN, sv.pastFIN})
	r.Challenged = int(cl.refused.challenged + sv.refused.challenged)
	r.Ignored = int(cl.refused.ignored + sv.refused.ignored)
	r.ChallengedResets = int(cl.refused.challengedRST + sv.refused.challengedRST)
	r.IgnoredResets = int(cl.refused.ignoredRST + sv.refused.ignoredRST)
	r.OutOfOrder = swapped || cl.fin.aloneOrder || sv.fin.aloneOrder
	if f := &c.side[first].fin; f.acked {
		r.AckDelayUS = max(0, f.ackAt-f.at).Microseconds()
	}
	if c.over != notReset {
		r.ResetBy = whoIs(c.rst.by)
	}
	r.Cause, _ = c.cause()
}

// lines turns the kept events into lines, split where the close begins.
func (c *Conn) lines() (opening, closing []Line) {
	var base = c.baseTime()
	d := newDisplay(c)
	opening, closing = []Line{}, []Line{}
	if c.lean {
		return opening, closing
	}
	begun := false
	for i := range c.log.events {
		e := &c.log.events[i]
		l := c.line(e)
		l.TimeUS = (e.at - base).Microseconds()
		st := d.states(e)
		l.States = [2]string{st[0].String(), st[1].String()}
		begun = begun || e.beginsClose()
		if begun {
			closing = append(closing, l)
		} else {
			opening = append(opening, l)
		}
	}
	return opening, closing
}

func (e *event) beginsClose() bool {
	return e.gap == nil && e.marks.Any(flow.FirstFIN|flow.Reset)
}

// baseTime is when the close began.
func (c *Conn) baseTime() time.Duration {
	for i := range c.log.events {
		if e := &c.log.events[i]; e.beginsClose() {
			return e.at
		}
	}
	return 0
}

func (c *Conn) line(e *event) Line {
	if e.gap != nil {
		g := *e.gap
		return Line{Elided: &g}
	}
	l := Line{
		From: whoIs(e.from), Flags: e.flags.String(), Seq: uint32(e.seq), Len: int(e.len),
		Carries: c.carries(e), Again: e.note.again(), Why: c.why(e),
		Impaired: e.impaired, Lost: e.lost, LostIn: e.missed,
	}
	switch e.note {
	case noteChallenged:
		l.Outcome = "challenged"
	case noteIgnored:
		l.Outcome = "ignored"
	}
	if e.flags.Has(segment.ACK) {
		l.Ack = uint32(e.ack)
	}
	if e.hold == flow.Carried || e.hold == flow.Expired {
		l.HeldUS = e.held.Microseconds()
	}
	return l
}
