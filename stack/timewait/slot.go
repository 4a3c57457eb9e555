package timewait

import (
	"encoding/binary"
	"math"
	"time"

	"lastack/stack/segment"
)

// slot is a record as the table keeps it: 52 bytes for IPv4, 76 for IPv6, and no
// pointer for the garbage collector to follow. Slots know each other by index;
// index 0 is none.
type slot[K key] struct {
	key K
	// next and prev link the slots of one place of the wheel; the first has
	// the place instead of a predecessor, marked with firstMark. next also
	// links the slots that are free.
	next, prev uint32
	state
}

// state is what the rules work on. Times are milliseconds of the owner's clock
// and wrap after 49 days: only differences count.
type state struct {
	sndNxt, rcvNxt segment.Seq
	tsRecent       uint32
	heard          uint32
	tsOffset       uint32 // the host's TSval is this and the clock
	deadline       uint32
	lastReply      uint32 // the last reply that counts for the rate limit
	window         uint16
	flags          uint8
}

// Bits of state.flags.
const (
	used       uint8 = 1 << iota // the slot holds a record
	timestamps                   // the connection had them
	replied                      // lastReply means something
)

// longest is the longest life that 32-bit deadlines allow, many times 2MSL.
const longest = time.Duration(math.MaxInt32/2) * time.Millisecond

// millis is a time on the 32-bit clock.
func millis(d time.Duration) uint32 { return uint32(d / time.Millisecond) }

// deadlineAfter is when a life that begins now is over, rounded up.
func deadlineAfter(life, now time.Duration) uint32 {
	return millis(now + min(max(life, 0), longest) + time.Millisecond - 1)
}

func stateOf(r *Record, life, now time.Duration) state {
	s := state{
		sndNxt: r.SndNxt, rcvNxt: r.RcvNxt, window: r.Window,
		deadline: deadlineAfter(life, now), flags: used,
	}
	if r.HasTimestamps {
		s.flags |= timestamps
		s.tsRecent = r.TSRecent
		s.heard = millis(min(max(r.Heard, now-longest), now))
		s.tsOffset = r.TSVal - millis(now)
	}
	return s
}

func (s *state) has(flag uint8) bool { return s.flags&flag != 0 }

// record is s as the world outside sees it.
func (s *state) record(tuple segment.Tuple, now time.Duration) Record {
	ms := millis(now)
	part := now % time.Millisecond
	r := Record{
		Tuple: tuple, SndNxt: s.sndNxt, RcvNxt: s.rcvNxt, Window: s.window,
		Left: max(time.Duration(int32(s.deadline-ms))*time.Millisecond-part, 0),
	}
	if s.has(timestamps) {
		r.HasTimestamps = true
		r.TSRecent = s.tsRecent
		r.TSVal = s.tsOffset + ms
		r.Heard = now - part - time.Duration(ms-s.heard)*time.Millisecond
	}
	return r
}

// key is a Tuple in as few bytes as its IP version allows.
type key interface {
	comparable
	tuple() segment.Tuple
}

type (
	key4 [12]byte
	key6 [36]byte
)

// v4In6 begins an IPv4-mapped address (RFC 4291 2.5.5.2).
const v4In6 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"

// key4Of is the key of an IPv4 tuple; the second result tells whether it is one.
func key4Of(t *segment.Tuple) (k key4, ok bool) {
	if string(t.Src.Addr[:12]) != v4In6 || string(t.Dst.Addr[:12]) != v4In6 {
		return k, false
	}
	copy(k[:4], t.Src.Addr[12:])
	copy(k[4:8], t.Dst.Addr[12:])
	putPorts(k[8:], t)
	return k, true
}

func key6Of(t *segment.Tuple) (k key6) {
	copy(k[:16], t.Src.Addr[:])
	copy(k[16:32], t.Dst.Addr[:])
	putPorts(k[32:], t)
	return k
}

func putPorts(b []byte, t *segment.Tuple) {
	binary.BigEndian.PutUint16(b, t.Src.Port)
	binary.BigEndian.PutUint16(b[2:], t.Dst.Port)
}

func (k key4) tuple() (t segment.Tuple) {
	copy(t.Src.Addr[:], v4In6)
	copy(t.Dst.Addr[:], v4In6)
	copy(t.Src.Addr[12:], k[:4])
	copy(t.Dst.Addr[12:], k[4:8])
	t.Src.Port, t.Dst.Port = ports(k[8:])
	return t
}

func (k key6) tuple() (t segment.Tuple) {
	copy(t.Src.Addr[:], k[:16])
	copy(t.Dst.Addr[:], k[16:32])
	t.Src.Port, t.Dst.Port = ports(k[32:])
	return t
}

func ports(b []byte) (src, dst uint16) {
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
}
