package capture

import (
	"errors"
	"time"

	"lastack/stack/segment"
)

const (
	maxFragmented = 64  // packets of which fragments have been seen
	maxFirst      = 512 // bytes kept of a first fragment: more than all headers

	// fragmentTimeout is how long, in the capture's time, a first fragment waits for the
	// last. They are sent together: a fragment that has not come by then was lost, or not
	// captured.
	fragmentTimeout = 100 * time.Millisecond
)

// errSeen: the fragment was seen before.
var errSeen = errors.New("capture: a copy of a fragment")

// fragmented is a packet of which fragments have been seen.
type fragmented struct {
	piece           // the first fragment, once hasFirst
	at    time.Time // when the earliest was captured
	total int       // bytes behind the header, 0 until the last fragment is seen

	hasFirst bool
	returned bool // and only kept to know copies by

	short   bool    // the first fragment ends before the TCP header does
	opening opening // filled in only then, or by what comes before the first

	packet Packet
	seg    segment.Segment
	buf    []byte // of packet.Data and packet.LinkHeader
}

// fragments keeps the packets of which fragments have been seen, in the order
// of their earliest. The oldest leave when their time is over, or for a new one.
type fragments struct {
	ring    [maxFragmented]*fragmented
	oldest  int // index of the first in use
	n       int // in use
	waiting int // of those have a first fragment that has not been returned
}

func (t *fragments) get(i int) *fragmented { return t.ring[(t.oldest+i)%maxFragmented] }

// add takes in a fragment, and returns its packet if that is now known as far
// as needed. It is valid until the next call.
func (t *fragments) add(p piece, packet *Packet) (*fragmented, error) {
	f := t.find(p.key, packet)
	first, last, early := p.offset == 0, p.offset > 0 && !p.more, p.offset > 0 && p.offset < maxOpening
	switch {
	case !first && !last && !early: // between, and not looked for
		return nil, nil
	case f == nil:
		f = t.insert(p.key, packet.Time)
	case first && f.hasFirst, last && f.total > 0:
		return nil, errSeen
	}
	if early && !f.opening.put(&p, packet) && !last {
		return nil, errSeen
	}
	if last {
		f.total = p.end()
	} else if first {
		if err := f.begin(p, packet); err != nil {
			f.returned = true // as much as it ever will be
			return nil, err
		}
		t.waiting++
	}
	if f.returned || !f.hasFirst {
		return nil, nil
	}
	if f.short {
		if err := f.lengthen(); err != nil {
			f.returned = true
			t.waiting--
			return nil, err
		}
	}
	if f.short || f.total == 0 {
		return nil, nil
	}
	t.waiting--
	if err := f.finish(packet.Time); err != nil {
		return nil, err
	}
	return f, nil
}

// find looks for a packet that a fragment may be of: identifications are used
// again, so not for one whose time is over.
func (t *fragments) find(key fragmentKey, packet *Packet) *fragmented {
	for i := range t.n {
		if f := t.get(i); f.key == key && !f.overdue(packet) {
			return f
		}
	}
	return nil
}

// insert adds a packet, and may drop the oldest for it: due has made sure that no segment
// is lost by that.
func (t *fragments) insert(key fragmentKey, at time.Time) *fragmented {
	if t.n == maxFragmented {
		t.drop()
	}
	slot := &t.ring[(t.oldest+t.n)%maxFragmented]
	if *slot == nil {
		*slot = &fragmented{}
	}
	**slot = fragmented{piece: piece{key: key}, at: at, buf: (*slot).buf}
	t.n++
	return *slot
}

// drop removes the oldest.
func (t *fragments) drop() {
	t.oldest = (t.oldest + 1) % maxFragmented
	t.n--
}

// due returns a packet that has to go before the pending one of s, in which seg is: its
// time is over, its room is needed, or the pending one shows that the other side has
// more of it than the capture.
func (t *fragments) due(s *Segments, seg *segment.Segment) *fragmented {
	for i := range t.n {
		f := t.get(i)
		if !f.hasFirst || f.returned {
			continue
		}
		if s.err != nil || t.n == maxFragmented && i == 0 || f.overdue(s.packet) || s.parsed == nil && f.overtaken(seg) {
			f.returned = true
			t.waiting--
			if f.short {
				s.stats.Truncated++
				continue
			}
			return f
		}
	}
	return nil
}

func (f *fragmented) overdue(next *Packet) bool {
	return next.Time.Sub(f.at) > fragmentTimeout
}

// overtaken reports whether s was sent after the whole of f: by the same side,
// or by the other to acknowledge it.
func (f *fragmented) overtaken(s *segment.Segment) bool {
	if s.Tuple == f.seg.Tuple {
		return true
	}
	return s.Tuple == f.seg.Reverse() && s.Flags.Has(segment.ACK) && f.seg.Seq.Less(s.Ack)
}

// begin keeps the first fragment, as if there were no more.
func (f *fragmented) begin(p piece, packet *Packet) error {
	f.piece, f.hasFirst = p, true
	kept := packet.Data[:min(len(packet.Data), maxFirst)]
	f.buf = append(append(f.buf[:0], kept...), packet.LinkHeader...)
	f.packet = *packet
	f.packet.Data = f.buf[:len(kept):len(kept)]
	f.packet.LinkHeader = f.buf[len(kept):]
	if f.short = p.cutsHeader(f.packet.Data); f.short {
		f.opening.put(&p, packet)
		return nil
	}
	return f.decode(p.share)
}

// lengthen makes one first fragment of those that have the TCP header, once all of
// it is there.
func (f *fragmented) lengthen() error {
	b := f.opening.whole()
	if b == nil {
		return nil
	}
	f.short, f.share = false, f.opening.end
	f.packet.Data = append(append([]byte(nil), f.packet.Data[:f.header]...), b...)
	return f.decode(f.share)
}

// finish gives the packet its whole length, and the time when it was whole.
func (f *fragmented) finish(at time.Time) error {
	f.returned = true
	f.packet.Time = at
	if f.header+f.total > maxPacket {
		return segment.ErrMalformed
	}
	return f.decode(max(f.total, f.share))
}

// decode parses the packet with so many bytes behind its header.
func (f *fragmented) decode(length int) error {
	makeWhole(f.packet.Data, &f.piece, length)
	f.packet.OrigLen = f.header + length
	return f.seg.Decode(f.packet.Data, f.packet.OrigLen)
}
