package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// FuzzReader gives the reader arbitrary bytes: it returns packets that keep
// their promises, then one error for good, and never panics.
func FuzzReader(f *testing.F) {
	le, be := binary.LittleEndian, binary.BigEndian
	for _, c := range linkCases {
		frame := join(unhex(f, c.before), unhex(f, c.packet), unhex(f, c.after))
		f.Add(pcapFile(le, 0xa1b2c3d4, c.link, frame))
		f.Add(pcapFile(be, 0xa1b23c4d, c.link, frame))
		f.Add(join(sectionBlock(be), interfaceBlock(be, uint16(c.link), c.name), packetBlock(be, 0, at(0), frame, option(be, 2, []byte{0, 0, 0, 1}))))
		f.Add(join(sectionBlock(le), interfaceBlock(le, uint16(c.link), c.name), block(le, blockSimple, join(le.AppendUint32(nil, uint32(len(frame))), frame)), sectionBlock(be)))
	}
	f.Add(gzipped(f, pcapFile(le, 0xa1b2c3d4, 101, unhex(f, synHex))))
	f.Fuzz(func(t *testing.T, file []byte) { mustSurvive(t, file, int64(len(file))) })
}

// mustSurvive reads whatever a file holds, of which size bytes are there at most.
func mustSurvive(t *testing.T, file []byte, size int64) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return
	}
	for n := 0; ; n++ {
		p, err := r.Next()
		if err != nil {
			mustEndWell(t, r, n, err, size)
			return
		}
		if len(p.Data) == 0 || len(p.Data) > p.OrigLen {
			t.Fatalf("packet %d: %d of %d bytes", n, len(p.Data), p.OrigLen)
		}
		if v := p.Data[0] >> 4; v != 4 && v != 6 {
			t.Fatalf("packet %d: IP version %d", n, v)
		}
		if p.Interface < 0 || p.Interface >= len(r.Interfaces()) {
			t.Fatalf("packet %d: interface %d of %d", n, p.Interface, len(r.Interfaces()))
		}
	}
}

// mustEndWell wants one error for good, which says where it is, and a count of
// all records.
func mustEndWell(t *testing.T, r *Reader, packets int, err error, size int64) {
	t.Helper()
	if _, again := r.Next(); again != err {
		t.Fatalf("%v, then %v", err, again)
	}
	if packets+r.Skipped().Total() != r.Records() {
		t.Fatalf("%d packets and %+v of %d records", packets, r.Skipped(), r.Records())
	}
	if err == io.EOF {
		return
	}
	var where *ReadError
	if !errors.As(err, &where) || errors.Is(err, io.EOF) {
		t.Fatalf("an error that is no ReadError, or looks like the end: %v", err)
	}
	if where.Packet != r.Records()+1 || where.Offset < 0 || where.Offset > size {
		t.Fatalf("after %d records of %d bytes: %+v", r.Records(), size, where)
	}
}

// FuzzGzip compresses arbitrary bytes and damages the result: what is left is
// read, and the end is an error unless nothing was damaged.
func FuzzGzip(f *testing.F) {
	file := pcapFile(binary.LittleEndian, magicMicros, 101, unhex(f, synHex), unhex(f, fin6Hex))
	for _, cut := range []uint16{0, 1, 8, 9, 30, 100} {
		f.Add(file, cut, uint16(0))
		f.Add(file, cut, uint16(30))
	}
	f.Fuzz(func(t *testing.T, file []byte, cut, flip uint16) {
		packed := gzipped(t, file)
		packed = packed[:len(packed)-min(int(cut), len(packed))]
		if int(flip) < len(packed) && flip > 1 {
			packed[flip] ^= 0x10
		}
		// Damaged blocks may unpack to more than was packed.
		mustSurvive(t, packed, 1<<40)
	})
}

