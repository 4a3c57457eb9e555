package closepath

import "testing"

// synCookie begins a connection that the host answers with a SYN cookie.
func (r *rig) synCookie() {
	r.t.Helper()
	s := r.seg(false, syn, 0, 0)
	s.HasWindowScale = true
	r.deliverSegment(s, 0)
	r.write(synAck, 0, 1, 0)
	r.arrived("SYN")
	r.wire("SYN+ACK 0/1")
}

// TestCookie: until there is an endpoint, netstack's listener gets bare ACKs alone.
func TestCookie(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.synCookie()
		got := r.numbered()
		r.deliver(psh, 101, 1, 100)
		r.deliver(psh, 201, 1, 50)
		r.pass(keepEvery)
		r.received(got)
		r.deliver(psh, 1, 1, 100)
		r.received(got, "ACK 1/1+0")
		r.pass(5 * keepEvery)
		r.received(got)
		r.registered = true
		r.pass(keepEvery)
		r.received(got, "PSH+ACK 101/1+100", "PSH+ACK 201/1+50", "PSH+ACK 1/1+100") // as they came
		r.deliver(psh, 251, 1, 10)
		r.received(got, "PSH+ACK 251/1+10")
	})
}

// TestCookieTaken: what netstack says shows that there is an endpoint.
func TestCookieTaken(t *testing.T) {
	r := newRig(t, false)
	r.synCookie()
	got := r.numbered()
	r.deliver(ack, 1, 1, 0)
	r.write(psh, 1, 1, 10)
	r.deliver(psh, 1, 11, 100)
	r.received(got, "ACK 1/1+0", "PSH+ACK 1/11+100")
}

// TestNoSYNCookie: what comes right behind a handshake is not kept back.
func TestNoSYNCookie(t *testing.T) {
	r := newRig(t, false)
	for _, scales := range [][2]bool{{false, false}, {true, true}} {
		r.peerPort++
		s, a := r.seg(false, syn, 0, 0), r.seg(true, synAck, 0, 1)
		s.HasWindowScale, a.HasWindowScale = scales[0], scales[1]
		r.deliverSegment(s, 0)
		r.writeSegment(a, 0)
		got := r.numbered()
		r.deliver(psh, 1, 1, 100)
		r.received(got, "PSH+ACK 1/1+100")
		r.toHost = nil
	}
}

// TestCookieWithoutEndpoint: what is kept back is bounded in number and time.
func TestCookieWithoutEndpoint(t *testing.T) {
	r := newRig(t, false)
	r.synCookie()
	for range maxKept + 10 {
		r.deliver(psh, 101, 1, 1)
	}
	if n := r.ep.kept.waiting(); n != maxKept {
		t.Errorf("%d segments are kept back, want %d", n, maxKept)
	}
	r.pass(keepFor + 2*keepEvery)
	r.arrived()
	if n := r.ep.kept.waiting(); n != 0 {
		t.Errorf("%d segments are kept back after %v", n, keepFor)
	}
}

// TestGhost: the last ACK once more, which would be a valid cookie, gets a RST, also where
// netstack still has the old endpoint.
func TestGhost(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.deliver(fin, 1, 1, 0)
		r.write(fin, 1, 2, 0)
		r.registered = true
		r.deliver(ack, 2, 2, 0)
		r.arrived("FIN+ACK", "ACK")
		r.sent()
		again := func() {
			t.Helper()
			r.deliver(ack, 2, 2, 0)
			r.arrived()
			if got := r.sent(); len(got) != 1 || got[0].Flags != rst || got[0].Seq-2 != hostISN {
				t.Errorf("on the wire: %v", got)
			}
		}
		again()
		r.pass(closedFor)
		r.deliver(ack, 2, 2, 0) // netstack may have missed the first one
		r.arrived("ACK")
		r.registered = false
		again()
	})
}

// TestGhostOfAFlood: while there may be connections that are not followed, netstack decides.
func TestGhostOfAFlood(t *testing.T) {
	r := newRig(t, false)
	r.alive = false
	r.ep.flows.shard(r.tuple(true)).embryos = embryos
	r.deliver(syn, 0, 0, 0)
	r.deliver(ack, 1, 1, 0)
	r.arrived("SYN", "ACK")
}

// TestSYNBesideACookie: a forged SYN does not take the place of a handshake that netstack
// knows nothing of.
func TestSYNBesideACookie(t *testing.T) {
	r := newRig(t, false)
	r.synCookie()
	r.alive = false
	r.deliver(syn, 1000, 0, 0)
	r.arrived()
	r.wire("ACK 1/1") // RFC 5961 4.2
	r.deliver(ack, 1, 1, 0)
	r.arrived("ACK")
}

// TestLateLastACK: the segment that ends a flow is delivered all the same, and another that
// was kept behind it is not, once the endpoint is gone.
func TestLateLastACK(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		r.registered = true
		r.deliver(fin, 1, 1, 0)
		r.write(fin, 1, 2, 0)
		r.impair("delay every pure ACK from peer by 30 ms")
		r.delivered = nil
		r.deliver(ack, 2, 2, 0)
		r.pass(30 * ms)
		r.arrived("ACK")
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows", n)
		}
		r.sent()
		r.deliver(ack, 2, 2, 0)
		r.pass(30 * ms)
		r.arrived()
	})
}

// TestOvertaken: the connection ends between the chain and netstack.
func TestOvertaken(t *testing.T) {
	r := newRig(t, false)
	s := r.seg(false, ack, 2, 2)
	if !r.ep.admit.overtaken(s) {
		t.Error("a segment without flow or endpoint may reach a listener")
	}
	r.registered = true
	if r.ep.admit.overtaken(s) {
		t.Error("a segment is kept from its endpoint")
	}
}

// TestFollows: what a host asks as it accepts a connection.
func TestFollows(t *testing.T) {
	r := newRig(t, false)
	if r.ep.Follows(r.tuple(true)) {
		t.Error("a connection that nobody has seen is followed")
	}
	r.open()
	if !r.ep.Follows(r.tuple(true)) {
		t.Error("a connection is not followed")
	}
	r.peerPort++
	r.ep.flows.shard(r.tuple(true)).embryos = embryos
	r.deliver(syn, 0, 0, 0)
	if !r.ep.Follows(r.tuple(true)) {
		t.Error("a connection that there was no room to follow is none")
	}
}

// TestOldACKOfACookie: a late copy of the SYN begins a handshake, and the old connection's last
// ACK comes to it, whose numbers differ by as much as those of the cookie.
func TestOldACKOfACookie(t *testing.T) {
	r := newRig(t, false)
	r.synCookie()
	r.deliver(ack, 102, 102, 0)
	r.arrived()
	if got := r.sent(); len(got) != 1 || got[0].Flags != rst || got[0].Seq-102 != hostISN {
		t.Errorf("on the wire: %v", got)
	}
	r.deliver(ack, 1, 1, 0) // the handshake goes on
	r.arrived("ACK")
}
