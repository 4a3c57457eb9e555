package capture

import (
	"net/netip"
	"testing"
	"time"

	"lastack/stack/segment"
)

func tuple(t testing.TB, src, dst string) segment.Tuple {
	t.Helper()
	a, err := netip.ParseAddrPort(src)
	if err != nil {
		t.Fatal(err)
	}
	b, err := netip.ParseAddrPort(dst)
	if err != nil {
		t.Fatal(err)
	}
	return segment.Tuple{Src: segment.EndpointFrom(a), Dst: segment.EndpointFrom(b)}
}

// split makes the three IPv4 fragments of a segment of 1400 bytes; the times
// are those of a capture that has seen one each millisecond.
func split(t testing.TB, id uint16, seq segment.Seq, ms int) []Packet {
	t.Helper()
	whole := segment.Append(nil, &segment.Segment{Tuple: tuple(t, "192.0.2.1:1000", "192.0.2.2:80"), Version: 4, Flags: segment.ACK, Seq: seq}, make([]byte, 1400))
	var all []Packet
	for i, cut := range [][2]int{{20, 620}, {620, 1220}, {1220, 1440}} {
		b := append(append([]byte(nil), whole[:20]...), whole[cut[0]:cut[1]]...)
		n := len(b)
		field := (cut[0] - 20) / 8
		if i < 2 {
			field |= 0x2000
		}
		b[2], b[3], b[4], b[5], b[6], b[7] = byte(n>>8), byte(n), byte(id>>8), byte(id), byte(field>>8), byte(field)
		all = append(all, Packet{Time: at(0).Add(time.Duration(ms+i) * time.Millisecond), Data: b, OrigLen: n})
	}
	return all
}

// other is a segment between the same hosts at a time.
func other(t testing.TB, s segment.Segment, ms int) Packet {
	t.Helper()
	s.Version = 4
	b := segment.Append(nil, &s, nil)
	return Packet{Time: at(0).Add(time.Duration(ms) * time.Millisecond), Data: b, OrigLen: len(b)}
}

func TestFragmentsInAnyOrder(t *testing.T) {
	whole := line{"192.0.2.1:1000 > 192.0.2.2:80 ACK seq=7 ack=0 len=1400 win=0", false}
	first := line{"192.0.2.1:1000 > 192.0.2.2:80 ACK seq=7 ack=0 len=580 win=0", true}
	f := split(t, 1, 7, 0)
	for name, tt := range map[string]struct {
		packets []Packet
		want    []line
		stats   SegmentStats
	}{
		"in order":        {[]Packet{f[0], f[1], f[2]}, []line{whole}, SegmentStats{Segments: 1, Fragments: 3, Reassembled: 1}},
		"last first":      {[]Packet{f[2], f[1], f[0]}, []line{whole}, SegmentStats{Segments: 1, Fragments: 3, Reassembled: 1}},
		"middle last":     {[]Packet{f[0], f[2], f[1]}, []line{whole}, SegmentStats{Segments: 1, Fragments: 3, Reassembled: 1}},
		"middle missing":  {[]Packet{f[0], f[2]}, []line{whole}, SegmentStats{Segments: 1, Fragments: 2, Reassembled: 1}},
		"last missing":    {[]Packet{f[0], f[1]}, []line{first}, SegmentStats{Segments: 1, Fragments: 2, Reassembled: 1, Partial: 1}},
		"first missing":   {[]Packet{f[1], f[2]}, nil, SegmentStats{Fragments: 2}},
		"each twice":      {[]Packet{f[0], f[0], f[1], f[1], f[2], f[2]}, []line{whole}, SegmentStats{Segments: 1, Duplicates: 2, Fragments: 6, Reassembled: 1}},
		"last after late": {[]Packet{f[0], other(t, segment.Segment{Tuple: tuple(t, "192.0.2.9:9", "192.0.2.2:80")}, 500), f[2]}, []line{first, {"192.0.2.9:9 > 192.0.2.2:80 none seq=0 len=0 win=0", false}}, SegmentStats{Segments: 2, Fragments: 2, Reassembled: 1, Partial: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, stats := lines(t, &packetList{packets: tt.packets}, SegmentsConfig{})
			sameLines(t, got, tt.want)
			if stats != tt.stats {
				t.Errorf("%+v, want %+v", stats, tt.stats)
			}
		})
	}
}

