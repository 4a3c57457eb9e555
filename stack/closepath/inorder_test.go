package closepath

import (
	"testing"
)

// open is connect, with what came in forgotten.
func (r *rig) open() {
	r.t.Helper()
	r.connect()
	r.arrived("SYN", "ACK")
}

func TestFINWaitsForItsData(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.deliver(fin, 101, 1, 0)
		r.arrived()
		r.deliver(psh, 1, 1, 100)
		r.arrived("PSH+ACK") // not before netstack has the data, which it says itself
		r.pass(0)
		r.arrived()
		r.write(ack, 1, 101, 0)
		r.pass(0)
		r.arrived("FIN+ACK")
	})
}

// TestFINWaitsForAllOfItsData has netstack itself put data in order, behind which
// the FIN belongs.
func TestFINWaitsForAllOfItsData(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		_ = r.set.Set("lastack.delayed_ack", "0")
		r.open()
		r.deliver(psh, 101, 1, 100)
		r.write(ack, 1, 1, 0)
		r.deliver(fin, 201, 1, 0)
		r.pass(0)
		r.arrived("PSH+ACK")
		r.deliver(psh, 1, 1, 100)
		r.write(ack, 1, 201, 0)
		r.pass(0)
		r.arrived("PSH+ACK", "FIN+ACK")
	})
}

// TestFINInTurn: what netstack has not yet acknowledged is no hole.
func TestFINInTurn(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.deliver(psh, 1, 1, 100)
		r.deliver(psh, 101, 1, 100)
		r.deliver(fin, 201, 1, 0)
		r.arrived("PSH+ACK", "PSH+ACK", "FIN+ACK")
	})
}

// TestACKThatOvertakesFIN: netstack would answer it with a RST.
func TestACKThatOvertakesFIN(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.write(fin, 1, 1, 0)
		r.deliver(ack, 2, 2, 0)
		r.arrived()
		r.deliver(fin, 1, 1, 0)
		r.arrived("FIN+ACK")
		r.write(ack, 2, 2, 0)
		r.pass(0)
		r.arrived("ACK")
		r.wire("FIN+ACK 1/1", "ACK 2/2")
	})
}

// TestEarlyACKPasses: as long as the host has not closed, netstack takes an ACK
// that is early, and what it acknowledges need not wait.
func TestEarlyACKPasses(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.write(psh, 1, 1, 10)
		r.deliver(ack, 101, 11, 0)
		r.arrived("ACK")
	})
}

// TestEarlyFINStays: an ACK behind it does not push it out, and a FIN again is kept
// once.
func TestEarlyFINStays(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.write(fin, 1, 1, 0)
		r.deliver(fin, 101, 1, 0)
		r.deliver(ack, 102, 2, 0)
		r.deliver(fin, 101, 1, 0)
		r.arrived()
		r.deliver(psh, 1, 1, 100)
		r.write(ack, 2, 101, 0)
		r.pass(0)
		r.arrived("PSH+ACK", "FIN+ACK")
	})
}

// TestEarlyFINOfTheDead: a reset leaves nothing to deliver, neither what waits for
// its turn nor what a timer is about to bring.
func TestEarlyFINOfTheDead(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.deliver(fin, 101, 1, 0)
		r.deliver(rst, 1, 0, 0)
		r.pass(0)
		r.arrived("RST")
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows left", n)
		}
	})
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.deliver(fin, 101, 1, 0)
		r.deliver(psh, 1, 1, 100)
		r.write(ack, 1, 101, 0)
		r.deliver(rst, 101, 0, 0) // before the timer that the ACK set
		r.pass(0)
		r.arrived("PSH+ACK", "RST")
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows left", n)
		}
	})
}
