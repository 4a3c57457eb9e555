package flow

// Hold is what delayed ACK did to a segment (RFC 9293 3.8.6.3), as far as its observer
// knows.
type Hold uint8

const (
	// HoldUnknown: a capture, or a segment of another host; a delay can only be inferred
	// from timing.
	HoldUnknown Hold = iota
	// NotHeld: the segment went out at once.
	NotHeld
	// Carried: the segment carries an ACK that had been held back.
	Carried
	// Expired: a pure ACK that was held until its deadline.
	Expired
	// Flushed: a pure ACK that went out before its deadline: delayed ACK was switched off or
	// the endpoint closed.
	Flushed
)