// The time of a reassembled packet is when it was whole, that of a partial one
// when its first fragment was captured.
func TestFragmentTimes(t *testing.T) {
	f := split(t, 1, 7, 0)
	for want, packets := range map[time.Time][]Packet{f[2].Time: {f[0], f[1], f[2]}, f[0].Time: {f[0]}} {
		p, _, err := NewSegments(&packetList{packets: packets}, SegmentsConfig{}).Next()
		if err != nil || !p.Time.Equal(want) {
			t.Errorf("%v, %v; want %v", p.Time, err, want)
		}
	}
}

// A first fragment whose last does not come goes before what follows from it:
// the sender's next segment, and the receiver's acknowledgment, but not before
// an older one or another connection's segment.
func TestPartialGoesBeforeWhatFollows(t *testing.T) {
	there := tuple(t, "192.0.2.1:1000", "192.0.2.2:80")
	for name, tt := range map[string]struct {
		next  segment.Segment
		first bool
	}{
		"the sender's next":  {segment.Segment{Tuple: there, Flags: segment.ACK, Seq: 1407}, true},
		"its acknowledgment": {segment.Segment{Tuple: there.Reverse(), Flags: segment.ACK, Ack: 1407}, true},
		"an older one":       {segment.Segment{Tuple: there.Reverse(), Flags: segment.ACK, Ack: 7}, false},
		"another connection": {segment.Segment{Tuple: tuple(t, "192.0.2.1:1001", "192.0.2.2:80"), Flags: segment.ACK, Ack: 1407}, false},
	} {
		src := &packetList{packets: []Packet{split(t, 1, 7, 0)[0], other(t, tt.next, 1)}}
		got, _ := lines(t, src, SegmentsConfig{})
		if len(got) != 2 || got[0].partial != tt.first {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// An identification that is used again, later, is another packet's.
func TestIdentificationUsedAgain(t *testing.T) {
	packets := append(split(t, 1, 7, 0), split(t, 1, 9000, 5000)...)
	got, stats := lines(t, &packetList{packets: packets}, SegmentsConfig{})
	if len(got) != 2 || stats.Duplicates != 0 || stats.Partial != 0 {
		t.Errorf("%v, %+v", got, stats)
	}
}

// However many packets lack their last fragment, they are few at a time that
// are kept, and each comes out once.
func TestFragmentsAreBounded(t *testing.T) {
	const n = 10_000
	var list packetList
	for i := range n {
		p := split(t, uint16(i+1), segment.Seq(i), 0)[0]
		p.Data[15] = byte(i) // many senders
		list.packets = append(list.packets, p)
	}
	segments := NewSegments(&list, SegmentsConfig{})
	for i := range n {
		p, s, err := segments.Next()
		if err != nil || !p.Partial || int(s.Seq) != i {
			t.Fatalf("segment %d: %v, %v", i, s, err)
		}
		if waiting := n - len(list.packets) - i; waiting > maxFragmented+2 {
			t.Fatalf("%d fragments are kept", waiting)
		}
	}
	if stats := segments.Stats(); stats.Partial != n {
		t.Errorf("%+v", stats)
	}
}

// Fragments from which no packet can be made are refused.
func TestMalformedFragments(t *testing.T) {
	for name, edit := range map[string]func(b []byte){
		"share not a multiple of 8": func(b []byte) { b[3]-- },
		"empty":                     func(b []byte) { b[2], b[3] = 0, 20 },
		"beyond 65535":              func(b []byte) { b[6], b[7] = 0x1f, 0xff },
		"TCP header of 4 bytes":     func(b []byte) { b[32] = 0x10 },
	} {
		p := split(t, 1, 7, 0)[0]
		edit(p.Data)
		_, stats := lines(t, &packetList{packets: []Packet{p}}, SegmentsConfig{})
		if want := (SegmentStats{Fragments: 1, Malformed: 1}); stats != want {
			t.Errorf("%s: %+v, want %+v", name, stats, want)
		}
	}
}

// What the first and the last fragment say may contradict each other: together
// they are too long, or the last ends before the first does.
func TestFragmentsThatContradict(t *testing.T) {
	first, last := split(t, 1, 7, 0)[0], split(t, 1, 7, 0)[2]
	options := Packet{Time: at(0), Data: append(append(append([]byte(nil), first.Data[:20]...), make([]byte, 40)...), first.Data[20:]...)}
	options.Data[0], options.OrigLen = 0x4f, len(options.Data)
	options.Data[2], options.Data[3] = byte(len(options.Data)>>8), byte(len(options.Data))
	far := last.Clone()
	// 65280 bytes in, and 196 long: 65536 with the first one's header.
	far.Data, far.OrigLen = far.Data[:216], 216
	far.Data[3], far.Data[6], far.Data[7] = 216, 0x1f, 0xe0
	near := last.Clone()
	near.Data[6], near.Data[7] = 0, 1
	for name, tt := range map[string]struct {
		packets []Packet
		stats   SegmentStats
		length  int
	}{
		"too long": {[]Packet{options, far}, SegmentStats{Fragments: 2, Malformed: 1}, 0},
		"overlap":  {[]Packet{first, near}, SegmentStats{Segments: 1, Fragments: 2, Reassembled: 1}, 580},
	} {
		segments := NewSegments(&packetList{packets: tt.packets}, SegmentsConfig{})
		_, s, err := segments.Next()
		if segments.Stats() != tt.stats || (err == nil) != (tt.length > 0) || err == nil && s.PayloadLen != tt.length {
			t.Errorf("%s: %v, %v, %+v", name, s, err, segments.Stats())
		}
	}
}

// IPv6's fragment header may stand behind other extension headers, and before
// them.
func TestFragments6(t *testing.T) {
	whole := segment.Append(nil, &segment.Segment{Tuple: tuple(t, "[2001:db8::1]:1000", "[2001:db8::2]:80"), Version: 6, Flags: segment.ACK, Seq: 7}, make([]byte, 1000))
	piece := func(upper byte, body []byte, offset uint16, more byte) Packet {
		b := append([]byte(nil), whole[:40]...)
		b[6] = segment.ExtHopByHop
		b = append(b, segment.ExtFragment, 0, 1, 4, 0, 0, 0, 0)                 // hop-by-hop, padding
		b = append(b, upper, 0, byte(offset>>8), byte(offset)|more, 0, 0, 0, 9) // fragment
		b = append(b, body...)
		b[4], b[5] = byte((len(b)-40)>>8), byte(len(b)-40)
		return Packet{Time: at(0), Data: b, OrigLen: len(b)}
	}
	options := []byte{protocolTCP, 0, 1, 4, 0, 0, 0, 0} // destination options, padding
	behindAuth := func(p Packet) Packet {
		auth := []byte{segment.ExtFragment, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		b := append(append(append([]byte(nil), p.Data[:48]...), auth...), p.Data[48:]...)
		b[40] = segment.ExtAuth
		b[4], b[5] = byte((len(b)-40)>>8), byte(len(b)-40)
		return Packet{Time: p.Time, Data: b, OrigLen: len(b)}
	}
	for name, tt := range map[string]struct {
		upper byte
		body  []byte
		want  SegmentStats
	}{
		"TCP":                    {protocolTCP, whole[40:], SegmentStats{Segments: 1, Fragments: 2, Reassembled: 1}},
		"TCP behind destination": {segment.ExtDest, append(options, whole[40:]...), SegmentStats{Segments: 1, Fragments: 2, Reassembled: 1}},
		"UDP":                    {17, whole[40:], SegmentStats{Fragments: 2, NotTCP: 2}},
		"UDP behind destination": {segment.ExtDest, append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, whole[40:]...), SegmentStats{Fragments: 2, NotTCP: 1}},
	} {
		first, last := piece(tt.upper, tt.body[:400], 0, 1), piece(tt.upper, tt.body[400:], 400, 0)
		for _, packets := range [][]Packet{{first, last}, {behindAuth(first), behindAuth(last)}} {
			got, stats := lines(t, &packetList{packets: packets}, SegmentsConfig{})
			if stats != tt.want {
				t.Errorf("%s: %+v, want %+v", name, stats, tt.want)
			}
			if tt.want.Segments == 1 && (len(got) != 1 || got[0].segment != "[2001:db8::1]:1000 > [2001:db8::2]:80 ACK seq=7 ack=0 len=1000 win=0") {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}
