package capture

import (
	"time"

	"github.com/gopacket/gopacket/layers"
)

// leapFrom is how far apart two records are, in seconds, if time leaps between them.
const leapFrom = 24 * 60 * 60

// steady is what a Reader knows of the clock by which records have their times. Some
// network cards and virtual machines stamp a single packet with a time that is decades off,
// which would be a gap in the capture and hours of a connection to all who read on.
type steady struct {
	second int64 // since 1970, of the latest record
	nanos  int

	ahead bool // the next record was read already
	next  Packet
	link  layers.LinkType
	err   error // instead of it

	odd  []byte // the data of a record whose successor was read
	when time.Time
}

// near reports whether time does not leap before a record of that second.
func (s *steady) near(second int64) bool {
	return uint64(second-s.second+leapFrom) <= 2*leapFrom
}

// checkLeap is for a record before which time leaps. If the next record takes that back, it
// gets the time of the record before; the next one is kept for takeAhead.
func (r *Reader) checkLeap(link layers.LinkType) layers.LinkType {
	s := &r.steady
	if r.packet.Time.IsZero() { // none is known
		return link
	}
	if r.records == 0 {
		s.second, s.nanos = r.packet.Time.Unix(), r.packet.Time.Nanosecond()
		return link
	}
	s.odd = append(s.odd[:0], r.packet.Data...)
	odd := r.packet
	odd.Data = s.odd
	s.link, s.err = r.record()
	s.next, s.ahead = r.packet, true
	if r.packet = odd; s.err == nil && s.near(s.next.Time.Unix()) {
		s.when = odd.Time
		r.packet.Time, r.packet.Recorded = time.Unix(s.second, int64(s.nanos)).UTC(), &s.when
		r.skipped.Leaps++
		return link
	}
	s.second, s.nanos = odd.Time.Unix(), odd.Time.Nanosecond()
	return link
}

// takeAhead is record where the next one was read already.
func (r *Reader) takeAhead() (layers.LinkType, error) {
	s := &r.steady
	s.ahead, r.packet = false, s.next
	return s.link, s.err
}
