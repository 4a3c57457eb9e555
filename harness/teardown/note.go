package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// note is what one segment was in the story of its connection.
type note uint8

const (
	noteNone note = iota

	// Notes for any time.
	noteSYNAgain
	noteDataAgain
	noteKeepAlive
	noteWindowUpdate
	noteDuplicateACK

	// Notes on Fast Open in a SYN.
	noteCookieAsked
	noteCookieAlone
	noteCookieAndData
	noteDataInSYN
	noteCookieGiven
	noteCookieAndTaken
	noteCookieAndLeft
	noteDataTaken
	noteDataLeft

	// Notes on the close.
	noteAcksFIN
	noteACKAgain
	noteProvedLost
	noteFINAgain
	noteFINAgainLost
	noteFINAgainACKLost
	noteFINCarried
	noteCrossed
	noteOvertaken
	noteSeenLate
	noteFINEarly
	notePastFIN
	noteReset
	noteRefused
	noteDataAfterClose
	noteLateRST
	noteChallenged
	noteIgnored
	noteLate
)

// close reports whether the note belongs to the close.
func (n note) close() bool { return n >= noteAcksFIN }

// again reports whether the segment repeats an earlier one.
func (n note) again() bool {
	switch n {
	case noteSYNAgain, noteDataAgain, noteACKAgain, noteFINAgain, noteFINAgainLost, noteFINAgainACKLost:
		return true
	}
	return false
}

// plainNote is the note of a segment for which flow's marks say everything.
func plainNote(e *event) note {
	switch m := e.marks; {
	case m.Has(flow.FirstFIN | flow.Hole):
		return noteFINEarly
	case m.Has(flow.AfterFIN):
		return notePastFIN
	case m.Has(flow.Opening | flow.Again):
		return noteSYNAgain
	case m.Has(flow.Again) && e.len > 0:
		return noteDataAgain
	case m.Has(flow.KeepAlive):
		return noteKeepAlive
	case m.Has(flow.WindowUpdate):
		return noteWindowUpdate
	case m.Has(flow.DuplicateACK):
		return noteDuplicateACK
	}
	return noteNone
}

// carries names what a segment brings along beside its own business.
func (c *Conn) carries(e *event) string {
	if !e.carries {
		return ""
	}
	return "ack of FIN"
}

// why is the note in words that fit under an arrow.
func (c *Conn) why(e *event) string {
	switch e.note {
	case noteNone:
		if e.missed && e.impaired == "" {
			return "lost on its way in"
		}
	case noteCookieAndData, noteDataInSYN, noteCookieAndTaken, noteDataTaken:
		return c.whyFast(e)
	case noteAcksFIN:
		return c.whyACK(e)
	case noteFINAgain:
		if c.answeredAll(e.from) {
			return "FIN again: every copy was answered"
		}
		if f := &c.side[e.from].fin; f.ackLost && f.ackAt < e.at {
			return "FIN again: its ACK was lost or late"
		}
	case noteDataAfterClose:
		return the(e.from) + " takes no more data"
	case noteLateRST:
		if e.endsTimeWait() {
			return "after the close was over; ends TIME_WAIT"
		}
	case noteChallenged:
		return c.whyChallenged(e)
	case noteIgnored:
		return c.whyIgnored(e)
	case noteLate:
		if e.flags.Has(segment.SYN) {
			return "SYN for a connection that is over"
		}
	}
	return e.note.String()
}

