package teardown

import (
	"time"

	"lastack/stack/flow"
)

// Detail is what can be said about a close beyond its Report, for explaining a capture.
// The names of the JSON output do not change.
type Detail struct {
	// AckBy is what carried the ACK of the first FIN.
	AckBy Carrier `json:"ack_by"`
	// AckPace is how fast that ACK came.
	AckPace Pace `json:"ack_pace"`
	// HalfCloseUS is the time from the first FIN to the other side's, or, where
	// that never came, to the end of the trace; -1 where no side was alone in
	// having closed.
	HalfCloseUS int64 `json:"half_close_us"`
	// IdleUS is for how long no data had been sent when the close began, with
	// its first FIN, its RST, or the request that met the RST; -1 where there
	// was no close or no data before it.
	IdleUS int64 `json:"idle_us"`
	// FINsAgain counts retransmitted FINs and names what was lost.
	FINsAgain []FINAgain `json:"fins_again,omitempty"`
	// ResetCause is why there was a RST, also of one after the close was over.
	ResetCause ResetCause `json:"reset_cause,omitempty"`
	// StaleRequest: the client sent a request on an idle connection that the server had
	// closed too long before to be a race.
	StaleRequest bool `json:"stale_request,omitempty"`
	// Repeated: when the RST came, its receiver had sent data or a FIN again, and had heard
	// nothing: it had not been idle.
	Repeated bool `json:"repeated,omitempty"`
	// Harmless: the RST cost nothing. It came after a FIN, with all data acknowledged; or
	// it answered a goodbye, such as a TLS alert, with a FIN.
	Harmless bool `json:"harmless,omitempty"`
	// OneSided is the side whose segments are missing although the other's show that
	// there were some: the capture has one direction. It is None where the other heard
	// nothing either: its retransmission timer ran out over and over.
	OneSided Who `json:"one_sided"`
	// Served: the server sent a SYN-ACK or data, and no RST alone.
	Served bool `json:"-"`
	// SYNs is how often the client sent its SYN.
	SYNs int `json:"syns"`
	// UnansweredUS is for how long the client waited for an answer to its SYN, where nothing
	// answered: to its RST, or, at most, until the SYN would have come once more, or to the
	// end of the trace; -1 otherwise.
	UnansweredUS int64 `json:"unanswered_us"`
	// FinWait2 and CloseWait are who was left in these states at the end.
	FinWait2  Who `json:"fin_wait_2"`
	CloseWait Who `json:"close_wait"`
	// LeftOpenUS is for how long they had been in them by the end of the trace, and
	// SilentUS since when neither had sent data; -1 where no side was.
	LeftOpenUS int64 `json:"left_open_us"`
	SilentUS   int64 `json:"silent_us"`
	// MissingBytes counts what was acknowledged and is not in the trace, at the
	// end of what either side sent: the capture lost it, and 1 may be a FIN.
	MissingBytes uint64 `json:"missing_bytes"`
	// Reuses describes an older connection on the same addresses and ports, and Reused a
	// newer one.
	Reuses *Reuse `json:"reuses,omitempty"`
	Reused *Reuse `json:"reused,omitempty"`
	// Since is what the times above that last until the end of the trace are counted from.
	Since Since `json:"-"`
}

// Since are times since the first record, -1 where they do not apply: of the first SYN
// that nothing answered and of the end of the wait for its answer, of the first FIN while the other side has sent none, of the ACK
// of that FIN, and of the latest data.
type Since struct {
	SYN  time.Duration `json:"syn"`
	Wait time.Duration `json:"wait"`
	FIN  time.Duration `json:"fin"`
	ACK  time.Duration `json:"ack"`
	Talk time.Duration `json:"talk"`
}

// Until sets what lasts until the end of the trace, by how long after the first record
// that is: UnansweredUS, HalfCloseUS, LeftOpenUS and SilentUS. It is for a caller that
// learns later that the trace goes on, without a segment of this connection.
func (d *Detail) Until(end time.Duration) {
	s := &d.Since
	if s.SYN >= 0 {
		d.UnansweredUS = (min(end, s.Wait) - s.SYN).Microseconds()
	}
	if s.FIN >= 0 {
		d.HalfCloseUS = (end - s.FIN).Microseconds()
	}
	if s.ACK < 0 {
		return
	}
	d.LeftOpenUS = (end - s.ACK).Microseconds()
	d.SilentUS = d.LeftOpenUS
	if s.Talk >= 0 {
		d.SilentUS = min(d.LeftOpenUS, (end - s.Talk).Microseconds())
	}
}

