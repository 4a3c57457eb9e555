package timewait

import (
	"time"

	"lastack/stack/segment"
)

// Record is a connection in TIME_WAIT, as the table takes it and gives it out.
type Record struct {
	// Tuple has the host as Src.
	segment.Tuple
	// SndNxt and RcvNxt are the sequence and acknowledgement number of the last
	// ACK, and of every reply.
	SndNxt, RcvNxt segment.Seq
	// Window is the last ACK's, as the header had it.
	Window uint16
	// HasTimestamps: the connection used the timestamps option. Without it the
	// next three fields mean nothing.
	HasTimestamps bool
	// TSRecent is the peer's latest TSval, Heard when it came (Linux's
	// tw_ts_recent_stamp), to the millisecond.
	TSRecent uint32
	Heard    time.Duration
	// TSVal is the host's own TSval at the time of the call. It runs on by one a
	// millisecond.
	TSVal uint32
	// Left is the time until 2MSL is over. The table sets it; Add does not read
	// it.
	Left time.Duration
}

// Rules are what the rules read besides the record and the segment.
type Rules struct {
	// Life is the 2MSL that a restart gives.
	Life time.Duration
	// RFC1337 makes a RST be ignored instead of ending TIME_WAIT (net.ipv4.tcp_rfc1337).
	RFC1337 bool
	// RateLimit is the least time between two replies to segments that may be
	// part of a loop of ACKs (net.ipv4.tcp_invalid_ratelimit). With zero there
	// is no limit.
	RateLimit time.Duration
}

// Verdict is what becomes of a segment.
type Verdict uint8

// The verdicts.
const (
	// Unknown: there is no record.
	Unknown Verdict = iota
	// Ignore: there is nothing to send.
	Ignore
	// Reply: send an ACK with the record's SndNxt and RcvNxt, and TSRecent as
	// TSecr.
	Reply
	// Limited: a Reply that the rate limit suppresses.
	Limited
	// Reopen: a SYN that may begin a new connection. The record is still there:
	// the owner removes it if somebody listens, and otherwise sends the ACK of
	// Reply, which no limit applies to.
	Reopen
	// Killed: a RST ended TIME_WAIT, and the record is gone.
	Killed
)

// String is the verdict's name in lower case.
func (v Verdict) String() string {
	return [...]string{"unknown", "ignore", "reply", "limited", "reopen", "killed"}[v]
}
