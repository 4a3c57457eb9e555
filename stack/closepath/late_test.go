package closepath

import (
	"testing"
	"time"

	"lastack/stack/segment"

	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// TestDelay: segments arrive late and in order; without TIME_WAIT or delayed ACK
// taking them for arrived.
func TestDelay(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("delay every segment from either by 30 ms")
		r.delivered = nil
		saw := r.wireSaw()
		r.deliver(psh, 1, 1, 10)
		r.deliver(fin, 11, 1, 0)
		r.pass(30*ms - 1)
		r.arrived()
		r.pass(1)
		r.arrived("PSH+ACK", "FIN+ACK")
		r.write(psh, 1, 12, 10)
		r.write(fin, 11, 12, 0)
		r.pass(30*ms - 1)
		r.wire()
		r.pass(1)
		r.wire("PSH+ACK 1/12", "FIN+ACK 11/12")
		sameLines(t, "the tap", saw,
			"seen in PSH+ACK: delay", "impaired in PSH+ACK: delay", "seen in FIN+ACK: delay", "impaired in FIN+ACK: delay",
			"impaired out PSH+ACK: delay", "impaired out FIN+ACK: delay",
			"seen out PSH+ACK: delay", "seen out FIN+ACK: delay")
	})
}

// TestDelaysDiffer: a shorter delay overtakes a longer one.
func TestDelaysDiffer(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.impair("delay FINs from host by 10 ms", "delay segments from host by 1 s")
	r.write(psh, 1, 1, 10)
	r.write(fin, 11, 1, 0)
	r.pass(10 * ms)
	r.wire("FIN+ACK 11/1")
	r.pass(time.Second)
	r.wire("PSH+ACK 1/1")
}

// TestLateInTimeWait: a last ACK that is late is the last ACK, and the FIN that
// comes again meanwhile is answered late too.
func TestLateInTimeWait(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.impair("delay every pure ACK of a FIN from host by 300 ms")
	r.write(fin, 1, 1, 0)
	r.deliver(fin, 1, 2, 0)
	r.write(ack, 2, 2, 0)
	r.wire("FIN+ACK 1/1")
	r.alive = false
	r.pass(200 * ms)
	r.deliver(fin, 1, 2, 0)
	r.pass(100 * ms)
	r.wire("ACK 2/2")
	r.pass(200 * ms)
	r.wire("ACK 2/2")
}

func TestDuplicate(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("duplicate every FIN from either")
		r.delivered = nil
		r.write(fin, 1, 1, 0)
		r.wire("FIN+ACK 1/1", "FIN+ACK 1/1")
		r.deliver(fin, 1, 2, 0)
		r.arrived("FIN+ACK", "FIN+ACK")
		r.write(ack, 2, 2, 0)
		r.wire("ACK 2/2")
		// In TIME_WAIT each of the two is answered.
		r.alive = false
		r.deliver(fin, 1, 2, 0)
		r.wire("ACK 2/2", "ACK 2/2")
		r.arrived()
	})
}

// TestReorderOut: one later segment passes first.
func TestReorderOut(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("reorder the 1st segment with data from either")
		r.write(psh, 1, 1, 10)
		r.pass(49 * ms)
		r.deliver(ack, 1, 1, 0) // of the other direction
		r.wire()
		r.write(fin, 11, 1, 0)
		r.wire("FIN+ACK 11/1", "PSH+ACK 1/1")
		r.deliver(ack, 1, 12, 0)
		r.pass(time.Second)
		r.wire()
	})
}

func TestReorderIn(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("reorder the 1st segment with data from peer")
		r.delivered = nil
		r.deliver(psh, 1, 1, 10)
		r.deliver(fin, 11, 1, 1)
		r.arrived("ACK", "PSH+ACK") // the FIN behind a gap waits for its turn
		r.pass(time.Second)
		r.arrived()
	})
}

func TestReorderGivesUp(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.impair("reorder every FIN from either")
	r.delivered = nil
	r.write(fin, 1, 1, 0)
	r.deliver(fin, 1, 1, 0)
	r.pass(50 * ms)
	r.wire("FIN+ACK 1/1")
	r.arrived("FIN+ACK")
	r.write(ack, 2, 2, 0)
	r.wire("ACK 2/2")
}

