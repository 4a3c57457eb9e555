package capture

import (
	"testing"
	"time"

	"lastack/stack/segment"
)

// sighting is one packet as it was captured somewhere.
type sighting struct {
	seg   segment.Segment
	id    uint16
	ttl   byte
	link  string
	iface int
	dir   Direction
	at    time.Duration
}

func (s sighting) packet(t testing.TB) (Packet, segment.Segment) {
	t.Helper()
	b := segment.Append(nil, &s.seg, make([]byte, s.seg.PayloadLen))
	if s.seg.Version == 6 {
		b[7] -= s.ttl
	} else {
		b[4], b[5] = byte(s.id>>8), byte(s.id)
		b[8] -= s.ttl
	}
	parsed, err := segment.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return Packet{Time: at(0).Add(s.at), Data: b, OrigLen: len(b), LinkHeader: []byte(s.link), Interface: s.iface, Direction: s.dir}, parsed
}

func TestDedup(t *testing.T) {
	const us, ms = time.Microsecond, time.Millisecond
	v4 := segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: 4, Flags: segment.FIN | segment.ACK, Seq: 5, Ack: 6, Window: 7, PayloadLen: 10, Options: segment.Options{HasTimestamps: true, TSVal: 8}}
	v6 := v4
	v6.Tuple, v6.Version = tuple(t, "[2001:db8::1]:1000", "[2001:db8::2]:80"), 6
	ack6 := v6
	ack6.Flags, ack6.PayloadLen = segment.ACK, 0
	changed := func(s segment.Segment, change func(*segment.Segment)) sighting {
		change(&s)
		return sighting{seg: s, id: 1, iface: 1}
	}
	for name, tt := range map[string]struct {
		first, second sighting
		copy          bool
	}{
		// One packet at two places.
		"two interfaces":               {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 1, iface: 1, at: ms}, true},
		"two interfaces, clock behind": {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 1, iface: 1, at: -ms}, true},
		"two interfaces, IPv6":         {sighting{seg: v6}, sighting{seg: v6, iface: 1, at: ms}, true},
		"in and out":                   {sighting{seg: v6, dir: Incoming}, sighting{seg: v6, dir: Outgoing, at: ms}, true},
		"behind a router":              {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 1, ttl: 1, at: 2 * ms}, true},
		"behind a router, IPv6":        {sighting{seg: ack6}, sighting{seg: ack6, ttl: 1, at: 2 * ms}, true},
		"in a VLAN":                    {sighting{seg: v6, link: "ethernet"}, sighting{seg: v6, link: "ethernet, VLAN 1", at: ms}, true},
		"without identification":       {sighting{seg: v4}, sighting{seg: v4, iface: 1, at: ms}, true},
		"long before, elsewhere":       {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 1, iface: 1, at: -11 * ms}, false},
		"long after, elsewhere":        {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 1, iface: 1, at: 11 * ms}, false},

		// One packet twice at the same place: a mirror port.
		"mirrored":                      {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 1, at: ms}, true},
		"mirrored, long after":          {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 1, at: 2 * ms}, false},
		"mirrored, IPv6":                {sighting{seg: v6}, sighting{seg: v6, at: 10 * us}, true},
		"IPv6, a round-trip after":      {sighting{seg: v6}, sighting{seg: v6, at: 11 * us}, false},
		"no identification, soon after": {sighting{seg: v4}, sighting{seg: v4, at: 11 * us}, false},
		"duplicate ACK":                 {sighting{seg: ack6}, sighting{seg: ack6}, false},

		// Other packets, at another place at the same time.
		"retransmission":    {sighting{seg: v4, id: 1}, sighting{seg: v4, id: 2, iface: 1}, false},
		"another sequence":  {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.Seq++ }), false},
		"another ACK":       {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.Ack++ }), false},
		"another window":    {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.Window++ }), false},
		"another timestamp": {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.TSVal++ }), false},
		"another length":    {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.PayloadLen++ }), false},
		"other flags":       {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.Flags |= segment.PSH }), false},
		"another port":      {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.Src.Port++ }), false},
		"the other way":     {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.Tuple = s.Reverse() }), false},
		"another address":   {sighting{seg: v4, id: 1}, changed(v4, func(s *segment.Segment) { s.Src.Addr[15]++ }), false},
		"another network":   {sighting{seg: v6}, changed(v6, func(s *segment.Segment) { s.Src.Addr[0]++ }), false},
	} {
		d := NewDedup(DedupConfig{})
		p, s := tt.first.packet(t)
		if d.Duplicate(&p, &s) {
			t.Errorf("%s: the first packet is a copy", name)
		}
		p, s = tt.second.packet(t)
		if got := d.Duplicate(&p, &s); got != tt.copy {
			t.Errorf("%s: copy %v, want %v", name, got, tt.copy)
		}
	}
}

