package teardown

import (
	"encoding/binary"
	"math/bits"
	"time"

	"lastack/stack/segment"
)

// Lanes is how many Tables a Split has.
const Lanes = 2

// Split is Tables that have the connections of one capture between them, by 4-tuple, so
// that a goroutine for each can take in its segments at the same time. None of them hangs on
// where the others are: the time of each is that of its own records.
//
// Lane, Prepare, Table and Of are for any goroutine. The other methods are for when nobody
// uses the Tables.
type Split struct{ tables [Lanes]*Table }

// NewSplit makes empty Tables, by what cfg says of each. Its OnBegin has to number the
// connections of all; bounds are those of one Table.
func NewSplit(cfg func(lane int) Config) *Split {
	s := &Split{}
	for lane := range s.tables {
		s.tables[lane] = NewTable(cfg(lane))
		s.tables[lane].index.seed = s.tables[0].index.seed
	}
	return s
}

// Lane is the number of the Table for a 4-tuple, in whichever direction. It is the same in
// every run, so that what is given up where a bound is met is, too.
func (*Split) Lane(t *segment.Tuple) int { return join(fold(&t.Src), fold(&t.Dst)) }

// LaneOf is the Lane of a TCP segment in an IP packet. It reports false for what is none, or
// takes more than a look; see segment.Peek.
func (s *Split) LaneOf(packet []byte) (lane int, ok bool) {
	if len(packet) >= 24 && packet[0] == 0x45 && packet[9] == 6 && binary.BigEndian.Uint16(packet[6:])&0x3fff == 0 {
		return join(foldIPv4(packet[12:], packet[20:]), foldIPv4(packet[16:], packet[22:])), true
	}
	var t segment.Tuple
	if ok = segment.Peek(packet, &t); ok {
		lane = s.Lane(&t)
	}
	return lane, ok
}

// foldIPv4 is fold of what stands in a packet.
func foldIPv4(addr, port []byte) uint64 {
	x := bits.RotateLeft64(uint64(binary.LittleEndian.Uint32(addr))<<32|0xffff_0000, 17) ^ uint64(binary.BigEndian.Uint16(port))
	return x * foldBy
}

// join is the lane of the folds of both ends.
func join(a, b uint64) int {
	hi, lo := bits.Mul64(a+b, 0x9e3779b97f4a7c15)
	return int((hi ^ lo) >> 63) // of Lanes
}

const foldBy = 0xd6e8feb86659fd93

func fold(e *segment.Endpoint) uint64 {
	x := binary.LittleEndian.Uint64(e.Addr[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(e.Addr[8:]), 17) ^ uint64(e.Port)
	return x * foldBy
}

// Prepare finds out which Table a record is for, and does a part of what its Add has to do.
func (s *Split) Prepare(r *Record) {
	s.tables[0].Prepare(r)
	r.lane = uint8(s.Lane(&r.Seg.Tuple))
}

// Of is the Table for a record that was prepared.
func (s *Split) Of(r *Record) *Table { return s.tables[r.lane] }

// Table is that of a lane.
func (s *Split) Table(lane int) *Table { return s.tables[lane] }

// Reserve makes room for connections that may come; see Table.Reserve.
func (s *Split) Reserve() {
	for _, t := range s.tables {
		t.Reserve()
	}
}

// Now is the latest time of a record.
func (s *Split) Now() (now time.Time) {
	for _, t := range s.tables {
		if t.begun && t.Now().After(now) {
			now = t.Now()
		}
	}
	return now
}

// Flush forgets every connection, in the order of their first segments.
func (s *Split) Flush() {
	s.advance()
	flush(s.tables[:]...)
}

// All is every connection that the Tables hold, in the order of their first segments.
func (s *Split) All() []*Conn {
	s.advance()
	return everyOf(s.tables[:]...)
}

// advance brings all Tables to the time of the latest record.
func (s *Split) advance() {
	now := s.Now()
	for _, t := range s.tables {
		if t.begun {
			t.now = max(t.now, since(t.start, now))
		}
	}
}
