package explain

import (
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// item is what one segment puts on the way that may be lost by itself: a range of
// data, or a flag with or without ACK. Two captures cut data differently where
// offloading merges segments, so that data is held against data byte by byte.
type item struct {
	at       int64       // in A's time, nanoseconds
	seen     int64       // in the time of the capture that has it
	seq, end segment.Seq // in A's numbers
	ack      segment.Seq
	ts       uint32
	tsEcr    uint32
	win, id  uint16
	mss      uint16
	sack     segment.Seq // the start of the first block
	kind     itemKind
	flags    segment.Flags
	ttl, tos uint8
	options  optionSet
	scale    uint8
	rides    bool // data whose segment another item counts: that of its SYN or FIN
	lastACK  bool // the ACK of the other side's FIN
	part     bool // some of it was found
}

// itemKind is what an item does.
type itemKind uint8

const (
	itemData itemKind = iota
	itemACK           // nothing but an ACK, or no flag at all
	itemSYN
	itemFIN
	itemRST
	itemKinds
)

// optionSet is which options a segment has.
type optionSet uint8

const (
	optTimestamps optionSet = 1 << iota
	optScale
	optSACKPermitted
	optSACK
	optFastOpen
)

func optionsOf(s *segment.Segment) (o optionSet) {
	for _, k := range []struct {
		bit optionSet
		has bool
	}{
		{optTimestamps, s.HasTimestamps}, {optScale, s.HasWindowScale}, {optSACKPermitted, s.SACKPermitted},
		{optSACK, s.SACKCount > 0}, {optFastOpen, s.FastOpen != 0},
	} {
		if k.has {
			o |= k.bit
		}
	}
	return o
}

// itemsOf takes a segment apart. The first item counts the segment.
func itemsOf(buf []item, r *teardown.Record, tos uint8) []item {
	s := &r.Seg
	base := item{
		seq: s.Seq, end: s.Seq, ack: s.Ack, ts: s.TSVal, tsEcr: s.TSEcr, win: s.Window, id: r.Path.ID, mss: s.MSS,
		flags: s.Flags, ttl: r.Path.TTL, tos: tos, options: optionsOf(s), scale: s.WindowScale,
		sack: s.SACKBlocks[0].Start,
	}
	data := s.Seq
	add := func(k itemKind, seq, end segment.Seq) {
		i := base
		i.kind, i.seq, i.end, i.rides = k, seq, end, len(buf) > 0
		buf = append(buf, i)
	}
	switch {
	case s.Flags.Has(segment.RST):
		add(itemRST, s.Seq, s.Seq) // data in it is a remark (RFC 9293 3.5.2)
		return buf
	case s.Flags.Has(segment.SYN):
		add(itemSYN, s.Seq, s.Seq+1)
		data++
	}
	if s.Flags.Has(segment.FIN) {
		add(itemFIN, s.FINSeq(), s.FINSeq()+1)
	}
	switch {
	case s.PayloadLen > 0:
		add(itemData, data, data+segment.Seq(s.PayloadLen))
	case len(buf) == 0:
		add(itemACK, s.Seq, s.Seq)
	}
	return buf
}

// What like adds up.
const (
	likeSays  = 1
	likeTCP   = 1 // window, options and the range of data
	likeID    = 2
	likeTimed = 4
)

// like is how surely two items that say the same are one: 0 where they do not say
// the same. Retransmissions differ in their timestamp, unless they are fast, and in
// IPv4's identification.
func (i *item) like(o *item) int {
	if i.kind != o.kind || !i.says(o) {
		return 0
	}
	score := likeSays
	if i.options&o.options&optTimestamps != 0 && i.ts == o.ts {
		score += likeTimed
	}
	if i.id != 0 && i.id == o.id {
		score += likeID
	}
	if i.win == o.win && i.options == o.options && i.sack == o.sack && i.seq == o.seq && i.end == o.end {
		score += likeTCP
	}
	return score
}

// certainly reports whether two items that say the same are no transmission and
// retransmission: not where one of these differs that could tell.
func (i *item) certainly(o *item) bool {
	if i.options&o.options&optTimestamps != 0 && i.ts != o.ts {
		return false
	}
	return i.id == o.id || i.id == 0 || o.id == 0 || i.kind == itemData
}

func (i *item) says(o *item) bool {
	switch i.kind {
	case itemData:
		return i.seq.Less(o.end) && o.seq.Less(i.end)
	case itemACK:
		return i.seq == o.seq && i.ack == o.ack
	case itemRST:
		return i.seq == o.seq && (i.flags^o.flags)&segment.ACK == 0 && i.ack == o.ack
	}
	return i.seq == o.seq && (i.flags^o.flags)&segment.ACK == 0
}

// sure is what like says of the same segment, if nothing was changed of it.
func (i *item) sure() int {
	score := likeSays + likeTCP
	if i.options&optTimestamps != 0 {
		score += likeTimed
	}
	if i.id != 0 {
		score += likeID
	}
	return score
}
