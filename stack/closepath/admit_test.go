package closepath

import (
	"fmt"
	"slices"
	"testing"

	"lastack/stack/segment"
)

// open is connect, with what came in forgotten.
func (r *rig) open() {
	r.t.Helper()
	r.connect()
	r.arrived("SYN", "ACK")
}

// numbered makes the rig note what netstack receives as "FIN+ACK 1/12+0": flags,
// relative sequence and acknowledgment numbers, bytes of data.
func (r *rig) numbered() *[]string {
	got := new([]string)
	r.toHost = func(s *segment.Segment, _ []byte) {
		*got = append(*got, fmt.Sprintf("%s %d/%d+%d", s.Flags, s.Seq-peerISN, s.Ack-hostISN, s.PayloadLen))
	}
	return got
}

func (r *rig) received(got *[]string, want ...string) {
	r.t.Helper()
	if !slices.Equal(*got, want) {
		r.t.Fatalf("netstack received %q, want %q", *got, want)
	}
	for _, g := range r.delivered {
		if len(g) > 14 {
			r.t.Errorf("netstack received %s", g) // a bad checksum
		}
	}
	*got, r.delivered = nil, nil
}

// TestFINBehindAGap: netstack answers it, and forgets it. It comes again in its turn.
func TestFINBehindAGap(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(fin, 101, 1, 0)
		r.received(got, "ACK 101/1+0")
		r.wire("ACK 1/1")
		r.deliver(psh, 1, 1, 100)
		r.pass(0)
		r.received(got, "PSH+ACK 1/1+100") // not before netstack has the data, which it says itself
		r.write(ack, 1, 101, 0)
		r.pass(0)
		r.received(got, "FIN+ACK 101/1+0")
		r.write(ack, 1, 102, 0)
		r.pass(0)
		r.received(got)
	})
}

// TestFINWithDataBehindAGap: where the data came again without it, the FIN is still due.
func TestFINWithDataBehindAGap(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(fin|psh, 101, 1, 100)
		r.deliver(psh, 1, 1, 200)
		r.write(ack, 1, 201, 0)
		r.pass(0)
		r.received(got, "PSH+ACK 101/1+100", "PSH+ACK 1/1+200", "FIN+PSH+ACK 201/1+0")
	})
}

// TestFINInTurn: what netstack has not yet acknowledged is no gap.
func TestFINInTurn(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(psh, 1, 1, 100)
		r.deliver(psh, 101, 1, 100)
		r.deliver(fin, 201, 1, 0)
		r.write(ack, 1, 201, 0)
		r.pass(0)
		r.received(got, "PSH+ACK 1/1+100", "PSH+ACK 101/1+100", "FIN+ACK 201/1+0")
	})
}

// TestACKBeyond: a bare ACK counts behind a gap, at a zero window, and where the window
// was shrunk; netstack gets it with the number that it expects.
func TestACKBeyond(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.write(fin, 1, 1, 0)
		r.deliver(ack, 2, 2, 0) // the FIN in front of it is late
		r.received(got, "ACK 1/2+0")
		r.deliver(fin, 1, 1, 0)
		r.received(got, "FIN+ACK 1/1+0")
	})
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.write(psh, 1, 1, 10)
		r.deliver(psh, 1, 1, 490)
		s := r.seg(true, ack, 11, 481) // it had room for 480, and has none now
		s.Window = 0
		r.writeSegment(s, 0)
		r.deliver(ack, 501, 11, 0)
		r.received(got, "PSH+ACK 1/1+490", "ACK 481/11+0")
	})
}

// TestFINBehindOldData: only the FIN is left of the segment.
func TestFINBehindOldData(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(psh, 1, 1, 100)
		r.write(ack, 1, 101, 0)
		r.deliver(fin|psh, 1, 1, 100)
		r.received(got, "PSH+ACK 1/1+100", "FIN+PSH+ACK 101/1+0")
	})
	eachFamily(t, func(t *testing.T, r *rig) { // not before netstack has the data
		r.open()
		got := r.numbered()
		r.deliver(psh, 1, 1, 100)
		r.deliver(fin|psh, 1, 1, 100)
		r.received(got, "PSH+ACK 1/1+100", "FIN+PSH+ACK 1/1+100")
	})
}

// TestACKInARepeatedFIN: BSD's in CLOSING.
func TestACKInARepeatedFIN(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.write(fin, 1, 1, 0)
		r.deliver(fin, 1, 1, 0)
		r.write(ack, 2, 2, 0)
		r.deliver(fin, 1, 2, 0)
		r.received(got, "FIN+ACK 1/1+0", "ACK 2/2+0")
		if n := r.ep.TimeWaits(); n != 1 {
			t.Errorf("%d in TIME_WAIT", n)
		}
	})
}

// TestACKInARepeatedSegment: the data are answered, the acknowledgment goes on.
func TestACKInARepeatedSegment(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(psh, 1, 1, 100)
		r.write(psh, 1, 101, 10)
		r.wire("PSH+ACK 1/101")
		r.deliver(psh, 1, 11, 100)
		r.received(got, "PSH+ACK 1/1+100", "PSH+ACK 101/11+0")
		r.wire("ACK 11/101")
	})
}

// TestDataBehindTheFIN: they are dropped, but what they acknowledge counts.
func TestDataBehindTheFIN(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(fin, 1, 1, 0)
		r.write(fin, 1, 2, 0)
		r.deliver(psh, 2, 1, 5)
		r.received(got, "FIN+ACK 1/1+0")
		r.deliver(psh, 2, 2, 5)
		r.received(got, "PSH+ACK 2/2+0")
		r.wire("FIN+ACK 1/2")
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows left when CLOSED", n)
		}
	})
}

// TestSYNWithFINOpensNothing: as in Linux, where netstack would answer it.
func TestSYNWithFINOpensNothing(t *testing.T) {
	r := newRig(t, false)
	r.deliver(syn|segment.FIN, 0, 0, 0)
	r.arrived()
	if n := r.ep.Flows(); n != 0 {
		t.Errorf("%d flows", n)
	}
}

// TestTimestampsLeftOut: the handshake's ACK gets back what the SYNs agreed on.
func TestTimestampsLeftOut(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.deliver(syn, 0, 0, 0)
		r.write(synAck, 0, 1, 0)
		var got []segment.Segment
		r.toHost = func(s *segment.Segment, _ []byte) { got = append(got, *s) }
		s := r.seg(false, psh, 1, 1)
		s.HasTimestamps = false
		heard := r.ts - 1
		r.deliverSegment(s, 5)
		if len(got) != 1 || !got[0].HasTimestamps || got[0].TSVal != heard || got[0].PayloadLen != 5 {
			t.Fatalf("netstack received %+v", got)
		}
		r.write(ack, 1, 6, 0)
		r.deliverSegment(s, 5) // behind the handshake netstack does without
		if len(got) != 2 || got[1].HasTimestamps {
			t.Errorf("netstack received %+v", got)
		}
	})
}

// TestLateFINOfTheDead: a reset leaves nothing to deliver, not even what a timer is about
// to bring.
func TestLateFINOfTheDead(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(fin, 101, 1, 0)
		r.deliver(psh, 1, 1, 100)
		r.write(ack, 1, 101, 0)
		r.deliver(rst, 101, 0, 0) // before the timer that the ACK set
		r.pass(0)
		if len(*got) != 3 {
			t.Errorf("netstack received %q", *got)
		}
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows left", n)
		}
	})
}