// Carrier is the kind of segment that carried an ACK.
type Carrier string

// The carriers. An ACK by itself carries nothing else.
const (
	ByNone Carrier = "none"
	ByACK  Carrier = "ack"
	ByData Carrier = "data"
	ByFIN  Carrier = "fin"
)

// Pace is how fast an ACK came, less the round trip between observer and sender.
type Pace string

// The paces. PaceDelayed is a time that delayed ACK explains; with ByACK it ran
// out, with other carriers it had been held until there was something to carry it.
const (
	PaceNone    Pace = "none"
	PaceAtOnce  Pace = "at-once"
	PaceDelayed Pace = "delayed"
	PaceSlow    Pace = "slow"
)

// FINAgain describes the retransmissions of one side's FIN.
type FINAgain struct {
	From  Who `json:"from"`
	Times int `json:"times"`
	// Lost is what must have been lost, judging by the other side's later segments.
	Lost Lost `json:"lost"`
}

// Lost is what made a FIN be sent again.
type Lost string

// What was lost: the FIN, its ACK (or the ACK was late), or one of the two where the wire
// does not show which. LostState: nothing ever came back from a side that had closed, so
// that it, or the state of a device on the path, is gone. LostNothing: every copy was
// answered.
const (
	LostFIN     Lost = "fin"
	LostACK     Lost = "ack"
	LostEither  Lost = "fin or ack"
	LostState   Lost = "state"
	LostNothing Lost = "nothing"
)

// Detail is what is known so far; end is when the trace ended.
func (c *Conn) Detail(end time.Time) (d Detail) {
	c.DetailTo(&d, end)
	return d
}

// DetailTo is Detail for who has many, as OutcomeTo is Outcome.
func (c *Conn) DetailTo(d *Detail, end time.Time) {
	*d = Detail{}
	first, crossed, _ := c.order()
	f, g := &c.side[first].fin, &c.side[first.Other()].fin
	d.AckBy, d.AckPace, d.HalfCloseUS, d.IdleUS = ByNone, PaceNone, -1, c.idle()
	d.MissingBytes = c.missing(flow.Client) + c.missing(flow.Server)
	d.ResetCause, d.Harmless, d.StaleRequest = c.resetCause(), c.harmless(), c.stale()
	d.Served = c.side[flow.Server].synSeen || c.side[flow.Server].bytes > 0
	d.Repeated = c.over == wasReset && c.rst.repeated
	d.FinWait2, d.CloseWait, d.OneSided = None, None, c.oneSided()
	d.LeftOpenUS, d.SilentUS, d.UnansweredUS = -1, -1, -1
	d.Reuses, d.Reused, d.SYNs = c.reuse(), c.reused, int(c.syns)
	d.Since = Since{-1, -1, -1, -1, -1}
	if c.syns > 0 && !c.synAnswered() {
		d.Since.SYN, d.Since.Wait = c.synAt, c.waited()
	}
	if f.acked {
		d.AckBy, d.AckPace = f.carrier(), c.ackPace(first)
	}
	switch {
	case !f.seen || crossed:
	case g.seen:
		d.HalfCloseUS = max(0, g.at-f.at).Microseconds()
	case c.over != notReset:
		d.HalfCloseUS = max(0, c.rst.at-f.at).Microseconds()
	default:
		d.Since.FIN = f.at
	}
	for s := range c.side {
		if f := &c.side[s].fin; f.again > 0 {
			d.FINsAgain = append(d.FINsAgain, FINAgain{From: whoIs(flow.Side(s)), Times: int(f.again), Lost: c.finLost(flow.Side(s))})
		}
	}
	if f.acked && !g.seen && c.over == notReset {
		d.FinWait2, d.CloseWait = whoIs(first), whoIs(first.Other())
		d.Since.ACK = f.ackAt
		if c.talk.any {
			d.Since.Talk = c.talk.at
		}
	}
	d.Until(max(c.last, end.Sub(c.start)))
}