// String is what can be said of the note without looking at the connection.
func (n note) String() string {
	return [...]string{
		noteSYNAgain:     "SYN again: no answer had come",
		noteDataAgain:    "data again, or out of order",
		noteKeepAlive:    "keep-alive probe",
		noteWindowUpdate: "window update",
		noteDuplicateACK: "duplicate ACK",

		noteCookieAsked:   "asks for a Fast Open cookie",
		noteCookieAlone:   "a Fast Open cookie, and no data",
		noteCookieGiven:   "brings a Fast Open cookie",
		noteCookieAndLeft: "takes none of the data; new cookie",
		noteDataLeft:      "takes none of the SYN's data",

		noteACKAgain:        "ACK of the FIN again",
		noteFINAgain:        "FIN again: the first or its ACK was lost",
		noteProvedLost:      "lost: what came back later does not acknowledge it",
		noteFINAgainLost:    "FIN again: the one before was lost",
		noteFINAgainACKLost: "FIN again: its ACK was lost",

		noteFINCarried: "its FIN goes with every ACK until it is acknowledged",
		noteCrossed:    "sent before the other FIN had arrived",
		noteOvertaken:  "sent before the FIN, seen after it",
		noteSeenLate:   "seen after its ACK: out of order",
		noteFINEarly:   "data before this FIN is missing so far",
		notePastFIN:    "data beyond its own FIN",
		noteReset:      "reset",
		noteRefused:    "refused",
		noteLateRST:    "after the close was over",
		noteLate:       "after the close was over",
	}[n]
}

// endsTimeWait reports whether a RST after the close threw a side out of
// TIME_WAIT, or shows that it is out.
func (e *event) endsTimeWait() bool {
	for s, kills := range e.kills {
		if kills && e.after[s] == flow.TimeWait {
			return true
		}
	}
	return false
}

// whyACK is for the first ACK of a FIN.
func (c *Conn) whyACK(e *event) string {
	pure := e.pureACK()
	load := "data"
	switch {
	case e.flags.Has(segment.FIN):
		load = "FIN"
	case pure:
		load = "ACK"
	}
	switch {
	case e.hold == flow.Expired:
		return "delayed ACK ran out after " + ms(e.held)
	case e.hold == flow.Carried:
		return "ACK held " + ms(e.held) + ", carried by the " + load
	case !pure:
		return load + " that carries the ACK of the FIN"
	case e.hold == flow.NotHeld:
		return "ACK of the FIN, at once"
	}
	switch p := c.pace(e.from, e.wait); {
	case p == atOnce:
		return "ACK of the FIN, at once"
	case p == delayed && !c.closedBefore(e) && !c.closedAt(e.from, e.at):
		return "ACK of the FIN after " + ms(e.wait) + ": delayed"
	}
	return "ACK of the FIN after " + ms(e.wait)
}

// closedBefore reports whether the sender of e had sent its FIN: the last ACK of
// a connection is not held.
func (c *Conn) closedBefore(e *event) bool {
	f := &c.side[e.from].fin
	return f.seen && f.at < e.at
}

// pace is how fast a side answered, by a capture's times.
type pace uint8

const (
	atOnce  pace = iota
	slow         // neither at once nor as delayed ACK does
	delayed      // as delayed ACK does
)

// The bounds of what a capture can tell. A stack that acknowledges at once does
// so within its timer's tick (4 ms on common kernels). A delayed ACK runs out
// after 40 ms on Linux and 200 ms elsewhere, and never after more than 500 ms
// (RFC 9293 3.8.6.3).
const (
	onceLimit    = 4 * time.Millisecond
	delayedFrom  = 20 * time.Millisecond // no ACK that is sent at once takes as long, beside round trips
	delayedLimit = 500 * time.Millisecond
	// ExpiresFrom is how long an ACK takes, beside the round trip, that was delayed until its
	// timer ran out: Linux's 40 ms, less what round trips vary by.
	ExpiresFrom = 35 * time.Millisecond
	// closesWithin is too soon behind an ACK for an application that was still open when
	// the ACK ran out: the two were sent together, and the way took so long.
	closesWithin = 2 * time.Millisecond
)

// pace judges how long side s took, less the round trip to it. Where that is not known, it
// may be all of the time.
func (c *Conn) pace(s flow.Side, wait time.Duration) pace {
	switch net := wait - c.rtt[s]; {
	case net < onceLimit:
		return atOnce
	case c.rttKnown[s] && net >= ExpiresFrom && net <= delayedLimit:
		return delayed
	}
	return slow
}

// closedAt reports whether side s sent its FIN right behind an ACK that it sent at then.
func (c *Conn) closedAt(s flow.Side, then time.Duration) bool {
	f := &c.side[s].fin
	return f.seen && f.at >= then && f.at-then <= closesWithin
}
