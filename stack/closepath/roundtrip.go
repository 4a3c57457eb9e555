package closepath

import (
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// roundTrip measures a flow's round trip and gives the retransmission timeout, by
// RFC 6298. It times one segment at a time, and none that was sent twice (Karn).
type roundTrip struct {
	srtt, rttvar time.Duration
	measured     bool
	timing       bool
	end          segment.Seq // of the timed segment
	at           tcpip.MonotonicTime
}

// sent takes in a segment that the host sends; next is SND.NXT before it.
func (r *roundTrip) sent(s *segment.Segment, next segment.Seq, clock tcpip.Clock) {
	switch again := s.Seq.Less(next); {
	case again:
		r.repeated(s.Seq)
	case !r.timing:
		r.timing, r.end, r.at = true, s.End(), clock.NowMonotonic()
	}
}

// repeated takes in that the close path itself sends a segment once more.
func (r *roundTrip) repeated(seq segment.Seq) {
	if seq.Less(r.end) {
		r.timing = false
	}
}

// synSent takes in a SYN or SYN-ACK of the host's, which gives the first measurement
// unless it is sent again.
func (r *roundTrip) synSent(s *segment.Segment, clock tcpip.Clock) {
	if again := r.end == s.End(); again {
		r.timing = false
		return
	}
	r.timing, r.end, r.at = true, s.End(), clock.NowMonotonic()
}

// acked takes in an acknowledgment number of the peer's.
func (r *roundTrip) acked(ack segment.Seq, clock tcpip.Clock) {
	if !r.timing || ack.Less(r.end) {
		return
	}
	r.timing = false
	d := clock.NowMonotonic().Sub(r.at)
	if !r.measured {
		r.measured, r.srtt, r.rttvar = true, d, d/2
		return
	}
	r.rttvar += ((r.srtt - d).Abs() - r.rttvar) / 4
	r.srtt += (d - r.srtt) / 8
}

// timeout is the RTO: a second as long as nothing is known (RFC 6298 2.1), and never
// less than Linux's minimum.
func (r *roundTrip) timeout() time.Duration {
	if !r.measured {
		return time.Second
	}
	return min(max(r.srtt+4*r.rttvar, minRTO), maxRTO)
}
