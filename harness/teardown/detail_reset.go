package teardown

// ResetCause is why a connection was reset: a Cause by the name that the output had
// for it first, and in finer parts.
type ResetCause string

// The causes. The wire does not tell SO_LINGER 0 from unread data where there
// was data to read: ResetAbortUnread names both.
const (
	// ResetRefused: a RST answered the SYN, or another probe.
	ResetRefused ResetCause = "refused"
	// ResetAbort: SO_LINGER 0, or a timeout of the sender's own; there was
	// nothing that could have been unread.
	ResetAbort ResetCause = "aborted"
	// ResetAbortUnread: SO_LINGER 0, or close() with unread data.
	ResetAbortUnread ResetCause = "aborted or unread data"
	// ResetAfterFIN: the sender gave up after its own FIN.
	ResetAfterFIN ResetCause = "aborted after its own fin"
	// ResetClosed: data came for a side that had closed both directions.
	ResetClosed ResetCause = "data after close"
	// ResetRace: the same, but a request crossed the end of an idle connection.
	ResetRace ResetCause = "keep-alive race"
	// ResetForgotten: a FIN came for a side whose FIN_WAIT_2 had expired.
	ResetForgotten ResetCause = "fin after the state was gone"
	// ResetHalfOpen: a segment came for a connection that the side did not
	// know, or not any more.
	ResetHalfOpen ResetCause = "half-open"
	// ResetOpening: the handshake was broken off.
	ResetOpening ResetCause = "handshake broken off"
	// ResetTimeWaitHit: the SYN met an older connection of the same addresses
	// and ports, most often in TIME_WAIT.
	ResetTimeWaitHit ResetCause = "syn hit time-wait"
	// ResetAssassination: a RST ended the other side's TIME_WAIT (RFC 1337).
	ResetAssassination ResetCause = "time-wait assassination"
	// ResetTimeWaitGone: the RST shows that its sender's TIME_WAIT was over.
	ResetTimeWaitGone ResetCause = "time-wait gone"
	// ResetLate: a RST came after the close was over and changed nothing.
	ResetLate ResetCause = "after the close"

	// These are the causes of the same names.
	ResetIdle      ResetCause = "idle timeout"
	ResetKeepAlive ResetCause = "keep-alive timeout"
	ResetUser      ResetCause = "user timeout"
	ResetGaveUp    ResetCause = "client gave up"
	ResetMiddlebox ResetCause = "middlebox"
	ResetUnknown   ResetCause = "unknown"
)

// resetCauses names the causes that have one name only.
var resetCauses = map[Cause]ResetCause{
	CauseRefused: ResetRefused, CauseHandshake: ResetOpening, CauseDataAfterClose: ResetClosed,
	CauseIdle: ResetIdle, CauseKeepAlive: ResetKeepAlive, CauseUser: ResetUser, CauseRace: ResetRace,
	CauseGaveUp: ResetGaveUp, CauseMiddlebox: ResetMiddlebox, CauseStateGone: ResetHalfOpen,
	CauseFinWait2: ResetForgotten, CauseTimeWaitHit: ResetTimeWaitHit, CauseAssassination: ResetAssassination,
	CauseUnknown: ResetUnknown,
}

func (c *Conn) resetCause() ResetCause {
	cause, _ := c.cause()
	switch {
	case cause == CauseNone:
		return c.lateCause()
	case cause != CauseAbort:
		return resetCauses[cause]
	}
	me, peer := &c.side[c.rst.by], &c.side[c.rst.by.Other()]
	switch {
	case me.fin.seen && !peer.fin.seen:
		return ResetAfterFIN
	case peer.bytes > 0 || !c.whole():
		return ResetAbortUnread
	}
	return ResetAbort
}

// whole reports whether the trace has all that a side may have received: it begins
// with the handshake.
func (c *Conn) whole() bool { return c.side[0].synSeen && c.side[1].synSeen }

// lateCause is for a RST after the close was over.
func (c *Conn) lateCause() ResetCause {
	switch {
	case !c.lateR:
		return ""
	case c.gone[c.lateBy]:
		return ResetTimeWaitGone
	case c.gone != [2]bool{}:
		return ResetAssassination
	}
	return ResetLate
}
