package segment

import "testing"

func TestSetTSEcr(t *testing.T) {
	for _, nops := range []int{0, 1, 2} { // every alignment
		s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK, Options: Options{HasTimestamps: true, TSVal: 5, TSEcr: 0xfffffffe}}
		b := Append(nil, &s, []byte("odd"))
		opts := b[40:52]
		stamp := append([]byte(nil), opts[2:12]...)
		for i := range opts {
			opts[i] = optNop
		}
		copy(opts[nops:], stamp)
		refresh(b)
		p, err := Parse(b)
		if err != nil || !p.ChecksumOK(b) {
			t.Fatalf("%d: %v", nops, err)
		}
		for _, v := range []uint32{0, 1, 0xffffffff, 0x12345678, 0xfffffffe} {
			if !p.SetTSEcr(b, v) {
				t.Fatal("no timestamps found")
			}
			again, err := Parse(b)
			if err != nil || again.TSEcr != v || again.TSVal != 5 || !again.ChecksumOK(b) {
				t.Errorf("%d NOPs, TSecr %#x: %v %+v checksum %v", nops, v, err, again.Options, again.ChecksumOK(b))
			}
		}
	}
	plain := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK}
	b := Append(nil, &plain, nil)
	p, _ := Parse(b)
	if p.SetTSEcr(b, 1) {
		t.Error("SetTSEcr on a segment without timestamps")
	}
}

// everything is a segment with each option that the methods look for.
func everything(v6 bool) ([]byte, Segment) {
	s := Segment{
		Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: ACK | PSH,
		Seq: 0xffff_fff0, Ack: 7, Window: 9,
		Options: Options{
			MSS: 1460, HasTimestamps: true, TSVal: 5, TSEcr: 6, SACKCount: 2,
			SACKBlocks: [4]SACKBlock{{Start: 100, End: 0xffff_ffff}, {Start: 8, End: 9}},
		},
	}
	if v6 {
		s.Tuple, s.Version = tupleOf("[2001:db8::1]:1", "[2001:db8::2]:2"), 6
	}
	b := Append(nil, &s, []byte("odd"))
	p, err := Parse(b)
	if err != nil {
		panic(err)
	}
	return b, p
}

func TestShift(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for _, d := range []Seq{0, 1, 0x10, 0x8000_0000, 0xffff_ffff, 0x1234_5678} {
			b, s := everything(v6)
			was := s
			s.ShiftSeq(b, d)
			s.ShiftAck(b, -d)
			again, err := Parse(b)
			if err != nil || again != s || !again.ChecksumOK(b) {
				t.Fatalf("by %#x: %v, checksum %v, %+v, want %+v", d, err, again.ChecksumOK(b), again, s)
			}
			if s.Seq != was.Seq+d || s.Ack != was.Ack-d || s.SACKBlocks[1].Start != 8-d || s.SACKBlocks[0].End != 0xffff_ffff-d {
				t.Errorf("by %#x: %s, %v", d, s.String(), s.SACKBlocks)
			}
		}
	}
	s := Segment{Tuple: tupleOf("192.0.2.1:1", "192.0.2.2:2"), Version: 4, Flags: RST, Ack: 0}
	b := Append(nil, &s, nil)
	p, _ := Parse(b)
	if p.ShiftAck(b, 5); p.Ack != 0 {
		t.Error("the acknowledgment number of a segment without ACK was shifted")
	}
}

func TestStripTimestamps(t *testing.T) {
	b, s := everything(false)
	if !s.StripTimestamps(b) || s.StripTimestamps(b) {
		t.Fatal("want one option, and then none")
	}
	again, err := Parse(b)
	if err != nil || again != s || again.HasTimestamps || again.SACKCount != 2 || !again.ChecksumOK(b) {
		t.Errorf("%v, checksum %v, %+v", err, again.ChecksumOK(b), again)
	}
}

// Who completes an unfinished checksum sums up what rewriting left there, so the
// field must not change with the header.
func TestRewriteUnfinished(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		b, p := everything(v6)
		xsum := b[p.TCPStart+16 : p.TCPStart+18]
		pseudo := fold(p.pseudoHeader(len(b) - p.TCPStart))
		xsum[0], xsum[1] = byte(pseudo>>8), byte(pseudo)
		p.Unfinished = true
		p.ShiftSeq(b, 5)
		p.ShiftAck(b, 7)
		p.SetTSEcr(b, 9)
		if got := uint16(xsum[0])<<8 | uint16(xsum[1]); got != pseudo {
			t.Errorf("v6 %v: the sum over the pseudo header became %#x, want %#x as before", v6, got, pseudo)
		}
		if p.ChecksumOK(b) {
			t.Errorf("v6 %v: an unfinished checksum is found right", v6)
		}
		p.WriteChecksum(b)
		if !p.ChecksumOK(b) {
			t.Errorf("v6 %v: the checksum that was completed is wrong", v6)
		}
		short := append([]byte(nil), b[:len(b)-1]...)
		p.WriteChecksum(short)
		if string(short) != string(b[:len(b)-1]) {
			t.Errorf("v6 %v: a packet cut short was changed", v6)
		}
	}
}
