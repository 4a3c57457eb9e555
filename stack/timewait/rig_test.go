package timewait

import (
	"net/netip"
	"testing"
	"time"

	"lastack/stack/segment"
)

// The connection of the tests: the host's last ACK was seq=sndNxt ack=rcvNxt,
// and the peer's last timestamp tsRecent.
const (
	sndNxt   segment.Seq = 1000
	rcvNxt   segment.Seq = 0xffff_fff0 // so that the sums of the tests wrap
	tsRecent uint32      = 0xffff_fff8
	ourTS    uint32      = 77
	life                 = time.Minute
	limit                = 500 * time.Millisecond
)

const (
	fin = segment.FIN
	syn = segment.SYN
	rst = segment.RST
	ack = segment.ACK
	psh = segment.PSH
)

// eachVersion runs a test for both IP versions.
func eachVersion(t *testing.T, f func(t *testing.T, tuple segment.Tuple)) {
	t.Run("IPv4", func(t *testing.T) { f(t, tupleOf(4, 1)) })
	t.Run("IPv6", func(t *testing.T) { f(t, tupleOf(6, 1)) })
}

// tupleOf is the nth connection of the tests; the host is Src.
func tupleOf(version, n int) segment.Tuple {
	host, peer := netip.MustParseAddr("192.0.2.1"), netip.AddrFrom4([4]byte{10, 0, byte(n >> 24), byte(n >> 16)})
	if version == 6 {
		host = netip.MustParseAddr("2001:db8::1")
		peer = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(n >> 24), 15: byte(n >> 16)})
	}
	return segment.Tuple{
		Src: segment.EndpointFrom(netip.AddrPortFrom(host, 80)),
		Dst: segment.EndpointFrom(netip.AddrPortFrom(peer, uint16(n))),
	}
}

// recordOf is the connection's record when its last ACK goes out.
func recordOf(tuple segment.Tuple, stamps bool, now time.Duration) *Record {
	r := &Record{Tuple: tuple, SndNxt: sndNxt, RcvNxt: rcvNxt, Window: 512}
	if stamps {
		r.HasTimestamps, r.TSRecent, r.TSVal, r.Heard = true, tsRecent, ourTS, now
	}
	return r
}

// from is a segment of the peer's: seq is an offset from rcvNxt.
func from(tuple segment.Tuple, flags segment.Flags, seq, payload int) *segment.Segment {
	return &segment.Segment{
		Tuple: tuple.Reverse(), Flags: flags, Seq: rcvNxt + segment.Seq(seq), Ack: sndNxt, PayloadLen: payload,
	}
}

// stamped gives a segment a timestamp, an offset from tsRecent.
func stamped(s *segment.Segment, ts int) *segment.Segment {
	s.HasTimestamps, s.TSVal = true, tsRecent+uint32(ts)
	return s
}