// A packet sent twice and seen at two places is two packets with a copy each,
// whichever way the four sightings are ordered by time.
func TestDedupOfARetransmission(t *testing.T) {
	fin := segment.Segment{Tuple: tuple(t, "[2001:db8::1]:1000", "[2001:db8::2]:80"), Version: 6, Flags: segment.FIN | segment.ACK}
	d := NewDedup(DedupConfig{})
	for i, tt := range []struct {
		iface int
		at    time.Duration
		copy  bool
	}{{0, 0, false}, {1, 50, true}, {0, 2000, false}, {1, 2050, true}, {0, 4000, false}, {0, 6000, false}, {1, 6050, true}} {
		p, s := sighting{seg: fin, iface: tt.iface, at: tt.at * time.Microsecond}.packet(t)
		if got := d.Duplicate(&p, &s); got != tt.copy {
			t.Errorf("sighting %d: copy %v, want %v", i, got, tt.copy)
		}
	}
}

// A retransmission of which only the second place saw the first copy, or which
// only that place has seen, is a packet all the same.
func TestDedupRemembersEachPlace(t *testing.T) {
	fin := segment.Segment{Tuple: tuple(t, "[2001:db8::1]:1000", "[2001:db8::2]:80"), Version: 6, Flags: segment.FIN | segment.ACK}
	d := NewDedup(DedupConfig{})
	for i, tt := range []struct {
		iface int
		at    time.Duration
		copy  bool
	}{{0, 0, false}, {1, 50, true}, {1, 2000, false}, {0, 2050, true}, {2, 2100, true}, {2, 4000, false}} {
		p, s := sighting{seg: fin, iface: tt.iface, at: tt.at * time.Microsecond}.packet(t)
		if got := d.Duplicate(&p, &s); got != tt.copy {
			t.Errorf("sighting %d: copy %v, want %v", i, got, tt.copy)
		}
	}
}

// At more places than are remembered, a copy is still one.
func TestDedupManyPlaces(t *testing.T) {
	syn := segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: 4, Flags: segment.SYN}
	d := NewDedup(DedupConfig{})
	for i := range 3 * dedupPlaces {
		p, s := sighting{seg: syn, id: 1, iface: i, at: time.Duration(i) * time.Microsecond}.packet(t)
		if got := d.Duplicate(&p, &s); got != (i > 0) {
			t.Errorf("interface %d: copy %v", i, got)
		}
	}
}

func TestDedupWindow(t *testing.T) {
	syn := segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: 4, Flags: segment.SYN}
	d := NewDedup(DedupConfig{Window: time.Second})
	for i, copied := range []bool{false, true} {
		p, s := sighting{seg: syn, id: 1, iface: i, at: time.Duration(i) * 900 * time.Millisecond}.packet(t)
		if got := d.Duplicate(&p, &s); got != copied {
			t.Errorf("interface %d: copy %v, want %v", i, got, copied)
		}
	}
}

// Packets without a time cannot be told apart from retransmissions.
func TestDedupWithoutTime(t *testing.T) {
	syn := segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: 4, Flags: segment.SYN}
	d := NewDedup(DedupConfig{})
	for i := range 2 {
		p, s := sighting{seg: syn, id: 1, iface: i}.packet(t)
		p.Time = time.Time{}
		if d.Duplicate(&p, &s) {
			t.Errorf("interface %d: a copy", i)
		}
	}
}
