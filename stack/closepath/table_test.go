package closepath

import (
	"testing"
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// closeByHost ends the connection with TIME_WAIT at the host.
func (r *rig) closeByHost() {
	r.t.Helper()
	r.write(fin, 1, 1, 0)
	r.deliver(fin, 1, 2, 0)
	r.write(ack, 2, 2, 0)
	r.wire("FIN+ACK 1/1", "ACK 2/2")
}

func TestFlowLeavesInTimeWait(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.write(fin, 1, 1, 0)
	r.deliver(fin, 1, 2, 0)
	if r.ep.Flows() != 1 || r.ep.TimeWaits() != 0 {
		t.Errorf("before the last ACK: %d flows, %d in TIME_WAIT", r.ep.Flows(), r.ep.TimeWaits())
	}
	r.write(ack, 2, 2, 0)
	if r.ep.Flows() != 0 || r.ep.TimeWaits() != 1 {
		t.Errorf("after the last ACK: %d flows, %d in TIME_WAIT", r.ep.Flows(), r.ep.TimeWaits())
	}
}

func TestFlowLeavesAfterLastACK(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.deliver(fin, 1, 1, 0)
	r.write(fin, 1, 2, 0)
	if n := r.ep.Flows(); n != 1 {
		t.Errorf("%d flows in LAST_ACK, want 1", n)
	}
	r.deliver(ack, 2, 2, 0)
	if n := r.ep.Flows(); n != 0 {
		t.Errorf("%d flows left when CLOSED", n)
	}
}

func TestReusedTupleIsANewFlow(t *testing.T) {
	r := newRig(t, false)
	var flows []uint64
	r.ep.tap = func(e *Event) {
		if e.Point == Wire && e.Seg.Flags == syn {
			flows = append(flows, e.Flow)
		}
	}
	r.connect()
	r.closeByHost()
	r.pass(2 * 30 * time.Second)
	s := r.seg(false, syn, 0, 0)
	s.Seq += 1_000_000
	r.deliverSegment(s, 0)
	if len(flows) != 2 || flows[0] == flows[1] {
		t.Errorf("flows of the two SYNs: %v", flows)
	}
	if r.ep.Flows() != 1 {
		t.Errorf("%d flows, want the new one alone", r.ep.Flows())
	}
}

// RFC 5961 4: a SYN out of the blue must not disturb a connection that lives.
func TestForgedSYNDoesNotReplaceALiveFlow(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	s := r.seg(false, syn, 0, 0)
	s.Seq += 1_000_000
	r.deliverSegment(s, 0)
	r.wire("ACK 1/1") // RFC 5961 4.2
	r.deliver(psh, 1, 1, 10)
	r.write(ack, 1, 11, 0)
	r.wire() // held: the flow is still followed

	r.alive = false // but netstack may have given the connection up
	r.deliverSegment(s, 0)
	r.write(psh, 1, 11, 1)
	if got := r.sent(); len(got) != 1 {
		t.Errorf("on the wire: %v", got)
	}
	if r.ep.Flows() != 1 {
		t.Errorf("%d flows", r.ep.Flows())
	}
}

func TestStraysLeaveNothingBehind(t *testing.T) {
	r := newRig(t, false)
	r.alive = false
	for _, f := range []segment.Flags{rst, synAck, rst | ack} {
		r.peerPort++
		r.deliver(f, 5, 5, 0)
		r.write(rst, 5, 0, 0) // which is all that netstack says to strays
	}
	r.deaf = true
	for _, f := range []segment.Flags{ack, fin, psh} {
		r.peerPort++
		r.deliver(f, 5, 5, 0)
		r.write(rst, 5, 0, 0)
	}
	if n := r.ep.Flows(); n != 0 {
		t.Errorf("%d flows from strays", n)
	}
	if len(r.delivered) != 6 || len(r.sent()) != 6 {
		t.Error("a stray did not pass")
	}
}

// TestAdoption: a connection whose SYN met a full table is followed from the first
// segment that netstack sends, and keeps its TIME_WAIT. RST and SYN-ACK show none.
func TestAdoption(t *testing.T) {
	for name, first := range map[string]func(*rig){
		"from the host": func(r *rig) { r.write(psh, 1, 1, 10); r.deliver(ack, 1, 11, 0) },
		"from the peer": func(r *rig) { r.deliver(psh, 1, 1, 10); r.write(ack, 1, 11, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, false)
			r.ep.flows.shard(r.tuple(true)).embryos = embryos // a flood
			r.deliver(syn, 0, 0, 0)
			r.write(synAck, 0, 1, 0)
			r.write(rst, 1, 0, 0)
			if n := r.ep.Flows(); n != 0 {
				t.Fatalf("%d flows", n)
			}
			first(r)
			if n := r.ep.Flows(); n != 1 {
				t.Fatalf("%d flows after a segment of a connection that netstack has", n)
			}
			r.write(fin, 11, 11, 0)
			r.deliver(fin, 11, 12, 0)
			r.write(ack, 12, 12, 0)
			rec, ok := r.ep.TimeWait(r.tuple(true))
			if !ok || rec.SndNxt != hostISN+12 || rec.RcvNxt != peerISN+12 || !rec.HasTimestamps {
				t.Errorf("record %v %+v", ok, rec)
			}
		})
	}
}