// TestCorruptOut: one bit differs and the checksum is wrong; netstack's own data,
// which it will send again, is as it was.
func TestCorruptOut(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("corrupt every segment from host")
		for _, n := range []int{0, 10} {
			pkt := packetOf(r.seg(true, psh, 1, 1), n)
			want := appendPacket(nil, pkt)
			r.writePacket(pkt)
			out := r.wireEnd.Read()
			got := appendPacket(nil, out)
			out.DecRef()
			if d := bitsApart(got, want); d != 1 {
				t.Errorf("%d bytes of data: %d bits differ on the wire, want 1", n, d)
			}
			if s, err := segment.Parse(got); err != nil || s.ChecksumOK(got) {
				t.Errorf("%d bytes of data: %v, and the checksum is right", n, err)
			}
			if d := bitsApart(appendPacket(nil, pkt), want); d != 0 {
				t.Errorf("%d bytes of data: %d bits of netstack's own differ", n, d)
			}
			pkt.DecRef()
		}
	})
}

func (r *rig) writePacket(pkt *netstack.PacketBuffer) {
	r.t.Helper()
	var l netstack.PacketBufferList
	l.PushBack(pkt)
	if n, err := r.ep.WritePackets(l); n != 1 || err != nil {
		r.t.Fatalf("WritePackets: %d, %v", n, err)
	}
}

func bitsApart(a, b []byte) (n int) {
	for i := range a {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n
}

// TestCorruptIn: netstack gets it, to find that the checksum is wrong, and nobody
// else believes it.
func TestCorruptIn(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("corrupt the 1st FIN from peer", "corrupt the 1st segment with data from peer")
		r.delivered = nil
		r.deliver(psh, 1, 1, 10)
		r.deliver(fin, 11, 1, 0)
		r.arrived("PSH+ACK (bad checksum)", "FIN+ACK (bad checksum)")
		r.deliver(psh, 1, 1, 10)
		r.deliver(fin, 11, 1, 0)
		r.arrived("PSH+ACK", "FIN+ACK")
	})
}

// TestCorruptInTimeWait: the record does not answer it.
func TestCorruptInTimeWait(t *testing.T) {
	r := newRig(t, false)
	inTimeWait(t, r)
	r.impair("corrupt the 1st FIN from peer")
	r.deliver(fin, 1, 2, 0)
	r.wire()
	r.arrived("FIN+ACK (bad checksum)")
	r.deliver(fin, 1, 2, 0)
	r.wire("ACK 2/2")
}

// TestNothingHeldSurvivesClose: what was on its way out goes out, what was on its
// way in is dropped, and no packet keeps a reference.
func TestNothingHeldSurvivesClose(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.impair("delay segments with data from either by 1 s", "reorder every FIN from either")
	r.delivered = nil
	var pkts []*netstack.PacketBuffer
	for _, flags := range []segment.Flags{psh, fin} {
		pkt := packetOf(r.seg(true, flags, 1, 1), 1)
		pkts = append(pkts, pkt)
		r.writePacket(pkt)
		in := packetOf(r.seg(false, flags, 1, 1), 1)
		pkts = append(pkts, in)
		r.ep.DeliverNetworkPacket(protocolOf(r.seg(false, flags, 1, 1)), in)
	}
	r.wire()
	r.ep.Close()
	r.wire("PSH+ACK 1/1", "FIN+ACK 1/1")
	r.pass(time.Minute)
	r.wire()
	r.arrived()
	for i, pkt := range pkts {
		if n := pkt.ReadRefs(); n != 1 {
			t.Errorf("packet %d has %d references, want the test's", i, n)
		}
		pkt.DecRef()
	}
}

// TestRulesChange: counts begin anew, what is held still comes, and without rules
// the wire is good.
func TestRulesChange(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.impair("delay the 1st segment with data from host by 20 ms")
	r.write(psh, 1, 1, 10)
	r.impair("drop the 1st segment with data from host")
	r.write(psh, 11, 1, 10)
	r.write(psh, 11, 1, 10)
	r.wire("PSH+ACK 11/1")
	r.ep.SetImpairments(nil)
	if got := r.ep.Impairments(); got != nil {
		t.Errorf("rules %v", got)
	}
	r.write(psh, 21, 1, 10)
	r.wire("PSH+ACK 21/1")
	r.pass(20 * ms)
	r.wire("PSH+ACK 1/1")
}
