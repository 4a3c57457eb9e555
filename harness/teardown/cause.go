package teardown

import (
	"time"

	"lastack/stack/flow"
)

// Cause is why a connection ended in no orderly way. It is given only if the packets
// exclude the others; otherwise it is CauseUnknown, and the reason names the candidates.
type Cause string

// The causes; the names do not change.
const (
	CauseNone    Cause = "none" // an orderly close, or none by the end of the trace
	CauseUnknown Cause = "unknown"
	// CauseRefused: a RST answered the SYN, or a probe of a port where nothing listens.
	CauseRefused Cause = "refused"
	// CauseHandshake: a RST came before the handshake was over.
	CauseHandshake Cause = "handshake-broken"
	// CauseDataAfterClose: data came for a side that had closed both directions.
	CauseDataAfterClose Cause = "data-after-close"
	// CauseAbort: SO_LINGER 0, unread data, a killed process.
	CauseAbort Cause = "abort"
	// CauseIdle: a limit on silence. One connection shows it only where the silence is as
	// long as such limits are; many connections show more.
	CauseIdle Cause = "idle-timeout"
	// CauseKeepAlive: keep-alive probes that nobody answered.
	CauseKeepAlive Cause = "keep-alive-timeout"
	// CauseUser: retransmissions or zero-window probes were given up.
	CauseUser Cause = "user-timeout"
	// CauseRace: a request crossed the end of an idle connection.
	CauseRace Cause = "keep-alive-race"
	// CauseGaveUp: the side that asked ended it while an answer was due.
	CauseGaveUp Cause = "client-gave-up"
	// CauseMiddlebox: the RST is not the endpoint's.
	CauseMiddlebox Cause = "middlebox"
	// CauseStateGone: the RST answers a segment, as its sender no longer knew the connection.
	CauseStateGone Cause = "state-gone"
	// CauseFinWait2: a side's FIN_WAIT_2 had expired before the other closed.
	CauseFinWait2 Cause = "fin-wait-2-expired"
	// CauseTimeWaitHit: the SYN met an older connection of the same addresses and ports.
	CauseTimeWaitHit Cause = "time-wait-hit"
	// CauseAssassination: a RST ended the other side's TIME_WAIT (RFC 1337).
	CauseAssassination Cause = "time-wait-assassination"
)

// Causes are all, in the order of the list above.
func Causes() []Cause {
	return []Cause{
		CauseNone, CauseUnknown, CauseRefused, CauseHandshake, CauseDataAfterClose, CauseAbort, CauseIdle,
		CauseKeepAlive, CauseUser, CauseRace, CauseGaveUp, CauseMiddlebox, CauseStateGone, CauseFinWait2,
		CauseTimeWaitHit, CauseAssassination,
	}
}

// The times that causes go by.
const (
	// GaveUpAfter is how long an answer has to be due before the side that ends the
	// connection is said to have given up; a request sent less than that before the end
	// may be a goodbye.
	GaveUpAfter = 200 * time.Millisecond
	// GoneAfter is the shortest FIN_WAIT_2 that can be configured (net.ipv4.tcp_fin_timeout).
	GoneAfter = time.Second
	// IdleFrom is the least silence before a RST that may be a limit on silence.
	IdleFrom = time.Second
	// TriesFor is how long a side has to try in vain before its RST is a time-out.
	TriesFor = time.Second
)

// why is the part of a cause that its sentence needs.
type why uint8

const (
	whyPlain why = iota
	whyFastClose
	whyAlone
	whyOneSided
	whySenderUnseen
	whySilent
	whyShut
	whyOwnFIN
	whyLateAnswer
	whyDue
	whyTimer
	whyClosedFirst
	whyRecent
)

// cause judges the RST, by what is known now. The evidence that excludes most comes
// first.
func (c *Conn) cause() (Cause, why) {
	r := c.rst
	switch {
	case c.over == wasRefused:
		return CauseRefused, whyPlain
	case c.over == notReset:
		if c.lateCause() == ResetAssassination {
			return CauseAssassination, whyPlain
		}
		return CauseNone, whyPlain
	case r.when == onOld:
		return CauseTimeWaitHit, whyPlain
	case r.when == inOpening:
		return CauseHandshake, whyPlain
	case r.alone:
		return CauseUnknown, whyAlone
	case r.fast:
		return CauseAbort, whyFastClose
	case r.mismatch != noMismatch:
		return CauseMiddlebox, whyPlain
	}
	if _, raced := c.raced(); raced {
		return CauseRace, whyPlain
	}
	if r.bytes > 0 {
		return c.lateData()
	}
	if !c.side[r.by.Other()].sentOther {
		if cause, why := c.timedOut(); cause != CauseNone && c.inVain(r.by) {
			return cause, why
		}
		return CauseUnknown, whyOneSided
	}
	if cause, why := c.timedOut(); cause != CauseNone {
		return cause, why
	}
	if r.answers {
		return c.answer()
	}
	return c.ownWill()
}

// lateData is about data that met a side that had closed.
func (c *Conn) lateData() (Cause, why) {
	me := &c.side[c.rst.by]
	if c.rst.by == flow.Client && me.fin.spokeLast && me.fin.idle >= GaveUpAfter && !c.goodbye() {
		return CauseGaveUp, whyLateAnswer
	}
	return CauseDataAfterClose, whyPlain
}