// idle is Detail.IdleUS.
func (c *Conn) idle() int64 {
	if idle, ok := c.raced(); ok {
		return idle.Microseconds()
	}
	if !c.talk.any {
		return -1
	}
	f := &c.side[c.firstFIN].fin
	switch {
	case c.fins > 0:
		return f.idle.Microseconds()
	case c.over == notReset:
		return -1
	case c.talk.wake != nil && c.talk.wake.by != c.rst.by && c.talk.wake.at == c.talk.at:
		return c.talk.wake.after.Microseconds()
	}
	return c.rst.idle.Microseconds()
}

// synAnswered reports whether the server answered the client's SYN: nobody acknowledges
// what did not come, so that the client's ACK shows an answer that was not captured.
func (c *Conn) synAnswered() bool {
	return c.side[flow.Server].segments > 0 || c.side[flow.Client].hasAck
}

// AnswerWithin is for how long at most a SYN waits before it is sent again (RFC 6298 2.1: a
// second; 3 s before that).
const AnswerWithin = 3 * time.Second

// minRTO is the least time from a SYN that was sent again to the next (RFC 6298 2.1).
const minRTO = time.Second

// waited is when, since the first record, the client's wait for an answer to its SYN was over
// at the latest: with its RST, or as long after its latest SYN as the next would have taken.
func (c *Conn) waited() time.Duration {
	if c.over == wasReset && c.rst.by == flow.Client {
		return c.rst.at
	}
	t := c.side[flow.Client].trouble
	if t == nil || t.tries.again == 0 {
		return max(c.synAt+AnswerWithin, c.last)
	}
	return t.tries.last + max(2*t.tries.gap, minRTO)
}

// oneSided is Detail.OneSided.
func (c *Conn) oneSided() Who {
	for s := range c.side {
		me, peer := &c.side[s], &c.side[1-s]
		if me.segments == 0 && peer.hasAck && !c.inVain(flow.Side(1-s)) {
			return whoIs(flow.Side(s))
		}
	}
	return None
}

func (f *fin) carrier() Carrier {
	switch {
	case f.byFIN:
		return ByFIN
	case f.byData:
		return ByData
	}
	return ByACK
}

// ackPace judges the ACK of a side's FIN by what its holder told or, without that, by its
// time.
func (c *Conn) ackPace(of flow.Side) Pace {
	f := &c.side[of].fin
	switch f.hold {
	case flow.NotHeld:
		return PaceAtOnce
	case flow.Carried, flow.Expired:
		return PaceDelayed
	}
	by := of.Other()
	switch p := c.pace(by, f.wait); {
	case p == atOnce:
		return PaceAtOnce
	case p == delayed && (f.byFIN || f.byData || !c.closedAt(by, f.ackAt)):
		return PaceDelayed
	case f.byFIN || f.byData:
		// It came before any delayed ACK ran out, and so was held by one.
		if c.rttKnown[by] && f.wait-c.rtt[by] < ExpiresFrom {
			return PaceDelayed
		}
	}
	return PaceSlow
}

// finLost is what made the side's FIN be sent again.
func (c *Conn) finLost(s flow.Side) Lost {
	f, l := &c.side[s].fin, c.lossOf(s)
	switch {
	case c.answeredAll(s):
		return LostNothing
	case s == c.lastFIN() && c.deserted():
		return LostState
	case f.ackLost || f.twice || l.ackMissed:
		return LostACK
	case f.unheard || l.missed > 0:
		return LostFIN
	}
	return LostEither
}

// missing is the room in sequence space that the other side acknowledged beyond
// what side s was seen to send.
func (c *Conn) missing(s flow.Side) uint64 {
	me, peer := &c.side[s], &c.side[s.Other()]
	end := me.dataEnd
	switch {
	case !me.synSeen && !me.hasData || !peer.hasAck:
		return 0
	case me.synSeen && !peer.synSeen:
		return 0 // what answered the SYN is of an older connection
	case !me.hasData:
		end = 1 // after the SYN
	}
	if me.fin.seen {
		end = end.Max(me.fin.off + 1)
	}
	n := peer.maxAck.Diff(end)
	if n < 0 || n > maxWindow {
		return 0
	}
	return uint64(n)
}
