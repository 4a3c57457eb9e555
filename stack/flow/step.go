package flow

import "lastack/stack/segment"

// Mark is a set of facts about one segment in its connection.
type Mark uint32

const (
	// Opening: the segment has SYN.
	Opening Mark = 1 << iota
	// NewData: bytes that this side had not sent before.
	NewData
	// Again: SYN, data or FIN, all of which this side had sent before.
	Again
	// Hole: the segment begins beyond what this side was seen to send; what
	// lies between was lost before the observer, reordered, or not captured.
	Hole
	// FirstFIN: the first FIN of this side.
	FirstFIN
	// FINAgain: a FIN of this side once more.
	FINAgain
	// AcksFIN: the first segment that acknowledges the other side's FIN.
	AcksFIN
	// Advances: acknowledges something for the first time.
	Advances
	// DuplicateACK: a pure ACK that says what the one before it said
	// (RFC 5681 2).
	DuplicateACK
	// WindowUpdate: a pure ACK that changes nothing but the window.
	WindowUpdate
	// KeepAlive: a probe one below SND.NXT with at most one byte
	// (RFC 9293 3.8.4).
	KeepAlive
	// CrossedFIN: this side's first FIN does not acknowledge the FIN that
	// the other side had already sent: a simultaneous close.
	CrossedFIN
	// Reset: a RST that ended the connection.
	Reset
	// Refusal: the RST answered a SYN.
	Refusal
	// Stray: came after both sides were done.
	Stray
	// Challenged: the receiver refuses the segment and answers with an ACK: a RST or
	// SYN that is not exact (RFC 5961 3, 4), anything beyond the window or with an old
	// timestamp (RFC 9293 3.10.7.4, RFC 7323 5.3). Nothing was learnt from it.
	Challenged
	// Outdated, beside Challenged: by its timestamp or its acknowledgment the segment is
	// of another time (RFC 7323 5.3, RFC 5961 5.2).
	Outdated
	// Ignored: the receiver drops the segment without an answer: a RST outside the
	// window, a segment without ACK, an ACK of what was never sent. Nothing was
	// learnt from it.
	Ignored
	// Revived: the segment proves that the RST before it did not count.
	Revived
	// AfterFIN: data beyond this side's own FIN, which no sound stack sends.
	AfterFIN
)

// Has reports whether all marks of n are in m.
func (m Mark) Has(n Mark) bool { return m&n == n }

// Any reports whether at least one mark of n is in m.
func (m Mark) Any(n Mark) bool { return m&n != 0 }

// Step is what one segment meant.
type Step struct {
	From  Side
	Marks Mark
	// Before and After are the states of both sides, indexed by Side.
	Before, After [2]State
	// Still are the states of a segment behind a RST if the RST did not count, and Unknown
	// elsewhere: later segments may prove that (Revived).
	Still [2]State
	// Acked counts the sequence numbers acknowledged for the first time.
	Acked int
	// SeqOff and AckOff are the segment's numbers relative to the initial
	// sequence number of the side they count (so a SYN is 0, the first byte 1).
	SeqOff, AckOff segment.Seq
}

// Changed reports whether the segment moved the given side to another state.
func (s *Step) Changed(side Side) bool { return s.Before[side] != s.After[side] }
