package teardown

// ResetCause is why a connection was reset, as far as the wire tells.
type ResetCause string

// The causes. The wire does not tell SO_LINGER 0 from unread data where there
// was data to read: CauseAbortUnread names both.
const (
	// CauseRefused: a RST answered the SYN.
	CauseRefused ResetCause = "refused"
	// CauseAbort: SO_LINGER 0, or a timeout of the sender's own; there was
	// nothing that could have been unread.
	CauseAbort ResetCause = "aborted"
	// CauseAbortUnread: SO_LINGER 0, or close() with unread data.
	CauseAbortUnread ResetCause = "aborted or unread data"
	// CauseAfterFIN: the sender gave up after its own FIN.
	CauseAfterFIN ResetCause = "aborted after its own fin"
	// CauseClosed: data came for a side that had closed both directions.
	CauseClosed ResetCause = "data after close"
	// CauseRace: the same, but a request crossed the end of an idle connection.
	CauseRace ResetCause = "keep-alive race"
	// CauseForgotten: a FIN came for a side whose FIN_WAIT_2 or TIME_WAIT was gone.
	CauseForgotten ResetCause = "fin after the state was gone"
	// CauseHalfOpen: a segment came for a connection that the side did not
	// know, or not any more.
	CauseHalfOpen ResetCause = "half-open"
	// CauseOpening: the handshake was broken off.
	CauseOpening ResetCause = "handshake broken off"
	// CauseTimeWaitHit: the SYN met an older connection of the same addresses
	// and ports, most often in TIME_WAIT.
	CauseTimeWaitHit ResetCause = "syn hit time-wait"
	// CauseAssassination: a RST ended the other side's TIME_WAIT (RFC 1337).
	CauseAssassination ResetCause = "time-wait assassination"
	// CauseTimeWaitGone: the RST shows that its sender's TIME_WAIT was over.
	CauseTimeWaitGone ResetCause = "time-wait gone"
	// CauseLate: a RST came after the close was over and changed nothing.
	CauseLate ResetCause = "after the close"
)

func (c *Conn) resetCause() ResetCause {
	switch {
	case c.over == wasRefused:
		return CauseRefused
	case c.over == notReset:
		return c.lateCause()
	}
	switch c.rst.cause {
	case causeForgotten:
		return CauseForgotten
	case causeImpatient:
		return CauseAfterFIN
	case causeOpening:
		return CauseOpening
	case causeOld:
		return CauseTimeWaitHit
	}
	if _, raced := c.raced(); raced {
		return CauseRace
	}
	switch c.rst.cause {
	case causeClosed:
		return CauseClosed
	case causeUnknown:
		return CauseHalfOpen
	case causeAbortUnread:
		return CauseAbortUnread
	}
	return CauseAbort
}

// lateCause is for a RST after the close was over.
func (c *Conn) lateCause() ResetCause {
	switch {
	case !c.lateR:
		return ""
	case c.gone[c.lateBy]:
		return CauseTimeWaitGone
	case c.gone != [2]bool{}:
		return CauseAssassination
	}
	return CauseLate
}