// FuzzSegments reads whatever a file holds as segments: each packet ends up as
// one, or counted, and no fragment is kept for ever.
func FuzzSegments(f *testing.F) {
	for _, c := range []capturetest.Config{{MTU: 300}, {Twice: true, IPv6: 100}, {MTU: 300, IPv6: 100, SnapLen: 100, Format: capturetest.Pcapng}} {
		c.Connections, c.Response = 1, 800
		var file bytes.Buffer
		if _, err := capturetest.Write(&file, c); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		segments, n := NewSegments(r, SegmentsConfig{}), 0
		for ; ; n++ {
			p, s, err := segments.Next()
			if err != nil {
				break
			}
			if s.PayloadLen < 0 || p.OrigLen < len(p.Data) {
				t.Fatalf("%s in %d of %d bytes", s, len(p.Data), p.OrigLen)
			}
			if segments.frags.n > maxFragmented || segments.frags.waiting > segments.frags.n {
				t.Fatalf("%d fragments, %d waiting", segments.frags.n, segments.frags.waiting)
			}
		}
		packets, st := r.Records()-r.Skipped().Total(), segments.Stats()
		if segments.frags.waiting != 0 || st.Segments != n || st.Partial > st.Reassembled || st.Reassembled > st.Fragments {
			t.Fatalf("%d segments, %d waiting: %+v", n, segments.frags.waiting, st)
		}
		// A fragment may be in no other count, or in two: as a piece, and as
		// the last of something malformed.
		whole := st.Segments - st.Reassembled + st.Duplicates + st.NotTCP + st.Truncated + st.Malformed
		if whole+st.Fragments < packets || whole > packets {
			t.Fatalf("%d packets: %+v", packets, st)
		}
	})
}

// FuzzFragments deals the fragments of a few packets in any order, with any
// offsets: every packet comes out at most once, and no longer than 64 KiB.
func FuzzFragments(f *testing.F) {
	f.Add([]byte{0x80, 0, 8, 0, 20, 1, 8, 1, 100})
	f.Add([]byte{1, 8, 1, 100, 0x80, 0, 8, 0, 20})
	f.Add([]byte{0x80, 0, 1, 1, 0x80, 1, 1, 1, 0x80, 2, 1, 1, 0, 3, 1, 1})
	f.Fuzz(func(t *testing.T, deal []byte) {
		var table fragments
		var at time.Duration
		for ; len(deal) >= 4; deal = deal[4:] {
			at += time.Duration(deal[3]&0x0f) * 10 * time.Millisecond
			b := fragmentOf(deal)
			if _, err := segment.Parse(b); err != segment.ErrFragment {
				continue
			}
			p, err := parseFragment(b)
			if err != nil {
				continue
			}
			packet := Packet{Time: time.Unix(0, int64(at)), Data: b, OrigLen: len(b)}
			got, err := table.add(p, &packet)
			if got == nil || err != nil {
				continue
			}
			if got.packet.OrigLen > maxPacket || len(got.packet.Data) > got.packet.OrigLen || got.seg.PayloadLen+got.seg.PayloadStart != got.packet.OrigLen {
				t.Fatalf("%d of %d bytes: %s", len(got.packet.Data), got.packet.OrigLen, &got.seg)
			}
			if again, err := table.add(p, &packet); again != nil || err != errSeen {
				t.Fatalf("the packet came out twice: %v, %v", again, err)
			}
		}
	})
}

// fragmentOf makes a fragment of one of four packets out of four bytes: whether
// there are more, its offset, its length and its number.
func fragmentOf(deal []byte) []byte {
	s := segment.Segment{Version: 4, Flags: segment.ACK, Tuple: segment.Tuple{Src: segment.Endpoint{Addr: [16]byte{10: 0xff, 11: 0xff}}}}
	b := segment.Append(nil, &s, make([]byte, 8*int(deal[2])))
	if deal[2] < 3 { // shorter than the TCP header
		binary.BigEndian.PutUint16(b[2:], uint16(20+8*int(deal[2])))
		b = b[:20+8*int(deal[2])]
	}
	b[5], b[6], b[7] = deal[3]>>6+1, deal[0]>>7<<5|deal[0]&0x1f, deal[1]
	return b
}

// FuzzDedup sends one packet again after arbitrary times, from the same place
// and from another: what comes later than a mirror port would show it is no copy
// at the same place, and what comes within the window is one at another.
func FuzzDedup(f *testing.F) {
	f.Add([]byte{1, 0, 200, 1, 3})
	f.Fuzz(func(t *testing.T, pauses []byte) {
		fin := segment.Segment{Tuple: tuple(t, "[2001:db8::1]:1", "[2001:db8::2]:2"), Version: 6, Flags: segment.FIN | segment.ACK}
		d := NewDedup(DedupConfig{})
		var at time.Duration
		for i, pause := range pauses {
			at += time.Duration(pause)*time.Millisecond + mirrorWithoutID + 1
			p, s := sighting{seg: fin, at: at}.packet(t)
			if d.Duplicate(&p, &s) {
				t.Fatalf("packet %d, %v after the one before at the same place, is a copy", i, time.Duration(pause)*time.Millisecond)
			}
			p, s = sighting{seg: fin, iface: 1, at: at + time.Duration(pause)*time.Microsecond}.packet(t)
			if !d.Duplicate(&p, &s) {
				t.Fatalf("packet %d is no copy at another place", i)
			}
		}
	})
}
