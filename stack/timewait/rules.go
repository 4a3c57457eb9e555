package timewait

import (
	"time"

	"lastack/stack/segment"
)

// stampLife is how long the peer's last timestamp is held against a RST: as long
// as an old duplicate may live (Linux's TCP_PAWS_MSL, RFC 7323 5.8).
const stampLife = 60 * time.Second

// judge is what becomes of a segment from the peer that arrives now, and whether
// 2MSL starts again. It is Linux's tcp_timewait_state_process, in which a
// segment is one of three things: at RcvNxt with nothing in it; a SYN that can
// be no old duplicate; or something to be answered with the last ACK.
func (s *state) judge(seg *segment.Segment, now uint32, ru *Rules) (v Verdict, restart bool) {
	stamped := s.has(timestamps) && seg.HasTimestamps
	old := stamped && s.outdates(seg, now)
	rst := seg.Flags.Has(segment.RST)
	switch {
	case !old && seg.Seq == s.rcvNxt && (seg.Len() == 0 || rst):
		if rst && !ru.RFC1337 {
			return Killed, false
		}
		if stamped {
			s.tsRecent, s.heard = seg.TSVal, now
		}
		return Ignore, !rst
	case rst:
		return Ignore, false
	case !old && s.reopens(seg, stamped):
		return Reopen, false
	}
	// A SYN alone may yet be followed by a good one: it must not prolong
	// TIME_WAIT, unless its timestamp proves it old.
	restart = old || seg.Flags.Has(segment.ACK)
	if s.limits(seg, now, ru.RateLimit) {
		return Limited, restart
	}
	return Reply, restart
}

// outdates is the PAWS test (RFC 7323 5.3): the segment's timestamp is older than what
// was heard last. A RST need not carry a good timestamp (RFC 7323 5.2), so it is believed
// once no old duplicate can be under way. A recent timestamp of 0 is no measure: some
// peers put it in their SYN.
func (s *state) outdates(seg *segment.Segment, now uint32) bool {
	if s.tsRecent == 0 || int32(s.tsRecent-seg.TSVal) <= 0 {
		return false
	}
	return !seg.Flags.Has(segment.RST) || since(s.heard, now) < stampLife
}

// reopens reports whether a SYN certainly begins a new connection: by its sequence number
// (RFC 9293 3.10.7.4) or by its timestamp (RFC 6191).
func (s *state) reopens(seg *segment.Segment, stamped bool) bool {
	if seg.Flags&(segment.SYN|segment.ACK) != segment.SYN {
		return false
	}
	return s.rcvNxt.Less(seg.Seq) || stamped && int32(s.tsRecent-seg.TSVal) < 0
}

// limits reports whether the reply to a segment has to be left out. Segments
// with data or FIN are no part of a loop of two hosts that send each other ACKs
// (RFC 5961 7), and are always answered.
func (s *state) limits(seg *segment.Segment, now uint32, limit time.Duration) bool {
	if seg.Len() > 0 && !seg.Flags.Has(segment.SYN) {
		return false
	}
	if s.has(replied) && since(s.lastReply, now) < limit {
		return true
	}
	s.lastReply = now
	s.flags |= replied
	return false
}

// since is the time from one moment of the 32-bit clock to a later one.
func since(then, now uint32) time.Duration {
	return time.Duration(now-then) * time.Millisecond
}