func TestSYNFloodIsBounded(t *testing.T) {
	r := newRig(t, false)
	for port := range 65536 {
		for host := range 2 {
			s := r.seg(false, syn, 0, 0)
			s.Src.Port = uint16(port)
			s.Src.Addr[15] = byte(host)
			r.deliverSegment(s, 0)
		}
	}
	if n := r.ep.Flows(); n > shardCount*embryos {
		t.Errorf("%d flows, want at most %d", n, shardCount*embryos)
	}
	if len(r.delivered) != 2*65536 {
		t.Errorf("%d SYNs delivered: tracking must not cost a connection", len(r.delivered))
	}
	r.alive = false // netstack's SYN-RECEIVED has timed out
	r.pass(3 * sweepEvery)
	if n := r.ep.Flows(); n != 0 {
		t.Errorf("%d flows left when the flood is over", n)
	}
	r.peerPort = 9
	r.connect()
	r.deliver(psh, 1, 1, 10)
	r.write(ack, 1, 11, 0)
	r.wire() // held: new connections are followed again
}

func TestSweepForgetsWhatNetstackGaveUp(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.pass(10 * sweepEvery)
	if r.ep.Flows() != 1 {
		t.Fatal("an idle live connection was forgotten")
	}
	r.alive = false
	r.pass(3 * sweepEvery)
	if r.ep.Flows() != 0 {
		t.Fatal("a connection that netstack gave up was kept")
	}
}

func TestNonTCPPasses(t *testing.T) {
	r := newRig(t, false)
	icmp := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0, 0, 0, 0, 0, 0}
	for _, b := range [][]byte{icmp, icmp[:5], {0x45}} {
		pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
		r.wireEnd.InjectInbound(header.IPv4ProtocolNumber, pkt)
		var l netstack.PacketBufferList
		l.PushBack(pkt)
		if _, err := r.ep.WritePackets(l); err != nil {
			t.Error(err)
		}
		pkt.DecRef()
		out := r.wireEnd.Read()
		if out == nil || out.Size() != len(b) {
			t.Fatalf("%d bytes did not come out whole", len(b))
		}
		out.DecRef()
	}
	if len(r.delivered) != 3 {
		t.Errorf("delivered %v", r.delivered)
	}
}

func TestCloseLeavesNoAlarm(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.deliver(psh, 1, 1, 10)
	r.write(ack, 1, 11, 0)
	r.ep.Close()
	r.ep.Close()
	r.wire("ACK 1/11")
	for i := range r.ep.flows.shards {
		if n := r.ep.flows.shards[i].acks.len(); n != 0 {
			t.Errorf("shard %d: %d alarms", i, n)
		}
	}
	r.pass(time.Hour)
	r.wire()
}