// goodbye reports whether the data that came too late are the other side's answer to the FIN,
// such as a TLS alert, and no late answer to a request: few, with a FIN, and sent at once when
// the FIN had come, which they acknowledge.
func (c *Conn) goodbye() bool {
	f, y := &c.side[c.rst.by].fin, c.rst.by.Other()
	limit := answerUnknown
	if c.rttKnown[y] {
		limit = 2*c.rtt[y] + answerSlack
	}
	return c.rst.bytes <= GoodbyeUpTo && c.side[y].fin.seen && c.talk.by == y &&
		f.acked && f.ackAt <= c.talk.at && c.talk.at-f.at <= limit
}

// timedOut is about a side that had tried in vain.
func (c *Conn) timedOut() (Cause, why) {
	r := c.rst
	t := &r.tries
	switch {
	case r.shut >= TriesFor:
		return CauseUser, whyShut
	case t.again >= 2 && r.at-t.first >= TriesFor:
		return CauseUser, whyPlain
	case t.again == 0 && t.probes > 0 && r.at-t.first >= probeEvery:
		return CauseKeepAlive, whyPlain
	}
	return CauseNone, whyPlain
}

// answer is about a RST that answers a segment.
func (c *Conn) answer() (Cause, why) {
	r := c.rst
	me := &c.side[r.by]
	switch {
	case me.fin.seen && r.closed >= GoneAfter:
		return CauseFinWait2, whyPlain
	case me.fin.seen && !r.toFIN:
		return CauseAbort, whyOwnFIN
	case !me.fin.seen && r.recent && r.own:
		return CauseAbort, whyPlain // it knew the connection a moment ago
	case !me.fin.seen && r.recent:
		return CauseUnknown, whyRecent
	}
	return CauseStateGone, whyPlain
}

// ownWill is about a RST that its sender sent of its own accord.
func (c *Conn) ownWill() (Cause, why) {
	r := c.rst
	me, peer := &c.side[r.by], &c.side[r.by.Other()]
	due := r.talked && r.by == flow.Client && r.spoke == flow.Client && r.asked && !peer.fin.seen
	switch {
	case r.senderUnseen:
		return CauseUnknown, whySenderUnseen
	case me.fin.acked && !peer.fin.seen && isLimitOf(finWait2s, r.closed):
		return CauseFinWait2, whyTimer
	case due && me.fin.acked && me.fin.spokeLast && me.fin.idle >= max(GaveUpAfter, 2*c.rtt[flow.Server]):
		return CauseGaveUp, whyClosedFirst
	case me.fin.acked && !peer.fin.seen:
		return CauseAbort, whyOwnFIN
	case due && r.silent && nearLimit(r.idle):
		return CauseUnknown, whyDue
	case due && r.idle >= max(GaveUpAfter, 2*c.rtt[flow.Server]):
		return CauseGaveUp, whyPlain
	case r.silent && r.idle >= IdleFrom && isLimit(r.idle):
		return CauseIdle, whyPlain
	case r.silent && r.idle >= IdleFrom:
		return CauseUnknown, whySilent
	case me.fin.seen && !peer.fin.seen:
		return CauseAbort, whyOwnFIN
	}
	return CauseAbort, whyPlain
}

// finWait2s are the times in FIN_WAIT_2, in seconds, after which a stack may send a RST:
// Windows does after TcpFinWait2Delay.
var finWait2s = []time.Duration{60, 120, 240}

// limits are the usual limits on silence, in seconds, from the shortest that does not
// occur by chance.
var limits = []time.Duration{30, 60, 75, 90, 100, 120, 180, 240, 300, 350, 600, 900, 1200, 1800, 3600, 7200}

// Limits are the silences that are called a limit where only one connection shows it.
func Limits() (all []time.Duration) {
	for _, l := range limits {
		all = append(all, l*time.Second)
	}
	return all
}

// isLimit reports whether a silence is as long as such a limit, within 1% and a round
// trip or the tick of a timer.
func isLimit(silence time.Duration) bool { return isLimitOf(limits, silence) }

func isLimitOf(limits []time.Duration, silence time.Duration) bool {
	for _, l := range limits {
		l *= time.Second
		if over := silence - l; over > -50*time.Millisecond && over < l/100 {
			return true
		}
	}
	return false
}

// nearLimit reports whether a silence may be such a limit that began to run somewhat before or
// after the data that the silence is counted from: within 1% on either side.
func nearLimit(silence time.Duration) bool {
	for _, l := range limits {
		if l *= time.Second; silence > l-l/100 && silence < l+l/100 {
			return true
		}
	}
	return false
}

// Silence is how long nobody had spoken before a RST that a limit on silence may
// explain: all was acknowledged and nobody had closed. It reports false where
// something else explains the RST.
func (c *Conn) Silence() (time.Duration, bool) {
	cause, why := c.cause()
	if c.rst == nil {
		return 0, false
	}
	return c.rst.idle, cause == CauseIdle || cause == CauseUnknown && why == whySilent
}

// OwnTurn reports that the side that sent the RST had been spoken to last: silence was its
// own, and a timer of its application's may have ended it.
func (c *Conn) OwnTurn() bool { return c.rst != nil && c.rst.talked && c.rst.spoke != c.rst.by }

// Plain reports that a SYN of either side was seen and that no RST met Silence: other
// connections can tell nothing more about this one.
func (c *Conn) Plain() bool {
	return c.Handshake() && (c.rst == nil || !c.rst.silent || c.rst.idle < IdleFrom)
}

// GoodbyeUpTo is how many bytes before a FIN are a goodbye and no answer.
const GoodbyeUpTo = 128

// harmless is Detail.Harmless.
func (c *Conn) harmless() bool {
	r := c.rst
	switch cause, _ := c.cause(); cause {
	case CauseAbort:
		return c.fins > 0 && r.acked
	case CauseDataAfterClose:
		return r.bytes <= GoodbyeUpTo && c.side[r.by.Other()].fin.seen
	}
	return false
}
