package closepath

import (
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// ended says that the host's application has closed behind n bytes.
func (r *rig) ended(n uint64) { r.ep.Ended(r.tuple(true), n) }

// TestFINWithLastData: netstack sends the last data when the application has closed, and a FIN
// behind them.
func TestFINWithLastData(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.shakeHands(false)
		r.write(psh, 1, 1, 100)
		r.wire("PSH+ACK 1/1")
		r.ended(150)
		r.write(psh, 101, 1, 50)
		r.wire("FIN+PSH+ACK 101/1")
		r.write(fin, 151, 1, 0)
		r.wire()
		r.deliver(ack, 1, 152, 0)
		r.deliver(fin, 1, 152, 0)
		r.write(ack, 152, 2, 0)
		r.wire("ACK 152/2")
		if n := r.ep.TimeWaits(); n != 1 {
			t.Errorf("%d in TIME_WAIT", n)
		}
	})
}

// TestFINByItself: what has left, and what fills the peer's window, leaves the FIN to a segment
// of its own; so do a switch that is off and a number that does not hold.
func TestFINByItself(t *testing.T) {
	for name, c := range map[string]struct {
		first, last int // what leaves before the application closes, and after it
		said        uint64
		off         bool
	}{
		"all has left":           {first: 100, said: 100},
		"off":                    {last: 100, said: 100, off: true},
		"the window is full":     {last: 500, said: 500},
		"it has written more":    {last: 100, said: 50},
		"it has written less":    {last: 100, said: 200},
		"it has written nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, false)
			if c.off {
				_ = r.set.SetInt(tunable.FINWithData, 0)
			}
			r.shakeHands(false)
			want := []string{"FIN+ACK"}
			if c.first > 0 {
				r.write(psh, 1, 1, c.first)
			}
			r.ended(c.said)
			if c.last > 0 {
				r.write(psh, segment.Seq(1+c.first), 1, c.last)
			}
			if c.first+c.last > 0 {
				want = []string{"PSH+ACK", "FIN+ACK"}
			}
			r.write(fin, segment.Seq(1+c.first+c.last), 1, 0)
			var got []string
			for _, s := range r.sent() {
				got = append(got, s.Flags.String())
			}
			if len(got) != len(want) || got[len(got)-1] != "FIN+ACK" {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

// TestEnds: data wait while the application is in its last call, and no longer. With the FIN
// they have no PSH.
func TestEnds(t *testing.T) {
	r := newRig(t, false)
	r.shakeHands(false)
	r.ep.Ends(r.tuple(true), 100)
	r.write(psh, 1, 1, 100)
	r.wire()
	r.write(fin, 101, 1, 0)
	r.wire("FIN+ACK 1/1")
	r.ended(100)
	r.wire()

	r = newRig(t, false)
	r.shakeHands(false)
	r.ep.Ends(r.tuple(true), 100)
	r.write(psh, 1, 1, 100)
	r.ended(100) // netstack's congestion window is full
	r.wire("FIN+ACK 1/1")
	r.write(fin, 101, 1, 0)
	r.wire()

	r = newRig(t, false)
	r.shakeHands(false)
	r.ep.Ends(r.tuple(true), 100)
	r.write(psh, 1, 1, 100)
	r.ep.GoesOn(r.tuple(true))
	r.write(psh, 101, 1, 100)
	r.wire("PSH+ACK 1/1", "PSH+ACK 101/1")

	r = newRig(t, false)
	r.shakeHands(false)
	r.ep.Ends(r.tuple(true), 100)
	r.write(psh, 1, 1, 100)
	r.write(ack, 101, 1, 0) // order is kept
	r.wire("PSH+ACK 1/1", "ACK 101/1")
}

// newJoined is a rig whose host has sent its 100 bytes of data and the FIN in one segment.
func newJoined(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, false)
	r.shakeHands(false)
	r.ended(100)
	r.write(psh, 1, 1, 100)
	r.write(fin, 101, 1, 0)
	r.wire("FIN+PSH+ACK 1/1")
	return r
}

// TestFINWithDataLost: netstack sends the data again, with the FIN, and the FIN by itself once
// the data are acknowledged, by a timeout that begins then (RFC 6298 5.3).
func TestFINWithDataLost(t *testing.T) {
	r := newJoined(t)
	r.pass(200 * ms)
	r.write(psh, 1, 1, 100)
	r.wire("FIN+PSH+ACK 1/1")
	r.write(fin, 101, 1, 0) // behind the data, as netstack sends it
	r.wire()
	r.deliver(ack, 1, 101, 0)
	r.pass(100 * ms)
	r.wire()
	r.pass(150 * ms)
	r.wire("FIN+ACK 101/1")
	r.deliver(ack, 1, 102, 0)
	r.pass(time.Minute)
	r.wire()
}

// TestFINWithDataProbed: where netstack is silent, the tail goes again with the FIN, and
// netstack's own probe, a FIN alone, is made one of both.
func TestFINWithDataProbed(t *testing.T) {
	r := newJoined(t)
	r.pass(50 * ms)
	r.write(fin, 101, 1, 0)
	r.wire("FIN+PSH+ACK 1/1")
	r.pass(2 * time.Second)
	if got := r.sent(); len(got) == 0 || got[0].Flags != segment.FIN|segment.PSH|segment.ACK || got[0].PayloadLen != 100 {
		t.Errorf("sent %v", got)
	}
}

// TestFINGate: netstack has not sent its FIN when the peer acknowledges the wire's. Its
// acknowledgment of all data comes first, and the peer's segments when it has.
func TestFINGate(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.shakeHands(false)
		r.ended(100)
		r.write(psh, 1, 1, 100)
		r.wire("FIN+PSH+ACK 1/1")
		var acks []segment.Seq
		r.toHost = func(s *segment.Segment, _ []byte) { acks = append(acks, s.Ack-hostISN) }
		r.delivered = nil
		r.deliver(ack, 900, 102, 0) // beyond the window, and so refused by netstack
		r.pass(ms)
		r.arrived("ACK")
		acks = nil
		r.deliver(fin, 1, 102, 0)
		r.pass(ms)
		r.arrived("ACK")
		r.write(psh, 1, 1, 100) // what the peer has goes nowhere
		r.pass(ms)
		r.arrived("ACK")
		r.wire()
		r.write(fin, 101, 1, 0)
		r.pass(ms)
		r.arrived("FIN+ACK")
		r.wire()
		for i, want := range []segment.Seq{101, 101, 102} {
			if i >= len(acks) || acks[i] != want {
				t.Fatalf("netstack got the acknowledgments %d", acks)
			}
		}
		r.write(ack, 102, 2, 0)
		r.wire("ACK 102/2")
	})
}

// TestFINGateBound: a peer that sends more than may wait is heard.
func TestFINGateBound(t *testing.T) {
	r := newRig(t, false)
	r.shakeHands(false)
	r.ended(100)
	r.write(psh, 1, 1, 100)
	r.wire("FIN+PSH+ACK 1/1")
	for i := range maxWaiting + 5 {
		r.deliver(psh, segment.Seq(1+i), 102, 1)
	}
	r.pass(ms)
	if n := len(r.delivered); n < maxWaiting+5 {
		t.Errorf("%d segments were delivered", n)
	}
	f := r.ep.flows.lookup(r.tuple(true))
	if n := len(f.joining.waiting); n != 0 {
		t.Errorf("%d wait", n)
	}
}

// TestFINWithDataReset: what is kept goes with the connection.
func TestFINWithDataReset(t *testing.T) {
	r := newRig(t, false)
	r.shakeHands(false)
	r.ep.Ends(r.tuple(true), 100)
	r.write(psh, 1, 1, 100)
	r.deliver(rst, 1, 0, 0)
	r.ended(100)
	r.wire()
	if n := r.ep.Flows(); n != 0 {
		t.Errorf("%d flows", n)
	}
}
